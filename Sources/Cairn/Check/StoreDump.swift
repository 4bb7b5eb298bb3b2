// StoreDump — every record of a store, a segment or a hint, as it stands on disk.
//
// Reads only; believes a record's header when its checksum holds, and says which payloads do not. What
// is no record is told as a gap. Streams: nothing is kept. One thread. Spec: Format.md.

package import CairnFormat
internal import CairnSystem

/// A record, or what stands in the place of one.
package struct DumpedRecord: Sendable {
    /// The segment.
    package let segmentID: UInt64
    /// Where it stands in the segment.
    package let offset: UInt64
    /// Bytes of the whole record.
    package let byteCount: UInt64
    /// Nil: no intact record stands there.
    package let header: RecordHeader?
    /// The key of the record.
    package let key: [UInt8]
    /// The user's metadata.
    package let metadata: [UInt8]
    /// Nanoseconds since 1970.
    package let expiry: UInt64?
    /// The batch that it was written in.
    package let batch: BatchMembership?
    /// Of a composite record that is intact.
    package let composite: Composite?
    /// Of a chunk.
    package let chunk: ChunkKey?
    /// What is wrong with it; nil when nothing is.
    package let damage: String?
}

/// A row of a hint, with its key where the hint has it.
package struct DumpedRow: Sendable {
    /// What the hint says of the record.
    package let row: HintRow
    /// The key of the record.
    package let key: [UInt8]?
}

