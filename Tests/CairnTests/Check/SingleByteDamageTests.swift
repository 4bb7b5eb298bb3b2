// Every single damaged byte of a store is found and named, or said to be free: 500 at random, over a
// store with sealed, recovered and open segments, batches, blocked and chunked blobs, and hints.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Check: single damaged bytes")
struct SingleByteDamageTests {
    /// What stands at a place of the undamaged store, read from its bytes alone.
    private enum Place {
        case file
        case segmentHeader
        case hint
        case record(range: Range<Int>, type: RecordType, key: [UInt8]?)
        case free
        case tail
    }

    private let rot: CrashRot
    private let owners: [UInt64: [UInt8]]
    private let entries: [SegmentEntry]

    init() throws {
        rot = try CrashRot()
        let bytes = try #require(rot.disk.bytes(of: "MANIFEST", in: .root))
        entries = try Manifest(decoding: bytes.rawSpan).entries
        var newest: [UInt64: (sequence: UInt64, key: [UInt8])] = [:]
        for entry in entries {
            for record in Self.records(of: entry, rot.disk) where record.header.type == .composite {
                let payload = record.bytes.rawSpan.extracting(record.header.payloadRange)
                let composite = try Composite(decoding: payload)
                let sequence = record.header.sequence
                if newest[composite.blobID].map({ $0.sequence > sequence }) ?? false { continue }
                newest[composite.blobID] = (sequence, Array(record.bytes[record.header.keyRange]))
            }
        }
        owners = newest.mapValues(\.key)
    }

    private struct Record {
        let offset: Int
        let header: RecordHeader
        let bytes: [UInt8]
    }

    private static func records(of entry: SegmentEntry, _ disk: SimulatedDisk) -> [Record] {
        let name = SegmentFileName(entry.id).description
        let bytes = disk.bytes(of: name, in: .segments) ?? []
        let end = entry.state == .open ? bytes.count : Int(entry.logicalByteCount)
        var records: [Record] = []
        var offset = SegmentHeader.byteCount
        while offset < end,
            let header = try? RecordHeader(decoding: bytes.rawSpan, at: offset)
        {
            let range = offset..<offset + header.recordByteCount
            records.append(Record(offset: offset, header: header, bytes: Array(bytes[range])))
            offset = range.upperBound
        }
        return records
    }

    private func place(_ offset: Int, of name: String) throws -> Place {
        guard let file = SegmentFileName(parsing: name) else { return .file }
        if file.kind == .hint { return .hint }
        if offset < 68 { return .segmentHeader }
        if offset < SegmentHeader.byteCount { return .free }
        let entry = try #require(entries.first { $0.id == file.id })
        for record in Self.records(of: entry, rot.disk) {
            let range = record.offset..<record.offset + record.bytes.count
            guard range.contains(offset) else { continue }
            let header = record.header
            if offset >= record.offset + header.unpaddedByteCount { return .free }
            let stored = Array(record.bytes[header.keyRange])
            var key: [UInt8]? = stored
            if header.type == .chunk {
                key = owners[try ChunkKey(decoding: stored.rawSpan).blobID]
            }
            return .record(
                range: range, type: header.type, key: header.keyByteCount > 0 ? key : nil)
        }
        return entry.state == .open ? .tail : .free
    }

    private func findings(
        _ disk: SimulatedDisk, isDeep: Bool = true
    ) throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        let check = StoreCheck(disk, isDeep: isDeep, tuning: rot.tuning) { findings.append($0) }
        let summary = try check.run()
        #expect(summary.noteCount + summary.damageCount == findings.count)
        #expect(disk.openHandleCount == 0)
        return findings
    }

    /// Why the findings do not fit the damage; nil when they do.
    private func objection(
        _ findings: [CheckFinding], _ place: Place, at offset: Int, of name: String
    ) -> String? {
        let id = SegmentFileName(parsing: name)?.id
        let here = findings.filter { $0.file.hasSuffix(name) }
        func covers(_ finding: CheckFinding) -> Bool {
            let start = finding.offset ?? .max
            return start <= UInt64(offset) && UInt64(offset) < start + (finding.byteCount ?? 1)
        }
        switch place {
        case .file:
            let found = here.contains { $0.severity == .damage && $0.offset == UInt64(offset) }
            return found ? nil : "the file's byte is not named"
        case .segmentHeader:
            let found = here.contains { $0.kind == .segmentHeader && $0.segmentID == id }
            return found ? nil : "the header is not named"
        case .hint:
            let found = here.contains { $0.kind == .hint && $0.segmentID == id }
            return found ? nil : "the hint is not named"
        case .free:
            let found = here.contains { $0.kind == .freeByte && covers($0) }
            let isQuiet = findings.allSatisfy { $0.severity == .note }
            return found && isQuiet ? nil : "the byte is not said to be free"
        case .tail:
            return here.contains { $0.kind == .tail && covers($0) } ? nil : "the tail is not named"
        case .record(_, let type, let key):
            let named = here.filter { $0.segmentID == id && $0.type == type && covers($0) }
            if named.isEmpty { return "the \(type) is not named" }
            if named.contains(where: { $0.key != key }) { return "another key is named" }
            return findings.contains { $0.key != nil && $0.key != key } ? "a key is accused" : nil
        }
    }

    @Test("the store is the one that is meant, and has no damage of its own")
    func subject() throws {
        #expect(rot.segmentStates == [.open, .sealed, .recovered])
        #expect(rot.recordTypes == Set(RecordType.allCases))
        #expect(rot.hasBatch && rot.hasBlocks)
        #expect(rot.files.contains { $0.name.hasSuffix(".hint") })
        for isDeep in [false, true] {
            let own = try findings(SimulatedDisk(copying: rot.disk), isDeep: isDeep)
            #expect(own.allSatisfy { $0.severity == .note }, "\(own)")
        }
    }

    @Test("500 damaged bytes: each is found, with its segment and key, or said to be free")
    func random() throws {
        var random = TestRandom.reported("single damaged bytes")
        let baseline = try findings(SimulatedDisk(copying: rot.disk))
        var seen: Set<String> = []
        // A run that never met one of them would have shown little.
        let wanted: Set = [
            "file", "segmentHeader", "hint", "free", "put", "chunk", "composite", "delete", "seal",
        ]
        for count in 0..<5000 {
            if count >= 500, seen.isSuperset(of: wanted) { break }
            let file = rot.files[random.below(rot.files.count)]
            let byteCount = Int(file.byteCount)
            var offset = random.below(byteCount)
            // Most of a small segment is the header's block.
            if file.name.hasSuffix(".seg"), random.chance(9, in: 10), byteCount > 4096 {
                offset = 4096 + random.below(byteCount - 4096)
            } else if file.name.hasSuffix(".seg"), random.coin() {
                offset = random.below(68)
            }
            let bits = UInt8(1 + random.below(255))
            let disk = rot.copy(turning: bits, at: offset, of: file.name, in: file.directory)
            let new = try findings(disk).filter { !baseline.contains($0) }
            let place = try place(offset, of: file.name)
            seen.insert("\(place)".prefix { $0 != "(" }.description)
            if case .record(_, let type, _) = place { seen.insert("\(type)") }
            if let objection = objection(new, place, at: offset, of: file.name) {
                Issue.record("\(file.name) at \(offset) ^ \(bits), \(place): \(objection): \(new)")
            }
        }
        #expect(seen.isSuperset(of: wanted))
    }
}
