// Segments that have ended are read through maps, unless the options say no; nothing else differs.
//
// Why this is sound: the one pointer is a string lent for a call.

import Cairn
import CairnSystem
import Glibc
import Testing

@Suite("Mapped segments")
struct MappedSegmentTests {
    private let directory: StoreTestDirectory
    private static let keyCount = 60

    init() throws {
        directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        for number in 0..<Self.keyCount {
            try store.put(.numbered(number), sampleBytes(500, salt: UInt64(number) * 2))
        }
        try store.close()
    }

    private func open(mapsSegments: Bool) throws -> Store {
        var options = StoreOptions(access: .existing, compacts: false)
        options.mapsSegments = mapsSegments
        return try Store.open(at: directory.path, options: options, tuning: .small)
    }

    /// The store's files that the process has mapped.
    private func mapped() throws -> [String] {
        let process = try #require(try DirectoryHandle.open(path: "/proc/self"))
        guard let file = try process.open("maps", writable: false) else {
            throw FileError(.open, path: "/proc/self/maps", code: ENOENT)
        }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try piece.withMutableRawSpan { span in
                try SystemCall.read(file.rawValue, into: &span, at: UInt64(text.count))
            }
            if count == 0 { break }
            text += piece.prefix(count)
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n")
            .filter { $0.contains(directory.path) }.map(String.init)
    }

    @Test("ended segments are mapped while the store is open, and none when the options say so")
    func option() throws {
        for mapsSegments in [true, false] {
            let store = try open(mapsSegments: mapsSegments)
            for number in 0..<Self.keyCount {
                let blob = try store.get(.numbered(number))
                #expect(blob?.bytes == sampleBytes(500, salt: UInt64(number) * 2))
            }
            let count = try mapped().count
            #expect(mapsSegments ? count + 1 >= store.statistics().segmentCount : count == 0)
            try store.close()
            #expect(try mapped().isEmpty)
        }
    }

    @Test(
        "a segment that is cut while it is open is damage of its keys, and not the end of the process",
        arguments: [true, false])
    func cut(mapsSegments: Bool) throws {
        let store = try open(mapsSegments: mapsSegments)
        for number in 0..<Self.keyCount { _ = try store.get(.numbered(number)) }
        let victim = try directory.segments()[1]
        #expect(unsafe truncate("\(directory.path)/\(victim)", 4096) == 0)
        var lostCount = 0
        for number in 0..<Self.keyCount {
            let error = try storeError {
                let blob = try store.get(.numbered(number))
                #expect(blob?.bytes == sampleBytes(500, salt: UInt64(number) * 2))
            }
            if let error {
                #expect(error.kind == .damaged)
                lostCount += 1
            }
        }
        #expect(lostCount > 2 && lostCount < 30)
        try store.close()
    }
}
