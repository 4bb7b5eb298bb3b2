// The workload `list`: pages of 1,000 keys from random places of a filled store, then all keys.
//
// The store is open. The kernel forgets its files; the first page then comes from the disk, with the
// indexes of all hints; after forgetting once more, another page comes with the blocks of keys alone.
// Then pages for `--seconds`, and the whole listing once. Every key of every page is compared with what
// stands there.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func list(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let directory = try BenchDirectory(filled: arguments)
        let store = try openStore(directory, arguments)
        let plan = ListPlan(store: store, keyCount: arguments.keyCount)
        var report = Report(.list)
        var random = arguments.seed
        for name in ["coldFirstMilliseconds", "coldMilliseconds"] {
            _ = try directory.dropCache()
            random = mix(random)
            let measurement = Measurement()
            report.complaint = try plan.page(at: random) ?? report.complaint
            report.extras.append((name, measurement.seconds * 1e3))
        }
        let histogram = Histogram()
        let measurement = Measurement()
        let end = deadline(after: arguments.seconds ?? 3)
        while Clock.monotonicNanoseconds() < end {
            random = mix(random)
            let start = Clock.monotonicNanoseconds()
            report.complaint = try plan.page(at: random) ?? report.complaint
            histogram.add(Clock.monotonicNanoseconds() &- start)
            report.operationCount += 1
        }
        report.finish(measurement)
        report.take(histogram)
        report.byteCount = report.operationCount * ListPlan.pageCount * KeyBuffer.byteCount
        report.bytesPerKey = indexBytesPerKey(store)
        let whole = Measurement()
        report.complaint = try plan.all() ?? report.complaint
        report.extras.append(("allKeysPerSecond", Double(arguments.keyCount) / whole.seconds))
        report.extras.append(("segments", Double(store.statistics().segmentCount)))
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return report
    }
}

/// Listings of the keys that a fill put there.
struct ListPlan {
    static let pageCount = 1000

    let store: Store
    let keyCount: Int
    private let keys = KeyBuffer()

    init(store: Store, keyCount: Int) {
        self.store = store
        self.keyCount = keyCount
    }

    private func key(_ number: Int) -> Key { Key(keys.key(number).copyBytes()) }

    /// A page behind a random key; says what is wrong with it.
    func page(at random: UInt64) throws(BenchFailure) -> String? {
        let number = Int(truncatingIfNeeded: random % UInt64(keyCount))
        let page = try BenchFailure.store { () throws(StoreError) in
            try store.listPage(after: key(number), limit: Self.pageCount)
        }
        let expected = number + 1..<min(number + 1 + Self.pageCount, keyCount)
        guard page.items.count == expected.count else {
            return "a page has \(page.items.count) keys, not \(expected.count)"
        }
        for (item, number) in zip(page.items, expected) where item.key != key(number) {
            return "\(item.key) stands where \(key(number)) belongs"
        }
        return nil
    }

    /// Everything; says what is wrong with it.
    func all() throws(BenchFailure) -> String? {
        let listing = store.list()
        var number = 0
        while true {
            let item = try BenchFailure.store { () throws(StoreError) in try listing.next() }
            guard let item else { break }
            if item.key != key(number) { return "\(item.key) is not number \(number)" }
            number += 1
        }
        return number == keyCount ? nil : "\(number) keys were listed"
    }
}
