// Log — what an operator finds afterwards: lines on standard error, whole, from any thread.
//
// A line is one write(2) of at most 4,096 bytes without a lock: a pipe and a file that is appended to take it
// whole, so lines of threads never mix. Whoever reads too slowly makes whoever writes wait. A line that cannot
// be written is counted and lost: there is nobody left to be told. What the level leaves out costs a
// comparison. Any thread.

package import CairnSystem
internal import Synchronization

/// The log of a server.
package final class Log: Sendable {
    private let stream: ByteStream
    private let level: LogLevel
    private let isJSON: Bool
    private let lostCount = Atomic<Int>(0)

    /// Logs to a stream; the automatic form is text where that is a terminal.
    package init(
        to stream: ByteStream = .standardError, _ level: LogLevel = .info,
        _ form: LogForm = .automatic
    ) {
        self.stream = stream
        self.level = level
        isJSON = form == .json || form == .automatic && !stream.isTerminal
    }

    /// How many lines could not be written.
    package var lostLineCount: Int { lostCount.load(ordering: .relaxed) }

    /// Whether lines of a level are logged.
    package func includes(_ level: LogLevel) -> Bool { level <= self.level }

    /// Something failed that the server owes somebody.
    package func error(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [LogField] = []
    ) {
        log(.error, message(), fields())
    }

    /// Something may fail soon, or is not as it should be.
    package func warning(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [LogField] = []
    ) {
        log(.warning, message(), fields())
    }

    /// What an operator wants to find afterwards.
    package func info(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [LogField] = []
    ) {
        log(.info, message(), fields())
    }

    /// What a developer wants to see.
    package func debug(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [LogField] = []
    ) {
        log(.debug, message(), fields())
    }

    /// A line of some level.
    package func log(
        _ level: LogLevel, _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> [LogField]
    ) {
        guard includes(level) else { return }
        let line = LogLine(level, message(), fields(), wallNanoseconds: Clock.wallNanoseconds())
        do throws(FileError) {
            try stream.write(line.bytes(asJSON: isJSON).rawSpan)
        } catch {
            lostCount.add(1, ordering: .relaxed)
        }
    }
}
