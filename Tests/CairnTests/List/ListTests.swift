// Listings against a dictionary: order, prefixes, delimiters, pages that go on while the store changes,
// hints that are missing or damaged, hashes that collide.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Listing") struct ListTests {
    /// Keys like paths, some with odd bytes.
    private func keys(_ count: Int, _ random: inout TestRandom) -> [[UInt8]] {
        let parts: [[UInt8]] = [
            [0x61], [0x62], Array("photo".utf8), [0], [0xFF], [0xFF, 0xFF], [0x2F], [],
        ]
        var keys: Set<[UInt8]> = []
        while keys.count < count {
            var key: [UInt8] = []
            for _ in 0...random.below(4) {
                key += parts[random.below(parts.count)] + (random.coin() ? [0x2F] : [])
            }
            if random.chance(1, in: 3) { key += Array("\(random.below(1000))".utf8) }
            if !key.isEmpty { keys.insert(key) }
        }
        return Array(keys).inOrder
    }

    private func tuning(_ random: inout TestRandom, mask: UInt64 = .max) -> Tuning {
        var tuning = Tuning.small
        tuning.hintBlockByteCount = [64, 128, 65_536][random.below(3)]
        tuning.hashMask = mask
        return tuning
    }

    private func change(
        _ engine: Engine<SimulatedDisk>, _ model: inout Set<[UInt8]>, _ keys: [[UInt8]],
        _ random: inout TestRandom
    ) throws {
        let key = keys[random.below(keys.count)]
        let options = WriteOptions(durability: random.coin() ? .os : .interval)
        if random.chance(1, in: 3) {
            _ = try engine.delete(key.rawSpan, options)
            model.remove(key)
        } else {
            let count = random.chance(1, in: 20) ? 3000 : random.below(200)
            _ = try engine.put(key.rawSpan, random.bytes(count).rawSpan, options)
            model.insert(key)
        }
    }

    @Test(
        "a listing is the sorted dictionary, whatever is asked, between all writes and reopenings",
        arguments: [UInt64.max, 0x7])
    func dictionary(mask: UInt64) throws {
        var random = TestRandom.reported("a listing is the sorted dictionary, mask \(mask)")
        for _ in 0..<6 {
            let disk = SimulatedDisk(seed: random.next())
            let tuning = tuning(&random, mask: mask)
            let keys = keys(60 + random.below(60), &random)
            var model: Set<[UInt8]> = []
            var engine = try Engine.open(disk, tuning: tuning)
            for round in 0..<12 {
                for _ in 0..<40 { try change(engine, &model, keys, &random) }
                if random.coin() { try engine.workUntilIdle() }
                for _ in 0..<12 {
                    let request = ListRequest.random(keys: keys, &random)
                    let lines = try engine.lines(request)
                    #expect(lines == request.expected(model), "\(request)")
                }
                #expect(try engine.pagedKeys(7) == Array(model).inOrder)
                if round % 4 == 3 {
                    try engine.close()
                    engine = try Engine.open(disk, tuning: tuning)
                }
            }
            try engine.close()
        }
    }

    @Test(
        "a key that is there all the time comes once, whatever is written between two pages",
        arguments: [UInt64.max, 0x7])
    func pagesWhileChanging(mask: UInt64) throws {
        var random = TestRandom.reported("pages while changing, mask \(mask)")
        for _ in 0..<8 {
            let engine = try Engine.open(
                SimulatedDisk(seed: random.next()), tuning: tuning(&random, mask: mask))
            let keys = keys(120, &random)
            let stable = Set(keys.filter { _ in random.coin() })
            var model: Set<[UInt8]> = []
            for key in stable {
                _ = try engine.put(key.rawSpan, key.rawSpan, WriteOptions(durability: .os))
            }
            let changing = keys.filter { !stable.contains($0) }
            var possible = Set<[UInt8]>()
            let listed = try engine.pagedKeys(1 + random.below(9)) { _ in
                for _ in 0..<12 { try change(engine, &model, changing, &random) }
                // Overwritten: in a new segment by now, and there all the time.
                for key in stable.prefix(20) {
                    _ = try engine.put(
                        key.rawSpan, random.bytes(150).rawSpan, WriteOptions(durability: .os))
                }
                possible.formUnion(model)
                if random.coin() { try engine.workUntilIdle() }
            }
            #expect(listed == Array(Set(listed)).inOrder)
            #expect(stable.isSubset(of: listed))
            #expect(Set(listed).subtracting(stable).isSubset(of: possible))
            try engine.close()
        }
    }

    @Test("keys of one byte and of 65,535 bytes are listed, with prefixes and pages between them")
    func extremeKeys() throws {
        let long = FormatLimits.keyByteCountMaximum
        var keys: [[UInt8]] = [[0], [0, 0], [0x61], [0xFF], [0xFF, 0xFF]]
        for last in [0, 1, 0x61, 0xFF] as [UInt8] {
            keys.append([UInt8](repeating: 0x61, count: long - 1) + [last])
            keys.append([UInt8](repeating: 0xFF, count: long - 1) + [last])
        }
        keys.append([UInt8](repeating: 0x61, count: long - 1))
        var tuning = Tuning.smallChunks
        tuning.hintBlockByteCount = 256
        let disk = SimulatedDisk(seed: 1)
        for isReopened in [false, true] {
            let engine = try Engine.open(disk, tuning: tuning)
            for key in keys where !isReopened {
                _ = try engine.put(key.rawSpan, key.rawSpan, WriteOptions(durability: .os))
            }
            let inOrder = keys.inOrder
            for limit in [1, 2, 100] { #expect(try engine.pagedKeys(limit) == inOrder) }
            for prefix in [[UInt8](repeating: 0x61, count: long - 1), [0xFF], [0xFF, 0xFF, 0xFF]] {
                for delimiter in [[], [0x61], [0xFF]] as [[UInt8]] {
                    let request = ListRequest(prefix: prefix, delimiter: delimiter)
                    #expect(try engine.lines(request) == request.expected(keys))
                }
            }
            let behind = ListRequest(after: inOrder[inOrder.count - 1])
            #expect(try engine.lines(behind) == [])
            try engine.close()
        }
    }

    @Test("any damage to a hint, any hint missing: the listing is the same")
    func damagedHints() throws {
        var random = TestRandom.reported("any damage to a hint")
        let store = try HintStore(seed: random.next())
        let expected = Array(store.model.keys).inOrder
        for number in 0..<60 {
            let name = store.hintNames[number % store.hintNames.count]
            var bytes = try store.hint(name)
            let disk: SimulatedDisk
            switch number % 5 {
            case 0: disk = store.copy(replacing: name)
            case 1: disk = store.copy(replacing: name, by: Array(bytes.prefix(bytes.count / 2)))
            case 2:
                let other = try store.hint(store.hintNames[(number + 1) % store.hintNames.count])
                disk = store.copy(replacing: name, by: other)
            default:
                bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
                disk = store.copy(replacing: name, by: bytes)
            }
            let engine = try store.open(disk)
            // Damage after the opening: nobody has looked at the file since.
            if number % 5 == 4 { try damage(name, disk, &random) }
            #expect(try engine.pagedKeys(10) == expected)
            #expect(try engine.pagedKeys(1000) == expected)
            try engine.close()
        }
    }

    private func damage(
        _ name: String, _ disk: SimulatedDisk, _ random: inout TestRandom
    ) throws {
        var bytes = try #require(disk.bytes(of: name, in: .segments))
        for _ in 0..<20 { bytes[random.below(bytes.count)] ^= 0x55 }
        disk.replaceBytes(of: name, in: .segments, with: bytes)
    }

    @Test("a damaged hint is made anew by the listing that meets it")
    func rebuiltHint() throws {
        var random = TestRandom.reported("a damaged hint is made anew")
        let store = try HintStore(seed: random.next())
        let engine = try store.open(store.disk)
        let name = store.hintNames[1]
        let intact = try store.hint(name)
        // The keys are what a listing reads.
        let keys = try Hint(decoding: intact.rawSpan).header.range(of: .keys)
        var bytes = intact
        for place in Int(keys.lowerBound)..<Int(keys.upperBound) { bytes[place] ^= 1 }
        store.disk.replaceBytes(of: name, in: .segments, with: bytes)
        #expect(try engine.pagedKeys(1000) == Array(store.model.keys).inOrder)
        #expect(try store.hint(name) == intact)
        try engine.close()
    }

    @Test("a segment that is damaged and has no hint makes the listing fail by name, not lack keys")
    func damagedSegment() throws {
        let store = try HintStore(seed: 3)
        let engine = try store.open(store.disk)
        let name = store.segmentNames[0]
        var bytes = try #require(store.disk.bytes(of: name, in: .segments))
        bytes[4096 + 9] ^= 1
        store.disk.replaceBytes(of: name, in: .segments, with: bytes)
        let expected = Array(store.model.keys).inOrder
        #expect(try engine.pagedKeys(1000) == expected)
        store.disk.deleteFile(store.hintNames[0], in: .segments)
        for _ in 0..<2 {
            expectError(.damaged, naming: "0000000000000001") { _ = try engine.pagedKeys(10) }
        }
        // One record is damaged, and its key is not the only one.
        let rest = try engine.list(includesUncertain: true).page().items.map(\.key.bytes)
        #expect(expected.count - rest.count <= 1 && Set(rest).isSubset(of: expected))
        let again = try Engine.open(
            SimulatedDisk(copying: store.disk), options: StoreOptions(access: .readOnly),
            tuning: store.tuning)
        expectError(.uncertain, naming: "0000000000000001") { _ = try again.pagedKeys(10) }
        #expect(
            try again.list(includesUncertain: true).page().items.map(\.key.bytes) == rest)
        try again.close()
        try engine.close()
    }

    @Test("a reader beside a writer lists what it opened, also what no hint names")
    func besideWriter() throws {
        var random = TestRandom.reported("a reader beside a writer lists")
        let disk = SimulatedDisk(seed: random.next())
        let tuning = tuning(&random)
        let writer = try Engine.open(disk, tuning: tuning)
        let keys = keys(80, &random)
        var model: Set<[UInt8]> = []
        for round in 0..<5 {
            for _ in 0..<60 { try change(writer, &model, keys, &random) }
            if round % 2 == 0 { try writer.workUntilIdle() }
            try writer.flush()
            let names = disk.fileNames(in: .segments)
            let reader = try Engine.open(
                disk, options: StoreOptions(access: .readOnly), tuning: tuning)
            #expect(try reader.pagedKeys(9) == Array(model).inOrder)
            #expect(disk.fileNames(in: .segments) == names)
            try reader.close()
        }
        try writer.close()
    }

    @Test("with each key comes what is known of its blob, when asked for")
    func information() throws {
        let engine = try Engine.open(SimulatedDisk(seed: 1), tuning: .small)
        for number in 0..<30 {
            let key = Key.numbered(number).bytes
            let value = sampleBytes(number * 100, salt: UInt64(number))
            _ = try engine.put(
                key.rawSpan, value.rawSpan,
                WriteOptions(durability: .os, metadata: [UInt8(number)]))
        }
        let page = try engine.list(limit: 1000, includesInformation: true).page()
        #expect(page.items.count == 30)
        for item in page.items {
            let information = try engine.information(item.key.bytes.rawSpan)
            #expect(information != nil && item.information == information)
        }
        try engine.close()
    }

    @Test("a damaged blob is listed, without what is known of the others")
    func damagedBlob() throws {
        let store = try HintStore(seed: 3)
        let engine = try store.open(store.disk)
        let key = try #require(Array(store.model.keys).inOrder.first)
        let version = try #require(
            try KeyHistory(store.disk, tuning: store.tuning).versions(of: key).first)
        store.disk.flipBit(
            0, at: version.offset + 9, of: SegmentFileName(version.segmentID).description,
            in: .segments)
        expectError(.damaged) { _ = try engine.get(key.rawSpan) }
        let items = try engine.list(limit: 1000, includesInformation: true).page().items
        #expect(items.map(\.key.bytes) == Array(store.model.keys).inOrder)
        #expect(items.filter { $0.information == nil }.map(\.key.bytes) == [key])
        try engine.close()
    }

    @Test("a closed store is not listed")
    func closed() throws {
        let engine = try Engine.open(SimulatedDisk(seed: 1), tuning: .small)
        let listing = engine.list()
        try engine.close()
        expectError(.closed) { _ = try listing.next() }
    }

    @Test("common prefixes are passed over: a page of them reads little of a large directory")
    func passesOver() throws {
        let disk = SimulatedDisk(seed: 1)
        var tuning = Tuning()
        tuning.hintBlockByteCount = 4096
        tuning.segmentRecordCountMaximum = 20_000
        var engine = try Engine.open(disk, tuning: tuning)
        let options = WriteOptions(durability: .interval)
        for number in 0..<40_000 {
            let key = Array("dir\(number % 4)/file \(number)".utf8)
            _ = try engine.put(key.rawSpan, key.rawSpan, options)
        }
        try engine.close()
        engine = try Engine.open(disk, tuning: tuning)
        let request = ListRequest(delimiter: [0x2F])
        _ = try engine.lines(request)
        disk.isTracing = true
        disk.clearTrace()
        let lines = try engine.lines(request)
        let readCount = disk.trace.count { $0.contains(" read ") }
        #expect(
            lines == (0..<4).map { ListedLine(key: Array("dir\($0)/".utf8), isPrefix: true) })
        // A block of 4 KiB for each prefix and segment, of some hundreds in all.
        #expect(readCount > 0 && readCount <= 3 * 5)
        try engine.close()
    }
}
