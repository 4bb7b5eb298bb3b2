// OverflowMapTests — keys of one hash are told apart exactly.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Overflow map") struct OverflowMapTests {
    @Test("two keys of one hash keep their own locations")
    func twoKeys() {
        let map = OverflowMap()
        let (first, second): ([UInt8], [UInt8]) = ([1, 2, 3], [1, 2, 4])
        #expect(map.location(of: 7, key: first.rawSpan) == nil)
        #expect(map.set(7, key: first.rawSpan, to: numbered(1)) == nil)
        #expect(map.set(7, key: second.rawSpan, to: numbered(2)) == nil)
        #expect(map.set(8, key: first.rawSpan, to: numbered(3)) == nil)
        #expect(map.location(of: 7, key: first.rawSpan) == numbered(1))
        #expect(map.location(of: 7, key: second.rawSpan) == numbered(2))
        #expect(map.location(of: 8, key: first.rawSpan) == numbered(3))
        #expect(map.location(of: 8, key: second.rawSpan) == nil)
        #expect(map.count(of: 7) == 2)
        #expect(map.count == 3)
        #expect(map.remove(7, key: first.rawSpan) == numbered(1))
        #expect(map.entries(of: 7).map(\.key) == [second])
        #expect(map.removeAll(of: 7).count == 1)
        #expect(map.count(of: 7) == 0)
    }

    @Test("a key that is a prefix of another, and the empty one, are different keys")
    func prefixes() {
        let map = OverflowMap()
        let keys: [[UInt8]] = [[], [0], [0, 0], [0, 0, 0]]
        for (number, key) in keys.enumerated() {
            map.set(1, key: key.rawSpan, to: numbered(number))
        }
        for (number, key) in keys.enumerated() {
            #expect(map.location(of: 1, key: key.rawSpan) == numbered(number))
        }
    }

    @Test("a move names the old place, and fails when the key has left it")
    func moves() {
        let map = OverflowMap()
        let key: [UInt8] = [9]
        map.set(1, key: key.rawSpan, to: numbered(1))
        #expect(!map.replace(1, expecting: numbered(2), with: numbered(3)))
        #expect(!map.replace(2, expecting: numbered(1), with: numbered(3)))
        #expect(map.replace(1, expecting: numbered(1), with: numbered(3)))
        #expect(map.location(of: 1, key: key.rawSpan) == numbered(3))
    }

    @Test("a removal by place takes the key that lies there, and no other of its hash")
    func removesByPlace() {
        let map = OverflowMap()
        let keys: [[UInt8]] = [[1], [2], [3]]
        for (number, key) in keys.enumerated() {
            map.set(1, key: key.rawSpan, to: numbered(number))
        }
        #expect(!map.remove(1, expecting: numbered(7)))
        #expect(!map.remove(2, expecting: numbered(1)))
        #expect(map.remove(1, expecting: numbered(1)))
        #expect(!map.remove(1, expecting: numbered(1)))
        #expect(map.entries(of: 1).map(\.key) == [[1], [3]])
        for number in [0, 2] { #expect(map.remove(1, expecting: numbered(number))) }
        #expect(map.count == 0 && map.allEntries.isEmpty)
    }

    @Test("random operations leave what a dictionary holds")
    func model() {
        var random = TestRandom.reported("an overflow map holds what a dictionary holds")
        let map = OverflowMap()
        var model: [[UInt8]: Location] = [:]
        for number in 0..<5000 {
            let hash = random.below(UInt64(3))
            let key = [UInt8(hash), UInt8(random.below(6))]
            if random.coin() {
                #expect(map.set(hash, key: key.rawSpan, to: numbered(number)) == model[key])
                model[key] = numbered(number)
            } else {
                #expect(map.remove(hash, key: key.rawSpan) == model.removeValue(forKey: key))
            }
            #expect(map.location(of: hash, key: key.rawSpan) == model[key])
        }
        #expect(map.count == model.count)
        for entry in map.allEntries {
            #expect(model[entry.key] == entry.location && entry.hash == UInt64(entry.key[0]))
        }
    }
}
