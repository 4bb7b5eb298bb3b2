// EffectiveConfiguration — what is in force: from the command line, else the environment, else the file,
// else the default.
//
// Every value that somebody gave is checked, also one that a stronger source overrides: what is wrong in a
// file does not wait for the day when the flag is left out. A variable that is empty counts as not set. No
// value has control characters or blanks at its ends, so that what `text` prints can be used as a file. Plain
// value, made once at the start.

package import CairnSystem
package import CairnText

/// A configuration, and where each part of it comes from.
package struct EffectiveConfiguration: Sendable {
    /// A setting's value.
    package struct Entry: Sendable {
        package let setting: Setting
        /// In the form in which it can be given; empty: it is not set.
        package let text: String
        package let origin: SettingOrigin
    }

    /// The value for the server.
    package let configuration: ServerConfiguration
    /// Of each setting, in the table's order.
    package let entries: [Entry]
    /// What is to be done instead of serving: names of the table.
    package let actions: Set<String>
    /// What looks like a mistake and is none for certain; a line each.
    package private(set) var warnings: [String] = []

    /// Reads all sources. `words` are those behind the program's name; `readFile` gives the bytes of a
    /// path. The first fault is thrown.
    package init(
        words: [Word], environment: [(name: [UInt8], value: [UInt8])],
        readFile: (String) throws(FileError) -> [UInt8]
    ) throws(ConfigurationError) {
        var given = GivenSettings()
        try given.take(commandLine: words)
        actions = given.actions
        // Whoever asks for help may have a mistake somewhere.
        guard actions.isDisjoint(with: ["help", "version"]) else {
            (configuration, entries) = try Self.read(GivenSettings())
            return
        }
        warnings = try given.take(environment: environment)
        if let (path, origin) = given.strongest("config") {
            try given.take(file: try Self.bytes(path, origin, readFile), path: path)
        }
        (configuration, entries) = try Self.read(given)
    }

    private static func read(
        _ given: GivenSettings
    ) throws(ConfigurationError) -> (ServerConfiguration, [Entry]) {
        var configuration = ServerConfiguration(address: .allInterfacesOfIPv4(port: 0))
        var entries: [Entry] = []
        for setting in SettingTable.rows where setting.scope != .commandLine {
            entries.append(try entry(of: setting, given, &configuration))
        }
        return (configuration, entries)
    }

    private static func bytes(
        _ path: String, _ origin: SettingOrigin, _ readFile: (String) throws(FileError) -> [UInt8]
    ) throws(ConfigurationError) -> [UInt8] {
        do throws(FileError) {
            return try readFile(path)
        } catch {
            throw ConfigurationError("--config, from \(origin): \(error)")
        }
    }

    /// Reads a file of settings, which is bounded.
    package static func readFile(_ path: String) throws(FileError) -> [UInt8] {
        let stream = try ByteStream.reading(path)
        try stream.requireNoDirectory()
        return try stream.readAll(atMost: ConfigurationFile.byteCountMaximum)
    }

    /// Puts the values of a setting in, the weakest first, so that the strongest stays.
    private static func entry(
        of setting: Setting, _ given: GivenSettings, _ target: inout ServerConfiguration
    ) throws(ConfigurationError) -> Entry {
        var values = given.values(of: setting.name)
        if !setting.standard.isEmpty { values.insert((setting.standard, .standard), at: 0) }
        var entry = Entry(setting: setting, text: "", origin: .standard)
        for (text, origin) in values {
            let subject = origin.subject(setting)
            do throws(SettingFault) {
                if text.isEmpty { throw SettingFault("has an empty value") }
                guard ConfigurationFile.canHold(text) else {
                    throw SettingFault(
                        "has a control character, or a blank at an end: "
                            + "\"\(KeyText.escaped(Array(text.utf8)))\"")
                }
                let inForce = try setting.read(text, &target)
                entry = Entry(setting: setting, text: inForce, origin: origin)
            } catch {
                throw ConfigurationError("\(subject) \(error.text)")
            }
        }
        return entry
    }
}
