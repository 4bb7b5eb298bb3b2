// Examining: what a writer must know of the record that its key has now. Reads the old header and
// key, outside every lock; the append checks under the lock that nothing changed since.
//
// A key that is not there costs no read, any other one pread as a rule: the composite record of a
// large blob is small, too. Any thread that holds no lock; it enters a reader's section of its own,
// so what it returns are copies. Spec: Engine.md, "The write path".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Read of a record at first, which is header, key and metadata as a rule: an old record is cold, and
    /// each further cache line of it costs. With 512 a random overwrite of 1 KiB took 8 % longer.
    private static var examinedByteCount: Int { 128 }

    /// The present record of a key, or the other key that holds its hash. Who may not wait for the disk is
    /// told `wouldWait`, also of damage: only a read that may wait says that.
    func examine(
        _ hash: UInt64, _ key: RawSpan, mayWait: Bool = true
    ) throws(StoreError) -> Examined {
        var attempt = 0
        while true {
            segmentFiles.awaitDescriptors()
            do {
                return try examineInSection(hash, key, mayWait)
            } catch {
                guard !error.isOfWaiting,
                    segmentFiles.mayRepeat(after: error, attempt: &attempt)
                else { throw error }
            }
        }
    }

    private func examineInSection(
        _ hash: UInt64, _ key: RawSpan, _ mayWait: Bool
    ) throws(StoreError) -> Examined {
        let scratch = ReadScratch.take(mayWait: mayWait)
        defer { scratch.giveBack() }
        do {
            let examined = try examine(hash, key, scratch)
            if mayWait || examined.found?.isDamaged != true { return examined }
        } catch {
            if !scratch.hasMissed { throw error }
        }
        throw .wouldWait
    }

    private func examine(
        _ hash: UInt64, _ key: RawSpan, _ scratch: ReadScratch
    ) throws(StoreError) -> Examined {
        let token = readers.enter()
        defer { readers.leave(token) }
        var examined = Examined()
        examined.time = storage.wallClock()
        examined.slot = index.location(of: hash)
        examined.occupant = examined.slot
        if examined.slot == .overflow {
            examined.occupant = overflow.location(of: hash, key: key) ?? .empty
        }
        guard examined.occupant.isRecord else { return examined }
        var count = 0
        let location = examined.occupant
        examined.segmentID = handles.segmentID(of: location.segmentOrdinal)
        let wanted = Self.examinedByteCount
        switch try fetchFront(location, key: key, wanted: wanted, scratch, count: &count) {
        case .found(let header):
            examined.found = try found(header, location, key, scratch, count)
        case .other(let header):
            let record = scratch.record
            examined.otherKey = record.bytes(header.keyRange).copyBytes()
        case .damaged:
            // Nobody can tell whose it was. It counts as this key's, so that writing the blob
            // again, or deleting it, heals the store.
            examined.found = FoundRecord(
                sequence: 0, byteCount: location.byteCountBound,
                location: location, extent: nil, isDamaged: true)
        }
        return examined
    }

    private func found(
        _ header: RecordHeader, _ location: Location, _ key: RawSpan, _ scratch: ReadScratch,
        _ count: Int
    ) throws(StoreError) -> FoundRecord {
        var extent: BlobExtent?
        var isDamaged = false
        if header.type == .composite {
            do {
                let composite = try composite(of: header, location, key, scratch, count)
                extent = BlobExtent(
                    blobID: composite.blobID, chunkCount: UInt64(composite.chunkCount))
            } catch {
                guard error.kind == .damaged else { throw error }
                isDamaged = true
            }
        }
        var expiry: UInt64 = 0
        if header.metadataByteCount > 0 {
            let record = scratch.record
            // What cannot be read cannot be decided on.
            let metadata = try? RecordMetadata(decoding: record.bytes(header.metadataRange))
            if let metadata { expiry = metadata.expiry ?? 0 } else { isDamaged = true }
        }
        return FoundRecord(
            sequence: header.sequence, byteCount: header.recordByteCount,
            location: location, extent: extent, isDamaged: isDamaged, expiry: expiry)
    }
}
