// CairnMicro — the command `cairn-micro`: times single parts, and counts what they allocate.
//
// The cases stand in Benchmarks/README.md. Results go to standard output, everything else to
// standard error. Exit status: 0 measured, 1 a case failed or allocates more than it may, 2 the
// arguments are wrong. Main thread; a store that a case opens has threads of its own.

internal import BenchSupport
internal import CairnSystem
internal import Glibc

/// The command.
@main enum CairnMicro {
    static func main() {
        do throws(BenchFailure) {
            let arguments = try MicroArguments(parsing: CommandLine.arguments.dropFirst())
            if arguments.wantsHelp { return print(MicroArguments.help) }
            if arguments.lists { return list() }
            let isFine = try run(arguments)
            if !isFine { exit(1) }
        } catch {
            Terminal.error("cairn-micro: \(error.description)")
            exit(error.isUsage ? 2 : 1)
        }
    }

    private static func list() {
        for one in MicroCase.all { print(one.name) }
    }

    /// False when a case allocates more than it may.
    private static func run(_ arguments: MicroArguments) throws(BenchFailure) -> Bool {
        _ = try? ResourceLimits.raiseDescriptorLimit()
        let directory = MicroDirectory(parent: arguments.directory)
        let isFine: Bool
        do throws(BenchFailure) {
            isFine =
                try arguments.checks
                ? check(arguments, directory) : measure(arguments, directory)
        } catch {
            try? directory.remove()
            throw error
        }
        try directory.remove()
        return isFine
    }

    private static func measure(
        _ arguments: MicroArguments, _ directory: MicroDirectory
    ) throws(BenchFailure) -> Bool {
        if !arguments.json { print(MicroResult.heading) }
        for one in arguments.cases {
            let result = try Measurement(one, seconds: arguments.seconds).run(in: directory)
            print(arguments.json ? result.json : result.line)
        }
        return true
    }

    private static func check(
        _ arguments: MicroArguments, _ directory: MicroDirectory
    ) throws(BenchFailure) -> Bool {
        guard AllocationCount.isTrue else {
            throw .refused("a sanitizer's allocator is in place, whose calls are not counted")
        }
        var isFine = true
        for one in arguments.cases {
            let verdict = try AllocationCheck(one).run(in: directory)
            print(verdict.line)
            isFine = isFine && verdict.isFine
        }
        return isFine
    }
}
