// The next segment: made ahead of need, listed in a durable MANIFEST before its first record.
//
// Order: file, header, sync of the file, sync of `segments/`, MANIFEST; only then may it take records. It is
// made under the making lock, by the worker beside the writers or by a writer that needs it, and becomes
// the active one under the lead. Spec: Engine.md, "Rotation".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Makes the next segment ahead of need: file, header, sync, directory sync, MANIFEST.
    /// The lead is not needed: the worker does it beside the writers.
    func prepareSpare() throws(StoreError) {
        if hasSpare { return }
        makingLock.lock()
        defer { makingLock.unlock() }
        if hasSpare { return }
        let spare = try makeSegment()
        lock.lock()
        state.spare = spare
        lock.unlock()
    }

    private var hasSpare: Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.spare != nil
    }

    private func makeSegment() throws(StoreError) -> SpareSegment {
        let id = manifest.takeSegmentID()
        let salt = storage.random()
        let header = SegmentHeader(
            uuid: identity.uuid, id: id, kind: .data, salt: salt, createdAt: storage.wallClock())
        let file = try createSegmentFile(id, header.encoded())
        let listed = SegmentEntry(id: id, state: .open, kind: .data, salt: salt)
        do {
            if !PlantedBug.segmentUsedBeforeListed.isPlanted {
                try updateManifest { $0.insert(listed) }
            }
        } catch {
            storage.close(file)
            // Its space is wanted, unless the manifest that lists it may be the durable one.
            if error.kind != .outcomeUnknown {
                discardFile(SegmentFileName(id).description)
            }
            throw error
        }
        return SpareSegment(id: id, salt: salt, file: file)
    }

    /// Creates the file, durably in its directory, with its header.
    private func createSegmentFile(
        _ id: UInt64, _ header: [UInt8]
    ) throws(StoreError) -> FileHandle {
        let name = SegmentFileName(id).description
        let file: FileHandle
        do {
            file = try segmentFiles.withDescriptors { () throws(FileError) in
                try storage.create(name, in: .segments)
            }
        } catch {
            noteFull(error)
            throw StoreError(error, doing: "making segment \(name)")
        }
        do {
            try storage.write(file, header.rawSpan, at: 0)
        } catch {
            storage.close(file)
            discardFile(name)
            noteFull(error)
            throw StoreError(error, doing: "writing the header of segment \(name)")
        }
        do {
            try storage.synchronize(file)
            if !PlantedBug.newSegmentNotInDirectory.isPlanted {
                try storage.synchronize(.segments)
            }
        } catch {
            storage.close(file)
            // Of the write that wants the segment nothing was appended, but it learns what every
            // later one does: the store must be opened again.
            throw failForGood(error)
        }
        return file
    }

    /// Removes a file that nobody lists. If that fails, the next opening does it.
    func discardFile(_ name: String) {
        do { try storage.unlink(name, in: .segments) } catch { return }
    }

    /// Makes the spare the active segment. Nothing is active. Waits for a piece of zeros that is
    /// being written to it.
    func activateSpare() {
        isSpareWanted.store(true, ordering: .relaxed)
        makingLock.lock()
        defer { makingLock.unlock() }
        isSpareWanted.store(false, ordering: .relaxed)
        lock.lock()
        defer { lock.unlock() }
        guard let spare = state.spare else {
            preconditionFailure("a segment is prepared before it is used")
        }
        let start = UInt64(SegmentHeader.byteCount)
        let ordinal = state.takeOrdinal(
            SegmentInfo(id: spare.id, salt: spare.salt, logicalByteCount: start, recordCount: 0))
        let seed = SegmentSeed(salt: spare.salt, segmentID: spare.id)
        state.spare = nil
        state.owesRing = true
        state.activationCount += 1
        state.keyBounds = KeyBounds()
        state.expiries = ExpiryTally()
        handles.add(
            spare.file.rawValue, flushedOffset: start, seed: seed.crc, segmentID: spare.id,
            for: ordinal)
        state.active = ActiveSegment(
            ordinal: ordinal, id: spare.id, salt: spare.salt, seed: seed, file: spare.file,
            byteCountTarget: state.segmentByteCountTarget(options),
            zeroedOffset: spare.zeroedOffset > start ? spare.zeroedOffset : 0)
        state.point = AppendPoint(
            isOpen: true, ordinal: ordinal, seed: seed,
            byteCountTarget: state.segmentByteCountTarget(options))
        state.beginBuffer(at: start)
        state.flushedOffset = start
        state.syncedOffset = start
    }
}

extension LogState {
    /// See `Tuning.segmentByteCount`.
    func segmentByteCountTarget(_ options: StoreOptions) -> UInt64 {
        tuning.segmentByteCount(ofLive: segments.reduce(0) { $0 + $1.liveByteCount }, options)
    }
}
