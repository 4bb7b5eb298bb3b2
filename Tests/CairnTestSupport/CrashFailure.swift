// CrashFailure — a broken promise, told with everything that was done.

/// A promise that was broken, and how to see it again.
package struct CrashFailure: Error, CustomStringConvertible {
    package let message: String
    package let seed: UInt64
    package let history: [String]

    package var description: String {
        "\(message)\nSEED=\(seed) repeats it. What was done:\n"
            + history.map { "  " + $0 }.joined(separator: "\n")
    }
}

extension CrashFailure {
    /// Runs `body` without a history, which takes a third of the time; a failure is lived again with
    /// its history, for the same seed gives the same life. `body` must begin from the same state.
    static func told<Result>(
        _ body: (_ keepsHistory: Bool) throws(CrashFailure) -> Result
    ) throws(CrashFailure) -> Result {
        do {
            return try body(false)
        } catch {
            _ = try body(true)
            throw error
        }
    }
}
