// Refusal — why a request is not served, before anybody looks at what it is about.
//
// Each case is one rule of RFC 9112 or one limit of ours; a request that breaks several is answered by
// the first in its bytes, however they arrive. After a refusal the connection ends: where the next
// request would begin is not known. Pure values.

/// A reason not to serve a request, with the answer's status.
package enum Refusal: Error, Equatable, Sendable, CaseIterable {
    /// A CR or LF that is not half of a CRLF.
    case bareLineEnd
    /// A control byte where text is expected.
    case controlByte
    /// Not `METHOD SP target SP HTTP/d.d`.
    case malformedRequestLine
    /// A target of no known form, or with bytes that no target has.
    case malformedTarget
    /// A `%` without two digits behind it, or one that stands for a zero byte.
    case malformedEscape
    /// A line without a name and a colon.
    case malformedField
    /// A line that begins with white space, once a way to go on with the line before.
    case foldedField
    /// HTTP/1.1 asks for one `Host`.
    case missingHost
    /// See `missingHost`.
    case repeatedHost
    /// A `Host` that names no host.
    case malformedHost
    /// Not a decimal number.
    case malformedContentLength
    /// Even with the same number twice: others may believe the other one.
    case repeatedContentLength
    /// Two ways to say where the body ends.
    case lengthBesideTransferCoding
    /// Anything but `chunked`, once.
    case unknownTransferCoding
    /// HTTP/1.0 knows none.
    case transferCodingOfOldVersion
    /// A piece of a chunked body that is none.
    case malformedChunk
    /// CONNECT: this is no proxy.
    case connectMethod
    /// A method that nobody here knows.
    case unknownMethod
    /// Neither 1.0 nor 1.1.
    case unsupportedVersion
    /// An `Expect` other than `100-continue`.
    case unknownExpectation
    /// More bytes before the path's end than a target may have.
    case targetTooLong
    /// More bytes before the body than a head may have.
    case headTooLong
    /// More lines than a head may have.
    case tooManyFields
    /// More bytes than a body may have.
    case bodyTooLong
    /// A head or a body that comes too slowly.
    case tooSlow
    /// Too many bodies at a time.
    case tooBusy

    /// The answer's status.
    package var status: UInt16 {
        switch self {
        case .connectMethod: 405
        case .tooSlow: 408
        case .bodyTooLong: 413
        case .targetTooLong: 414
        case .unknownExpectation: 417
        case .headTooLong, .tooManyFields: 431
        case .unknownMethod: 501
        case .tooBusy: 503
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// What the client is told, in one sentence without a full stop.
    package var reason: StaticString {
        switch self {
        case .bareLineEnd: "a line ends with CR and LF together"
        case .controlByte: "a head holds no control bytes"
        case .malformedRequestLine: "a request begins with a method, a target and a version"
        case .malformedTarget: "the target is neither a path nor a URI"
        case .malformedEscape: "a % stands before two hexadecimal digits that are not 00"
        case .malformedField: "a field has a name, a colon right behind it, and a value"
        case .foldedField: "a field stands on one line"
        case .missingHost: "a request of HTTP/1.1 has a Host"
        case .repeatedHost: "a request has one Host"
        case .malformedHost: "the Host names no host"
        case .malformedContentLength: "Content-Length is a decimal number"
        case .repeatedContentLength: "a request has one Content-Length"
        case .lengthBesideTransferCoding:
            "a body has a Content-Length or a Transfer-Encoding, not both"
        case .unknownTransferCoding: "the only Transfer-Encoding is chunked, once"
        case .transferCodingOfOldVersion: "HTTP/1.0 has no Transfer-Encoding"
        case .malformedChunk: "the chunks of the body are malformed"
        case .connectMethod: "this server is no proxy"
        case .unknownMethod: "the method is not known"
        case .unsupportedVersion: "the version is neither HTTP/1.0 nor HTTP/1.1"
        case .unknownExpectation: "the only expectation is 100-continue"
        case .targetTooLong: "the target is too long"
        case .headTooLong: "the head is too long"
        case .tooManyFields: "the head has too many fields"
        case .bodyTooLong: "the body is too long"
        case .tooSlow: "the request came too slowly"
        case .tooBusy: "too many bodies are under way; try again"
        }
    }
}
