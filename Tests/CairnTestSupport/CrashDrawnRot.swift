// CrashDrawnRot — damage of MANIFEST, STORE and hints, in stores as random lives leave them.
//
// These files say what the log is, and are nothing that a crash may tear: the store is refused, or
// it shows exactly what it showed without the damage. Of the segments of one store every bit is
// flipped by `CrashRot`; here the stores differ.

internal import Cairn

/// One seed: a store whose files beside the segments are damaged, one at a time.
package struct CrashDrawnRot {
    /// Everything follows from it.
    package let seed: UInt64
    private let marks: MarkBoard

    package init(seed: UInt64, marks: MarkBoard) {
        self.seed = seed
        self.marks = marks
    }

    /// Damages copies of the store in `cases` ways; returns how that ended.
    package func run(cases: Int) throws(CrashFailure) -> RotCount {
        try CrashFailure.told { keepsHistory throws(CrashFailure) in
            var (random, count) = (TestRandom(seed: seed), RotCount())
            let start = try lived(keepsHistory, random: &random)
            for _ in 0..<cases {
                let isHarmless = try check(Self.damage(of: start.disk, random: &random), start)
                if isHarmless { count.harmless += 1 } else { count.refused += 1 }
            }
            return count
        }
    }

    /// A store that was killed, or lost its power, some time after its second opening.
    private func lived(
        _ keepsHistory: Bool, random: inout TestRandom
    ) throws(CrashFailure) -> CrashWorld {
        var shape = CrashScript.Shape()
        shape.hasFaults = false
        let world = CrashWorld(
            seed: seed, tuning: CrashWorld.tinyTuning(random: &random),
            keys: CrashWorld.keys(shape.keyCount), marks: marks)
        world.keepsHistory = keepsHistory
        for _ in 0..<2 {
            guard try world.open() else { throw world.fail("the store could not be opened") }
            try world.verify()
            for operation in CrashScript.draw(40, shape, random: &random) {
                try world.perform(operation)
            }
            world.end(CrashRun.end(random: &random))
        }
        return world
    }

    private static func damage(
        of disk: SimulatedDisk, random: inout TestRandom
    ) -> RotCase {
        var files = [(StoreNames.manifest, StoreDirectory.root), (StoreNames.identity, .root)]
        for name in disk.fileNames(in: .segments) where name.hasSuffix(".hint") {
            files.append((name, .segments))
        }
        let (name, directory) = files[random.below(files.count)]
        let byteCount = max(1, disk.byteCount(of: name, in: directory) ?? 1)
        let offset = random.next() % byteCount
        let damage: RotDamage =
            switch random.below(4) {
            case 0: .cut(byteCount: offset)
            case 1: .zeroSector(offset: offset)
            default: .flip(offset: offset, bit: random.below(8))
            }
        return RotCase(name: name, directory: directory, damage: damage)
    }

    /// False when the store is refused.
    private func check(_ item: RotCase, _ start: CrashWorld) throws(CrashFailure) -> Bool {
        let world = start.fork()
        world.note("damage: \(item)")
        item.apply(to: world.disk)
        guard try world.openDamaged() else { return false }
        try world.verify()
        return true
    }
}

extension CrashWorld {
    /// Opens a store whose files are damaged; false when it is refused.
    fileprivate func openDamaged() throws(CrashFailure) -> Bool {
        do {
            engine = try Engine.open(disk, options: options, tuning: tuning)
            return true
        } catch {
            switch error.kind {
            case .storeDamaged, .unsupportedVersion, .noStore: return false
            default: throw fail("a damaged store was not refused as such: \(error)")
            }
        }
    }
}
