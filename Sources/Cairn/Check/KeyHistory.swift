// KeyHistory — every physical version of a key: where it lies, whether it counts, when its bytes go.
//
// By the hints of ended segments, and by reading those that have none. The newest sequence counts,
// wherever it lies. Reads only, beside a writer too. One thread. Spec: Format.md, "Recovery", rule 9.

package import CairnFormat
internal import CairnSystem

/// A record of a key.
package struct PhysicalVersion: Equatable, Sendable {
    /// The segment.
    package let segmentID: UInt64
    /// Where it stands in the segment.
    package let offset: UInt64
    /// The sequence number of the record.
    package let sequence: UInt64
    /// Put, delete or composite.
    package let type: RecordType
    /// Of the whole record.
    package let recordByteCount: UInt64
    /// Of the value; nil for a delete, or where that cannot be read.
    package let valueByteCount: UInt64?
    /// Of a large blob.
    package let chunkCount: UInt32?
    /// Nanoseconds since 1970.
    package let expiry: UInt64?
    /// The key shows it.
    package internal(set) var isLive = false
    /// Why it is live or dead.
    package internal(set) var reason = ""
    /// When its bytes can be taken back.
    package internal(set) var reclaim = ""
    /// Not earlier, because it expires; nanoseconds since 1970.
    package internal(set) var reclaimTime: UInt64?
}

/// Looks for the versions of keys in one store.
package struct KeyHistory<S: Storage> {
    private let storage: S
    private let tuning: Tuning

    /// Reads the store behind `storage`; nothing is opened yet.
    package init(_ storage: S, tuning: Tuning = Tuning()) {
        self.storage = storage
        self.tuning = tuning
    }

    /// All versions of a key, the newest first; empty when there never was one, or all were compacted
    /// away.
    package func versions(of key: [UInt8]) throws(StoreError) -> [PhysicalVersion] {
        let files = StoreFiles(storage: storage, tuning: tuning)
        var manifest = try files.listed()
        let identity = try files.load(for: .readOnly).0
        for _ in 0..<Self.attemptMaximum {
            var hasVanished = false
            var versions = try self.versions(
                of: key, in: manifest, identity, &hasVanished)
            let newest = hasVanished ? try files.manifestNow(of: identity) : manifest
            if newest.generation == manifest.generation {
                versions.sort { ($0.sequence, $0.segmentID) > ($1.sequence, $1.segmentID) }
                judge(&versions)
                return versions
            }
            // A writer moved what was in it to another segment.
            manifest = newest
        }
        throw StoreError(
            .inUse,
            "the writer of the store in \(storage.location) changed the list of segments each time "
                + "it was read: try again")
    }

    private static var attemptMaximum: Int { 100 }

    private func versions(
        of key: [UInt8], in manifest: Manifest, _ identity: StoreIdentity,
        _ hasVanished: inout Bool
    ) throws(StoreError) -> [PhysicalVersion] {
        let hasher = KeyHasher(
            key: SipHashKey(first: identity.hashKeyFirst, second: identity.hashKeySecond),
            mask: tuning.hashMask)
        let hash = hasher.hash(.put, key.rawSpan)
        var versions: [PhysicalVersion] = []
        for entry in manifest.entries where entry.state != .retired {
            do throws(FileError) {
                let found = try self.versions(
                    of: key, hash, in: entry, uuid: identity.uuid(ofSegment: entry.id))
                if let found { versions += found } else { hasVanished = true }
            } catch {
                throw StoreError(error, doing: "reading segment \(SegmentFileName(entry.id))")
            }
        }
        return versions
    }

    /// Nil: the segment has no file.
    private func versions(
        of key: [UInt8], _ hash: Hash128, in entry: SegmentEntry, uuid: StoreUUID
    ) throws(FileError) -> [PhysicalVersion]? {
        let name = SegmentFileName(entry.id).description
        guard let file = try storage.open(name, in: .segments, writable: false) else { return nil }
        defer { storage.close(file) }
        if entry.state != .open,
            let witness = try HintWitness(of: entry, uuid: uuid, storage),
            let rows = witness.rows(hash)
        {
            var found: [PhysicalVersion] = []
            for row in rows {
                let limit = row.offset + UInt64(row.recordByteCount)
                found += try walk(file, entry, from: row.offset, to: limit, key)
            }
            return found
        }
        let byteCount = try storage.byteCount(of: file)
        let limit = entry.state == .open ? byteCount : min(byteCount, entry.logicalByteCount)
        return try walk(file, entry, from: UInt64(SegmentHeader.byteCount), to: limit, key)
    }

    private func walk(
        _ file: FileHandle, _ entry: SegmentEntry, from start: UInt64, to limit: UInt64,
        _ key: [UInt8]
    ) throws(FileError) -> [PhysicalVersion] {
        var walk = SegmentWalk(
            storage: storage, file: file, limit: limit,
            seed: SegmentSeed(salt: entry.salt, segmentID: entry.id), step: tuning.scanByteCount,
            verifiesPayloads: false, from: start)
        var found: [PhysicalVersion] = []
        while let step = try walk.next() {
            guard case .record(let record) = step, record.header.keyByteCount == key.count,
                record.header.type != .chunk, try walk.key(of: record) == key
            else { continue }
            let isDelete = record.header.type == .delete
            let composite = record.composite
            let isUnreadable = isDelete || record.header.type == .composite && composite == nil
            found.append(
                PhysicalVersion(
                    segmentID: entry.id, offset: record.offset, sequence: record.header.sequence,
                    type: record.header.type,
                    recordByteCount: UInt64(record.header.recordByteCount),
                    valueByteCount: isUnreadable
                        ? nil : composite?.totalByteCount ?? UInt64(record.header.rawByteCount),
                    chunkCount: composite?.chunkCount,
                    expiry: try walk.metadata(of: record).expiry))
        }
        return found
    }

    private func judge(_ versions: inout [PhysicalVersion]) {
        guard let newest = versions.first else { return }
        let now = storage.wallClock()
        for place in versions.indices {
            let version = versions[place]
            if version.sequence == newest.sequence {
                judgeNewest(&versions[place], isFirst: place == 0, now, older: versions.dropFirst())
            } else {
                versions[place].reason =
                    "superseded by version \(newest.sequence) in segment "
                    + SegmentFileName(newest.segmentID).description
                versions[place].reclaim = "when its segment is compacted"
            }
        }
    }

    private func judgeNewest(
        _ version: inout PhysicalVersion, isFirst: Bool, _ now: UInt64,
        older: ArraySlice<PhysicalVersion>
    ) {
        guard isFirst else {
            version.reason = "a copy of the newest version, left by a compaction"
            version.reclaim = "when its segment is compacted"
            return
        }
        let places = Set(older.filter { $0.type != .delete }.map(\.segmentID)).sorted()
        let names = places.map { SegmentFileName($0).description }.joined(separator: ", ")
        if version.type == .delete {
            version.reason = "the key was removed"
            version.reclaim =
                places.isEmpty
                ? "when its segment is compacted: no older version remains"
                : "after the older versions in \(names) are gone"
        } else if let expiry = version.expiry, expiry <= now {
            version.reason = "expired"
            version.reclaim =
                "when its segment is compacted while the wall clock is trusted"
                + (places.isEmpty ? "" : ", but for a delete until those in \(names) are gone")
            version.reclaimTime = ExpiryClock.destroyable(expiry)
        } else {
            version.isLive = true
            version.reason = "the newest version"
            version.reclaim = "after it was overwritten or removed"
        }
    }
}
