// CrashWorld+Reboot — the end of a life, and what the next opening shows.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    // MARK: The end of a life

    /// Ends the process or the power now, whatever is under way.
    package func end(_ end: CrashEnd) {
        noteCrash(end)
        uploads.removeAll()
        streams.removeAll()
        waiting.removeAll()
        engine = nil
        crashCount += 1
        if isTroubled && disk.hasLies { noteFailedSync() }
        switch end {
        case .kill:
            note("KILL")
            disk.kill()
        case .powerCut(let variant):
            note("POWER CUT, \(variant)")
            wasPowerCut = true
            disk.powerCut(variant)
        }
        disk.clearFaults()
    }

    /// Ends the store's life in order; the answer of `close` is checked.
    package func close() throws(CrashFailure) {
        guard let engine else { return }
        if disk.isDead {
            try? engine.close()
            return
        }
        operationName = CrashMark.cutInClose.rawValue
        note("close")
        for upload in uploads { upload.upload.abort() }
        uploads.removeAll()
        while !streams.isEmpty { closeStream() }
        do {
            try engine.close()
            try poll()
            if !disk.isDead {
                if hasFailed { throw fail("a failed store was closed as if nothing had happened") }
                oracle.promiseAll()
                marks.hit(.cleanClose)
            }
        } catch let error as StoreError {
            try poll()
            try accept(error, doing: "closing")
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
        if !disk.isDead {
            self.engine = nil
            waiting.removeAll()
            guard disk.openHandleCount == 0 else {
                throw fail("\(disk.openHandleCount) files are open after closing")
            }
        }
    }

    /// Everything written, synced and cleaned up, so that the accounts can be compared after the
    /// next opening.
    package func settle() throws(CrashFailure) {
        guard let engine, !hasFailed, !disk.isDead else { return }
        while !uploads.isEmpty { abortUpload() }
        while !streams.isEmpty { closeStream() }
        try perform(.flush)
        do {
            while try engine.backgroundStep() {}
            noteCompaction(engine)
        } catch {
            return try accept(error, doing: "background step")
        }
        guard !disk.isDead, !hasFailed, waiting.isEmpty, oracle.keyCount != nil,
            oracle.durableCount == oracle.groupCount
        else { return }
        expectedLive = engine.statistics().liveByteCount
    }

    /// After an idle mark all that was written is proven durable.
    package func promiseMarked() { oracle.promiseAll() }

    private func noteCrash(_ end: CrashEnd) {
        switch end {
        case .powerCut:
            marks.hit(.powerCut)
            if hasSyncFailed { marks.hit(.syncFailedThenCut) }
        case .kill:
            marks.hit(.kill)
            if hasSyncFailed { marks.hit(.syncFailedThenKill) }
        }
        if disk.isDead { marks.hit(operationName) }
        if let engine, engine.statistics().nextSequence - openingSequence > tuning.sequenceLease {
            marks.hit(.leaseRenewed)
        }
        if uploads.contains(where: { $0.value.bytes.count > tuning.chunkByteCount }) {
            marks.hit(.chunksOrphaned)
        }
    }

    // MARK: The next one

    /// Surveys cost as much as an opening: some do.
    private var surveys: Bool { crashCount % 4 == 0 }

    /// Opens the store; false when the power went meanwhile or a fault stopped it.
    package func open() throws(CrashFailure) -> Bool {
        operationName =
            isCreated ? CrashMark.cutInOpening.rawValue : CrashMark.cutInCreation.rawValue
        note("open")
        survey = surveys ? CrashSurvey(disk) : nil
        let handleCount = disk.openHandleCount
        do {
            engine = try Engine.open(disk, options: options, tuning: tuning)
        } catch {
            guard disk.openHandleCount == handleCount else {
                throw fail("a failed opening left files open: \(error)")
            }
            try acceptOpening(error)
            return false
        }
        isCreated = true
        if !keepsFaults { disk.clearFaults() }
        return true
    }

    private func acceptOpening(_ error: StoreError) throws(CrashFailure) {
        note("opening answered \(error)")
        if disk.isDead { return }
        guard isTroubled else { throw fail("opening failed: \(error)") }
        switch error.kind {
        case .diskFull, .inputOutput, .outcomeUnknown: marks.hit(.openingFailed)
        default: throw fail("opening failed: \(error)")
        }
        if disk.hasLies { noteFailedSync() }
    }

    /// Compares what the store shows with what it must show; then a new life begins.
    package func verify() throws(CrashFailure) {
        guard let engine else { throw fail("nothing is open") }
        // By the right clock, so that the next life's base is not what a wrong one leaves of it.
        let jump = clockJump
        setClockJump(0)
        defer { setClockJump(jump) }
        lookAtClock()
        let faults = disk.pendingFaults
        disk.pendingFaults = []
        defer { disk.pendingFaults = faults }
        let statistics = engine.statistics()
        try checkFindings(engine, statistics)
        var readings: [OracleReading?] = []
        for key in oracle.keys.indices {
            let name = oracle.keys[key]
            do {
                readings.append(try engine.get(name.rawSpan).map { OracleReading($0) })
            } catch {
                throw fail("after opening, reading key \(key): \(error)")
            }
        }
        if lists { try checkListing(engine, readings) }
        let isPowerCut = wasPowerCut
        let explanation = try checking { () throws(OracleViolation) in
            try oracle.judge(readings, afterPowerCut: isPowerCut)
        }
        note("opened: \(explanation.keptCount) groups kept")
        let count = UInt64(readings.count { $0 != nil })
        guard isKeyCount(statistics.keyCount, Int(count)) else {
            throw fail("after opening the store counts \(statistics.keyCount) keys of \(count)")
        }
        guard statistics.nextSequence > oracle.highestSequence || oracle.highestSequence == 0 else {
            throw fail(
                "the next sequence number is \(statistics.nextSequence), though "
                    + "\(oracle.highestSequence) was used")
        }
        try checkAccounts(statistics)
        try checkCompacted()
        try checkBackup()
        noteExplanation(explanation)
        if let survey { CrashSurvey(disk).map { survey.compare($0, disk, marks) } }
        if engine.hintedSegmentCount > 0 { marks.hit(.hintUsed) }
        if engine.refusedHintCount > 0 { marks.hit(.hintRefused) }
        beginLife(statistics)
    }

    /// A listing makes the hints that are missing, which many lives do without.
    private var lists: Bool { crashCount % 2 == 1 }

    /// A listing gives exactly the keys that a read finds.
    private func checkListing(
        _ engine: Engine<SimulatedDisk>, _ readings: [OracleReading?]
    ) throws(CrashFailure) {
        let expected = oracle.keys.indices.filter { readings[$0] != nil }.map { oracle.keys[$0] }
            .sorted { $0.lexicographicallyPrecedes($1) }
        do {
            let listed = try engine.list(limit: oracle.keys.count).page().items.map(\.key.bytes)
            guard listed == expected else {
                throw fail(
                    "after opening, the listing is \(listed), but there are \(expected)")
            }
        } catch let error as StoreError {
            throw fail("after opening, listing: \(error)")
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
    }

    /// Power cuts and kills damage nothing.
    private func checkFindings(
        _ engine: Engine<SimulatedDisk>, _ statistics: Statistics
    ) throws(CrashFailure) {
        for finding in engine.findings {
            if finding.contains("never acknowledged") {
                marks.hit(.dropped)
            } else if finding.contains("quarantine") || (isTroubled && finding.contains("unlisted"))
            {
                continue
            } else {
                throw fail("opening found: \(finding)")
            }
        }
        if statistics.isReadOnly { throw fail("the store opened for reading only") }
    }

    private func checkAccounts(_ statistics: Statistics) throws(CrashFailure) {
        guard let expectedLive else { return }
        self.expectedLive = nil
        guard statistics.liveByteCount == expectedLive else {
            throw fail(
                "\(expectedLive) live bytes before the reboot, \(statistics.liveByteCount) after")
        }
        marks.hit(.accounted)
    }

    private func noteExplanation(_ explanation: OracleExplanation) {
        if explanation.keptBatch { marks.hit(.batchKept) }
        if explanation.lostBatch { marks.hit(.batchLost) }
        for durability in explanation.lostDurabilities {
            if durability == Durability.interval.rawValue { marks.hit(.intervalLost) }
            if durability == Durability.os.rawValue { marks.hit(.osLost) }
        }
        if explanation.keptOS && !wasPowerCut { marks.hit(.osKept) }
        if tuning.hashMask < 16 { marks.hit(.overflow) }
    }

    private func beginLife(_ statistics: Statistics) {
        hasFailed = false
        expiredDeletes = []
        hasSyncFailed = false
        wasPowerCut = false
        compaction = CompactionCounts()
        isTroubled = disk.capacity != nil || keepsFaults
        if isFull { marks.hit(.diskFullThenRecovered) }
        isFull = false
        openingSequence = statistics.nextSequence
    }
}
