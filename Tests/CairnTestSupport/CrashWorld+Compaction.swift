// CrashWorld+Compaction — compaction in the middle of everything: nothing visible may change by it.

internal import Cairn
internal import CairnFormat
internal import CairnSystem

extension CrashWorld {
    func compact(
        _ steps: Int, _ meanwhile: [CrashOperation], _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        note("compact, \(steps) steps")
        for step in 0..<steps {
            operationName = CrashMark.cutInCompaction.rawValue
            guard try compactOnce(engine), !disk.isDead else { break }
            if step < meanwhile.count { try perform(meanwhile[step]) }
        }
        noteCompaction(engine)
    }

    /// False when there was nothing to do, or it failed.
    private func compactOnce(_ engine: Engine<SimulatedDisk>) throws(CrashFailure) -> Bool {
        do {
            return try engine.compactionStep()
        } catch {
            try accept(error, doing: "compaction")
            return false
        }
    }

    /// Notes what compaction did since the last look.
    func noteCompaction(_ engine: Engine<SimulatedDisk>) {
        let statistics = engine.statistics()
        if statistics.isClockDoubted { marks.hit(.clockDoubted) }
        let now = statistics.compaction
        let before = compaction
        compaction = now
        if now == before { return }
        if now.compactionCount > before.compactionCount { marks.hit(.compacted) }
        if now.abandonedCount > before.abandonedCount { marks.hit(.compactionAbandoned) }
        if now.droppedDeleteCount > before.droppedDeleteCount { marks.hit(.deleteDropped) }
        if now.keptDeleteCount > before.keptDeleteCount { marks.hit(.deleteKept) }
        let destroyed = now.destroyedBlobCount - before.destroyedBlobCount
        let left = now.keptExpiredCount - before.keptExpiredCount
        if destroyed > left { marks.hit(.destroyed) }
        if left > 0 { marks.hit(.leftDelete) }
        if now.lostRaceCount > before.lostRaceCount { marks.hit(.slotRaceLost) }
        if now.damagedSegmentCount > before.damagedSegmentCount { marks.hit(.inputDamaged) }
        if now.movedBatchMemberCount > before.movedBatchMemberCount {
            marks.hit(.batchMemberMoved)
        }
        if now.movedChunkCount > before.movedChunkCount { marks.hit(.chunkMoved) }
        note("compaction so far: \(now)")
    }

    /// What stands in compacted segments is what compaction may write.
    func checkCompacted() throws(CrashFailure) {
        guard let bytes = disk.bytes(of: "MANIFEST", in: .root),
            let manifest = try? Manifest(decoding: bytes.rawSpan)
        else { throw fail("MANIFEST cannot be read") }
        for entry in manifest.entries where entry.kind == .compacted && entry.state == .sealed {
            marks.hit(.compactedReopened)
            try check(entry)
        }
    }

    private func check(_ entry: SegmentEntry) throws(CrashFailure) {
        let name = SegmentFileName(entry.id).description
        guard let bytes = disk.bytes(of: name, in: .segments) else {
            throw fail("\(name) is listed and missing")
        }
        let seed = SegmentSeed(salt: entry.salt, segmentID: entry.id)
        var offset = SegmentHeader.byteCount
        var totals = SegmentTotals()
        while offset < Int(entry.logicalByteCount) {
            let record = bytes.rawSpan.extracting(offset..<bytes.count)
            guard
                let header = try? RecordHeader(
                    verifying: record, seed: seed, offset: UInt64(offset)),
                header.unpaddedByteCount <= record.byteCount,
                header.verifyWholePayload(record.extracting(header.payloadRange))
            else { throw fail("\(name) is damaged at \(offset)") }
            guard header.type != .mark, !header.flags.contains(.batchMember) else {
                throw fail("a \(header.type), flags \(header.flags.rawValue), in \(name)")
            }
            offset += header.recordByteCount
            if header.type == .seal {
                try check(record.extracting(header.payloadRange), totals, name)
                guard offset == Int(entry.logicalByteCount) else {
                    throw fail("the seal of \(name) is not its end")
                }
                return
            }
            totals.add(header, headerCRC: RecordHeader.storedHeaderCRC(of: record))
        }
        throw fail("\(name) has no seal")
    }

    private func check(
        _ payload: RawSpan, _ totals: SegmentTotals, _ name: String
    ) throws(CrashFailure) {
        guard let seal = try? Seal(decoding: payload), seal.totals == totals,
            !seal.replacedIDs.isEmpty
        else { throw fail("the seal of \(name) is not right") }
    }
}
