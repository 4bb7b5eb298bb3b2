// Bad input: segment files that are missing, short, foreign, renamed, duplicated or newer.
//
// The store opens for reading only, says which segment and what to do, and touches nothing. With
// `acceptLoss` it opens for writing again, without what is lost.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Bad input: segments")
struct BadSegmentTests {
    private let directory: StoreTestDirectory
    /// A sealed segment in the middle, and another.
    private let victim: String
    private let other: String

    init() throws {
        directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        for number in 0..<60 { try store.put(.numbered(number), sampleBytes(500)) }
        try store.close()
        let segments = try directory.segments()
        victim = try #require(segments.dropFirst(2).first)
        other = try #require(segments.first)
    }

    private func open(acceptLoss: Bool = false) throws -> Store {
        try Store.open(
            at: directory.path, options: StoreOptions(acceptLoss: acceptLoss), tuning: .small)
    }

    private var victimName: String { String(victim.dropFirst("segments/".count)) }

    /// The store serves what it can, takes no writes, and the disk stays as it is; `acceptLoss`
    /// makes it writable. Returns how many blobs are left then.
    private func expectDegraded(
        finding words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Int {
        let before = try directory.contents()
        let store = try open()
        #expect(
            store.findings.contains { line in
                line.contains(victimName) && words.allSatisfy { line.contains($0) }
            }, "\(store.findings)", sourceLocation: sourceLocation)
        #expect(store.statistics().isReadOnly, sourceLocation: sourceLocation)
        let error = expectError(.readOnly, sourceLocation: sourceLocation) {
            try store.put("new", [1])
        }
        #expect(
            error?.message.contains("acceptLoss") == true, "\(String(describing: error))",
            sourceLocation: sourceLocation)
        var uncertainCount = 0
        for number in 0..<60 {
            do {
                #expect(
                    try store.get(.numbered(number))?.bytes == sampleBytes(500),
                    sourceLocation: sourceLocation)
            } catch {
                // Never absent: the lost segment may hold it.
                #expect(
                    error.kind == .uncertain || error.kind == .damaged, "\(error)",
                    sourceLocation: sourceLocation)
                uncertainCount += 1
            }
        }
        #expect(uncertainCount > 0 && uncertainCount < 60, sourceLocation: sourceLocation)
        expectError(.uncertain, naming: victimName, sourceLocation: sourceLocation) {
            _ = try store.get("nobody")
        }
        try store.close()
        #expect(try directory.contents() == before, sourceLocation: sourceLocation)
        return try afterAcceptedLoss(sourceLocation)
    }

    private func afterAcceptedLoss(_ sourceLocation: SourceLocation) throws -> Int {
        let store = try open(acceptLoss: true)
        try store.put("new", [1])
        #expect(try store.get("nobody") == nil, sourceLocation: sourceLocation)
        try store.close()
        let again = try open()
        #expect(
            again.findings.allSatisfy { !$0.contains("missing") }, "\(again.findings)",
            sourceLocation: sourceLocation)
        #expect(try again.get("new")?.bytes == [1], sourceLocation: sourceLocation)
        var count = 0
        for number in 0..<60 {
            guard let blob = try again.get(.numbered(number)) else { continue }
            #expect(blob.bytes == sampleBytes(500), sourceLocation: sourceLocation)
            count += 1
        }
        try again.close()
        return count
    }

    @Test("a loss that is accepted is counted: of one segment as one")
    func countedLoss() throws {
        try directory.remove(victim)
        let store = try open(acceptLoss: true)
        #expect(store.findings.contains("1 segment left the list for ever"), "\(store.findings)")
        try store.close()
    }

    @Test("a missing segment")
    func missing() throws {
        try directory.remove(victim)
        let left = try expectDegraded(finding: "missing")
        #expect(left > 30 && left < 60)
    }

    @Test("a segment that was cut short: what stands before the cut stays")
    func truncated() throws {
        let whole = try directory.bytes(of: victim)
        try directory.replace(victim, Array(whole.prefix(whole.count - 1500)))
        let left = try expectDegraded()
        #expect(left >= 55 && left < 60)
    }

    @Test("a segment of no length, or cut inside its header", arguments: [0, 64, 4095])
    func empty(byteCount: Int) throws {
        try directory.edit(victim) { $0 = Array($0.prefix(byteCount)) }
        let left = try expectDegraded()
        #expect(left > 30 && left < 60)
    }

    @Test("the file of another store under a listed name counts as missing and is kept")
    func foreign() throws {
        let foreign = try StoreTestDirectory()
        let store = try Store.open(at: foreign.path, options: StoreOptions(), tuning: .small)
        for number in 0..<60 { try store.put(.numbered(number), sampleBytes(500, salt: 2)) }
        try store.close()
        try directory.replace(victim, try foreign.bytes(of: victim))
        let left = try expectDegraded(finding: "another store")
        #expect(left > 30 && left < 60)
        #expect(try directory.bytes(of: victim) == foreign.bytes(of: victim))
    }

    @Test("another segment's file under a listed name counts as missing")
    func replacedByAnother() throws {
        try directory.copy(other, to: victim)
        _ = try expectDegraded(finding: "another segment")
    }

    @Test("a segment under another name is missing where it is listed")
    func renamed() throws {
        let moved = "segments/\(SegmentFileName(0xabcd))"
        let bytes = try directory.bytes(of: victim)
        try directory.move(victim, to: moved)
        _ = try expectDegraded(finding: "missing")
        #expect(try directory.bytes(of: "quarantine/\(SegmentFileName(0xabcd))") == bytes)
    }

    @Test("a duplicate under an unlisted name goes to quarantine; nothing is lost")
    func duplicated() throws {
        let copy = "\(SegmentFileName(0xabcd))"
        let bytes = try directory.bytes(of: victim)
        try directory.copy(victim, to: "segments/\(copy)")
        try expectWhole(finding: copy, "quarantine")
        #expect(try directory.bytes(of: "quarantine/\(copy)") == bytes)
        // The next id is beyond the name that was seen: no name is given twice.
        let ids = try directory.segments().compactMap {
            SegmentFileName(parsing: String($0.dropFirst("segments/".count)))?.id
        }
        #expect(ids.allSatisfy { $0 != 0xabcd })
        #expect(ids.contains { $0 > 0xabcd })
    }

    @Test("an unlisted segment of another store is left alone")
    func unlistedForeign() throws {
        let foreign = try StoreTestDirectory()
        let store = try Store.open(at: foreign.path)
        try store.put("key", [1])
        try store.close()
        let name = "\(SegmentFileName(0xffff))"
        let bytes = try foreign.bytes(of: try #require(try foreign.segments().first))
        try directory.replace("segments/\(name)", bytes)
        try expectWhole(finding: name, "another store", "left alone")
        #expect(try directory.bytes(of: "segments/\(name)") == bytes)
    }

    @Test("an unlisted file without a record goes; one that is no segment goes to quarantine")
    func unlisted() throws {
        let zeros = "segments/\(SegmentFileName(0x100))"
        let text = "segments/\(SegmentFileName(0x101))"
        let empty = "segments/\(SegmentFileName(0x102))"
        try directory.replace(zeros, [UInt8](repeating: 0, count: 9000))
        try directory.replace(text, Array("these are no records".utf8))
        try directory.replace(empty, [])
        try expectWhole(finding: "\(SegmentFileName(0x101))", "quarantine")
        let files = try directory.files()
        #expect(!files.contains(zeros) && !files.contains(text) && !files.contains(empty))
        #expect(files.contains("quarantine/\(SegmentFileName(0x101))"))
    }

    @Test("a segment of a newer version, or with an unknown feature, is refused")
    func newer() throws {
        let sound = try directory.bytes(of: victim)
        for (offset, value, word) in [(8, UInt32(9), "version 9"), (12, 1 << 3, "feature")] {
            try directory.replace(victim, sound)
            try directory.edit(victim) { bytes in
                bytes.store(value, at: offset)
                bytes.repairSegmentHeaderChecksum()
            }
            let before = try directory.contents()
            for acceptLoss in [false, true] {
                expectError(.unsupportedVersion, naming: victimName, word, "newer program") {
                    try open(acceptLoss: acceptLoss).close()
                }
            }
            #expect(try directory.contents() == before)
        }
        try directory.replace(victim, sound)
        try directory.copy(victim, to: "segments/\(SegmentFileName(0x777))")
        try directory.edit("segments/\(SegmentFileName(0x777))") { bytes in
            bytes.store(9, at: 8)
            bytes.repairSegmentHeaderChecksum()
        }
        try expectWhole(finding: "\(SegmentFileName(0x777))", "left alone")
    }

    @Test("a damaged header costs nothing: the manifest repeats what it says")
    func damagedHeader() throws {
        try directory.edit(victim) { $0[20] ^= 1 }
        try expectWhole(finding: victimName, "damaged header")
    }

    @Test("one flipped bit in a value damages that blob alone, and a new put heals it")
    func flipped() throws {
        try directory.edit(victim) { $0[4096 + 300] ^= 1 }
        let store = try open()
        var damaged: [Int] = []
        for number in 0..<60 {
            do {
                #expect(try store.get(.numbered(number))?.bytes == sampleBytes(500))
            } catch {
                #expect(error.kind == .damaged && error.message.contains(victimName), "\(error)")
                #expect(error.segmentID != nil && error.offset == 4096)
                damaged.append(number)
            }
        }
        #expect(damaged.count == 1)
        let key = Key.numbered(try #require(damaged.first))
        // Its header is intact, so conditions can be decided.
        expectError(.conditionFailed) {
            try store.put(key, [1], WriteOptions(condition: .absent))
        }
        try store.put(key, [1], WriteOptions(condition: .present))
        #expect(try store.get(key)?.bytes == [1])
        try store.close()
    }

    @Test(
        "of a record without an intact header no condition is decided; a put without one heals it")
    func undecidable() throws {
        try directory.edit(victim) { $0[4096 + 9] ^= 1 }
        let store = try open()
        let key = try #require(
            (0..<60).map { Key.numbered($0) }.first { key in
                (try? storeError { _ = try store.get(key) })?.kind == .damaged
            })
        for condition in [Condition.absent, .present, .matches(Version(sequence: 1))] {
            expectError(.damaged, naming: "unconditional") {
                try store.put(key, [1], WriteOptions(condition: condition))
            }
            expectError(.damaged, naming: "unconditional") {
                try store.delete(key, WriteOptions(condition: condition))
            }
        }
        try store.put(key, [1])
        #expect(try store.get(key)?.bytes == [1])
        try store.put(key, [2], WriteOptions(condition: .present))
        try store.close()
    }

    private func expectWhole(
        finding words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let store = try open()
        #expect(
            store.findings.contains { line in words.allSatisfy { line.contains($0) } },
            "\(store.findings)", sourceLocation: sourceLocation)
        #expect(!store.statistics().isReadOnly, sourceLocation: sourceLocation)
        for number in 0..<60 {
            #expect(
                try store.get(.numbered(number))?.bytes == sampleBytes(500),
                sourceLocation: sourceLocation)
        }
        try store.put("new", [1])
        try store.close()
    }
}
