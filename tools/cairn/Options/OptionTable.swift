// OptionTable — the one table of commands, options, arguments, texts and examples.
//
// Parsing, help, errors with the nearest name, the man page and the completions of three shells are
// all made from it, so that none can know what another does not. A row of a command stands in the
// command's own file; the rows of options that several commands share stand here. Plain values.

/// Every option there is.
enum OptionName: String, CaseIterable {
    case help, version, json
    case escaped, hex
    case create, ifAbsent = "if-absent", metadata, expiresIn = "expires-in"
    case segments, deep, repair, acceptLoss = "accept-loss"
    case payload, prefix, overwrite
    case target, dryRun = "dry-run"
    case limit, after, delimiter
    case link
    case man, completions
}

/// What a shell offers in a place of the command line.
enum Completion: Equatable {
    case none
    case directory
    case file
    case words([String])
}

/// An option: a switch, or one that takes a value.
struct OptionRow {
    let name: OptionName
    /// What the help calls its value; nil for a switch.
    let value: String?
    let text: String
    let completion: Completion

    init(
        _ name: OptionName, value: String? = nil, _ text: String, completion: Completion = .none
    ) {
        self.name = name
        self.value = value
        self.text = text
        self.completion = completion
    }

    /// "--metadata TEXT".
    var usage: String { "--" + name.rawValue + (value.map { " " + $0 } ?? "") }
}

extension OptionRow {
    static let help = OptionRow(.help, "shows this text")
    static let json = OptionRow(.json, "prints JSON, one object a line")
    static let create = OptionRow(
        .create, "makes the store when there is none, where DIR is not there or is empty")
    static let escaped = OptionRow(
        .escaped, "KEY is in the form that this tool prints: \\xNN stands for a byte")
    static let hex = OptionRow(.hex, "KEY is given as hexadecimal digits")
}

/// A word of a command that is no option.
struct ArgumentRow {
    enum Count {
        case one
        case optional
        case many
    }

    let name: String
    let count: Count
    let text: String
    let completion: Completion

    init(
        _ name: String, _ count: Count = .one, _ text: String, completion: Completion = .none
    ) {
        self.name = name
        self.count = count
        self.text = text
        self.completion = completion
    }

    var isPath: Bool { completion == .directory || completion == .file }

    /// "KEY", "[FILE]", "KEY...".
    var usage: String {
        switch count {
        case .one: name
        case .optional: "[\(name)]"
        case .many: name + "..."
        }
    }
}

extension ArgumentRow {
    static let directory = ArgumentRow(
        "DIR", "the directory of the store", completion: .directory)
    static let key = ArgumentRow("KEY", "the key of the blob")

    private init(_ name: String, _ text: String, completion: Completion = .none) {
        self.init(name, .one, text, completion: completion)
    }
}

/// A command line that can be tried as it stands, and what it is for.
struct Example {
    let command: String
    let text: String

    init(_ command: String, _ text: String) {
        self.command = command
        self.text = text
    }
}

/// A command.
struct CommandRow {
    let name: String
    let summary: String
    let arguments: [ArgumentRow]
    let options: [OptionRow]
    /// What the summary leaves out, a paragraph each.
    var details: [String] = []
    let examples: [Example]
    /// Codes besides those that every command has.
    var exits: [(code: ExitCode, text: String)] = []

    /// Those of the row, and `--help`.
    var allOptions: [OptionRow] { options + [.help] }

    /// "cairn get [options] DIR KEY [FILE]".
    var usage: String {
        (["cairn", name, "[options]"] + arguments.map(\.usage)).joined(separator: " ")
    }
}

/// A command that can be run.
protocol ToolCommand: SendableMetatype {
    static var row: CommandRow { get }
    /// Does it. What is said on standard output goes through `output`.
    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode
}

enum OptionTable {
    static let commands: [any ToolCommand.Type] = [
        PutCommand.self, GetCommand.self, RemoveCommand.self, StatCommand.self,
        StatsCommand.self, DumpCommand.self, ExplainCommand.self, FsckCommand.self,
        CompactCommand.self, VerifyCommand.self, BackupCommand.self, RestoreCommand.self,
        ListCommand.self, ExportCommand.self, ImportCommand.self, HelpCommand.self,
    ]

    static var rows: [CommandRow] { commands.map { $0.row } }

    /// Options of the tool itself, before any command.
    static let toolOptions: [OptionRow] = [
        .help, OptionRow(.version, "shows the version"),
    ]

    static let summary = "looks after Cairn stores, from the shell"

    /// What every command may end with.
    static let exits: [(code: ExitCode, text: String)] = [
        (.clean, "done; nothing is wrong"),
        (.damage, "something in the store is damaged, or was and still is"),
        (.unable, "it could not be done: no store, in use, no permission, disk full"),
        (.usage, "the command line makes no sense"),
    ]

    /// All that the tool may end with.
    static let allExits: [(code: ExitCode, text: String)] =
        (exits + [
            (.absent, "there is no such key; of fsck: damage was found, and all of it repaired")
        ]).sorted { $0.code < $1.code }

    static func command(named name: String) -> (any ToolCommand.Type)? {
        commands.first { $0.row.name == name }
    }
}

/// How the tool ends; as fsck(8).
enum ExitCode: Int32, Comparable {
    case clean = 0
    /// `fsck`: damage was found and repaired. Commands with a KEY: there is no such key.
    case repaired = 1
    case damage = 4
    case unable = 8
    case usage = 16

    static let absent = ExitCode.repaired

    /// The greater one is the worse.
    static func < (left: ExitCode, right: ExitCode) -> Bool { left.rawValue < right.rawValue }
}
