// Preconditions — whether a request is to be carried out: RFC 9110, section 13, in the order of 13.2.2.
//
// Read once from the head, so that what cannot be read is refused before the body; evaluated against a blob
// as often as needed: before the body, and again under the lock that commits. Times are whole seconds; a time
// that cannot be read is as good as none, as the RFC has it, tags are not. Pure values.

internal import CairnSystem

/// What is known of a blob that is there.
package struct Validators: Equatable, Sendable {
    package let sequence: UInt64
    /// Seconds since 1970; nil where nobody knows: then no condition asks for it.
    package let lastModified: UInt64?
    /// Whether it is certain that the blob did not change twice within that second.
    package let isDateStrong: Bool

    /// All of it.
    package init(sequence: UInt64, lastModified: UInt64?, isDateStrong: Bool = false) {
        self.sequence = sequence
        self.lastModified = lastModified
        self.isDateStrong = isDateStrong
    }

    /// As far as a time of a request can be later or earlier.
    var lastModifiedSecond: Int64? { lastModified.map { Int64(clamping: $0) } }
}

/// One thing that a write may ask of the version that it replaces.
package enum VersionDemand: Equatable, Sendable {
    case nothing
    /// There is a blob.
    case present
    /// There is none.
    case absent
    case version(UInt64)
    /// Another version, or none.
    case otherThan(UInt64)
}

/// The conditions of one request.
package struct Preconditions: Equatable, Sendable {
    /// What becomes of the request.
    package enum Outcome: Sendable {
        /// It is carried out.
        case proceed
        /// 304, of GET and HEAD.
        case notModified
        /// 412.
        case failed
    }

    private let isReading: Bool
    private var match: TagCondition?
    private var unmodifiedSince: Int64?
    private var noneMatch: TagCondition?
    private var modifiedSince: Int64?

    /// What the head asks; `now` is the second that it is. Methods that neither read nor change a blob
    /// have no conditions.
    package init(_ request: borrowing Request, now: UInt64) throws(MalformedTags) {
        let method = request.head.method
        isReading = method == .get || method == .head
        if method == .options || method == .trace { return }
        match = try TagCondition(request, "if-match", .strong)
        noneMatch = try TagCondition(request, "if-none-match", .weak)
        if match == nil { unmodifiedSince = request.date("if-unmodified-since", now) }
        if noneMatch == nil, isReading { modifiedSince = request.date("if-modified-since", now) }
    }

    /// Whether there is nothing to evaluate.
    package var isEmpty: Bool {
        match == nil && unmodifiedSince == nil && noneMatch == nil && modifiedSince == nil
    }

    /// What they ask of the version that a write replaces, if that is one thing.
    package var demand: VersionDemand? {
        if isEmpty { return .nothing }
        guard unmodifiedSince == nil, modifiedSince == nil else { return nil }
        if let match { return noneMatch == nil ? match.demand : nil }
        switch noneMatch?.demand {
        case .present: return .absent
        case .version(let sequence): return .otherThan(sequence)
        default: return nil
        }
    }

    /// What they say of a blob; nil: there is none. Who answers 404 to a read whatever it asks, does so
    /// first: RFC 9110, section 13.2.1.
    package func evaluate(_ blob: Validators?) -> Outcome {
        if isLost(blob) { return .failed }
        if isKnown(blob) { return isReading ? .notModified : .failed }
        return .proceed
    }

    /// Whether the blob is no longer what the client takes it for.
    private func isLost(_ blob: Validators?) -> Bool {
        if let match { return !match.matches(blob?.sequence) }
        guard let unmodifiedSince, let second = blob?.lastModifiedSecond else { return false }
        return second > unmodifiedSince
    }

    /// Whether the blob is what the client has, or wants not to be there.
    private func isKnown(_ blob: Validators?) -> Bool {
        if let noneMatch { return noneMatch.matches(blob?.sequence) }
        guard let modifiedSince, let second = blob?.lastModifiedSecond else { return false }
        return second <= modifiedSince
    }
}

extension Request {
    /// The time in the only field of this name.
    fileprivate func date(_ name: StaticString, _ now: UInt64) -> Int64? {
        guard let text = onlyValue(of: name) else { return nil }
        return HTTPDate.second(of: text, now: now)
    }
}
