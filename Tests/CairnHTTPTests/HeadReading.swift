// HeadReading — feeds a request to scanner and parser in given pieces, as a connection would.

import CairnHTTP
import CairnSystem

/// What became of a request.
enum ReadOutcome: Equatable {
    case incomplete
    case refused(Refusal)
    case head(description: String, end: Int)
}

/// Reads a head that arrives in pieces that end at `ends`, and with the last byte.
func read(
    _ bytes: [UInt8], ends: [Int] = [], limits: RequestLimits = RequestLimits()
) -> ReadOutcome {
    var scanner = HeadScanner()
    for end in ends + [bytes.count] {
        let come = bytes.rawSpan.extracting(0..<end)
        switch scanner.advance(in: come, limits: limits) {
        case .incomplete: continue
        case .refused(let refusal): return .refused(refusal)
        case .complete(let end):
            return parse(bytes.rawSpan.extracting(scanner.start..<end), end, limits)
        }
    }
    return .incomplete
}

private func parse(_ bytes: RawSpan, _ end: Int, _ limits: RequestLimits) -> ReadOutcome {
    do throws(Refusal) {
        let head = try HeadParser.parse(bytes, limits: limits)
        return .head(description: describe(head, in: bytes), end: end)
    } catch {
        return .refused(error)
    }
}

/// All that a head says, for comparison.
func describe(_ head: RequestHead, in bytes: RawSpan) -> String {
    func text(_ range: HeadRange) -> String {
        String(decoding: bytes.extracting(range.range).copyBytes(), as: UTF8.self)
    }
    let fields = (0..<head.fields.count).map { place in
        "\(text(head.fields[place].name))=\(text(head.fields[place].value))"
    }
    return "\(head.method) 1.\(head.minorVersion) \(text(head.path)) "
        + "query=\(head.query.map(text) ?? "none") host=\(text(head.host)) \(head.body) "
        + (head.isPersistent ? "stays " : "closes ")
        + (head.expectsContinue ? "expects " : "") + fields.joined(separator: "|")
}
