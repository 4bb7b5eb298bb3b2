// CrashSurvey — what lies on the disk between two lives, for the coverage marks.
//
// Looks at the files from outside, before and after an opening: which tails were torn, which
// segments were sealed, recovered, empty, unlisted. Reads nothing through the engine.

internal import Cairn
internal import CairnFormat
internal import CairnSystem

/// The segments of a store as MANIFEST lists them.
struct CrashSurvey {
    let entries: [SegmentEntry]
    let names: [String]
    /// Files of compacted segments that are not listed.
    let compactedNames: [String]

    /// Nil when there is no readable MANIFEST, as in a store that is not made yet.
    init?(_ disk: SimulatedDisk) {
        guard let bytes = disk.bytes(of: StoreNames.manifest, in: .root),
            let manifest = try? Manifest(decoding: bytes.rawSpan)
        else { return nil }
        entries = manifest.entries
        names = disk.fileNames(in: .segments)
        let listed = Set(entries.map(\.id))
        compactedNames = names.filter { name in
            guard let file = SegmentFileName(parsing: name), file.kind == .segment,
                !listed.contains(file.id), let bytes = disk.bytes(of: name, in: .segments),
                let header = try? SegmentHeader(decoding: bytes.rawSpan)
            else { return false }
            return header.kind == .compacted
        }
    }

    /// Notes what `after`, the survey of the opened store, made of this one.
    func compare(_ after: CrashSurvey, _ disk: SimulatedDisk, _ marks: MarkBoard) {
        if entries.contains(where: { $0.state == .sealed }) { marks.hit(.sealedReopened) }
        if entries.contains(where: { $0.state == .recovered }) { marks.hit(.recoveredReopened) }
        let listed = Set(entries.map { SegmentFileName($0.id).description })
        if names.contains(where: { !listed.contains($0) && !after.names.contains($0) }) {
            marks.hit(.unlistedRemoved)
        }
        noteReplaced(after, disk, marks)
        noteHints(marks)
        let open = entries.filter { $0.state == .open }
        var sealedCount = 0
        var recoveredCount = 0
        for entry in open {
            guard let now = after.entries.first(where: { $0.id == entry.id }) else {
                if sealedCount > 0, entry.id == open.last?.id { marks.hit(.cutBeforeFirstRecord) }
                continue
            }
            sealedCount += now.state == .sealed ? 1 : 0
            recoveredCount += 1
            noteTail(now, disk, marks)
        }
        if recoveredCount > 1 { marks.hit(.twoOpen) }
    }

    private func noteReplaced(_ after: CrashSurvey, _ disk: SimulatedDisk, _ marks: MarkBoard) {
        let gone = Set(names).subtracting(after.names)
        for entry in entries where entry.state == .retired {
            if gone.contains(SegmentFileName(entry.id).description) { marks.hit(.retiredRemoved) }
        }
        if !gone.isDisjoint(with: compactedNames) { marks.hit(.outputRemoved) }
    }

    private func noteHints(_ marks: MarkBoard) {
        if names.contains(where: { $0.hasSuffix(".hint.tmp") }) { marks.hit(.hintLeftover) }
        let ended = entries.filter { $0.state == .sealed || $0.state == .recovered }
        if ended.contains(where: { !names.contains(SegmentFileName($0.id, .hint).description) }) {
            marks.hit(.hintMissing)
        }
    }

    private func noteTail(_ entry: SegmentEntry, _ disk: SimulatedDisk, _ marks: MarkBoard) {
        let name = SegmentFileName(entry.id).description
        guard let bytes = disk.bytes(of: name, in: .segments) else { return }
        let tail = bytes.dropFirst(Int(entry.logicalByteCount))
        if tail.isEmpty { return }
        marks.hit(tail.allSatisfy { $0 == 0 } ? .zeroTail : .tornTail)
    }
}
