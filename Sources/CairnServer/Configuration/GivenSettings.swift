// GivenSettings — what each source says, by name, before any value is looked at.
//
// A name that a source has twice is an error, also once long and once short. Unknown flags and names of the
// file are errors with the nearest name; unknown variables are only warned of, for the environment is
// everybody's. Plain value.

internal import CairnSystem
internal import CairnText

/// The texts that the sources give.
struct GivenSettings {
    private typealias Source = [String: (text: String, origin: SettingOrigin)]

    private var commandLine: Source = [:]
    private var environment: Source = [:]
    private var file: Source = [:]
    private(set) var actions: Set<String> = []

    /// The values of a name, the weakest first.
    func values(of name: String) -> [(text: String, origin: SettingOrigin)] {
        [file[name], environment[name], commandLine[name]].compactMap { $0 }
    }

    /// The value that counts.
    func strongest(_ name: String) -> (text: String, origin: SettingOrigin)? {
        values(of: name).last
    }

    // MARK: The command line

    mutating func take(commandLine words: [Word]) throws(ConfigurationError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-"), word != "-" else {
                throw ConfigurationError("\"\(word.text)\" is no option, and there is nothing else")
            }
            let (name, value) = word.nameAndValue
            guard let setting = Self.setting(flag: name) else { throw unknown(flag: name.text) }
            if value != nil, setting.valueName == nil || setting.isShort(name) {
                throw ConfigurationError("\(name.text) takes no value behind an equals sign")
            }
            var text = value
            if setting.valueName == nil { text = Word("on") }
            if setting.isShort(name) { text = setting.short?.value.map { Word($0) } }
            try put(setting, name.text, text ?? rest.popFirst())
        }
    }

    private mutating func put(
        _ setting: Setting, _ flag: String, _ value: Word?
    ) throws(ConfigurationError) {
        guard let value else {
            throw ConfigurationError("\(flag) \(setting.valueName ?? ""): the value is missing")
        }
        guard let text = value.exactText else {
            throw ConfigurationError("\(flag) has a value that is not UTF-8: \"\(value.text)\"")
        }
        guard commandLine[setting.name] == nil else {
            throw ConfigurationError("\(setting.flag) is given twice")
        }
        commandLine[setting.name] = (text, .commandLine(flag: flag))
        if setting.scope == .commandLine { actions.insert(setting.name) }
    }

    private static func setting(flag: Word) -> Setting? {
        SettingTable.rows.first { row in flag == row.flag || row.isShort(flag) }
    }

    private func unknown(flag: String) -> ConfigurationError {
        let near = nearest(to: flag, among: SettingTable.rows.map(\.flag))
        let advice = near.map { "did you mean \($0)?" } ?? "cairnd --help lists the options"
        return ConfigurationError("\(flag) is unknown; \(advice)")
    }

    // MARK: The environment

    /// Returns what looks like a mistake.
    mutating func take(
        environment variables: [(name: [UInt8], value: [UInt8])]
    ) throws(ConfigurationError) -> [String] {
        var warnings: [String] = []
        let rows = SettingTable.rows.filter { $0.scope != .commandLine }
        for (name, value) in variables where name.starts(with: "CAIRN_".utf8) && !value.isEmpty {
            let variable = Word(name)
            guard let setting = rows.first(where: { variable == $0.variable }) else {
                if let near = nearest(to: variable.text, among: rows.map(\.variable)) {
                    warnings.append(
                        "\(variable.text) in the environment is unknown; did you mean \(near)?")
                }
                continue
            }
            guard let text = Word(value).exactText else {
                throw ConfigurationError(
                    "\(setting.variable) in the environment has a value that is not UTF-8: "
                        + "\"\(Word(value).text)\"")
            }
            environment[setting.name] = (text, .environment(variable: setting.variable))
        }
        return warnings
    }

    // MARK: The file

    mutating func take(file bytes: [UInt8], path: String) throws(ConfigurationError) {
        for line in try ConfigurationFile.lines(of: bytes, path: path) {
            let place = "\(path), line \(line.number)"
            let rows = SettingTable.rows.filter { $0.scope == .everywhere }
            guard let setting = rows.first(where: { $0.name == line.name }) else {
                throw ConfigurationError(
                    "\(place): \(Self.unknown(name: line.name, among: rows.map(\.name)))")
            }
            if let (_, origin) = file[setting.name], case .file(_, let first) = origin {
                throw ConfigurationError("\(place): \(setting.name) stands in line \(first), too")
            }
            file[setting.name] = (line.value, .file(path: path, line: line.number))
        }
    }

    private static func unknown(name: String, among names: [String]) -> String {
        let shown = "\"\(KeyText.escaped(Array(name.utf8)))\""
        if SettingTable.row(named: name) != nil { return "\(shown) cannot stand in a file" }
        let near = nearest(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
        return "\(shown) is no setting\(near)"
    }
}
