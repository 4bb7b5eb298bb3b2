// Bad input: STORE and MANIFEST of another version, damaged, empty, foreign or missing.
//
// Each is a typed error that names the file, and nothing on disk changes.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Bad input: STORE, MANIFEST, LOCK")
struct BadFilesTests {
    private let directory: StoreTestDirectory

    /// Every test begins with a store of a few blobs in several segments.
    init() throws {
        directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        for number in 0..<30 { try store.put(.numbered(number), sampleBytes(500)) }
        try store.close()
    }

    /// Opening fails so in each way of opening, and leaves every byte as it was.
    private func expectRefusal(
        _ kind: StoreError.Kind, naming words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try directory.contents()
        for access in [StoreOptions.Access.create, .existing, .readOnly] {
            for acceptLoss in [false, true] {
                let error = expectError(kind, sourceLocation: sourceLocation) {
                    let store = try Store.open(
                        at: directory.path,
                        options: StoreOptions(access: access, acceptLoss: acceptLoss),
                        tuning: .small)
                    try store.close()
                }
                for word in words {
                    #expect(
                        error?.message.contains(word) == true, "\(String(describing: error))",
                        sourceLocation: sourceLocation)
                }
            }
        }
        #expect(try directory.contents() == before, sourceLocation: sourceLocation)
    }

    @Test("a STORE of a newer version is refused")
    func storeVersion() throws {
        try directory.edit("STORE") { bytes in
            bytes.store(2, at: 8)
            bytes.repairTrailingChecksum()
        }
        try expectRefusal(
            .unsupportedVersion, naming: "STORE", "version 2", "knows 1", directory.path,
            "newer program")
    }

    @Test("a STORE with an unknown incompatible feature is refused, with a compatible one opened")
    func storeFeature() throws {
        let sound = try directory.bytes(of: "STORE")
        try directory.edit("STORE") { bytes in
            bytes.store(0x8000_0000, at: 16)
            bytes.repairTrailingChecksum()
        }
        try expectRefusal(
            .unsupportedVersion, naming: "STORE", "80000000", directory.path, "newer program")
        try directory.replace("STORE", sound)
        try directory.edit("STORE") { bytes in
            bytes.store(0x8000_0000, at: 12)
            bytes.repairTrailingChecksum()
        }
        try expectWhole()
    }

    @Test("a MANIFEST of a newer version, or with an unknown feature, is refused")
    func manifestVersion() throws {
        let sound = try directory.bytes(of: "MANIFEST")
        for (offset, value, word) in [(8, UInt32(7), "version 7"), (12, 1 << 5, "feature")] {
            try directory.replace("MANIFEST", sound)
            try directory.edit("MANIFEST") { bytes in
                bytes.store(value, at: offset)
                bytes.repairTrailingChecksum()
            }
            try expectRefusal(
                .unsupportedVersion, naming: "MANIFEST", word, directory.path, "newer program")
        }
    }

    @Test("a STORE or MANIFEST that is empty, cut short, longer or flipped is damaged")
    func damaged() throws {
        for file in ["STORE", "MANIFEST"] {
            let sound = try directory.bytes(of: file)
            var flipped = sound
            flipped[sound.count / 2] ^= 4
            var bad = [[], Array(sound.prefix(1)), Array(sound.dropLast()), sound + [0], flipped]
            bad.append([UInt8](repeating: 0, count: sound.count))
            for bytes in bad {
                try directory.replace(file, bytes)
                try expectRefusal(.storeDamaged, naming: file)
            }
            try directory.replace(file, sound)
        }
        try expectWhole()
    }

    @Test("a missing MANIFEST is damage, and so is a missing STORE beside segments")
    func missing() throws {
        let manifest = try directory.bytes(of: "MANIFEST")
        try directory.remove("MANIFEST")
        try expectRefusal(.storeDamaged, naming: "MANIFEST", "missing", directory.path, "backup")
        try directory.replace("MANIFEST", manifest)
        let store = try directory.bytes(of: "STORE")
        try directory.remove("STORE")
        let before = try directory.contents()
        expectError(.storeDamaged, naming: "STORE", "missing", directory.path) {
            _ = try Store.open(at: directory.path)
        }
        expectError(.noStore, naming: directory.path) {
            _ = try Store.open(at: directory.path, options: StoreOptions(access: .existing))
        }
        #expect(try directory.contents() == before)
        try directory.replace("STORE", store)
        try expectWhole()
    }

    @Test("a MANIFEST of another store is refused")
    func foreignManifest() throws {
        let other = try StoreTestDirectory()
        try Store.open(at: other.path).close()
        try directory.replace("MANIFEST", try other.bytes(of: "MANIFEST"))
        try expectRefusal(.storeDamaged, naming: "MANIFEST", "belongs to the store")
    }

    @Test("an empty or foreign LOCK is no hindrance: only the lock itself counts")
    func lock() throws {
        for bytes in [[], Array("not a number".utf8), [UInt8](repeating: 0xff, count: 5000)] {
            try directory.replace("LOCK", bytes)
            try expectWhole()
        }
        try directory.remove("LOCK")
        try expectWhole()
    }

    @Test("leftovers of an interrupted replacement are no hindrance")
    func leftovers() throws {
        try directory.replace("MANIFEST.new", [1, 2, 3])
        try directory.replace("STORE.new", [])
        try expectWhole()
    }

    private func expectWhole(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        #expect(store.findings == [], sourceLocation: sourceLocation)
        for number in 0..<30 {
            #expect(
                try store.get(.numbered(number))?.bytes == sampleBytes(500),
                sourceLocation: sourceLocation)
        }
        try store.put("new", [1])
        try store.close()
    }
}
