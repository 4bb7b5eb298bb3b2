// StoreRepair — puts a damaged store right as far as that can be done without guessing.
//
// Nothing is destroyed: what is replaced goes to quarantine. STORE and MANIFEST come back where one byte
// was changed; a MANIFEST that is beyond that is made from the segments. Damaged segments are
// rewritten without what is lost, one at a time: the new file is durable, then one replacement of
// MANIFEST commits, then the old file goes to quarantine. Each step may be cut by a crash; opening
// settles it, and a repair can be repeated. The caller holds the store's lock. Hints are made again
// by the next opening for writing. Spec: Engine.md, "The rules of order"; Operations.md, "fsck".

internal import CairnFormat
internal import CairnSystem

/// One thing that a repair did, or could not do.
package struct RepairStep: Equatable, Sendable {
    /// What kind of thing.
    package enum Kind: String, Sendable, CaseIterable {
        /// A file went to quarantine.
        case moved
        /// STORE, MANIFEST or a segment was written anew.
        case written
        /// A record is gone; its key has no blob any more, or its blob lacks a chunk.
        case lost
        /// Damage that is left.
        case left
    }

    /// What kind of thing.
    package let kind: Kind
    /// The file concerned, as a path in the store.
    package let file: String
    /// Of the record that is lost.
    package var key: [UInt8]?
    /// Of the record that is lost.
    package var sequence: UInt64?
    /// What was done, in a few words.
    package let what: String
}

