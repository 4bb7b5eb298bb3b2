// CrashWorld+Operations — one operation on the engine, noted in the oracle, its answer compared.

internal import Cairn
internal import CairnSystem

/// What a write is expected to do.
enum Expectation {
    /// It appends a record.
    case write
    /// Its condition does not hold.
    case refusal
    /// It deletes what is not there.
    case nothing
}

extension CrashWorld {
    /// Does one operation; nothing when there is no engine.
    package func perform(_ operation: CrashOperation) throws(CrashFailure) {
        guard let engine else { return }
        callNumber += 1
        lookAtClock()
        if disk.isDead { return try performOnDeadDisk(operation, engine) }
        try dispatch(operation, engine)
        try poll()
        if isTroubled && !hasFailed && !disk.isDead && engine.statistics().isReadOnly {
            note("the store has turned read-only")
            hasFailed = true
            noteFailedSync()
        }
    }

    /// What the engine does after its disk has died leaves no trace; it only must not trap, hang or
    /// loop.
    private func performOnDeadDisk(
        _ operation: CrashOperation, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        let (oracle, waiting) = (oracle, waiting)
        try? dispatch(operation, engine)
        self.oracle = oracle
        self.waiting = waiting
    }

    private func dispatch(
        _ operation: CrashOperation, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        switch operation {
        case .write(let write, let durability, let isBlocking):
            operationName = CrashMark.cutInPut.rawValue
            try self.write(write, durability, isBlocking: isBlocking, engine)
        case .batch(let members, let durability):
            operationName = CrashMark.cutInBatch.rawValue
            try apply(members, durability, engine)
        case .beginUpload(let key, let condition, let durability):
            operationName = CrashMark.cutInUpload.rawValue
            try beginUpload(key, condition, durability, engine)
        case .feedUpload(let byteCount): try feedUpload(byteCount)
        case .commitUpload: try commitUpload()
        case .abortUpload: abortUpload()
        case .commit(let sync):
            operationName = CrashMark.cutInCommit.rawValue
            note("commit, sync: \(sync)")
            engine.commit(sync: sync)
        case .flush:
            operationName = CrashMark.cutInCommit.rawValue
            try flush(engine)
        case .syncInterval:
            operationName = CrashMark.cutInCommit.rawValue
            syncInterval(engine)
        case .markIfIdle:
            operationName = CrashMark.cutInMark.rawValue
            try trying("mark if idle") { () throws(StoreError) in _ = try engine.markIfIdle() }
        case .openStream(let key): try openStream(key, engine)
        case .readStream(let byteCount): try readStream(byteCount)
        case .closeStream: closeStream()
        case .backgroundStep:
            operationName = CrashMark.cutInBackground.rawValue
            try trying("background step") { () throws(StoreError) in
                _ = try engine.backgroundStep()
            }
            noteCompaction(engine)
        case .compact(let steps, let meanwhile): try compact(steps, meanwhile, engine)
        case .backUp(let sharesBytes, let meanwhile):
            try backUp(sharesBytes: sharesBytes, meanwhile, engine)
        case .markIdle:
            operationName = CrashMark.cutInMark.rawValue
            try trying("idle mark") { () throws(StoreError) in try engine.markIdle() }
        case .update(let key, let seconds, let durability):
            operationName = CrashMark.cutInPut.rawValue
            try update(key, seconds, durability, engine)
        case .passTime(let seconds):
            note("\(seconds) seconds pass")
            disk.advance(nanoseconds: UInt64(seconds) * 1_000_000_000)
        case .jumpClock: jumpClock()
        case .list: try list(engine)
        case .read(let key): try read(key, engine)
        case .readBeside(let key, let number, let steps):
            try readBeside(key, atRead: number, steps, engine)
        case .readRange(let key, let start, let byteCount):
            try read(key, start..<start + byteCount, engine)
        case .readAll: try readAll(engine)
        case .peek: try peek()
        case .fault(let fault):
            note("\(fault.operations) will fail: \(fault.failure)")
            isTroubled = true
            disk.inject(fault)
        case .clearFaults: if !keepsFaults { disk.clearFaults() }
        case .capacity(let room): setCapacity(room)
        }
    }

