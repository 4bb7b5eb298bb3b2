// JSONLine — one JSON object on one line, its fields in the order in which they were added.
//
// Numbers are whole and exact up to 64 bits; a field that is nil is left out. Text is valid UTF-8, so a
// key stands in it escaped, as everywhere. Plain value.

struct JSONLine {
    private var text = ""

    init() {}

    mutating func add(_ name: String, _ value: String?) {
        if let value { field(name, Self.quoted(value)) }
    }

    mutating func add(_ name: String, _ value: some FixedWidthInteger) {
        field(name, "\(value)")
    }

    mutating func add(_ name: String, _ value: (some FixedWidthInteger)?) {
        if let value { field(name, "\(value)") }
    }

    mutating func add(_ name: String, _ value: Bool) { field(name, value ? "true" : "false") }

    /// A number with three decimals.
    mutating func add(_ name: String, ratio value: Double) {
        field(name, Units.decimal(value, places: 3))
    }

    mutating func add(_ name: String, _ values: [String]) {
        field(name, "[" + values.map(Self.quoted).joined(separator: ",") + "]")
    }

    private mutating func field(_ name: String, _ value: String) {
        text += (text.isEmpty ? "" : ",") + Self.quoted(name) + ":" + value
    }

    /// The object.
    var line: String { "{\(text)}" }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
