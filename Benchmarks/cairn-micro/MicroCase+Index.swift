// Cases of the index: inserting, looking up, loading, and loading what a hint says.
//
// Hashes are scattered, as those of keys are. An insertion includes its share of growing: a case begins
// with an empty index, and again when that has a million keys. One thread, no disk.

internal import BenchSupport
internal import Cairn
internal import CairnFormat
internal import CairnSystem

extension MicroCase {
    fileprivate static let keyCountMaximum = 1 << 20

    static var indexCases: [MicroCase] {
        [
            MicroCase("index-insert") { _ in IndexInsertion() },
            MicroCase("index-lookup-hit") { _ in IndexLookup(first: 0) },
            MicroCase("index-lookup-miss") { _ in IndexLookup(first: keyCountMaximum) },
            MicroCase("index-load") { _ in IndexLoad() },
            MicroCase("hint-load") { _ in HintLoad() },
        ]
    }
}

@inline(__always)
private func location(_ number: Int) -> Location {
    Location(
        segmentOrdinal: number >> 20, offset: 4096 + UInt64(number & 0xf_ffff) * 144,
        recordByteCount: 144, kind: .put)
}

@inline(__always)
private func hash(_ number: Int) -> UInt64 { mix(UInt64(truncatingIfNeeded: number)) }

/// Keys one by one into an index that grows.
private final class IndexInsertion: Subject {
    private var index = Index()
    private var next = 0

    func renew(for count: Int) {
        if next + count <= MicroCase.keyCountMaximum { return }
        index = Index()
        next = 0
    }

    func run(_ count: Int) -> UInt64 {
        let index = index
        for number in next..<next + count { index.set(hash(number), to: location(number)) }
        next += count
        return UInt64(next)
    }
}

/// Keys of an index of a million, or others.
private final class IndexLookup: Subject {
    private let index = Index(expectedKeyCount: MicroCase.keyCountMaximum)
    private let first: Int

    init(first: Int) {
        self.first = first
        for number in 0..<MicroCase.keyCountMaximum {
            index.set(hash(number), to: location(number))
        }
    }

    func run(_ count: Int) -> UInt64 {
        let token = index.readers.enter()
        defer { index.readers.leave(token) }
        var sum: UInt64 = 0
        for number in 0..<count {
            let key = first + number & (MicroCase.keyCountMaximum - 1)
            sum &+= index.location(of: hash(key)).rawValue
        }
        return sum
    }
}

/// Keys in batches into an index that expects so many.
private final class IndexLoad: Subject {
    private static let batchCount = 32

    private var index = Index()
    private var batch = [Index.Change](
        repeating: Index.Change(hash: 0, location: .empty), count: batchCount)

    func renew(for count: Int) { index = Index(expectedKeyCount: count) }

    func run(_ count: Int) -> UInt64 {
        var number = 0
        while number + Self.batchCount <= count {
            for place in 0..<Self.batchCount {
                batch[place] = Index.Change(
                    hash: hash(number + place), location: location(number + place))
            }
            Self.set(&batch, in: index)
            number += Self.batchCount
        }
        for key in number..<count { index.set(hash(key), to: location(key)) }
        return UInt64(count)
    }

    private static func set(_ batch: inout [Index.Change], in index: Index) {
        var span = batch.mutableSpan
        index.setBatch(&span)
    }
}

/// The rows of a hint, block by block, checksums verified, into an index that expects them.
private final class HintLoad: Subject {
    private static let rowCount = 1 << 16

    private let bytes = HintLoad.encodedHint()
    private var index = Index()

    func renew(for count: Int) { index = Index(expectedKeyCount: Self.rowCount) }

    func run(_ count: Int) throws(BenchFailure) -> UInt64 {
        var rest = count
        do throws(FormatError) {
            while rest > 0 { rest -= try load(rest) }
        } catch {
            throw .refused("the hint: \(error)")
        }
        return UInt64(index.count)
    }

    /// Loads at most so many rows of the hint, from its first one on; returns how many.
    private func load(_ count: Int) throws(FormatError) -> Int {
        let bytes = bytes
        let hint = try Hint(decoding: bytes.rawSpan)
        var loaded = 0
        for number in 0..<hint.header.blockCount(.locations) where loaded < count {
            loaded += load(try hint.block(number, of: .locations), count - loaded)
        }
        return loaded
    }

    private func load(_ block: HintTableBlock, _ count: Int) -> Int {
        let rows = block.rows.prefix(count)
        for row in rows {
            let location = Location(
                segmentOrdinal: 0, offset: block.offset(row),
                recordByteCount: block.recordByteCount(row), kind: .put)
            index.set(block.hashFirst(row), to: location)
        }
        return rows.count
    }

    private static func encodedHint() -> [UInt8] {
        let binding = HintBinding(
            uuid: StoreUUID(high: 1, low: 2), segmentID: 1, logicalByteCount: 1 << 28, salt: 3,
            digest: 4)
        var builder = HintBuilder(binding: binding)
        let keys = KeyBuffer()
        for number in 0..<rowCount {
            let row = HintRow(
                hashFirst: hash(number), hashSecond: hash(~number), sequence: UInt64(number + 1),
                offset: 4096 + UInt64(number) * 144, recordByteCount: 144, type: .put, flags: [],
                keyByteCount: KeyBuffer.byteCount, expiry: 0, blobID: 0)
            builder.add(row, key: keys.key(number))
        }
        return builder.encoded()
    }
}
