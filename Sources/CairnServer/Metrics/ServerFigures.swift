// ServerFigures — everything that a server knows of itself at one moment.
//
// `/metrics` and `/status` are two ways to write the same value, so that they cannot disagree. Whoever serves
// puts it together; the store is missing while it is being opened. Plain value.

package import Cairn
internal import CairnSystem

/// A server and its store in figures.
package struct ServerFigures: Sendable {
    /// What was counted.
    package var metrics: MetricsSnapshot
    /// What the store says; nil before it is open.
    package var store: Statistics?
    /// Connections now.
    package var connectionCount = 0
    /// Threads that serve them.
    package var loopCount = 1
    /// Whether requests are served.
    package var isReady = false
    /// Since the server began.
    package var uptimeNanoseconds: UInt64 = 0
    /// The time of day, since 1970.
    package var wallNanoseconds: UInt64 = 0
    /// Bytes that the disk has room for; nil where nobody knows.
    package var diskFreeByteCount: UInt64?
    /// Memory of the process, without pages of files; nil where nobody knows.
    package var residentByteCount: Int?
    /// That the process has used.
    package var processorSeconds: Double = 0
    /// The number of the process.
    package var processID: Int32 = 0
    /// Of the program.
    package var version: String

    /// Of a server that has counted this; the rest is to be filled in.
    package init(_ metrics: MetricsSnapshot, version: String) {
        self.metrics = metrics
        self.version = version
    }

    /// Fills in what the process knows; `start` is of the monotonic clock.
    package mutating func takeProcess(since start: UInt64) {
        uptimeNanoseconds = Clock.monotonicNanoseconds() - start
        wallNanoseconds = Clock.wallNanoseconds()
        residentByteCount = try? ResourceLimits.residentByteCount()
        processorSeconds = Clock.processorSeconds()
        processID = ResourceLimits.processID
    }
}
