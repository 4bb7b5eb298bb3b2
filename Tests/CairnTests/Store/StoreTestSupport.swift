// What the tests of the store share: small sizes, values that tell what they are, expected errors.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

extension Tuning {
    /// A few hundred bytes rotate segments, are cut into chunks and blocks, and use up the lease.
    static var small: Tuning {
        var tuning = Tuning()
        tuning.indexShardCount = 4
        tuning.bufferByteCount = 2048
        tuning.directByteCount = 1024
        tuning.blockByteCount = 256
        tuning.chunkByteCount = 1024
        tuning.segmentByteCountMinimum = 8192
        tuning.segmentByteCountMaximum = 8192
        tuning.sequenceLease = 64
        tuning.zeroAheadByteCount = 1024
        tuning.lingerNanoseconds = 0
        tuning.regainNanoseconds = 0
        tuning.reserveByteCounts = 16384...16384
        tuning.scanByteCount = 4096
        return tuning
    }

    /// The product's sizes, with chunks small enough to be tested by the dozen.
    static var smallChunks: Tuning {
        var tuning = Tuning()
        tuning.chunkByteCount = 4096
        tuning.blockByteCount = 1024
        tuning.reserveByteCounts = 65_536...65_536
        return tuning
    }
}

/// Bytes that `salt` determines; those of even salts do not compress.
func sampleBytes(_ count: Int, salt: UInt64 = 0) -> [UInt8] {
    guard salt % 2 == 0 else {
        return (0..<count).map { UInt8(truncatingIfNeeded: $0 >> 5) ^ UInt8(salt % 251) }
    }
    var random = TestRandom(seed: salt)
    return random.bytes(count)
}

/// The error that `body` throws; nil when it throws none.
func storeError(_ body: () throws -> Void) throws -> StoreError? {
    do {
        try body()
        return nil
    } catch let error as StoreError {
        return error
    }
}

/// `body` throws a store error of this kind, whose message names all of `words`.
@discardableResult
func expectError(
    _ kind: StoreError.Kind, naming words: String...,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) -> StoreError? {
    do {
        try body()
    } catch let error as StoreError {
        #expect(error.kind == kind, "\(error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(error.message.contains(word), "\(error)", sourceLocation: sourceLocation)
        }
        return error
    } catch {
        Issue.record("\(error) is not a store error", sourceLocation: sourceLocation)
        return nil
    }
    Issue.record("no error; expected \(kind)", sourceLocation: sourceLocation)
    return nil
}

/// A number from the environment.
func environmentNumber(_ name: String) -> Int? {
    unsafe getenv(name).flatMap { text in unsafe Int(String(cString: text)) }
}

/// How much a test does: `ordinary` in a release build, `quick` in a debug build, or what the
/// environment says under `name`.
func scaled(_ name: String, ordinary: Int, quick: Int) -> Int {
    if let asked = environmentNumber(name) { return asked }
    #if DEBUG
        return quick
    #else
        return ordinary
    #endif
}

extension Key {
    /// The key number `number`.
    static func numbered(_ number: Int) -> Key { Key("key \(number)") }
}