/// A repair of one store, after a check of it.
package final class StoreRepair<S: Storage> {
    private let storage: S
    private let tuning: Tuning
    private let acceptsLoss: Bool
    private let report: (RepairStep) -> Void

    /// A repair of the store behind `storage`; `report` is called with every step as it is done.
    /// `acceptsLoss`: records that nobody can name and segments without a file are given up.
    package init(
        _ storage: S, acceptsLoss: Bool = false, tuning: Tuning = Tuning(),
        report: @escaping (RepairStep) -> Void
    ) {
        self.storage = storage
        self.acceptsLoss = acceptsLoss
        self.tuning = tuning
        self.report = report
    }

    /// Repairs what a deep check found. Throws when the disk refuses; what was done stays done.
    package func run(_ findings: [CheckFinding]) throws(StoreError) {
        let damage = findings.filter { $0.severity == .damage }
        do throws(FileError) {
            guard let identity = try repairStore(damage) else { return }
            if identity.isBackup {
                return tell(
                    .left, StoreNames.segments,
                    "are those of a backup: remove what is damaged and make the "
                        + "backup again, or restore it and repair the store")
            }
            guard var manifest = try repairManifest(damage, identity) else { return }
            // Hints are witnesses until their segments are put right.
            try rewrite(damage, identity, &manifest)
            try moveHints(damage)
        } catch {
            throw StoreError(error, doing: "repairing the store")
        }
    }

    private func tell(_ kind: RepairStep.Kind, _ file: String, _ what: String) {
        report(RepairStep(kind: kind, file: file, what: what))
    }

    // MARK: STORE and MANIFEST

    private func repairStore(_ damage: [CheckFinding]) throws(FileError) -> StoreIdentity? {
        let name = StoreNames.identity
        let bytes = try storage.contents(
            of: name, in: .root, byteCountMaximum: StoreIdentity.byteCountMaximum)
        if let bytes, let identity = try? StoreIdentity(decoding: bytes.rawSpan) { return identity }
        guard let bytes, let mended = Mending.file(bytes)?.bytes,
            let identity = try? StoreIdentity(decoding: mended.rawSpan)
        else {
            tell(.left, name, "cannot be made again: restore it from a backup")
            return nil
        }
        try replace(name, bytes, with: mended)
        tell(.written, name, "one byte was put back")
        return identity
    }

    private func repairManifest(
        _ damage: [CheckFinding], _ identity: StoreIdentity
    ) throws(FileError) -> Manifest? {
        let name = StoreNames.manifest
        let bytes = try storage.contents(
            of: name, in: .root, byteCountMaximum: Manifest.byteCountMaximum)
        if let bytes, let manifest = try? Manifest(decoding: bytes.rawSpan),
            identity.owns(manifestOf: manifest.uuid)
        {
            return manifest
        }
        if let bytes, let mended = Mending.file(bytes)?.bytes,
            let manifest = try? Manifest(decoding: mended.rawSpan),
            identity.owns(manifestOf: manifest.uuid)
        {
            try replace(name, bytes, with: mended)
            tell(.written, name, "one byte was put back")
            return manifest
        }
        guard
            let manifest = try ManifestDraft(
                storage, tuning, identity: identity, isRepair: true
            ).make()
        else {
            tell(.left, name, "cannot be made again: restore it from a backup")
            return nil
        }
        try replace(name, bytes, with: manifest.encoded())
        tell(.written, name, "was made from \(counted(manifest.entries.count, "segment"))")
        return manifest
    }

    /// The old bytes go to quarantine first.
    private func replace(
        _ name: String, _ old: [UInt8]?, with new: [UInt8]
    ) throws(FileError) {
        if let old {
            let place = try storage.freeName(name, in: .quarantine)
            let file = try storage.create(place, in: .quarantine)
            defer { storage.close(file) }
            try storage.write(file, old.rawSpan, at: 0)
            try storage.synchronize(file)
            try storage.synchronize(.quarantine)
            tell(.moved, name, "as it was is in quarantine as \(place)")
        }
        do throws(ReplaceFailure) {
            try storage.replace(name, with: new.rawSpan)
        } catch {
            throw error.fileError
        }
    }

    // MARK: Hints and segments

    private func moveHints(_ damage: [CheckFinding]) throws(FileError) {
        for finding in damage where finding.kind == .hint {
            guard let id = finding.segmentID else { continue }
            try move(SegmentFileName(id, .hint).description)
        }
    }

    private func move(_ name: String) throws(FileError) {
        guard let file = try storage.open(name, in: .segments, writable: false) else { return }
        storage.close(file)
        let place = try storage.freeName(name, in: .quarantine)
        try storage.rename(name, in: .segments, to: place, in: .quarantine)
        try storage.synchronize(.quarantine)
        try storage.synchronize(.segments)
        tell(.moved, "segments/\(name)", "is in quarantine as \(place)")
    }

    private func rewrite(
        _ damage: [CheckFinding], _ identity: StoreIdentity, _ manifest: inout Manifest
    ) throws(FileError) {
        let kinds: Set<CheckFinding.Kind> = [
            .record, .payload, .span, .segmentHeader, .seal, .shortSegment, .missingSegment,
        ]
        let missing = Set(damage.filter { $0.kind == .missingSegment }.compactMap(\.segmentID))
        let damaged = Set(damage.filter { kinds.contains($0.kind) }.compactMap(\.segmentID))
        for entry in manifest.entries where damaged.contains(entry.id) {
            let name = "segments/\(SegmentFileName(entry.id))"
            guard entry.state == .sealed || entry.state == .recovered else {
                tell(.left, name, "was not ended: --accept-loss gives up what the damage hides")
                continue
            }
            if missing.contains(entry.id), !acceptsLoss {
                tell(.left, name, "has no file: put it back, or give it up with --accept-loss")
                continue
            }
            var rewrite = SegmentRewrite(
                storage: storage, tuning: tuning, identity: identity, entry: entry,
                newID: try freeSegmentID(manifest), sealSequence: manifest.sequenceCeiling,
                acceptsLoss: acceptsLoss)
            switch try rewrite.run() {
            case .unnamed(let span):
                tell(.left, name, unnamedRecords(in: span) + ": --accept-loss gives them up")
            case .rewritten(let new, let lost, let unnamed):
                try commit(new, insteadOf: entry, lost, &manifest)
                for span in unnamed { tell(.lost, name, unnamedRecords(in: span)) }
                try setAside(entry)
            }
        }
    }

    private func unnamedRecords(in span: Range<UInt64>) -> String {
        "\(counted(span.count, "byte")) at \(span.lowerBound), with records that nobody can name"
    }

    /// Past every file, too: a repair that was cut short may have left one.
    private func freeSegmentID(_ manifest: Manifest) throws(FileError) -> UInt64 {
        let limit = manifest.nextSegmentID + 1 << 20
        let ids = try storage.names(in: .segments).compactMap { SegmentFileName(parsing: $0)?.id }
        return max(manifest.nextSegmentID, (ids.filter { $0 < limit }.max() ?? 0) + 1)
    }

    private func commit(
        _ new: SegmentEntry, insteadOf old: SegmentEntry, _ lost: [LostRecord],
        _ manifest: inout Manifest
    ) throws(FileError) {
        manifest.entries.removeAll { $0.id == old.id }
        manifest.entries.append(new)
        manifest.nextSegmentID = new.id + 1
        manifest.sequenceCeiling += 1
        manifest.generation += 1
        do throws(ReplaceFailure) {
            try storage.replace(StoreNames.manifest, with: manifest.encoded().rawSpan)
        } catch {
            throw error.fileError
        }
        tell(
            .written, "segments/\(SegmentFileName(new.id))",
            "holds the good records of \(SegmentFileName(old.id))")
        for record in lost {
            report(
                RepairStep(
                    kind: .lost, file: "segments/\(SegmentFileName(old.id))", key: record.key,
                    sequence: record.sequence,
                    what: "the \(record.type) at \(record.offset) is lost"
                        + (record.blobID.map { ", of blob \($0)" } ?? "")))
        }
    }

    private func setAside(_ old: SegmentEntry) throws(FileError) {
        try move(SegmentFileName(old.id).description)
        try move(SegmentFileName(old.id, .hint).description)
    }
}
