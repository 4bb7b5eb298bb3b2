// The body of a refusal, read by other means than those that wrote it: RFC 9457 and RFC 8259.

import CairnTestSupport
import Testing

/// A problem as a client reads it.
struct ProblemText: Equatable {
    var names: [String] = []
    var texts: [String: String] = [:]
    var status = 0

    /// Nil unless the bytes are one line with one flat object of texts and small numbers.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var reader = Reader(rest: Substring(text)[...])
        guard reader.take("{") else { return nil }
        repeat {
            guard let name = reader.text(), !names.contains(name), reader.take(":") else {
                return nil
            }
            names.append(name)
            if let value = reader.text() {
                texts[name] = value
            } else if name == "status", let number = reader.number() {
                status = number
            } else {
                return nil
            }
        } while reader.take(",")
        guard reader.take("}"), reader.rest == "\n" else { return nil }
    }

    private struct Reader {
        var rest: Substring

        mutating func take(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number() -> Int? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest.removeFirst(digits.count)
            return Int(digits)
        }

        mutating func text() -> String? {
            guard take("\"") else { return nil }
            var result = ""
            while let character = rest.first {
                rest.removeFirst()
                if character == "\"" { return result }
                guard character.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else { return nil }
                if character != "\\" {
                    result.append(character)
                } else if let escaped = escape() {
                    result.append(escaped)
                } else {
                    return nil
                }
            }
            return nil
        }

        private mutating func escape() -> Character? {
            guard let kind = rest.popFirst() else { return nil }
            switch kind {
            case "\"", "\\", "/": return kind
            case "n": return "\n"
            case "r": return "\r"
            case "t": return "\t"
            case "b": return "\u{8}"
            case "f": return "\u{C}"
            case "u":
                let digits = rest.prefix(4)
                rest.removeFirst(digits.count)
                guard digits.count == 4, let value = UInt32(digits, radix: 16),
                    let scalar = Unicode.Scalar(value)
                else { return nil }
                return Character(scalar)
            default: return nil
            }
        }
    }
}

/// The answer is a refusal of this status, and of this kind if one is given; and looks like every refusal.
@discardableResult
func expectProblem(
    _ answer: HTTPAnswer, _ status: Int, _ kind: String? = nil, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) -> ProblemText? {
    #expect(
        answer.status == status, "\(what): \(answer.text.prefix(300))",
        sourceLocation: sourceLocation)
    guard let problem = ProblemText(answer.body) else {
        Issue.record(
            "\(what): no problem: \(answer.text.prefix(300))", sourceLocation: sourceLocation)
        return nil
    }
    #expect(
        answer.field("Content-Type") == "application/problem+json"
            && problem.names == ["type", "title", "status", "detail", "requestId"]
            && problem.status == answer.status
            && problem.texts.values.allSatisfy { !$0.isEmpty }
            && problem.texts["type"]?.hasPrefix("urn:cairn:") == true,
        "\(what): \(answer.text.prefix(300))", sourceLocation: sourceLocation)
    if let kind {
        #expect(
            problem.texts["type"] == "urn:cairn:\(kind)", "\(what): \(answer.text.prefix(300))",
            sourceLocation: sourceLocation)
    }
    return problem
}
