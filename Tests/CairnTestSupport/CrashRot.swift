// CrashRot — damage to bytes that were durable: it is detected, or it is harmless.
//
// A small store that holds everything a store can hold is damaged in one place at a time and opened.
// Allowed: a typed error from the opening, an error from the read of a key, or the right answer.
// Never: wrong bytes, an older version, a deleted blob, a missing one, a trap. What stood behind the
// last mark of an open segment was proven by nothing, and may count as its torn tail. When the whole
// rest of the open segment is taken away, nothing is left that could tell: then the log ends early.

package import Cairn
internal import CairnSystem

/// One piece of damage.
package enum RotDamage: Sendable {
    case flip(offset: UInt64, bit: Int)
    case cut(byteCount: UInt64)
    case zeroSector(offset: UInt64)
    case garbageSector(offset: UInt64, seed: UInt64)
    case swapBlocks(Int, Int)
    /// A block of another file.
    case foreignBlock(Int, from: String, Int)
    case remove
    case replace(with: String)
    case lengthen(byteCount: UInt64)
}

/// A file and what happens to it.
package struct RotCase: Sendable {
    package let name: String
    package let directory: StoreDirectory
    package let damage: RotDamage

    package init(name: String, directory: StoreDirectory, damage: RotDamage) {
        self.name = name
        self.directory = directory
        self.damage = damage
    }
}

/// How damage ended.
package struct RotCount: Sendable {
    package var refused = 0
    package var detected = 0
    package var harmless = 0
    /// Segments that were compacted, and inputs that were left alone, in all of them.
    package var compacted = 0
    package var leftAlone = 0

    package init() {}

    /// How many pieces of damage were tried.
    package var total: Int { refused + detected + harmless }
}

