// Oracle — what a store may hold, told from outside: what was attempted and what was acknowledged.
//
// The log is a list of *groups*, in the order in which they were submitted: one write each, or one
// batch. `base` is what the last opening showed. After a reboot the store must show the base and a
// prefix of the groups that reaches at least to what was promised: no hole, no half batch, nothing
// that nobody wrote. A group whose write was answered with an error may be missing or not. What an
// opening has shown is the base of the next life. A value; one thread.

package import Cairn

/// What a blob holds.
package struct OracleValue: Hashable, Sendable {
    package var bytes: [UInt8]
    package var metadata: [UInt8]
    /// From this time on it is absent; 0: never.
    package var expiry: UInt64

    package init(bytes: [UInt8], metadata: [UInt8], expiry: UInt64 = 0) {
        self.bytes = bytes
        self.metadata = metadata
        self.expiry = expiry
    }
}

/// What was read of a key: a value and its version, or nothing.
package struct OracleReading: Equatable, Sendable {
    package var value: OracleValue
    package var sequence: UInt64

    package init(bytes: [UInt8], sequence: UInt64) {
        value = OracleValue(bytes: bytes, metadata: [])
        self.sequence = sequence
    }

    package init(_ blob: Blob) {
        value = OracleValue(
            bytes: blob.bytes, metadata: blob.metadata,
            expiry: blob.expiry?.nanosecondsSince1970 ?? 0)
        sequence = blob.version.sequence
    }
}

/// A promise that was broken.
package struct OracleViolation: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Knows what was attempted and promised, and judges what a reboot shows.
package struct Oracle: Sendable {
    /// One key's part of a group; no value: a delete.
    struct Write: Sendable {
        let key: Int
        let value: OracleValue?
        /// Told by the receipt.
        var sequence: UInt64?
        /// Unlike every other's in the store's whole life.
        let number: Int
    }

    enum Fate: Sendable, Equatable {
        /// Appended, not answered.
        case pending
        case acknowledged
        /// Answered with an error: may happen or not. Of those with one number, a prefix happens.
        case doubtful(Int)
        /// It turned out that nothing was appended.
        case void
    }

    struct Group: Sendable {
        var writes: [Write]
        let durability: Durability
        var fate: Fate
    }

    /// Whose number a sequence is.
    private var owners: [UInt64: Int] = [:]
    private var writeCount = 0
    private(set) var highestSequence: UInt64 = 0
    /// All keys that are ever used; elsewhere a key is its place in here.
    package let keys: [[UInt8]]
    /// By key.
    package internal(set) var base: [OracleReading?]
    var groups: [Group] = []
    /// So many groups must survive a power cut.
    package private(set) var durableCount = 0
    /// So many groups must survive a kill.
    package private(set) var writtenCount = 0
    /// A sync has failed: a kill may take what a power cut may.
    private var trustsCache = true
    /// Wall time; it may be ahead, and come back.
    package var now: UInt64 = 0
    /// What a right clock shows; never goes back.
    package var rightNow: UInt64 = 0

    package init(keys: [[UInt8]]) {
        self.keys = keys
        base = Array(repeating: nil, count: keys.count)
    }

    /// How many groups were submitted since the last opening.
    package var groupCount: Int { groups.count }

    /// How many keys have a value, as far as that is certain; nil: it is not.
    package var keyCount: Int? {
        var count = 0
        for key in keys.indices {
            let states = visible(key)
            guard states.count == 1 else { return nil }
            count += states[0].value == nil ? 0 : 1
        }
        return count
    }

    // MARK: Attempts

    /// Notes a write or a batch that is about to be appended; returns its place.
    package mutating func attempt(
        _ writes: [(key: Int, value: OracleValue?)], _ durability: Durability
    ) -> Int {
        let noted = writes.map { write in
            writeCount += 1
            return Write(key: write.key, value: write.value, number: writeCount)
        }
        groups.append(Group(writes: noted, durability: durability, fate: .pending))
        return groups.count - 1
    }

    /// The group was acknowledged, with these versions of its writes.
    package mutating func acknowledge(
        _ group: Int, sequences: [UInt64]
    ) throws(OracleViolation) {
        groups[group].fate = .acknowledged
        for (place, sequence) in sequences.enumerated() {
            let write = groups[group].writes[place]
            groups[group].writes[place].sequence = sequence
            try claim(sequence, by: write.number)
            highestSequence = max(highestSequence, sequence)
        }
        answered(groups[group].durability, restingOn: group + 1)
    }

    /// The group was answered with an error; `event` numbers the failure.
    package mutating func doubt(_ group: Int, event: Int) {
        groups[group].fate = .doubtful(event)
    }

    /// Nothing was appended for this group.
    package mutating func void(_ group: Int) { groups[group].fate = .void }

    /// Whether an earlier write of the key still waits.
    package func hasPendingBefore(_ group: Int, key: Int) -> Bool {
        groups[..<group].contains { $0.fate == .pending && $0.touches(key) }
    }

    /// Everything submitted so far survives a power cut.
    package mutating func promiseAll() { promise(durable: groups.count) }

    /// The first `count` groups survive a power cut; takes no promise back.
    package mutating func promise(durable count: Int) {
        durableCount = max(durableCount, count)
        writtenCount = max(writtenCount, count)
    }

    /// The first `count` groups survive a kill; takes no promise back.
    package mutating func promise(written count: Int) {
        if trustsCache { writtenCount = max(writtenCount, count) }
    }

    /// After a failed sync the system may lose what it was handed although nobody cut the power;
    /// from now on to the next opening only what is durable is promised.
    package mutating func forgetWritten() {
        writtenCount = durableCount
        trustsCache = false
    }

    /// How many groups an answer about `key` rests on that is given now without a record.
    package func support(of key: Int) -> Int {
        groups.lastIndex { $0.touches(key) && !$0.isUncertain }.map { $0 + 1 } ?? 0
    }

    /// Whether a group deletes and does nothing else.
    package func isDelete(_ group: Int) -> Bool {
        groups[group].writes.allSatisfy { $0.value == nil }
    }

    /// Whether anything was attempted on `key` in this life.
    package func wasTouched(_ key: Int) -> Bool { groups.contains { $0.touches(key) } }

    /// An answer without a record was given that rests on `count` groups.
    package mutating func answered(_ durability: Durability, restingOn count: Int) {
        switch durability {
        case .synced: promise(durable: count)
        case .os: promise(written: count)
        case .interval: break
        }
    }

    /// A doubtful group was seen: it has happened.
    package mutating func confirm(_ group: Int) {
        groups[group].fate = .acknowledged
        answered(groups[group].durability, restingOn: group + 1)
    }

    /// No sequence number ever names two writes.
    mutating func claim(_ sequence: UInt64, by number: Int) throws(OracleViolation) {
        if let owner = owners.updateValue(number, forKey: sequence), owner != number {
            throw OracleViolation("sequence number \(sequence) was used twice")
        }
    }

    func owner(of sequence: UInt64) -> Int? { owners[sequence] }

    /// Begins the next life with what an opening has shown.
    mutating func restart(with readings: [OracleReading?]) {
        base = readings
        groups.removeAll(keepingCapacity: true)
        durableCount = 0
        writtenCount = 0
        trustsCache = true
        for reading in readings {
            highestSequence = max(highestSequence, reading?.sequence ?? 0)
        }
    }
}

