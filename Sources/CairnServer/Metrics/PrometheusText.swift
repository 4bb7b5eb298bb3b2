// PrometheusText — lines of a name, labels and a number, in the text format 0.0.4.
//
// A family's HELP and TYPE stand above its numbers, once. In labels backslash, quote and line end are escaped, in
// helps backslash and line end. Plain value.

internal import CairnSystem
internal import CairnText

/// An exposition under construction.
struct PrometheusText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var bytes: [UInt8] = []

    /// Begins a family.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
    }

    /// A number.
    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: String) {
        bytes += name.utf8
        if !labels.isEmpty {
            let texts = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
            bytes += "{\(texts.joined(separator: ","))}".utf8
        }
        bytes += " \(value)\n".utf8
    }

    /// A family of one number.
    mutating func alone(_ name: String, _ kind: Kind, _ help: String, _ value: String) {
        family(name, kind, help)
        sample(name, [], value)
    }

    private static func escaped(_ label: String) -> String {
        label.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
            "\n", with: "\\n")
    }

    /// Nanoseconds as seconds, exactly.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let fraction = String(String(nanoseconds % 1_000_000_000 + 1_000_000_000).dropFirst())
        return "\(nanoseconds / 1_000_000_000).\(fraction)"
    }
}
