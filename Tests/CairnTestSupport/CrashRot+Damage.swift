// CrashRot+Damage — the store that is damaged, and all the ways in which it is.

internal import Cairn
internal import CairnSystem

extension RotCase {
    /// Does the damage.
    func apply(to disk: SimulatedDisk) {
        switch damage {
        case .flip(let offset, let bit):
            disk.flipBit(bit, at: offset, of: name, in: directory)
        case .cut(let byteCount), .lengthen(let byteCount):
            disk.setByteCount(byteCount, of: name, in: directory)
        case .zeroSector(let offset): disk.zeroSector(at: offset, of: name, in: directory)
        case .garbageSector(let offset, let seed):
            var random = TestRandom(seed: seed)
            overwrite(disk, at: offset / 512 * 512, with: random.bytes(512))
        case .swapBlocks(let first, let second):
            disk.swapBlocks(first, second, of: name, in: directory)
        case .foreignBlock(let place, let other, let block):
            let bytes = disk.bytes(of: other, in: directory) ?? []
            let source = bytes.dropFirst(block * 4096).prefix(4096)
            overwrite(disk, at: UInt64(place * 4096), with: Array(source))
        case .remove: disk.deleteFile(name, in: directory)
        case .replace(let other):
            disk.copyFile(other, in: directory, to: name, in: directory)
        }
    }

    private func overwrite(
        _ disk: SimulatedDisk, at offset: UInt64, with bytes: [UInt8]
    ) {
        guard var whole = disk.bytes(of: name, in: directory) else { return }
        let start = min(Int(offset), whole.count)
        let end = min(start + bytes.count, whole.count)
        whole.replaceSubrange(start..<end, with: bytes.prefix(end - start))
        disk.replaceBytes(of: name, in: directory, with: whole)
    }
}

extension CrashRot {
    // MARK: Cases

    /// The bits of the records alone: what damage can reach while the store is open.
    package var flipsWhileOpen: [RotCase] { flips.filter(\.canStrikeOpenStore) }

    /// Every bit of every file, in order. The padding of a segment's header holds nothing: there
    /// every 64th byte stands for the rest.
    package var flips: [RotCase] {
        var cases: [RotCase] = []
        for file in files {
            for offset in 0..<file.byteCount {
                let isPadding = file.name.hasSuffix(".seg") && (128..<4096).contains(offset)
                if isPadding && offset % 64 != 0 { continue }
                for bit in 0..<8 {
                    cases.append(
                        RotCase(
                            name: file.name, directory: file.directory,
                            damage: .flip(offset: offset, bit: bit)))
                }
            }
        }
        return cases
    }

    /// Every truncation (by eight bytes, and some odd ones), every sector zeroed or garbage, every
    /// pair of blocks swapped, every block of another file, every file removed or replaced.
    package var others: [RotCase] {
        var cases: [RotCase] = []
        for file in files {
            func add(_ damage: RotDamage) {
                cases.append(
                    RotCase(name: file.name, directory: file.directory, damage: damage))
            }
            for byteCount in stride(from: 0, to: file.byteCount, by: 8) where byteCount >= 4000 {
                add(.cut(byteCount: byteCount))
                add(.cut(byteCount: byteCount + 3))
            }
            for byteCount in stride(from: UInt64(0), to: min(file.byteCount, 4000), by: 37) {
                add(.cut(byteCount: byteCount))
            }
            for offset in stride(from: 0, to: file.byteCount, by: 512) {
                add(.zeroSector(offset: offset))
                for seed in 0..<4 { add(.garbageSector(offset: offset, seed: UInt64(seed))) }
            }
            for extra in [1, 8, 100, 4096, 100_000] {
                add(.lengthen(byteCount: file.byteCount + UInt64(extra)))
            }
            add(.remove)
            addBlocks(file, add)
        }
        return cases
    }

