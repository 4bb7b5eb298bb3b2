// Terminal — errors, on standard error.
//
// The standard library prints to descriptor 1 alone, so descriptor 2 takes its place. That is sound
// because nothing is left in the buffer by then: before an error nothing was printed. Main thread.

internal import Glibc

/// Standard error.
package enum Terminal {
    /// The last words of the process; nothing was printed before.
    package static func error(_ message: String) {
        _ = dup2(2, 1)
        print(message)
    }
}
