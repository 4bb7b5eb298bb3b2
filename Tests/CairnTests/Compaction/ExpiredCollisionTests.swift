// Blobs that expired among keys that share their hash: what stays of one as a delete says so as the put
// did, and takes no other key along.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what expired: hashes that collide")
struct ExpiredCollisionTests {
    @Test(
        "a put that stays as a delete keeps its number, and its word on whether its hash is shared",
        arguments: [0, .max] as [UInt64])
    func flag(hashMask: UInt64) throws {
        var subject = try CompactionSubject { $0.hashMask = hashMask }
        try subject.put("older", "other")
        try subject.reopen()
        try subject.put("expiring", expiry: subject.time(inHours: 1))
        let information = try subject.engine.information(Key("expiring").bytes.rawSpan)
        let version = try #require(information).version
        try subject.reopen()
        // Without its hint the first segment may hold an older put of anything.
        subject.removeHints()
        subject.pass(hours: 4)
        try subject.compact()
        #expect(subject.counts.destroyedBlobCount == 1 && subject.counts.keptExpiredCount == 1)
        let deletes = try subject.deletes()
        #expect(deletes.map(\.sequence) == [version.sequence])
        #expect(deletes.map { $0.flags.contains(.sharesHash) } == [hashMask == 0])
        for _ in 0..<2 {
            for name in ["older", "other"] { #expect(try subject.get(name)?.count == 900) }
            #expect(try subject.get("expiring") == nil)
            try subject.checkAccounts()
        }
        try subject.engine.close()
    }

    @Test("an expired blob that stays as a delete hides no other key of its hash")
    func deletesAmongCollisions() throws {
        var subject = try CompactionSubject { $0.hashMask = 0 }
        try subject.put("a", "b", "c", "d")
        try subject.put("p", "q", "r", "s", expiry: subject.time(inHours: 1))
        try subject.reopen()
        try subject.makeHints()
        subject.pass(hours: 4)
        try subject.engine.compactOnce()
        // 64 bits of hash are what is proven by.
        #expect(subject.counts.keptExpiredCount == 4)
        for _ in 0..<2 {
            for name in ["a", "b", "c", "d"] { #expect(try subject.get(name)?.count == 900) }
            for name in ["p", "q", "r", "s"] { #expect(try subject.get(name) == nil) }
            try subject.checkAccounts()
        }
        try subject.engine.close()
    }

    @Test("keys that share a hash with an expired one stay", arguments: [0, 1] as [UInt64])
    func collisions(hashMask: UInt64) throws {
        var subject = try CompactionSubject { $0.hashMask = hashMask }
        for round in 0..<3 {
            for name in ["a", "b", "c", "d"] {
                let expires = round > 0 && name < "c"
                try subject.put(name, expiry: expires ? subject.time(inHours: 1) : nil)
            }
        }
        try subject.reopen()
        subject.pass(hours: 4)
        try subject.work()
        #expect(subject.counts.destroyedBlobCount == 2)
        for _ in 0..<2 {
            #expect(try subject.get("a") == nil)
            #expect(try subject.get("b") == nil)
            for name in ["c", "d"] { #expect(try subject.get(name)?.count == 900) }
            #expect(subject.keyCount == 2)
            try subject.checkAccounts()
        }
        try subject.engine.close()
    }
}
