// CallFault — a system call that fails once in each thread that comes so far, injected by strace; and what is known of it.
//
// A short count is no fault of these: strace would claim it without the bytes having been written.

import CairnTestSupport

struct CallFault: Hashable, CustomStringConvertible {
    let call: String
    let code: String
    /// Which call of a thread.
    let ordinal: Int

    var description: String { "\(call) number \(ordinal) fails with \(code)" }

    /// In front of a program: its file "trace" tells what failed. The program keeps its parent.
    func prefix(_ tool: ToolProcess) -> [String] {
        Self.tracer(tool, [call]) + ["-e", "inject=\(call):error=\(code):when=\(ordinal)", "--"]
    }

    private static func tracer(_ tool: ToolProcess, _ calls: [String]) -> [String] {
        let path = tool.path("trace")
        return [
            "strace", "-D", "-f", "-qq", "-y", "-o", path, "-e",
            "trace=\(calls.joined(separator: ","))",
        ]
    }

    /// The calls that failed, as strace shows them.
    static func injected(_ tool: ToolProcess) throws -> [Substring] {
        guard tool.has("trace") else { return [] }
        // A call of one thread in whose midst another's stands has two lines.
        var begun: [Substring: Substring] = [:]
        var injected: [Substring] = []
        for line in String(decoding: try tool.read("trace"), as: UTF8.self).split(separator: "\n") {
            let thread = line.prefix { $0 != " " }
            if line.hasSuffix("<unfinished ...>") { begun[thread] = line }
            guard line.hasSuffix("(INJECTED)") else { continue }
            let beginning = line.contains(" resumed>") ? begun[thread] : nil
            injected.append(beginning.map { $0 + " " + line } ?? line)
        }
        return injected
    }

    /// Whether a call is made by what starts programs, is for memory, or cannot fail so: then how the program ends
    /// says nothing.
    static func isBeyondTheProgram(_ line: Substring) -> Bool {
        let marks = [
            ".so", "/etc/ld", "/lib", "/locale", "MAP_ANONYMOUS", "EPOLL_CTL_DEL", "EPOLL_CTL_MOD",
        ]
        return marks.contains { line.contains($0) }
    }

    // MARK: What there is

    /// Calls, and how they may fail.
    private static let codes: [(calls: [String], codes: [String])] = [
        (
            ["pwrite64", "pwritev", "pwritev2", "write"],
            ["EIO", "ENOSPC", "EINTR", "EDQUOT", "EFBIG"]
        ),
        (["fdatasync", "fsync"], ["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
        (["openat"], ["EIO", "EMFILE", "ENFILE", "ENOSPC", "EACCES", "EINTR"]),
        (["renameat", "renameat2", "linkat", "unlinkat", "mkdirat"], ["EIO", "ENOSPC", "EROFS"]),
        (["fallocate", "ftruncate"], ["EIO", "ENOSPC", "EINTR"]),
        (["pread64", "preadv2", "read", "getdents64"], ["EIO", "EINTR"]),
        (["fstat", "newfstatat", "statx", "fstatfs", "lseek"], ["EIO"]),
        (["mmap"], ["ENOMEM", "EIO"]),
        (["fadvise64", "sync_file_range", "ioctl", "copy_file_range"], ["EIO"]),
        (["flock"], ["EINTR", "ENOLCK"]),
        (["epoll_wait", "epoll_pwait"], ["EINTR"]),
        (["epoll_ctl"], ["ENOMEM", "ENOSPC"]),
        (["accept4"], ["EMFILE", "ENFILE", "ECONNABORTED", "EINTR", "ENOBUFS"]),
        (["recvfrom", "sendmsg", "sendto", "writev"], ["ECONNRESET", "EINTR", "ENOBUFS"]),
        (
            ["socket", "bind", "listen", "eventfd2", "epoll_create1", "signalfd4"],
            ["EMFILE", "ENOMEM"]
        ),
        (["clone3"], ["EAGAIN"]),
    ]

    /// In front of a program: its file "trace" tells how often each of these is called.
    static func counter(_ tool: ToolProcess) -> [String] {
        tracer(tool, codes.flatMap(\.calls).map { "?\($0)" }) + ["--"]
    }

    /// What was counted.
    static func counted(_ tool: ToolProcess) throws -> [(call: String, count: Int)] {
        var counts: [String: Int] = [:]
        for line in String(decoding: try tool.read("trace"), as: UTF8.self).split(separator: "\n") {
            let name = line.drop { $0 != " " }.drop { $0 == " " }.prefix { $0 != "(" && $0 != " " }
            counts[String(name), default: 0] += 1
        }
        return codes.flatMap(\.calls).compactMap { call in
            counts[call].map { (call, $0) }
        }
    }

    /// One of those that were counted; early ones more often.
    static func draw(
        _ counts: [(call: String, count: Int)], _ random: inout TestRandom
    ) -> CallFault {
        let (call, count) = counts[random.below(counts.count)]
        let codes = codes.first { $0.calls.contains(call) }?.codes ?? []
        let most = 1 + random.below(count)
        return CallFault(
            call: call, code: codes[random.below(codes.count)], ordinal: 1 + random.below(most))
    }
}

/// What a run of faults came to.
struct CallFaultTally {
    private(set) var kinds: Set<String> = []
    private(set) var runCount = 0
    private(set) var failedCount = 0

    /// Counts a run, unless nothing failed in it.
    mutating func add(_ fault: CallFault, _ command: String, _ lines: [Substring]) {
        if lines.isEmpty { return }
        runCount += 1
        failedCount += lines.count
        kinds.insert("\(command): \(fault)")
    }

    func report(_ what: String) {
        print(
            "\(runCount) runs of \(what) with failed calls: \(failedCount) failed, "
                + "\(kinds.count) distinct by command, call, number and reason")
    }
}
