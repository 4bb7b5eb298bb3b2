// Cases of the store: puts with interval durability, and gets, by borrowed keys, of a store on a disk.
//
// Values are random and the store does not compress, or, in the cases named so, text and it does. New
// keys come in order, so that each is the greatest of its segment.
// Gets read a store that was closed and opened again, so that they come from maps of ended segments and
// from the page cache. One caller; the store's own threads work beside it.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension MicroCase {
    static var storeCases: [MicroCase] {
        let (small, large) = (100, 1 << 10)
        return [
            put("put-new-100", small, isNew: true), put("put-new-1k", large, isNew: true),
            put("put-over-100", small), put("put-over-1k", large),
            put("put-over-text-1k", large, isCompressible: true),
            get("get-100", small), get("get-1k", large),
            get("get-text-1k", large, isCompressible: true),
            get("get-missing", small, isMissing: true),
        ]
    }

    private static func put(
        _ name: String, _ byteCount: Int, isNew: Bool = false, isCompressible: Bool = false
    ) -> MicroCase {
        MicroCase(name, mustNotAllocate: true) { (directory) throws(BenchFailure) in
            let values = SampleValues(byteCount: byteCount, isCompressible: isCompressible)
            return try PutSubject(MicroStore(directory, values), isNew: isNew)
        }
    }

    private static func get(
        _ name: String, _ byteCount: Int, isMissing: Bool = false, isCompressible: Bool = false
    ) -> MicroCase {
        MicroCase(name, mustNotAllocate: true) { (directory) throws(BenchFailure) in
            let values = SampleValues(byteCount: byteCount, isCompressible: isCompressible)
            return try GetSubject(MicroStore(directory, values), isMissing: isMissing)
        }
    }
}

/// Values that are slices of one pool.
private struct SampleValues {
    private static let poolByteCount = 1 << 20

    let byteCount: Int
    let isCompressible: Bool
    private let pool: AlignedBuffer

    init(byteCount: Int, isCompressible: Bool) {
        self.byteCount = byteCount
        self.isCompressible = isCompressible
        pool = SampleBytes.make(
            byteCount: Self.poolByteCount + byteCount, isCompressible: isCompressible)
    }

    @inline(__always)
    @_lifetime(borrow self)
    func value(_ number: Int) -> RawSpan {
        let start = Int(truncatingIfNeeded: mix(UInt64(number)) & UInt64(Self.poolByteCount - 1))
        return pool.bytes(start..<start + byteCount)
    }
}

/// A store of a case, and what is put into it.
private final class MicroStore {
    /// How many keys a case finds in its store; a power of two.
    static let keyCount = 1 << 14

    /// One of them for each number, in no order.
    @inline(__always)
    static func scatteredKey(_ number: Int) -> Int {
        Int(truncatingIfNeeded: mix(UInt64(number) &+ 1 << 32)) & (keyCount - 1)
    }

    let values: SampleValues
    let keys = KeyBuffer()
    private let directory: MicroDirectory
    private var path: String
    private(set) var store: Store

    /// An empty store.
    init(_ directory: MicroDirectory, _ values: SampleValues) throws(BenchFailure) {
        self.directory = directory
        self.values = values
        path = try directory.newStorePath()
        store = try Self.open(path, values)
    }

    private static func open(_ path: String, _ values: SampleValues) throws(BenchFailure) -> Store {
        try BenchFailure.store { () throws(StoreError) in
            try Store.open(at: path, options: StoreOptions(compresses: values.isCompressible))
        }
    }

    /// Puts the values of so many numbers, under the keys that belong to them.
    @inline(__always)
    func put(_ numbers: Range<Int>, key: (Int) -> Int) throws(BenchFailure) -> UInt64 {
        let (store, keys, values) = (store, keys, values)
        let options = WriteOptions(durability: .interval)
        var sum: UInt64 = 0
        do throws(StoreError) {
            for number in numbers {
                let receipt = try store.put(keys.key(key(number)), values.value(number), options)
                sum &+= receipt.version.sequence
            }
        } catch {
            throw .store(error)
        }
        return sum
    }

    /// Puts all keys.
    func fill() throws(BenchFailure) { _ = try put(0..<Self.keyCount) { $0 } }

    func reopen() throws(BenchFailure) {
        try close()
        store = try Self.open(path, values)
    }

    /// An empty store in its place.
    func replace() throws(BenchFailure) {
        try close()
        path = try directory.newStorePath()
        store = try Self.open(path, values)
    }

    func close() throws(BenchFailure) {
        try BenchFailure.store { () throws(StoreError) in try store.close() }
    }

    func remove() throws(BenchFailure) {
        try close()
        try directory.removeStore()
    }
}

/// Puts of keys that are new, or that have a value.
private final class PutSubject: Subject {
    /// New keys that one store takes at most, in bytes of values.
    private static let byteCountMaximum = 256 << 20

    private let target: MicroStore
    private let isNew: Bool
    private var next = 0

    init(_ target: MicroStore, isNew: Bool) throws(BenchFailure) {
        self.target = target
        self.isNew = isNew
        if !isNew { try target.fill() }
    }

    func renew(for count: Int) throws(BenchFailure) {
        guard isNew, (next + count) * target.values.byteCount > Self.byteCountMaximum, next > 0
        else { return }
        try target.replace()
        next = 0
    }

    func run(_ count: Int) throws(BenchFailure) -> UInt64 {
        let numbers = next..<next + count
        next += count
        if isNew { return try target.put(numbers) { $0 } }
        return try target.put(numbers) { MicroStore.scatteredKey($0) }
    }

    func end() throws(BenchFailure) { try target.remove() }
}

/// Gets of keys that are there, or not.
private final class GetSubject: Subject {
    private let target: MicroStore
    private let isMissing: Bool

    init(_ target: MicroStore, isMissing: Bool) throws(BenchFailure) {
        self.target = target
        self.isMissing = isMissing
        try target.fill()
        try target.reopen()
    }

    func run(_ count: Int) throws(BenchFailure) -> UInt64 {
        let (store, keys) = (target.store, target.keys)
        let first = isMissing ? MicroStore.keyCount : 0
        var (foundCount, sum) = (0, UInt64(0))
        do throws(StoreError) {
            for number in 0..<count {
                let key = keys.key(first + MicroStore.scatteredKey(number))
                let found = try store.withBytes(of: key) { sum &+= UInt64($0.byte(at: 0)) }
                if found != nil { foundCount += 1 }
            }
        } catch {
            throw .store(error)
        }
        guard foundCount == (isMissing ? 0 : count) else {
            throw .refused("\(foundCount) of \(count) keys were found")
        }
        return sum
    }

    func end() throws(BenchFailure) { try target.remove() }
}
