// DaemonProcess — a running `cairnd` of one test's own: started, signalled, waited for and looked at.
//
// The store is the name "store" in the directory of a `ToolProcess`, so that what one process leaves is found by
// the next. Its standard output says when it is ready, and when it has ended. Whoever still runs when
// it goes is killed. Any thread may signal; the end is waited for by one.
// Why this is sound: pointers are of local structures, arrays and copies of words, lent for one call.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

/// What a process did instead of what it should have.
enum DaemonTrouble: Error {
    /// It said something else before it was ready.
    case notReady(String)
    /// It ended before it was ready.
    case ended(ChildEnd)
    /// It did not end in time.
    case goesOn
}

/// A server in a process of its own.
final class DaemonProcess: Sendable {
    /// Where it serves.
    let port: UInt16
    /// Its directory is there as long as somebody holds it.
    private let tool: ToolProcess
    private let process: pid_t
    private let output: Descriptor
    private let end = Guarded<ChildEnd?>(nil)

    /// Returns when it is ready. `prefix` are words that run the program that follows them.
    init(in tool: ToolProcess, prefix: [String] = [], _ options: [String] = []) throws {
        let ends = try Self.socketPair()
        self.tool = tool
        output = Descriptor(owning: ends[0])
        let words =
            prefix + [ToolProcess.binaries + "/cairnd", "--dir", tool.path("store")]
            + ["--listen", "127.0.0.1:0"] + options
        let theirs = Descriptor(owning: ends[1])
        process = try ChildProcess.start(
            words, [.nothing, .shared(theirs.rawValue), .log(tool.path("complaints"))])
        try theirs.close()
        do {
            port = try Self.readyPort(output)
        } catch DaemonTrouble.notReady("") {
            throw DaemonTrouble.ended(ChildProcess.end(of: process))
        } catch {
            Glibc.kill(process, SIGKILL)
            _ = ChildProcess.end(of: process)
            throw error
        }
    }

    deinit {
        signal(SIGKILL)
        _ = try? awaitEnd()
    }

    /// Two ends of a connection, which programs that are started do not take over.
    private static func socketPair() throws -> [Int32] {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw ClientFailure.call("socketpair", errno)
        }
        return ends
    }

    /// The port of the line that says that it is ready.
    private static func readyPort(_ output: borrowing Descriptor) throws -> UInt16 {
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n") {
            guard awaitOutput(output, milliseconds: 60_000) else { throw DaemonTrouble.goesOn }
            var byte: [UInt8] = [0]
            guard unsafe read(output.rawValue, &byte, 1) == 1 else { break }
            line += byte
        }
        let text = String(decoding: line.dropLast(), as: UTF8.self)
        guard text.hasPrefix("cairnd is ready on http://"),
            let port = text.split(separator: ":").last.flatMap({ UInt16($0) })
        else { throw DaemonTrouble.notReady(text) }
        return port
    }

    /// Whether there is something to read, or the other side has ended.
    private static func awaitOutput(_ output: borrowing Descriptor, milliseconds: Int32) -> Bool {
        var question = pollfd(fd: output.rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            let count = unsafe poll(&question, 1, milliseconds)
            if count >= 0 || errno != EINTR { return count > 0 }
        }
    }

    // MARK: Its end

    /// Sends a signal, unless the end was seen.
    func signal(_ number: Int32) {
        end.withLock { end in
            if end == nil { Glibc.kill(process, number) }
        }
    }

    /// Whether the process is still there, now.
    var isRunning: Bool { !Self.awaitOutput(output, milliseconds: 0) }

    /// Waits for the end.
    @discardableResult
    func awaitEnd(within duration: Duration = .seconds(60)) throws -> ChildEnd {
        guard Self.awaitOutput(output, milliseconds: Int32(duration / .milliseconds(1))) else {
            throw DaemonTrouble.goesOn
        }
        return end.withLock { end in
            if let end { return end }
            let found = ChildProcess.end(of: process)
            end = found
            return found
        }
    }

    /// Asks it to end and waits for that.
    @discardableResult
    func stop() throws -> ChildEnd {
        signal(SIGTERM)
        return try awaitEnd()
    }

    // MARK: Figures

    /// A client of it.
    func client(receiveBufferByteCount: Int32? = nil) throws -> TestClient {
        try TestClient(to: port, receiveBufferByteCount: receiveBufferByteCount)
    }

    /// What its open descriptors lead to, without segments, which come and go with the log; corresponds to
    /// /proc/PID/fd.
    func descriptors() throws -> [String] {
        let path = "/proc/\(process)/fd"
        let names = try DirectoryHandle.open(path: path)?.names() ?? []
        let targets = names.map { name in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe readlink("\(path)/\(name)", &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        return targets.filter { !$0.contains("/segments/") }
    }

    /// Waits until it has no more descriptors than these. Nil then, else what it goes on having; between two
    /// looks it answers a client that it had before.
    func kept(
        beyond count: Int, asking client: TestClient, for duration: Duration = .seconds(20)
    ) throws -> [String]? {
        let end = ContinuousClock.now + duration
        while true {
            try #require(try client.exchange("GET", "/healthz").status == 200)
            let descriptors = try descriptors()
            if descriptors.count <= count { return nil }
            if ContinuousClock.now >= end { return descriptors }
        }
    }

    /// Memory that is its own and cannot be had from a file; corresponds to /proc/PID/smaps_rollup.
    func memoryByteCount() throws -> Int {
        let stream = try ByteStream.reading("/proc/\(process)/smaps_rollup")
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = try bytes.withMutableRawSpan { try stream.read(into: &$0) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        let line = try #require(
            text.split(separator: "\n").first { $0.hasPrefix("Private_Dirty:") })
        let words = line.split(separator: " ")
        return try #require(words.count > 1 ? Int(words[1]) : nil) << 10
    }
}
