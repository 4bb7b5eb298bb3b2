// CrashWorld+Expiry — blobs that expire, updates of what they carry, and listings.
//
// The wall clock goes on by whole seconds only when a script says so, and expiries lie half a second
// between two: so nothing expires while an operation is under way, and the oracle knows what has. It may go
// 400 days ahead, and comes back: what had not expired must be there again.

internal import Cairn
internal import CairnSystem

extension OracleValue {
    /// When it expires.
    var time: WallTime? { expiry == 0 ? nil : WallTime(nanosecondsSince1970: expiry) }
}

extension CrashWorld {
    func lookAtClock() {
        oracle.now = disk.wallClock()
        oracle.rightNow = oracle.now - clockJump
    }

    func jumpClock() {
        let days = 400 as UInt64
        setClockJump(clockJump == 0 ? days * 24 * 3_600_000_000_000 : 0)
        note("the wall clock is \(clockJump == 0 ? "right again" : "\(days) days ahead")")
    }

    func setClockJump(_ jump: UInt64) {
        disk.setWallClock(disk.wallClock() - clockJump + jump)
        clockJump = jump
    }

    /// The value that a write puts; nil: it deletes.
    func value(of write: CrashWrite) -> OracleValue? {
        guard let byteCount = write.byteCount else { return nil }
        var value = makeValue(byteCount, hasMetadata: write.hasMetadata)
        value.expiry = expiry(in: write.secondsToExpiry)
        return value
    }

    private func expiry(in seconds: Int?) -> UInt64 {
        guard let seconds else { return 0 }
        usesExpiry = true
        let second: UInt64 = 1_000_000_000
        return UInt64(Int(oracle.now / second) + seconds) * second + second / 2
    }

    /// Only where nothing of the key is in flight: an update would settle it first.
    func update(
        _ key: Int, _ seconds: Int?, _ durability: Durability, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        let (states, visible) = (oracle.appended(key), oracle.visible(key))
        guard !hasFailed, states.count == 1, visible.count == 1, states[0].group == visible[0].group
        else { return }
        var value = states[0].value
        value?.metadata = makeValue(0, hasMetadata: true).metadata
        value?.expiry = expiry(in: seconds)
        var answer = Answer(
            key: key, durability: durability, expectation: value == nil ? .nothing : .write,
            wasPresent: value != nil, support: oracle.support(of: key))
        if let value { answer.group = attempt([(key, value)], durability) }
        let group = answer.group.map { "group \($0)" } ?? "nothing"
        note("update key \(key), \(durability), \(group)")
        let box = ResultBox()
        let name = oracle.keys[key]
        do {
            box.outcome = .success(
                try engine.update(
                    name.rawSpan, metadata: value?.metadata ?? [],
                    expiry: value?.time.map { .at($0) } ?? .never,
                    WriteOptions(durability: durability)))
        } catch {
            return try refused(error, answer)
        }
        if let value, value.bytes.count > tuning.chunkByteCount { marks.hit(.updatedLarge) }
        expect(answer, box)
    }

    /// A listing gives every key that must be there, and none that cannot.
    func list(_ engine: Engine<SimulatedDisk>) throws(CrashFailure) {
        note("list")
        let listed: [[UInt8]]
        do {
            listed = try engine.list(limit: oracle.keys.count).page().items.map(\.key.bytes)
        } catch {
            return try acceptListing(error)
        }
        guard listed == Array(Set(listed)).sorted(by: { $0.lexicographicallyPrecedes($1) }) else {
            throw fail("a listing is out of order, or names a key twice: \(listed)")
        }
        guard !hasFailed, !disk.isDead else { return }
        for key in oracle.keys.indices {
            let isListed = listed.contains(oracle.keys[key])
            guard oracle.visible(key).contains(where: { ($0.value != nil) == isListed }) else {
                throw fail(
                    "a listing \(isListed ? "names" : "lacks") \(oracle.name(key)), which is "
                        + Oracle.describe(oracle.visible(key)))
            }
        }
        marks.hit(.listed)
    }

    private func acceptListing(_ error: StoreError) throws(CrashFailure) {
        note("the listing answered \(error)")
        if disk.isDead { return }
        switch error.kind {
        case .inputOutput where isTroubled, .diskFull where isTroubled: return
        case .outcomeUnknown where isTroubled:
            if hasFailed { return }
            hasFailed = true
            noteFailedSync()
        default: throw fail("a listing: \(error)")
        }
    }
}