/// A built store that is damaged and put back, again and again. One thread.
package final class CrashRot {
    let world: CrashWorld
    let snapshot: SimulatedDisk.Snapshot
    /// All that was ever written, by key.
    private let everWritten: [Set<OracleValue>]
    private let openSegment: String
    /// How all damage so far ended.
    package var count = RotCount()

    package init() throws(CrashFailure) {
        world = try RotStore().build()
        world.disk.isTracing = false
        snapshot = world.disk.snapshot()
        everWritten = world.everWritten
        // The last one that holds a record; behind it one of zeros may wait.
        let disk = world.disk
        openSegment =
            disk.fileNames(in: .segments).last { name in
                let bytes = disk.bytes(of: name, in: .segments) ?? []
                return name.hasSuffix(".seg") && bytes.dropFirst(4096).contains { $0 != 0 }
            } ?? ""
    }

    /// The files that are damaged: what a store is made of.
    package var files: [(name: String, directory: StoreDirectory, byteCount: UInt64)] {
        var files = [(name: StoreNames.identity, directory: StoreDirectory.root)]
        files.append((StoreNames.manifest, .root))
        files += world.disk.fileNames(in: .segments).map { ($0, StoreDirectory.segments) }
        return files.map {
            ($0.name, $0.directory, world.disk.byteCount(of: $0.name, in: $0.directory) ?? 0)
        }
    }

    // MARK: One case

    /// Damages a copy of the store and looks at it; with `acceptingLoss` also as an operator who
    /// gives up what is lost.
    package func check(_ item: RotCase, acceptingLoss: Bool) throws(CrashFailure) {
        let disk = SimulatedDisk(snapshot)
        item.apply(to: disk)
        try look(disk, item)
        if acceptingLoss { try acceptLoss(disk, item) }
    }

    /// Damages the store while it is open: a read answers right or says that it cannot, and what
    /// is written to such a key is there again.
    package func checkWhileOpen(_ item: RotCase) throws(CrashFailure) {
        let disk = SimulatedDisk(snapshot)
        guard let engine = try? Engine.open(disk, tuning: world.tuning) else {
            throw failure(item, "the undamaged store cannot be opened")
        }
        let (before, _) = try read(engine, item)
        item.apply(to: disk)
        let (after, unknown) = try read(engine, item)
        for number in before.indices where !unknown.contains(number) {
            guard before[number] == after[number] else {
                throw failure(
                    item,
                    "key \(number) changed from \(Oracle.describe(before[number])) to "
                        + Oracle.describe(after[number]))
            }
        }
        if unknown.isEmpty { count.harmless += 1 } else { count.detected += 1 }
        for number in unknown { try heal(number, engine, item) }
        try? engine.close()
    }

    private func heal(
        _ number: Int, _ engine: Engine<SimulatedDisk>, _ item: RotCase
    ) throws(CrashFailure) {
        let key = world.oracle.keys[number]
        do {
            _ = try engine.put(key.rawSpan, key.rawSpan)
            guard try engine.get(key.rawSpan)?.bytes == key else {
                throw failure(item, "key \(number) was written again and is not there")
            }
        } catch let error as StoreError {
            throw failure(item, "key \(number) cannot be written again: \(error)")
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw failure(item, "\(error)")
        }
    }

    /// What every key shows, and the keys that answer with an error.
    func read(
        _ engine: Engine<SimulatedDisk>, _ item: RotCase
    ) throws(CrashFailure) -> (readings: [OracleReading?], unknown: Set<Int>) {
        var readings: [OracleReading?] = []
        var unknown: Set<Int> = []
        for (number, key) in world.oracle.keys.enumerated() {
            do {
                readings.append(try engine.get(key.rawSpan).map { OracleReading($0) })
            } catch {
                readings.append(nil)
                unknown.insert(number)
                try accept(error, item)
            }
        }
        return (readings, unknown)
    }

    func look(_ disk: SimulatedDisk, _ item: RotCase) throws(CrashFailure) {
        guard let engine = try? Engine.open(disk, tuning: world.tuning) else {
            count.refused += 1
            return
        }
        defer { try? engine.close() }
        let (readings, unknown) = try read(engine, item)
        try judge(readings, unknown, item)
        if unknown.isEmpty && engine.findings.isEmpty {
            count.harmless += 1
        } else {
            count.detected += 1
        }
    }

    /// Whether the oracle can explain what the keys show of which something is known.
    func judge(
        _ readings: [OracleReading?], _ unknown: Set<Int>, _ item: RotCase
    ) throws(CrashFailure) {
        var oracle = world.oracle
        do {
            _ = try oracle.judge(
                readings, afterPowerCut: true, unknown: unknown, mayLoseTail: takesTail(item))
        } catch {
            throw failure(item, error.description)
        }
    }

    /// Whether the damage can leave nothing of an open segment behind it.
    private func takesTail(_ item: RotCase) -> Bool {
        guard item.name == openSegment else { return false }
        switch item.damage {
        case .cut, .foreignBlock, .replace: return true
        default: return false
        }
    }

    private func accept(_ error: StoreError, _ item: RotCase) throws(CrashFailure) {
        switch error.kind {
        case .damaged, .uncertain: break
        default: throw failure(item, "a read answered \(error)")
        }
    }

    /// Opens with the loss accepted: what is read was once written to that key, and the store
    /// takes writes again and opens without complaint from then on.
    private func acceptLoss(_ disk: SimulatedDisk, _ item: RotCase) throws(CrashFailure) {
        let options = StoreOptions(acceptLoss: true)
        guard let engine = try? Engine.open(disk, options: options, tuning: world.tuning) else {
            return
        }
        try checkEverWritten(engine, item)
        let key: [UInt8] = Array("new".utf8)
        do {
            _ = try engine.put(key.rawSpan, key.rawSpan)
            try engine.close()
            let again = try Engine.open(disk, tuning: world.tuning)
            try checkEverWritten(again, item)
            guard try again.get(key.rawSpan)?.bytes == key else {
                throw failure(item, "what was written after the loss was accepted is gone")
            }
            if again.statistics().isReadOnly {
                throw failure(item, "accepted loss is not forgotten: \(again.findings)")
            }
            try again.close()
        } catch let error as StoreError {
            throw failure(item, "after the loss was accepted: \(error)")
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw failure(item, "\(error)")
        }
    }

    private func checkEverWritten(
        _ engine: Engine<SimulatedDisk>, _ item: RotCase
    ) throws(CrashFailure) {
        for (number, key) in world.oracle.keys.enumerated() {
            do {
                guard let blob = try engine.get(key.rawSpan) else { continue }
                let value = OracleReading(blob).value
                guard everWritten[number].contains(value) else {
                    throw failure(item, "key \(number) reads as what nobody wrote")
                }
            } catch let error as StoreError {
                try accept(error, item)
            } catch let error as CrashFailure {
                throw error
            } catch {
                throw failure(item, "\(error)")
            }
        }
    }

    func failure(_ item: RotCase, _ message: String) -> CrashFailure {
        CrashFailure(message: "\(item): \(message)", seed: world.seed, history: world.history)
    }
}
