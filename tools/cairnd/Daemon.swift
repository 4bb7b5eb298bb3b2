// Daemon — the program `cairnd`: reads what it was told, and serves or does what else was asked.
//
// Results go to standard output, everything else to standard error. Exit statuses are those of `cairn`, as far
// as there is a like: see `DaemonExit`. A signal of a closed pipe or of a file-size limit is an error here.

internal import CairnServer
internal import CairnSystem
internal import CairnText
internal import Glibc

/// The program.
@main enum Daemon {
    static func main() {
        ByteStream.ignorePipeSignal()
        ResourceLimits.ignoreFileSizeSignal()
        do throws(DaemonFailure) {
            try DaemonFailure.file { () throws(FileError) in try ByteStream.holdStandardStreams() }
            let words = ProcessArguments.words().dropFirst().map { Word($0) }
            exit(try run(words).rawValue)
        } catch {
            complain("cairnd: \(error)")
            exit(error.code.rawValue)
        }
    }

    private static func run(_ words: [Word]) throws(DaemonFailure) -> DaemonExit {
        switch words.first?.text {
        case "health": return try HealthCommand.run(words.dropFirst())
        case "token": return try TokenCommand.run(Array(words.dropFirst()))
        case "help": return try DaemonManual.run(words.dropFirst())
        default: break
        }
        let effective = try configuration(words)
        if effective.actions.contains("help") {
            try show(DaemonHelp.text)
        } else if effective.actions.contains("version") {
            try show(Version.line(of: "cairnd"))
        } else if effective.actions.contains("print-config") {
            try show(effective.text)
            try DaemonFailure.configuration { () throws(ConfigurationError) in
                try effective.configuration.requireRunnable()
            }
        } else {
            return try serve(effective.configuration)
        }
        return .done
    }

    /// What these words, the environment and the file say together.
    static func configuration(_ words: [Word]) throws(DaemonFailure) -> EffectiveConfiguration {
        let effective = try DaemonFailure.configuration { () throws(ConfigurationError) in
            try EffectiveConfiguration(
                words: words, environment: ProcessEnvironment.variables(),
                readFile: EffectiveConfiguration.readFile)
        }
        for warning in effective.warnings { complain("cairnd: warning: \(warning)") }
        return effective
    }

    /// A text on standard output.
    static func show(_ text: String) throws(DaemonFailure) {
        let bytes = Array((text + "\n").utf8)
        try DaemonFailure.file { () throws(FileError) in
            try ByteStream.standardOutput.write(bytes.rawSpan)
        }
    }

    /// A line for the person, on standard error; what goes wrong with it has nobody to be told.
    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        try? ByteStream.standardError.write(bytes.rawSpan)
    }
}
