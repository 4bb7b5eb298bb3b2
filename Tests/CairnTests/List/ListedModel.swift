// ListedModel — what a listing of given keys must be: sorted, cut and rolled up the plain way.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

/// What is asked of a listing.
struct ListRequest: CustomStringConvertible {
    var prefix: [UInt8] = []
    var after: [UInt8]?
    var delimiter: [UInt8] = []
    var limit: Int?

    var description: String {
        "prefix \(prefix), after \(after ?? []), delimiter \(delimiter), limit \(limit ?? -1)"
    }

    /// A request that fits the keys now and then.
    static func random(keys: [[UInt8]], _ random: inout TestRandom) -> ListRequest {
        var request = ListRequest()
        func piece() -> [UInt8] {
            guard let key = keys.randomElement(using: &random), random.chance(4, in: 5) else {
                return random.bytes(random.below(4))
            }
            return Array(key.prefix(random.below(key.count + 2)))
        }
        if random.coin() { request.prefix = piece() }
        if random.chance(1, in: 3) { request.after = piece() }
        if random.coin() {
            request.delimiter = [[0x2F], [0x2F, 0x2F], [0], [0xFF], piece()][random.below(5)]
        }
        if random.chance(1, in: 3) { request.limit = random.below(12) }
        return request
    }

    /// What the listing is to be when exactly these keys are there.
    func expected(_ keys: some Sequence<[UInt8]>) -> [ListedLine] {
        var lines: [ListedLine] = []
        for key in keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard key.starts(with: prefix) else { continue }
            let common = commonPrefix(of: key)
            if let after {
                guard after.lexicographicallyPrecedes(key) else { continue }
                // A common prefix as a place to go on from stands for all its keys.
                if commonPrefix(of: after) == after, key.starts(with: after) { continue }
            }
            let line = ListedLine(key: common ?? key, isPrefix: common != nil)
            if lines.last != line { lines.append(line) }
        }
        return limit.map { Array(lines.prefix($0)) } ?? lines
    }

    private func commonPrefix(of key: [UInt8]) -> [UInt8]? {
        guard !delimiter.isEmpty, key.starts(with: prefix) else { return nil }
        for start in prefix.count...max(prefix.count, key.count) {
            if key[min(start, key.count)...].starts(with: delimiter) {
                return Array(key[..<(start + delimiter.count)])
            }
        }
        return nil
    }
}

/// A line of a listing without what is known of the blob.
struct ListedLine: Equatable, CustomStringConvertible {
    let key: [UInt8]
    var isPrefix = false

    var description: String { "\(escapedText(key))\(isPrefix ? "*" : "")" }
}

extension Engine {
    func lines(_ request: ListRequest) throws -> [ListedLine] {
        let listing = list(
            prefix: request.prefix, after: request.after, delimiter: request.delimiter,
            limit: request.limit)
        var lines: [ListedLine] = []
        while let item = try listing.next() {
            lines.append(ListedLine(key: item.key.bytes, isPrefix: item.isPrefix))
        }
        return lines
    }

    /// The keys of everything, page by page; `between` runs after each page.
    func pagedKeys(
        _ limit: Int, between: (_ page: Int) throws -> Void = { _ in }
    ) throws -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var after: [UInt8]?
        for number in 0... {
            let page = try list(after: after, limit: limit).page()
            #expect(page.items.count <= limit)
            keys += page.items.map(\.key.bytes)
            guard let next = page.next else { break }
            after = next.bytes
            try between(number)
        }
        return keys
    }
}

extension [[UInt8]] {
    var inOrder: [[UInt8]] { sorted { $0.lexicographicallyPrecedes($1) } }
}
