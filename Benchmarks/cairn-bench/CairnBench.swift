// CairnBench — the command `cairn-bench`: one workload, measured, one line of result.
//
// The contract of the workloads stands in Benchmarks/README.md. The result goes to standard output,
// everything else to standard error. Exit status: 0 measured, 1 the workload failed, 2 the
// arguments are wrong.

internal import BenchSupport
internal import CairnSystem
internal import Glibc

/// The command.
@main enum CairnBench {
    static func main() {
        do throws(BenchFailure) {
            let arguments = try Arguments(parsing: CommandLine.arguments.dropFirst())
            if arguments.wantsHelp { return print(Arguments.help) }
            let result = try run(arguments)
            print(arguments.json ? result.json : result.line)
            if result.complaint != nil { exit(1) }
        } catch {
            fail(error.description, status: error.isUsage ? 2 : 1)
        }
    }

    private static func run(_ arguments: Arguments) throws(BenchFailure) -> Report {
        _ = try? ResourceLimits.raiseDescriptorLimit()
        switch arguments.workload {
        case .fill: return try fill(arguments)
        case .durable: return try durable(arguments)
        case .overwrite: return try overwrite(arguments)
        case .read: return try read(arguments)
        case .open: return try open(arguments)
        case .list: return try list(arguments)
        case .index: return try index(arguments)
        case .mixed: return try mixed(arguments)
        case .churn: return try churn(arguments)
        case .http: return try http(arguments)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        Terminal.error("cairn-bench: \(message)")
        exit(status)
    }
}
