// Backups of real directories: links and copies, places that are refused, threads that go on.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

@Suite("Backup on the disk")
struct StoreBackupTests {
    private let directory: StoreTestDirectory

    init() throws { directory = try StoreTestDirectory() }

    private func path(_ name: String) -> String { directory.path + "/" + name }

    private func store(_ name: String = "store") throws -> Store {
        var tuning = Tuning.small
        tuning.segmentByteCountMinimum = 16 << 10
        tuning.segmentByteCountMaximum = 16 << 10
        return try Store.open(at: path(name), options: StoreOptions(), tuning: tuning)
    }

    private func names(in path: String) throws -> [String] {
        try #require(try DirectoryHandle.open(path: path)).names().sorted()
    }

    @Test("linked or copied, a backup is read, restored and written", arguments: [false, true])
    func both(sharing: Bool) throws {
        let store = try store()
        for number in 0..<60 {
            try store.put(.numbered(number), sampleBytes(700, salt: UInt64(number)))
        }
        let result = try #require(
            try store.backup(to: path("backup"), options: BackupOptions(sharesBytes: sharing)))
        #expect(result.sharedSegmentCount == (sharing ? result.segmentCount : 0))
        #expect(result.copiedSegmentCount == (sharing ? 0 : result.segmentCount))
        try store.put(.numbered(0), [1])
        let again = try #require(
            try store.backup(to: path("backup"), options: BackupOptions(sharesBytes: sharing)))
        #expect(again.reusedSegmentCount >= result.segmentCount - 1)
        try store.close()
        _ = try #require(
            try Store.restore(
                backupAt: path("backup"), to: path("copy"),
                options: BackupOptions(sharesBytes: sharing)))
        try Store.restore(backupAt: path("backup"))
        for name in ["store", "backup", "copy"] {
            let opened = try self.store(name)
            #expect(opened.findings == [])
            #expect(try opened.get(.numbered(0))?.bytes == [1])
            for number in 1..<60 {
                let bytes = try opened.get(.numbered(number))?.bytes
                #expect(bytes == sampleBytes(700, salt: UInt64(number)))
            }
            try opened.put("after", [2])
            try opened.close()
        }
    }

    @Test("the store's own directory, one in it, and one around it are refused, untouched")
    func places() throws {
        let store = try store()
        try store.put("a", [1])
        for place in ["store", "store/", "store/backup", "store/segments", "store/segments/x/"] {
            let before = try names(in: path("store"))
            expectError(.wrongDirectory, naming: "own directory", "nothing was touched") {
                try store.backup(to: path(place))
            }
            #expect(try names(in: path("store")) == before)
        }
        expectError(.wrongDirectory, naming: "not empty: store") {
            try store.backup(to: directory.path)
        }
        #expect(try names(in: directory.path) == ["store"])
        expectError(.inputOutput, naming: "mkdir") { try store.backup(to: path("no/such/place")) }
        try store.close()
    }

    @Test("with writers and compaction at work it shows one moment, not before the call")
    func concurrent() throws {
        let store = try store()
        let isDone = Atomic<Bool>(false)
        let acknowledged = (0..<3).map { _ in Counter() }
        let failures = Counter()
        let threads = try (0..<3).map { writer in
            try ServiceThread.start(name: "writer") {
                var round: UInt64 = 0
                while !isDone.load(ordering: .acquiring) {
                    round += 1
                    do {
                        // The first of the pair is never behind the second, nor two ahead.
                        for part in ["first", "second"] {
                            let bytes = sampleBytes(200, salt: round) + number(round)
                            try store.put(Key("\(part) \(writer)"), bytes)
                        }
                        acknowledged[writer].set(round)
                    } catch {
                        failures.set(1)
                        return
                    }
                }
            }
        }
        for backup in 0..<scaled("CAIRN_STRESS", ordinary: 40, quick: 12) {
            let floor = acknowledged.map(\.value)
            try store.backup(
                to: path("backup"), options: BackupOptions(sharesBytes: backup % 2 == 0))
            let reader = try Store.open(
                at: path("backup"), options: StoreOptions(access: .readOnly))
            #expect(reader.findings == [])
            for writer in 0..<3 {
                let first = round(try reader.get(Key("first \(writer)"))?.bytes)
                let second = round(try reader.get(Key("second \(writer)"))?.bytes)
                #expect(second >= floor[writer])
                #expect(first == second || first == second + 1)
            }
            try reader.close()
        }
        isDone.store(true, ordering: .releasing)
        for thread in threads { thread.join() }
        #expect(failures.value == 0)
        let compaction = store.statistics().compaction
        #expect(compaction.compactionCount > 0)
        try store.close()
        print("backups beside \(acknowledged.map(\.value)) rounds; \(compaction)")
    }

    private func number(_ round: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: round >> ($0 * 8)) }
    }

    private func round(_ bytes: [UInt8]?) -> UInt64 {
        (bytes ?? [0, 0, 0, 0, 0, 0, 0, 0]).suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

private final class Counter: Sendable {
    private let cell = Atomic<UInt64>(0)

    var value: UInt64 { cell.load(ordering: .acquiring) }

    func set(_ value: UInt64) { cell.store(value, ordering: .releasing) }
}