/// Reads what is to be dumped.
package struct StoreDump<S: Storage> {
    private let storage: S
    private let tuning: Tuning

    /// Reads the store behind `storage`; nothing is opened yet.
    package init(_ storage: S, tuning: Tuning = Tuning()) {
        self.storage = storage
        self.tuning = tuning
    }

    /// Every record of every listed segment, in the order in which they were written, until `body`
    /// answers false. A segment that has no file is told to `missing`, by its id, and passed over.
    package func store(
        _ body: (DumpedRecord) -> Bool, missing: (UInt64) -> Void
    ) throws(StoreError) {
        let files = StoreFiles(storage: storage, tuning: tuning)
        var seen: Set<UInt64> = []
        var isWhole = false
        while !isWhole {
            isWhole = true
            let entries = try files.listed().entries
            for entry in entries where entry.state != .retired && seen.insert(entry.id).inserted {
                do throws(StoreError) {
                    guard try dump(entry, body) else { return }
                } catch {
                    guard error.errno == 2 else { throw error }
                    // What a writer replaced lies in a segment that is listed by now.
                    if try isListed(entry, files) { missing(entry.id) } else { isWhole = false }
                }
            }
        }
    }

    private func isListed(
        _ entry: SegmentEntry, _ files: StoreFiles<S>
    ) throws(StoreError) -> Bool {
        try files.listed().entries.contains { $0.id == entry.id && $0.state != .retired }
    }

    private func dump(
        _ entry: SegmentEntry, _ body: (DumpedRecord) -> Bool
    ) throws(StoreError) -> Bool {
        let name = SegmentFileName(entry.id).description
        let end = entry.state == .open ? nil : entry.logicalByteCount
        return try segment(
            name, in: .segments, SegmentSeed(salt: entry.salt, segmentID: entry.id), entry.id,
            end: end, body)
    }

    /// Every record of a segment's file, by what its own header says.
    package func segment(
        _ name: String, in directory: StoreDirectory, _ body: (DumpedRecord) -> Bool
    ) throws(StoreError) {
        let bytes = try contents(name, directory, SegmentHeader.byteCount)
        let header: SegmentHeader
        do throws(FormatError) {
            header = try SegmentHeader(decoding: bytes.rawSpan)
        } catch {
            throw StoreError(.damaged, "\(name): \(error); dump the whole store instead")
        }
        _ = try segment(name, in: directory, header.seed, header.id, end: nil, body)
    }

    /// Every row of a hint's file.
    package func hint(
        _ name: String, in directory: StoreDirectory, _ body: (DumpedRow) -> Bool
    ) throws(StoreError) {
        let bytes = try contents(name, directory, Int(UInt32.max))
        do throws(FormatError) {
            let hint = try Hint(decoding: bytes.rawSpan)
            var keys: [Int: [UInt8]] = [:]
            let start: [UInt8] = []
            try hint.forEachKey(from: start.rawSpan) { key, number in
                keys[number] = key.copyBytes()
                return true
            }
            for number in 0..<hint.header.rowCount {
                let row = DumpedRow(row: try hint.row(number), key: keys[number])
                guard body(row) else { return }
            }
        } catch {
            throw StoreError(.damaged, "\(name): \(error)")
        }
    }

    /// Whether a file is a segment or a hint, by its first bytes; nil for anything else.
    package func kind(
        of name: String, in directory: StoreDirectory
    ) throws(StoreError) -> SegmentFileName.Kind? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try storage.contents(of: name, in: directory, byteCountMaximum: 8) ?? []
        } catch {
            throw StoreError(error, doing: "reading \(name)")
        }
        switch String(decoding: bytes, as: UTF8.self) {
        case "CairnSeg": return .segment
        case "CairnHnt": return .hint
        default: return nil
        }
    }

    private func contents(
        _ name: String, _ directory: StoreDirectory, _ byteCount: Int
    ) throws(StoreError) -> [UInt8] {
        do throws(FileError) {
            let bytes = try storage.contents(
                of: name, in: directory, byteCountMaximum: byteCount)
            guard let bytes else { throw FileError(.open, path: name, code: 2) }
            return bytes
        } catch {
            throw StoreError(error, doing: "reading \(name)")
        }
    }

    /// False when `body` wants no more.
    private func segment(
        _ name: String, in directory: StoreDirectory, _ seed: SegmentSeed, _ id: UInt64,
        end: UInt64?, _ body: (DumpedRecord) -> Bool
    ) throws(StoreError) -> Bool {
        do throws(FileError) {
            guard let file = try storage.open(name, in: directory, writable: false) else {
                throw FileError(.open, path: name, code: 2)
            }
            defer { storage.close(file) }
            let limit = min(try storage.byteCount(of: file), end ?? .max)
            var walk = SegmentWalk(
                storage: storage, file: file, limit: limit, seed: seed,
                step: tuning.scanByteCount, verifiesPayloads: true)
            while let step = try walk.next() {
                guard let record = try described(step, id, &walk) else { continue }
                guard body(record) else { return false }
            }
            return true
        } catch {
            throw StoreError(error, doing: "reading \(name)")
        }
    }

    private func described(
        _ step: SegmentWalk<S>.Step, _ id: UInt64, _ walk: inout SegmentWalk<S>
    ) throws(FileError) -> DumpedRecord? {
        switch step {
        case .record(let record):
            let metadata = try walk.metadata(of: record)
            let damage = record.isPayloadIntact ? nil : try walk.damagedPart(of: record).what
            return DumpedRecord(
                segmentID: id, offset: record.offset,
                byteCount: UInt64(record.header.recordByteCount), header: record.header,
                key: try walk.key(of: record), metadata: metadata.user, expiry: metadata.expiry,
                batch: record.batch, composite: record.composite, chunk: record.chunkKey,
                damage: damage)
        case .mended(let record):
            return DumpedRecord(
                segmentID: id, offset: record.offset,
                byteCount: UInt64(record.header.recordByteCount), header: record.header,
                key: record.key, metadata: [], expiry: nil, batch: nil, composite: nil, chunk: nil,
                damage: "byte \(record.offset + UInt64(record.place)) is wrong")
        case .gap(let span, let isZero):
            if isZero { return nil }
            return DumpedRecord(
                segmentID: id, offset: span.lowerBound, byteCount: UInt64(span.count), header: nil,
                key: [], metadata: [], expiry: nil, batch: nil, composite: nil, chunk: nil,
                damage: "no intact record")
        }
    }
}

extension StoreFiles {
    /// MANIFEST of a store that is only read; its directory is opened first.
    func listed() throws(StoreError) -> Manifest {
        do throws(FileError) {
            guard try storage.openDirectories(creating: false) else {
                throw FileError(.open, path: storage.location, code: 2)
            }
        } catch {
            if error.isMissing {
                throw StoreError(.noStore, "there is no store in \(storage.location)")
            }
            throw StoreError(error, doing: "opening the directory of the store")
        }
        return try load(for: .readOnly).1
    }
}
