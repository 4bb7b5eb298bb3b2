// Process — arguments, clocks, randomness, limits and figures of this process.
//
// Thin names over single calls. Any thread.
// Why this is sound: one pointer is that of a local integer, filled with exactly its bytes; the others
// are those of main's argv and of the environment, whose words are terminated; those of argv last as long
// as the process, those of the environment as long as nobody changes it, which nobody here does.

public import CLinux
internal import Glibc

/// The words with which this process was started.
package enum ProcessArguments {
    /// Each as it was given, the program's name first; corresponds to the `argv` of main. They need not
    /// be UTF-8, and `CommandLine.arguments` changes those that are not.
    package static func words() -> [[UInt8]] {
        let words = unsafe UnsafeBufferPointer(
            start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        return unsafe words.map { word in
            guard let start = unsafe word else { return [] }
            return unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
        }
    }
}

/// The variables that this process was given.
package enum ProcessEnvironment {
    /// Each as it stands in the environment; corresponds to `environ(7)`. A word without "=" is left out.
    package static func variables() -> [(name: [UInt8], value: [UInt8])] {
        var variables: [(name: [UInt8], value: [UInt8])] = []
        guard var place = unsafe cairn_environment() else { return [] }
        while let start = unsafe place.pointee {
            let word = unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
            if let sign = word.firstIndex(of: UInt8(ascii: "=")) {
                variables.append((Array(word[..<sign]), Array(word[(sign + 1)...])))
            }
            unsafe place += 1
        }
        return variables
    }

    /// The value of a variable, when it is set.
    package static func value(_ name: String) -> [UInt8]? {
        variables().first { $0.name.elementsEqual(name.utf8) }?.value
    }
}

/// The two clocks. Only expiry uses wall time.
package enum Clock {
    /// Nanoseconds of a clock that never steps back; corresponds to CLOCK_MONOTONIC.
    package static func monotonicNanoseconds() -> UInt64 { cairn_monotonic_nanoseconds() }
    /// Nanoseconds since 1970; may jump either way. Corresponds to CLOCK_REALTIME.
    package static func wallNanoseconds() -> UInt64 { cairn_wall_nanoseconds() }
    /// The same in whole seconds.
    package static func wallSeconds() -> UInt64 { wallNanoseconds() / 1_000_000_000 }
    /// Processor seconds that the process has used, user and system, all threads.
    package static func processorSeconds() -> Double {
        Double(cairn_processor_nanoseconds()) / 1e9
    }
}

/// Randomness of the kernel.
package enum SystemRandom {
    /// 64 unpredictable bits; corresponds to `getrandom(2)`.
    package static func next() -> UInt64 {
        var value: UInt64 = 0
        let code = unsafe cairn_random(&value, MemoryLayout<UInt64>.size)
        precondition(code == 0, "the kernel has randomness")
        return value
    }
}

/// Limits and figures of this process.
package enum ResourceLimits {
    /// Raises the soft limit of open files to the hard one; returns the limit now in force.
    @discardableResult
    package static func raiseDescriptorLimit() throws(Errno) -> Int {
        Int(try SystemCall.perform { cairn_raise_descriptor_limit() })
    }

    /// Resident memory of the process, without pages of files; corresponds to /proc/self/statm.
    package static func residentByteCount() throws(Errno) -> Int {
        Int(try SystemCall.perform { cairn_resident_byte_count() })
    }

    /// Makes a write past the size limit fail with EFBIG; by default SIGXFSZ ends the process.
    package static func ignoreFileSizeSignal() { cairn_ignore_file_size_signal() }

    /// Processors that this process may use.
    package static var processorCount: Int { Int(cairn_processor_count()) }

    /// Bytes of the machine's memory; 0 when it does not say.
    package static var memoryByteCount: UInt64 { cairn_memory_byte_count() }

    /// The number of this process.
    package static var processID: Int32 { cairn_process_id() }
}

/// Lets other threads run; corresponds to `sched_yield(2)`.
package func yieldProcessor() { cairn_yield() }

/// Tells the processor that this is a spin loop.
@inlinable
@inline(__always)
package func relaxProcessor() { cairn_relax() }