extension Oracle.Group {
    func touches(_ key: Int) -> Bool { writes.contains { $0.key == key } }

    var isUncertain: Bool {
        switch fate {
        case .pending, .acknowledged: false
        case .doubtful, .void: true
        }
    }
}

// MARK: - What a key may be

/// One of the states that a key may be in.
package struct OracleState: Sendable {
    package let value: OracleValue?
    /// Unknown when the write was not acknowledged.
    package let sequence: UInt64?
    /// The group that made it; nil: it comes from the base.
    package let group: Int?
    let number: Int?

    func matches(_ reading: OracleReading?) -> Bool {
        guard let reading else { return value == nil }
        return value == reading.value && (sequence ?? reading.sequence) == reading.sequence
    }
}

extension Oracle {
    func baseState(_ key: Int) -> OracleState {
        OracleState(
            value: unexpired(base[key]?.value), sequence: base[key]?.sequence, group: nil,
            number: nil)
    }

    func state(_ group: Int, _ write: Write) -> OracleState {
        OracleState(
            value: unexpired(write.value), sequence: write.sequence, group: group,
            number: write.number)
    }

    /// What is left of a value by now.
    func unexpired(_ value: OracleValue?) -> OracleValue? {
        guard let value, value.expiry != 0, value.expiry <= now else { return value }
        return nil
    }

    /// Whether a delete meets, or may meet, a value that has expired: then it leaves a record. Not when
    /// the value may be gone by now; one that waits for its commit cannot be.
    package func deletesExpired(_ key: Int) -> Bool {
        appended(key).contains { state in
            guard state.value == nil else { return false }
            let write = state.group.flatMap { groups[$0].writes.first { $0.key == key } }
            guard let value = write.map(\.value) ?? base[key]?.value else { return false }
            let isPending = state.group.map { groups[$0].fate == .pending } ?? false
            return isPending || !mayBeDestroyed(value)
        }
    }

    /// Whether compaction may have destroyed a value.
    func mayBeDestroyed(_ value: OracleValue?) -> Bool {
        guard let value, value.expiry != 0 else { return false }
        return value.expiry + 3_600_000_000_000 <= rightNow
    }

    /// Whether the newest value that was written in this life has expired.
    package func hasExpired(_ key: Int) -> Bool {
        let write = groups.last { $0.touches(key) }?.writes.first { $0.key == key }
        guard let value = write?.value ?? (write == nil ? base[key]?.value : nil) else {
            return false
        }
        return unexpired(value) == nil
    }

    /// What a reader may find, the certain state first: the newest acknowledged one, and whatever
    /// doubtful came after it.
    package func visible(_ key: Int) -> [OracleState] {
        newest(key) { $0 == .acknowledged }
    }

    /// What a condition is decided on: pending writes count.
    package func appended(_ key: Int) -> [OracleState] {
        newest(key) { $0 == .acknowledged || $0 == .pending }
    }

    private func newest(_ key: Int, _ isCertain: (Fate) -> Bool) -> [OracleState] {
        var doubtful: [OracleState] = []
        for place in groups.indices.reversed() {
            guard let write = groups[place].writes.first(where: { $0.key == key }) else { continue }
            if isCertain(groups[place].fate) { return [state(place, write)] + doubtful }
            if case .doubtful = groups[place].fate { doubtful.append(state(place, write)) }
        }
        return [baseState(key)] + doubtful
    }
}