    private func trying(
        _ task: String, _ body: () throws(StoreError) -> Void
    ) throws(CrashFailure) {
        note(task)
        do {
            try body()
        } catch {
            try accept(error, doing: task)
        }
    }

    func flush(_ engine: Engine<SimulatedDisk>) throws(CrashFailure) {
        note("flush")
        do {
            try engine.flush()
            if !disk.isDead && !hasFailed { oracle.promiseAll() }
        } catch {
            try accept(error, doing: "flush")
        }
    }

    private func syncInterval(_ engine: Engine<SimulatedDisk>) {
        note("the interval is over")
        let isDone = engine.syncInterval()
        if isDone && !disk.isDead && !engine.statistics().isReadOnly { oracle.promiseAll() }
    }

    private func setCapacity(_ room: Int?) {
        isTroubled = true
        disk.capacity = room.map { disk.usedByteCount + UInt64($0) }
        note("room on the disk: \(room.map { "\($0)" } ?? "enough")")
    }

    // MARK: Single writes

    func attempt(
        _ writes: [(key: Int, value: OracleValue?)], _ durability: Durability
    ) -> Int {
        if keepsValues {
            for write in writes {
                if let value = write.value { everWritten[write.key].insert(value) }
            }
        }
        return oracle.attempt(writes, durability)
    }

    func makeValue(_ byteCount: Int, hasMetadata: Bool) -> OracleValue {
        valueCount += 1
        var random = TestRandom(seed: seed ^ valueCount << 20)
        var bytes: [UInt8]
        if random.coin() {
            bytes = random.bytes(byteCount)
        } else {
            let filler = UInt8(truncatingIfNeeded: valueCount)
            bytes = Array(repeating: filler, count: byteCount)
        }
        for place in 0..<min(8, byteCount) {
            bytes[place] = UInt8(truncatingIfNeeded: valueCount >> UInt64(place * 8))
        }
        let hasMark = hasMetadata || byteCount < 3
        let mark = (0..<3).map { UInt8(truncatingIfNeeded: valueCount >> UInt64($0 * 8)) }
        return OracleValue(bytes: bytes, metadata: hasMark ? mark : [])
    }

    private func expect(
        _ condition: Condition, _ key: Int, isDelete: Bool
    ) -> Expectation {
        if holds(condition, key) == false { return .refusal }
        let isNothing = isDelete && isPresent(key) == false && !oracle.deletesExpired(key)
        return isNothing ? .nothing : .write
    }

    private func write(
        _ write: CrashWrite, _ durability: Durability, isBlocking: Bool,
        _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        guard let condition = condition(write.condition, write.key) else { return }
        let value = value(of: write)
        let options = WriteOptions(
            durability: durability, condition: condition, metadata: value?.metadata ?? [],
            expiry: value?.time)
        let expectation = expect(condition, write.key, isDelete: value == nil)
        var answer = Answer(
            key: write.key, durability: durability, expectation: expectation,
            wasPresent: isPresent(write.key), support: oracle.support(of: write.key))
        answer.mayBeRefusedEarly =
            value.map { $0.bytes.count > tuning.chunkByteCount } ?? false
            && !oracle.visible(write.key).allSatisfy { holds(condition, $0) }
        answer.deletesExpired = value == nil && oracle.deletesExpired(write.key)
        if case .write = expectation, !hasFailed {
            answer.group = attempt([(write.key, value)], durability)
        }
        if case .nothing = expectation, usesExpiry { expiredDeletes.insert(write.key) }
        note(
            "\(value.map { "put \($0.bytes.count) bytes to" } ?? "delete") key \(write.key), "
                + "\(durability), \(condition), \(isBlocking ? "blocking" : "callback"), "
                + "\(answer.group.map { "group \($0)" } ?? "\(expectation)")")
        let key = oracle.keys[write.key]
        let box = ResultBox()
        do {
            if isBlocking {
                box.outcome = try blocking(key, value, options, engine)
            } else if try isTakenPromptly(key, value, options, box, engine) {
                note("without waiting")
            } else if let value {
                try engine.put(key.rawSpan, value.bytes.rawSpan, options) {
                    box.outcome = $0.map { $0 }
                }
            } else {
                try engine.delete(key.rawSpan, options) {
                    box.outcome = $0.map { $0.replaced ? $0 : nil }
                }
            }
        } catch {
            return try refused(error, answer)
        }
        if case .refusal = expectation, box.outcome == nil { marks.hit(.refusedOnPending) }
        expect(answer, box)
    }

