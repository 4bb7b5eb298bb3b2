// Each kind of error that a program can meet has a way to be met: none is a promise without code.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Kinds of errors")
struct ErrorKindTests {
    private let disk = SimulatedDisk()
    private let key = Key("key")

    private func open(_ options: StoreOptions = StoreOptions()) throws -> Engine<SimulatedDisk> {
        try Engine.open(disk, options: options, tuning: .small)
    }

    private func put(
        _ engine: Engine<SimulatedDisk>, _ value: [UInt8] = [1],
        _ options: WriteOptions = WriteOptions()
    ) throws {
        _ = try engine.put(key.bytes.rawSpan, value.rawSpan, options)
    }

    /// What leads to an error of this kind, and perhaps of others before.
    private func provoke(_ kind: StoreError.Kind) throws {
        switch kind {
        case .noStore: _ = try open(StoreOptions(access: .existing))
        case .isBackup, .wrongDirectory: try provokeByBackup(kind)
        case .inUse, .unsupportedVersion, .storeDamaged, .invalidOption: try provokeAtOpening(kind)
        case .readOnly: try provokeReadOnly()
        case .diskFull, .outcomeUnknown, .inputOutput, .closed: try provokeByDisk(kind)
        case .damaged, .uncertain: try provokeByDamage(kind)
        case .conditionFailed, .invalidKey, .metadataTooLong, .blobTooLarge, .invalidBatch:
            try provokeByRequest(kind, try open(StoreOptions(blobByteCountMaximum: 10)))
        }
    }

    private func provokeAtOpening(_ kind: StoreError.Kind) throws {
        let engine = try open()
        if kind == .inUse { _ = try open() }
        try engine.close()
        var bytes = try #require(disk.bytes(of: "STORE", in: .root))
        if kind == .storeDamaged { bytes[20] ^= 1 }
        if kind == .unsupportedVersion {
            bytes[8] = 0xFF
            bytes.repairTrailingChecksum()
        }
        disk.replaceBytes(of: "STORE", in: .root, with: bytes)
        _ = try open(StoreOptions(intervalMilliseconds: kind == .invalidOption ? 0 : 100))
    }

    private func provokeByBackup(_ kind: StoreError.Kind) throws {
        let engine = try open()
        if kind == .wrongDirectory { _ = try Engine.open(disk.otherRoot, tuning: .small) }
        _ = try engine.backup(to: disk.otherRoot)
        _ = try Engine.open(disk.otherRoot, tuning: .small)
    }

    private func provokeReadOnly() throws {
        try open().close()
        try put(try open(StoreOptions(access: .readOnly)))
    }

    private func provokeByDisk(_ kind: StoreError.Kind) throws {
        let engine = try open()
        switch kind {
        case .diskFull: disk.capacity = disk.usedByteCount
        case .outcomeUnknown: disk.inject(Fault(.synchronizeFile))
        case .closed: try engine.close()
        default: disk.inject(Fault(.write))
        }
        try put(engine)
    }

    private func provokeByDamage(_ kind: StoreError.Kind) throws {
        let engine = try open()
        try put(engine)
        let name = try #require(disk.fileNames(in: .segments).first)
        if kind == .uncertain {
            try engine.close()
            disk.deleteFile(name, in: .segments)
            _ = try open().get(key.bytes.rawSpan)
        } else {
            disk.flipBit(0, at: 4096 + 43, of: name, in: .segments)
            _ = try engine.get(key.bytes.rawSpan)
        }
    }

    private func provokeByRequest(
        _ kind: StoreError.Kind, _ engine: Engine<SimulatedDisk>
    ) throws {
        switch kind {
        case .conditionFailed: try put(engine, [1], WriteOptions(condition: .present))
        case .invalidKey:
            let empty: [UInt8] = []
            _ = try engine.get(empty.rawSpan)
        case .metadataTooLong:
            try put(engine, [1], WriteOptions(metadata: sampleBytes(16_385)))
        case .blobTooLarge: try put(engine, sampleBytes(11))
        default:
            var batch = Batch()
            batch.delete(key)
            batch.delete(key)
            _ = try engine.apply(batch)
        }
    }

    @Test("each kind can be met", arguments: StoreError.Kind.allCases)
    func met(kind: StoreError.Kind) throws {
        expectError(kind) { try provoke(kind) }
    }
}
