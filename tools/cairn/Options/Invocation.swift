// Invocation — a command line, read by the table: the command, its options, its arguments.
//
// Options may stand anywhere behind the command, as "--name value" or "--name=value"; "--" ends them,
// and a single "-" is an argument. Nothing is guessed: what is unknown, given twice or too much is
// an error that names it, and the nearest thing there is. Words keep their bytes, for keys may have
// any; paths are UTF-8 here, or an error. Plain value.

internal import Cairn
internal import CairnSystem
internal import CairnText

struct Invocation {
    let row: CommandRow
    private(set) var options: [OptionName: Word] = [:]
    private(set) var arguments: [Word] = []

    /// Reads the words behind the command's name.
    init(_ row: CommandRow, parsing words: ArraySlice<Word>) throws(ToolFailure) {
        self.row = row
        var rest = words
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            if word == "-h" {
                options[.help] = Word("")
            } else if word.hasPrefix("-"), word != "-" {
                try take(option: word, &rest)
            } else {
                arguments.append(word)
            }
        }
        if !has(.help) { try checkArguments() }
    }

    func has(_ name: OptionName) -> Bool { options[name] != nil }

    subscript(_ name: OptionName) -> Word? { options[name] }

    private mutating func take(
        option word: Word, _ rest: inout ArraySlice<Word>
    ) throws(ToolFailure) {
        let (name, given) = word.nameAndValue
        guard let option = row.allOptions.first(where: { name == "--" + $0.name.rawValue }) else {
            throw unknown(name.text)
        }
        if has(option.name) { throw .usage("\(name.text) is given twice", row) }
        guard option.value != nil else {
            if given != nil { throw .usage("\(name.text) takes no value", row) }
            options[option.name] = Word("")
            return
        }
        guard let value = given ?? rest.popFirst() else {
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
        if row.arguments.last?.count != .many, arguments.count > row.arguments.count {
            throw .usage("\"\(arguments[row.arguments.count].text)\" is too much", row)
        }
        for (argument, word) in zip(row.arguments, arguments)
        where argument.isPath && word.exactText == nil {
            throw .usage("\(argument.name) \"\(word.text)\" is not UTF-8, as paths must be", row)
        }
    }
}

extension Invocation {
    /// The first argument of every command that has to do with a store.
    var directory: String { arguments[0].text }

    /// An argument that may be left out.
    func argument(_ place: Int) -> Word? { place < arguments.count ? arguments[place] : nil }

    /// An argument that is a path, and may be left out.
    func path(_ place: Int) -> String? { argument(place)?.text }

    /// What is read from the path in this place, or from standard input where that is "-" or left out. A
    /// directory is refused at once.
    func input(_ place: Int) throws(ToolFailure) -> ByteStream {
        try ToolFailure.file { () throws(FileError) in
            var input = ByteStream.standardInput
            if let path = path(place), path != "-" { input = try ByteStream.reading(path) }
            try input.requireNoDirectory()
            return input
        }
    }

    /// The number that an option gives, in decimal digits; nil when it is left out.
    func number(
        _ name: OptionName, of noun: String, in range: ClosedRange<UInt64>
    ) throws(ToolFailure) -> UInt64? {
        guard let text = self[name]?.text else { return nil }
        guard let number = UInt64(text), range.contains(number) else {
            throw .usage(
                "--\(name.rawValue) takes a number of \(noun) from \(range.lowerBound) to "
                    + "\(range.upperBound), not \"\(text)\"", row)
        }
        return number
    }

    /// The part of a key that an option gives, in the form that the options say.
    func part(_ name: OptionName) throws(ToolFailure) -> [UInt8]? {
        try self[name].map { word throws(ToolFailure) in try bytes(of: word) }
    }

    /// The prefix that may stand in this place, in the form that the options say.
    func prefix(_ place: Int) throws(ToolFailure) -> [UInt8] {
        try argument(place).map { word throws(ToolFailure) in try bytes(of: word) } ?? []
    }

    /// An argument that is a key, in the form that the options say.
    func key(_ word: Word) throws(ToolFailure) -> [UInt8] {
        let key = try bytes(of: word)
        guard 1...Key.byteCountMaximum ~= key.count else {
            throw .usage("a key has 1 to 65,535 bytes, this one \(Units.grouped(key.count))", row)
        }
        return key
    }

    private func bytes(of word: Word) throws(ToolFailure) -> [UInt8] {
        if has(.hex), has(.escaped) { throw .usage("--hex and --escaped exclude each other", row) }
        let bytes: [UInt8]?
        if has(.hex) {
            bytes = KeyText.bytes(hexadecimal: word.bytes)
        } else if has(.escaped) {
            bytes = KeyText.bytes(escaped: word.bytes)
        } else {
            bytes = word.bytes
        }
        guard let bytes else {
            let form = has(.hex) ? "pairs of hexadecimal digits" : "an escaped key"
            throw .usage("\"\(word.text)\" is not \(form)", row)
        }
        return bytes
    }
}
