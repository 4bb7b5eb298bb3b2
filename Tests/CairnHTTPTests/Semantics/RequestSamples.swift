// RequestSamples — requests with given fields, and texts that are nearly what they should be.

import CairnHTTP
import CairnSystem
import CairnTestSupport

/// Lends a request of this method with these lines, which are not looked at for control bytes.
func withRequest<Result>(
    _ method: CairnHTTP.Method, _ fields: [[UInt8]],
    _ body: (borrowing Request) throws -> Result
) throws -> Result {
    let end = Array("\r\n".utf8)
    let lines = [Array("\(method.text) /a HTTP/1.1".utf8), Array("Host: a".utf8)] + fields
    let bytes = Array(lines.map { $0 + end }.joined()) + end
    let head = try HeadParser.parse(bytes.rawSpan)
    return try body(Request(head, in: bytes.rawSpan))
}

/// The same of texts.
func withRequest<Result>(
    _ method: CairnHTTP.Method, _ fields: [String],
    _ body: (borrowing Request) throws -> Result
) throws -> Result {
    try withRequest(method, fields.map { Array($0.utf8) }, body)
}

extension TestRandom {
    /// A text that was changed in some places, by pieces of such texts and by any bytes but a line's end.
    mutating func mutated(_ sample: String, _ pieces: [String]) -> [UInt8] {
        var bytes = Array(sample.utf8)
        for _ in 0..<below(5) {
            let place = below(bytes.count + 1)
            switch below(4) {
            case 0: bytes.insert(contentsOf: pieces[below(pieces.count)].utf8, at: place)
            case 1: bytes.insert(UInt8(below(256)), at: place)
            case 2: if place < bytes.count { bytes[place] = UInt8(below(256)) }
            default: if place < bytes.count { bytes.remove(at: place) }
            }
        }
        return bytes.map { $0 == 13 ? 14 : $0 }
    }

    /// One of them.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }
}

/// What a queue holds, as text.
func text(_ queue: borrowing ByteQueue) -> String {
    String(decoding: queue.bytes.copyBytes(), as: UTF8.self)
}
