// Setting — one row of the table of options: its names, its value, its help, and what it changes.
//
// The same text of a value is taken from the command line, the environment and the file, and is read by
// the same row; what a row gives back of a value reads as the same value again. Plain values, any thread.

internal import CairnSystem
internal import CairnText

/// Why a value is not taken.
struct SettingFault: Error {
    /// Behind the setting's name, a sentence.
    let text: String

    init(_ text: String) { self.text = text }

    /// "takes X, not "Y"".
    static func wants(_ what: String, not text: String) -> SettingFault {
        SettingFault("takes \(what), not \"\(KeyText.escaped(Array(text.utf8)))\"")
    }
}

/// An option of the server.
package struct Setting: Sendable {
    /// Where an option may stand.
    package enum Scope: Sendable {
        /// Command line, environment and file.
        case everywhere
        /// The name of the file cannot stand in it.
        case outsideOfFile
        /// It asks for something to be done, and sets nothing.
        case commandLine
    }

    /// Another way to say it on the command line.
    package struct Short: Sendable {
        /// With its hyphen.
        package let name: String
        /// The value it stands for; nil: the value follows.
        package let value: String?
    }

    /// In small letters, with hyphens.
    package let name: String
    /// What the help calls its value; nil for a switch.
    package let valueName: String?
    /// The default, as it would be given; empty: it is not set.
    package let standard: String
    /// One line.
    package let help: String
    /// Where it may stand.
    package let scope: Scope
    /// Another way to say it.
    package let short: Short?

    /// Reads a text into a configuration and gives the same value's text back, in one form.
    typealias Reading =
        @Sendable (_ text: String, inout ServerConfiguration) throws(SettingFault) -> String

    let read: Reading

    init(
        _ name: String, _ valueName: String?, standard: String, _ help: String,
        scope: Scope = .everywhere, short: Short? = nil, _ read: @escaping Reading
    ) {
        self.name = name
        self.valueName = valueName
        self.standard = standard
        self.help = help
        self.scope = scope
        self.short = short
        self.read = read
    }

    /// "--max-blob-bytes".
    package var flag: String { "--" + name }

    /// Whether a flag is the short one.
    func isShort(_ flag: Word) -> Bool { short.map { flag == $0.name } == true }

    /// "CAIRN_MAX_BLOB_BYTES".
    package var variable: String { "CAIRN_" + name.uppercased().replacing("-", with: "_") }

    /// "-s, --listen HOST:PORT".
    package var usage: String {
        let short = short.map { $0.value == nil || valueName == nil ? $0.name + ", " : "" } ?? ""
        return short + flag + (valueName.map { " " + $0 } ?? "")
    }
}

// MARK: Kinds

extension Setting {
    /// Something to be done instead of serving.
    static func action(_ name: String, _ help: String, short: Short? = nil) -> Setting {
        Setting(name, nil, standard: "", help, scope: .commandLine, short: short) { text, _ in text
        }
    }

    /// Said alone on the command line; elsewhere it is on or off.
    static func `switch`(
        _ name: String, _ help: String,
        _ set: @escaping @Sendable (inout ServerConfiguration, Bool) -> Void
    ) -> Setting {
        Setting(name, nil, standard: "off", help) { (text, target) throws(SettingFault) in
            set(&target, try isOn(text))
            return text
        }
    }

    /// On or off.
    static func choice(
        _ name: String, standard: Bool, _ help: String,
        _ set: @escaping @Sendable (inout ServerConfiguration, Bool) -> Void
    ) -> Setting {
        Setting(name, "on|off", standard: standard ? "on" : "off", help) {
            (text, target) throws(SettingFault) in
            set(&target, try isOn(text))
            return text
        }
    }

    /// One word of several.
    static func choice(
        _ name: String, _ words: [String], standard: String, _ help: String, short: Short? = nil,
        _ set: @escaping @Sendable (inout ServerConfiguration, String) -> Void
    ) -> Setting {
        Setting(name, words.joined(separator: "|"), standard: standard, help, short: short) {
            (text, target) throws(SettingFault) in
            guard words.contains(text) else {
                let near = nearest(to: text, among: words).map { "; did you mean \($0)?" } ?? ""
                let fault = SettingFault.wants(words.joined(separator: ", "), not: text)
                throw SettingFault(fault.text + near)
            }
            set(&target, text)
            return text
        }
    }

    /// The path of something, or nothing.
    static func path(
        _ name: String, _ valueName: String, _ help: String, scope: Scope = .everywhere,
        _ set: @escaping @Sendable (inout ServerConfiguration, String) -> Void
    ) -> Setting {
        Setting(name, valueName, standard: "", help, scope: scope) { text, target in
            set(&target, text)
            return text
        }
    }

    /// A number of things; the word `zero` stands for 0, where there is one.
    static func count(
        _ name: String, _ range: ClosedRange<UInt64>, standard: String, _ help: String,
        zero: String? = nil, _ set: @escaping @Sendable (inout ServerConfiguration, UInt64) -> Void
    ) -> Setting {
        Setting(name, "NUMBER", standard: standard, help) { (text, target) throws(SettingFault) in
            let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            let number = text == zero ? 0 : isDecimal ? UInt64(text) : nil
            guard let number, range.contains(number) || text == zero else {
                throw .wants(
                    "a number from \(range.lowerBound) to \(range.upperBound)" + alternative(zero),
                    not: text)
            }
            set(&target, number)
            return text == zero ? text : "\(number)"
        }
    }

    /// A number of bytes; the word `zero` stands for 0, where there is one.
    static func bytes(
        _ name: String, _ range: ClosedRange<UInt64>, standard: String, _ help: String,
        zero: String? = nil, _ set: @escaping @Sendable (inout ServerConfiguration, UInt64) -> Void
    ) -> Setting {
        Setting(name, "BYTES", standard: standard, help) { (text, target) throws(SettingFault) in
            let count = text == zero ? 0 : Amount.byteCount(text)
            guard let count, range.contains(count) || text == zero else {
                throw .wants(
                    "bytes from \(Amount.text(byteCount: range.lowerBound)) to "
                        + "\(Amount.text(byteCount: range.upperBound)), such as 64MiB"
                        + alternative(zero), not: text)
            }
            set(&target, count)
            return text == zero ? text : Amount.text(byteCount: count)
        }
    }

    /// A time.
    static func time(
        _ name: String, _ range: ClosedRange<Duration>, standard: String, _ help: String,
        isWholeMilliseconds: Bool = false,
        _ set: @escaping @Sendable (inout ServerConfiguration, Duration) -> Void
    ) -> Setting {
        Setting(name, "TIME", standard: standard, help) { (text, target) throws(SettingFault) in
            guard let duration = Amount.duration(text), range.contains(duration),
                !isWholeMilliseconds || duration.components.attoseconds % 1_000_000_000_000_000 == 0
            else {
                throw .wants(
                    "a time from \(Amount.text(range.lowerBound)) to "
                        + "\(Amount.text(range.upperBound)), such as 10s or 500ms", not: text)
            }
            set(&target, duration)
            return Amount.text(duration)
        }
    }

    private static func alternative(_ zero: String?) -> String { zero.map { ", or \($0)" } ?? "" }

    private static func isOn(_ text: String) throws(SettingFault) -> Bool {
        guard text == "on" || text == "off" else { throw .wants("on or off", not: text) }
        return text == "on"
    }
}