    /// Writes without waiting, in every other life, if that can be; the keeper writes a full buffer in time,
    /// or too late.
    private func isTakenPromptly(
        _ key: [UInt8], _ value: OracleValue?, _ options: WriteOptions, _ box: ResultBox,
        _ engine: Engine<SimulatedDisk>
    ) throws(StoreError) -> Bool {
        guard seed % 2 == 1 else { return false }
        let write: PromptWrite
        if let value {
            write = try engine.putPromptly(key.rawSpan, value.bytes.rawSpan, options) {
                box.outcome = $0.map { $0 }
            }
        } else {
            write = try engine.deletePromptly(key.rawSpan, options) {
                box.outcome = $0.map { $0.replaced ? $0 : nil }
            }
        }
        if valueCount % 3 == 0 { engine.flushFull() }
        switch write {
        case .wouldWait: return false
        case .submitted: return true
        case .done(let receipt):
            box.outcome = .success(value != nil || receipt.replaced ? receipt : nil)
            return true
        }
    }

    private func blocking(
        _ key: [UInt8], _ value: OracleValue?, _ options: WriteOptions,
        _ engine: Engine<SimulatedDisk>
    ) throws(StoreError) -> Result<WriteReceipt?, StoreError> {
        if let value {
            return .success(try engine.put(key.rawSpan, value.bytes.rawSpan, options))
        }
        return .success(try engine.delete(key.rawSpan, options))
    }

    // MARK: Batches

    private func apply(
        _ members: [CrashWrite], _ durability: Durability, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        var batch = Batch()
        var writes: [(key: Int, value: OracleValue?)] = []
        var present: [Bool?] = []
        var expectation = Expectation.write
        var support = 0
        for member in members {
            guard let condition = condition(member.condition, member.key) else { return }
            let value = value(of: member)
            let key = Key(oracle.keys[member.key])
            if let value {
                batch.put(
                    key, value.bytes, metadata: value.metadata, expiry: value.time,
                    condition: condition)
            } else {
                batch.delete(key, condition: condition)
            }
            if holds(condition, member.key) == false, case .write = expectation {
                expectation = .refusal
                support = oracle.support(of: member.key)
            }
            writes.append((member.key, value))
            present.append(isPresent(member.key))
        }
        var answer = Answer(
            key: members[0].key, durability: durability, expectation: expectation,
            wasPresent: nil, support: support)
        if case .write = expectation, !hasFailed {
            answer.group = attempt(writes, durability)
        }
        note(
            "batch of \(writes.map { "\($0.key): \($0.value?.bytes.count ?? -1)" }), \(durability), "
                + "\(answer.group.map { "group \($0)" } ?? "\(expectation)")")
        do {
            let receipts = try engine.apply(batch, durability: durability)
            guard let group = answer.group else {
                throw fail("a batch was applied that had to be refused")
            }
            for (place, receipt) in receipts.enumerated()
            where present[place].map({ $0 != receipt.replaced }) ?? false {
                if !receipt.replaced, hasFailedWrite(of: writes[place].key) { continue }
                throw fail("member \(place) of a batch: replaced is \(receipt.replaced)")
            }
            try acknowledge(group, receipts)
        } catch let error as StoreError {
            try refused(error, answer)
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
    }
}
