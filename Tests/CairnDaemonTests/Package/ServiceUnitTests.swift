// The systemd unit: what it says of the server is true of it, and what it forbids the server does not need.

import CairnSystem
import CairnTestSupport
import Testing

/// A file of `Name=value` lines.
private struct UnitFile {
    private let lines: [String]

    init() throws {
        let path = repository + "/tools/debian/cairnd.service"
        let bytes = try ByteStream.reading(path).readAll(atMost: 1 << 16)
        lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func values(_ name: String) -> [String] {
        lines.filter { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

@Suite("Service unit")
struct ServiceUnitTests {
    private let tool: ToolProcess
    private let unit: UnitFile

    init() throws {
        tool = try ToolProcess("cairnd")
        unit = try UnitFile()
    }

    @Test("its sandbox leaves an exposure of 2 at most")
    func exposure() throws {
        guard try tool.hasCommand("systemd-analyze") else { return }
        let result = try tool.shell(
            "systemd-analyze security --offline=true '\(repository)/tools/debian/cairnd.service'")
        let line = try #require(result.lines.last, "\(result.complaint)")
        let level = try #require(line.split(separator: " ").compactMap { Double($0) }.first)
        #expect(line.contains("Overall exposure level") && level <= 2, "\(line)")
    }

    @Test("it waits longer for the end than requests under way may take")
    func stopping() throws {
        let help = try tool.run("--help").lines.map(String.init)
        let place = try #require(help.firstIndex { $0.contains("--drain-time") })
        #expect(help[place...].prefix(3).joined().contains("[30s]"))
        #expect(unit.values("TimeoutStopSec") == ["90s"])
    }

    @Test("READY comes behind the loading of the index, and nothing it does is forbidden")
    func calls() throws {
        let blobs = try tool.serving(
            "for n in $(seq 40); do head -c 9000 /dev/urandom | curl -sSf -T - $URL/store/$n; done",
            options: "--segment-bytes 64KiB")
        #expect(blobs.code == 0, "\(blobs.complaint)")
        try tool.write(Array(Self.tracedRun.utf8), to: "run")
        let result = try tool.shell("export CAIRND; timeout 120 bash run")
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
        let trace = try ByteStream.reading(tool.path("trace")).readAll(atMost: 64 << 20)
        let calls = String(decoding: trace, as: UTF8.self).split(separator: "\n")
        let ready = try #require(calls.firstIndex { $0.contains("READY=1") })
        let answered = try #require(calls.lastIndex { $0.contains("STOPPING=1") })
        // The list of segments, and of each one what it holds.
        for name in ["MANIFEST", ".hint", ".seg"] {
            let opened = calls.indices.filter {
                calls[$0].contains("openat(") && calls[$0].contains(name)
            }
            #expect(opened.contains { $0 < ready }, "\(name)")
        }
        #expect(ready < answered)
        guard try tool.hasCommand("systemd-analyze") else { return }
        let allowed = try allowedCalls()
        let made = Set(calls.compactMap(Self.name))
        #expect(
            made.count > 30 && made.subtracting(allowed).isEmpty, "\(made.subtracting(allowed))")
    }

    /// All that a server does, seen by strace; nobody listens to what it tells its manager.
    private static let tracedRun = """
        set -eu
        export NOTIFY_SOCKET=$PWD/nobody no_proxy='*'
        rm ready; mkfifo ready
        strace -D -f -qq -o trace -s 64 $CAIRND --dir store --listen 127.0.0.1:0 \
            --segment-bytes 64KiB >ready 2>log &
        trap "kill $! 2>/dev/null || true" EXIT
        read -r line <ready
        url=${line##* }
        head -c 300000 /dev/urandom >large
        curl -sSf -T large $url/store/large
        curl -sSf $url/store/large | cmp - large
        for n in $(seq 30); do curl -sSf -X DELETE $url/store/$n; done
        curl -sSf "$url/store/?prefix=3" $url/status $url/metrics >answers
        for job in compact scrub "backup?to=$PWD/backup"; do
            curl -sSf -X POST "$url/admin/$job" >>answers
            until curl -sSf $url/status | grep -q '"admin":.*"running":false'; do :; done
        done
        kill -HUP $!
        until grep -q 'read again' log; do :; done
        kill $!
        wait $!
        """

    /// "1234 openat(…" names openat; where the call goes on, or something else happened, nothing does.
    private static func name(_ line: Substring) -> String? {
        let call = line.drop { $0.isNumber || $0 == " " }
        guard let end = call.firstIndex(of: "(") else { return nil }
        let name = call[..<end]
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? String(name) : nil
    }

    // MARK: What is allowed

    private func allowedCalls() throws -> Set<String> {
        let text = try tool.shell("systemd-analyze syscall-filter").text
        var groups: [String: [String]] = [:]
        var group = ""
        for line in text.split(separator: "\n") {
            let word = String(line.drop { $0 == " " })
            if word.hasPrefix("#") { continue }
            if line.hasPrefix("@") { group = word } else { groups[group, default: []].append(word) }
        }
        func calls(_ name: String) -> Set<String> {
            guard name.hasPrefix("@") else { return [name] }
            return Set((groups[name] ?? []).flatMap(calls))
        }
        var allowed: Set<String> = []
        for value in unit.values("SystemCallFilter") {
            let isForbidden = value.hasPrefix("~")
            for name in value.drop(while: { $0 == "~" }).split(separator: " ") {
                let calls = calls(String(name))
                allowed = isForbidden ? allowed.subtracting(calls) : allowed.union(calls)
            }
        }
        return allowed
    }
}
