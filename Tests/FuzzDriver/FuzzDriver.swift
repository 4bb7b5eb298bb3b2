// FuzzDriver — the way from libFuzzer to a target written in Swift.
//
// One for each program. Why this is sound: the pointer is the driver's, and is read while its call lasts; the target
// is set once, before there is another thread.

internal import CFuzzer
internal import Glibc

nonisolated(unsafe) private var target: (_ choice: UInt8, _ bytes: [UInt8]) -> Void = { _, _ in }

/// Runs `read` on inputs, as the program's arguments say, until there is a fault or an end, and ends the program. An
/// input's first byte chooses what is done with the others; one without others is left out.
package func fuzz(_ read: @escaping (_ choice: UInt8, _ bytes: [UInt8]) -> Void) -> Never {
    unsafe target = read
    let status = unsafe fuzzer_run(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        guard count > 1, let start = unsafe start else { return 0 }
        let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
        unsafe target(input[0], Array(input.dropFirst()))
        return 0
    }
    exit(status)
}