    private func addBlocks(
        _ file: (name: String, directory: StoreDirectory, byteCount: UInt64),
        _ add: (RotDamage) -> Void
    ) {
        let blockCount = Int(file.byteCount / 4096)
        for second in 0..<blockCount {
            for first in 0..<second { add(.swapBlocks(first, second)) }
        }
        for other in files where other.directory == file.directory && other.name != file.name {
            add(.replace(with: other.name))
            for place in 0...blockCount {
                for block in 0...Int(other.byteCount / 4096) {
                    add(.foreignBlock(place, from: other.name, block))
                }
            }
        }
    }
}

extension RotCase {
    /// Whether the damage means anything to a store that is open.
    package var canStrikeOpenStore: Bool {
        if case .flip = damage { return directory == .segments }
        return false
    }
}

/// Builds a store that holds an open tail, batches, blocked and chunked blobs, overwritten and
/// deleted keys, and open, sealed and recovered segments.
struct RotStore {
    private static var tuning: Tuning {
        var random = TestRandom(seed: 1)
        var tuning = CrashWorld.tinyTuning(random: &random)
        tuning.bufferByteCount = 4096
        tuning.directByteCount = 512
        tuning.blockByteCount = 128
        tuning.chunkByteCount = 512
        tuning.segmentByteCountMinimum = 6144
        tuning.segmentByteCountMaximum = 6144
        tuning.segmentRecordCountMaximum = 1_000_000
        tuning.sequenceLease = 1 << 20
        tuning.zeroAheadByteCount = 256
        tuning.reserveByteCounts = 0...0
        tuning.scanByteCount = 4096
        tuning.hintBlockByteCount = 128
        tuning.loadByteCount = 4096
        tuning.hashMask = .max
        return tuning
    }

    private static func put(
        _ key: Int, _ byteCount: Int?, _ durability: Durability = .synced
    ) -> CrashOperation {
        .write(
            CrashWrite(key: key, byteCount: byteCount, hasMetadata: key % 2 == 0), durability,
            isBlocking: durability == .synced)
    }

    private static let first: [CrashOperation] = [
        put(0, 20), put(1, 300), put(2, 1100), put(3, 0), put(4, 90),
        .batch(
            [CrashWrite(key: 5, byteCount: 60), CrashWrite(key: 6, byteCount: 140)], .synced),
        put(0, 30), put(4, nil), put(7, 700), put(8, 40), put(9, 200), .backgroundStep,
        put(8, nil), put(1, 310),
    ]

    private static let second: [CrashOperation] =
        [
            put(10, 25), put(2, 1030), put(3, 12), put(9, nil),
            .batch(
                [
                    CrashWrite(key: 5, byteCount: 55), CrashWrite(key: 11, byteCount: 33),
                    CrashWrite(key: 6, byteCount: nil),
                ], .synced),
            put(0, 35), put(7, 150), .flush, put(4, 70), .markIdle,
        ] + Array(repeating: .backgroundStep, count: 60)

    private static let tail: [CrashOperation] = [
        put(8, 44, .os), put(3, 18, .os), put(10, nil, .os),
        .batch([CrashWrite(key: 6, byteCount: 9), CrashWrite(key: 0, byteCount: 10)], .os),
        .commit(sync: false),
    ]

    func build() throws(CrashFailure) -> CrashWorld {
        // Segments in every state: none is compacted away.
        let world = CrashWorld(
            seed: 7, tuning: Self.tuning, options: StoreOptions(compacts: false),
            keys: CrashWorld.keys(12))
        world.keepsValues = true
        try live(world, Self.first)
        world.end(.powerCut(.keepAll))
        try live(world, Self.second)
        world.promiseMarked()
        for operation in Self.tail { try world.perform(operation) }
        world.end(.powerCut(.keepAll))
        return world
    }

    private func live(
        _ world: CrashWorld, _ script: [CrashOperation]
    ) throws(CrashFailure) {
        guard try world.open() else { throw world.fail("the store to damage cannot be opened") }
        try world.verify()
        for operation in script { try world.perform(operation) }
    }
}
