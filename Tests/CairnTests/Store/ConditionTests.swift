// Conditions: decided against the newest version of the key, whether it is there or not.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Conditions")
struct ConditionTests {
    private let directory: StoreTestDirectory
    private let store: Store

    init() throws {
        directory = try StoreTestDirectory()
        store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .smallChunks)
    }

    /// What each condition says of a key without a blob.
    static var onMissing: [(Condition, Bool)] {
        let version = Version(sequence: 1)
        return [
            (.none, true), (.absent, true), (.present, false), (.matches(version), false),
            (.differs(from: version), true),
        ]
    }

    /// What each condition says of a blob of a version, given another version.
    static func onPresent(_ version: Version, other: Version) -> [(Condition, Bool)] {
        [
            (.none, true), (.absent, false), (.present, true), (.matches(version), true),
            (.matches(other), false), (.differs(from: version), false),
            (.differs(from: other), true),
        ]
    }

    @Test("a put on a missing key happens if and only if its condition holds for no blob")
    func putOnMissing() throws {
        for (condition, holds) in Self.onMissing {
            for size in [3, 9000] {
                let options = WriteOptions(condition: condition)
                if holds {
                    try store.put("key", sampleBytes(size), options)
                    try store.delete("key")
                } else {
                    let error = expectError(.conditionFailed, naming: "key") {
                        try store.put("key", sampleBytes(size), options)
                    }
                    #expect(error?.currentVersion == nil)
                    #expect(try store.get("key") == nil)
                }
            }
        }
        try store.close()
    }

    @Test("a put on a blob happens if and only if its condition holds for its version")
    func putOnPresent() throws {
        let other = try store.put("other", [1]).version
        for durability in Durability.allCases {
            for number in 0..<7 {
                let present = try store.put("key", [1]).version
                let (condition, holds) = Self.onPresent(present, other: other)[number]
                let options = WriteOptions(durability: durability, condition: condition)
                if holds {
                    #expect(try store.put("key", [2], options).replaced)
                    #expect(try store.get("key")?.bytes == [2])
                } else {
                    let error = expectError(.conditionFailed, naming: "key") {
                        try store.put("key", [2], options)
                    }
                    #expect(error?.currentVersion == present)
                    #expect(try store.get("key")?.bytes == [1])
                }
            }
        }
        try store.close()
    }

    @Test("a delete happens if and only if its condition holds")
    func delete() throws {
        for (condition, holds) in Self.onMissing {
            let options = WriteOptions(condition: condition)
            if holds {
                #expect(try store.delete("key", options) == nil)
            } else {
                expectError(.conditionFailed) { try store.delete("key", options) }
            }
        }
        let other = try store.put("other", [1]).version
        for number in 0..<7 {
            let present = try store.put("key", [1]).version
            let (condition, holds) = Self.onPresent(present, other: other)[number]
            let options = WriteOptions(condition: condition)
            if holds {
                #expect(try store.delete("key", options) != nil)
                #expect(try store.get("key") == nil)
            } else {
                let error = expectError(.conditionFailed) { try store.delete("key", options) }
                #expect(error?.currentVersion == present)
                #expect(try store.get("key") != nil)
            }
        }
        try store.close()
    }

    @Test("versions keep their meaning when the store is opened again")
    func afterReopening() throws {
        let version = try store.put("key", [1]).version
        try store.close()
        let again = try Store.open(at: directory.path)
        expectError(.conditionFailed) {
            try again.put("key", [2], WriteOptions(condition: .differs(from: version)))
        }
        try again.put("key", [2], WriteOptions(condition: .matches(version)))
        expectError(.conditionFailed) {
            try again.put("key", [3], WriteOptions(condition: .matches(version)))
        }
        #expect(try again.get("key")?.bytes == [2])
        try again.close()
    }

    @Test("a version is never used twice, not for a deleted blob that is put again either")
    func versionsAreUnique() throws {
        var seen: Set<Version> = []
        for _ in 0..<5 {
            #expect(seen.insert(try store.put("key", [1]).version).inserted)
            #expect(seen.insert(try #require(try store.delete("key")).version).inserted)
        }
        try store.close()
        let again = try Store.open(at: directory.path)
        #expect(seen.insert(try again.put("key", [1]).version).inserted)
        try again.close()
    }

    @Test("an answer with os durability does not wait for what others append meanwhile")
    func answerBesideFiller() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        let interval = WriteOptions(durability: .interval)
        _ = try engine.put(Key("key").bytes.rawSpan, [1].rawSpan)
        _ = try engine.put(Key("filler").bytes.rawSpan, [1].rawSpan, interval)
        var appendCount = 0
        disk.stepObserver = { _ in
            guard appendCount < 10 else { return }
            appendCount += 1
            do {
                _ = try engine.put(Key("filler").bytes.rawSpan, [2].rawSpan, interval)
            } catch {
                Issue.record("\(error)")
            }
        }
        let options = WriteOptions(durability: .os, condition: .absent)
        expectError(.conditionFailed) { _ = try engine.upload(Key("key").bytes.rawSpan, options) }
        disk.stepObserver = nil
        #expect(appendCount == 1)
        try engine.close()
    }
}
