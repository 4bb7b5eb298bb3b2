// ModelRun+Writing — every way to write a blob, noted in the dictionary when its condition held.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

extension ModelRun {
    private mutating func value() -> [UInt8] {
        let chunk = tuning.chunkByteCount
        let byteCount =
            switch random.below(10) {
            case 0: 0
            case 1..<6: random.below(300)
            case 6: tuning.blockByteCount + random.below(3)
            case 7: chunk - 1 + random.below(3)
            case 8: random.below(2 * chunk)
            default: chunk * 3 + random.below(5)
            }
        return random.coin()
            ? random.bytes(byteCount) : Array(repeating: UInt8(random.below(256)), count: byteCount)
    }

    private mutating func options(for key: [UInt8], metadata: [UInt8] = []) -> WriteOptions {
        let durability: Durability =
            random.below(100) < syncedShare ? .synced : random.coin() ? .os : .interval
        return WriteOptions(
            durability: durability, condition: condition(for: key), metadata: metadata,
            expiry: expiry())
    }

    /// Other metadata, another expiry, the same bytes.
    mutating func update() throws {
        let key = key()
        var options = options(for: key)
        let metadata = random.coin() ? random.bytes(random.below(30)) : nil
        let change: ExpiryChange =
            random.chance(1, in: 3) ? .keep : options.expiry.map { .at($0) } ?? .never
        options.expiry = nil
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.update(key.rawSpan, metadata: metadata, expiry: change, options)
        }
        guard let receipt else { return }
        guard let receipt, var entry = present(key) else {
            return #expect(receipt == nil && present(key) == nil)
        }
        entry.metadata = metadata ?? entry.metadata
        entry.version = receipt.version
        switch change {
        case .keep: break
        case .never: entry.expiry = nil
        case .at(let time): entry.expiry = time
        }
        note(receipt, key, entry)
    }

    private mutating func condition(for key: [UInt8]) -> Condition {
        let present = present(key)?.version ?? Version(sequence: .max - 1)
        return switch random.below(16) {
        case 0: .absent
        case 1: .present
        case 2: .matches(present)
        case 3: .matches(Version(sequence: present.sequence / 2))
        case 4: .differs(from: present)
        case 5: .differs(from: Version(sequence: present.sequence / 2))
        default: .none
        }
    }

    private func holds(_ condition: Condition, for key: [UInt8]) -> Bool {
        let present = present(key)?.version
        return switch condition {
        case .none: true
        case .absent: present == nil
        case .present: present != nil
        case .matches(let version): present == version
        case .differs(let version): present != version
        }
    }

    /// Runs a write that must succeed exactly when its condition holds.
    private mutating func expect<Receipt>(
        _ options: WriteOptions, _ key: [UInt8], _ write: () throws(StoreError) -> Receipt
    ) throws -> Receipt? {
        do {
            let receipt = try write()
            #expect(holds(options.condition, for: key))
            return receipt
        } catch {
            guard error.kind == .conditionFailed else { throw error }
            #expect(!holds(options.condition, for: key))
            #expect(error.currentVersion == present(key)?.version)
            return nil
        }
    }

    private mutating func note(_ receipt: WriteReceipt, _ key: [UInt8], _ entry: Entry?) {
        #expect(receipt.replaced == (present(key) != nil))
        #expect(receipt.version > lastVersion)
        lastVersion = receipt.version
        model[key] = entry
    }

    mutating func put() throws {
        let (key, bytes) = (key(), value())
        let metadata = random.chance(1, in: 3) ? random.bytes(random.below(40)) : []
        let options = options(for: key, metadata: metadata)
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.put(key.rawSpan, bytes.rawSpan, options)
        }
        guard let receipt else { return }
        note(
            receipt, key,
            Entry(
                bytes: bytes, metadata: metadata, version: receipt.version, expiry: options.expiry))
    }

    mutating func delete() throws {
        let key = key()
        let options = options(for: key)
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.delete(key.rawSpan, options)
        }
        guard let receipt else { return }
        #expect((receipt != nil) == (present(key) != nil))
        if let receipt { note(receipt, key, nil) }
        // Of what had expired a delete leaves nothing either.
        model[key] = nil
    }

    mutating func upload() throws {
        let (key, bytes) = (key(), value() + value())
        let options = options(for: key, metadata: [1, 2])
        let engine = engine
        var pieces: [Range<Int>] = []
        while (pieces.last?.upperBound ?? 0) < bytes.count {
            let start = pieces.last?.upperBound ?? 0
            pieces.append(start..<min(bytes.count, start + 1 + random.below(bytes.count)))
        }
        let isAborted = random.chance(1, in: 5)
        let receipt = try expect(options, key) { () throws(StoreError) -> WriteReceipt? in
            let upload = try engine.upload(key.rawSpan, options)
            for piece in pieces { try upload.write(bytes.rawSpan.extracting(piece)) }
            if isAborted {
                upload.abort()
                return nil
            }
            return try upload.commit()
        }
        guard let receipt, let receipt else { return }
        note(
            receipt, key,
            Entry(bytes: bytes, metadata: [1, 2], version: receipt.version, expiry: options.expiry))
    }

    mutating func batch() throws {
        var batch = Batch()
        var members: [(key: [UInt8], bytes: [UInt8]?, expiry: WallTime?, condition: Condition)] = []
        var shuffled = keys
        shuffled.shuffle(using: &random)
        for key in shuffled.prefix(1 + random.below(min(6, keys.count))) {
            let condition = random.coin() ? .none : condition(for: key)
            let bytes = random.chance(2, in: 3) ? value() : nil
            let expiry = expiry()
            if let bytes {
                batch.put(Key(key), bytes, expiry: expiry, condition: condition)
            } else {
                batch.delete(Key(key), condition: condition)
            }
            members.append((key, bytes, expiry, condition))
        }
        let isFree = members.allSatisfy { holds($0.condition, for: $0.key) }
        let durability = Durability.allCases[1 + random.below(2)]
        let receipts: [WriteReceipt]
        do {
            receipts = try engine.apply(batch, durability: durability)
        } catch {
            guard error.kind == .conditionFailed else { throw error }
            return #expect(!isFree)
        }
        #expect(isFree && receipts.count == members.count)
        for (member, receipt) in zip(members, receipts) {
            note(
                receipt, member.key,
                member.bytes.map {
                    Entry(bytes: $0, metadata: [], version: receipt.version, expiry: member.expiry)
                })
        }
    }

    /// Several writes of one key and others in one commit, told by callbacks in their order.
    mutating func callbacks() throws {
        let answers = Guarded<[Int]>([])
        let versions = Guarded<[Version]>([])
        var written: [(key: [UInt8], bytes: [UInt8])] = []
        for number in 0..<4 {
            let (key, bytes) = (keys[random.below(min(2, keys.count))], random.bytes(20))
            written.append((key, bytes))
            try engine.put(key.rawSpan, bytes.rawSpan, WriteOptions(durability: .os)) { outcome in
                answers.withLock { $0.append(number) }
                if let receipt = try? outcome.get() {
                    versions.withLock { $0.append(receipt.version) }
                }
            }
        }
        engine.commit()
        #expect(answers.withLock { $0 } == [0, 1, 2, 3])
        let all = versions.withLock { $0 }
        try #require(all.count == 4)
        #expect(all == all.sorted())
        for (write, version) in zip(written, all) {
            model[write.key] = Entry(bytes: write.bytes, metadata: [], version: version)
            lastVersion = max(lastVersion, version)
        }
    }
}
