// VerifyCommand — `cairn verify`: the deep check that only reads, anywhere, beside a writer too.
//
// Takes no lock, so it also works where the directory cannot be written: a backup, a snapshot.

internal import Cairn

enum VerifyCommand: ToolCommand {
    static let row = CommandRow(
        name: "verify", summary: "reads every byte of a store or of a backup and checks it",
        arguments: [.directory], options: [.json],
        details: [
            "As cairn fsck --deep, but without the store's lock: it only reads, and works beside "
                + "a process that has the store open and on media that cannot be written."
        ],
        examples: [
            Example("cairn verify store", "a running store"),
            Example("cairn verify --json /backup/store > findings", "for programs"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let report = CheckReport(output: output, isJSON: call.has(.json))
        return try report.run(SystemStorage(path: call.directory), isDeep: true)
    }
}
