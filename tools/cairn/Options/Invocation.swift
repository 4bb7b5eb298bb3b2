// Invocation — a command line, read by the table: the command, its options, its arguments.
//
// Options may stand anywhere behind the command, as "--name value" or "--name=value"; "--" ends them,
// and a single "-" is an argument. Nothing is guessed: what is unknown, given twice or too much is
// an error that names it, and the nearest thing there is. Plain value.

struct Invocation {
    let row: CommandRow
    private(set) var options: [OptionName: String] = [:]
    private(set) var arguments: [String] = []

    /// Reads the words behind the command's name.
    init(_ row: CommandRow, parsing words: ArraySlice<String>) throws(ToolFailure) {
        self.row = row
        var rest = words
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            if word == "-h" {
                options[.help] = ""
            } else if word.hasPrefix("-"), word != "-" {
                try take(option: word, &rest)
            } else {
                arguments.append(word)
            }
        }
        if !has(.help) { try checkArguments() }
    }

    func has(_ name: OptionName) -> Bool { options[name] != nil }

    subscript(_ name: OptionName) -> String? { options[name] }

    private mutating func take(
        option word: String, _ rest: inout ArraySlice<String>
    ) throws(ToolFailure) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let option = row.allOptions.first(where: { "--" + $0.name.rawValue == parts[0] })
        else {
            throw unknown(String(parts[0]))
        }
        if has(option.name) { throw .usage("\(parts[0]) is given twice", row) }
        guard option.value != nil else {
            if parts.count > 1 { throw .usage("\(parts[0]) takes no value", row) }
            options[option.name] = ""
            return
        }
        guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
            throw .usage("\(option.usage): the value is missing", row)
        }
        options[option.name] = value
    }

    private func unknown(_ word: String) -> ToolFailure {
        let names = row.allOptions.map { "--" + $0.name.rawValue }
        if let near = nearest(to: word, among: names) {
            return .usage("\(word) is unknown; did you mean \(near)?", row)
        }
        if let other = OptionTable.rows.first(where: { row in
            row.options.contains { "--" + $0.name.rawValue == word }
        }) {
            return .usage("cairn \(row.name) has no \(word); cairn \(other.name) has", row)
        }
        return .usage("\(word) is unknown", row)
    }

    private func checkArguments() throws(ToolFailure) {
        let required = row.arguments.filter { $0.count != .optional }
        if arguments.count < required.count {
            throw .usage("\(required[arguments.count].name) is missing", row)
        }
        if row.arguments.last?.count == .many { return }
        if arguments.count > row.arguments.count {
            throw .usage("\"\(arguments[row.arguments.count])\" is too much", row)
        }
    }
}

extension Invocation {
    /// The first argument of every command that has to do with a store.
    var directory: String { arguments[0] }

    /// An argument that may be left out.
    func argument(_ place: Int) -> String? { place < arguments.count ? arguments[place] : nil }

    /// An argument that is a key, in the form that the options say.
    func key(_ text: String) throws(ToolFailure) -> [UInt8] {
        if has(.hex), has(.escaped) { throw .usage("--hex and --escaped exclude each other", row) }
        let bytes: [UInt8]?
        if has(.hex) {
            bytes = KeyText.bytes(hexadecimal: text)
        } else if has(.escaped) {
            bytes = KeyText.bytes(escaped: text)
        } else {
            bytes = Array(text.utf8)
        }
        guard let bytes else {
            let form = has(.hex) ? "pairs of hexadecimal digits" : "an escaped key"
            throw .usage("\"\(text)\" is not \(form)", row)
        }
        return bytes
    }
}
