// BatchDelete — POST to the store with `?delete` and a list of keys: all go, or none.
//
// The list is JSON: texts, or objects with `key` or `keyBase64`. The answer says of each, in the same order,
// whether there was a blob. Carried out by a thread that may wait for the disk.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

/// Keys to be deleted together.
struct BatchDelete: Sendable {
    let keys: [[UInt8]]
    private let durability: Durability?

    /// The keys that a body lists.
    init(_ body: RawSpan, durability: Durability?) throws(Problem) {
        self.durability = durability
        let value: JSONValue
        do throws(JSONError) {
            let limits = JSONLimits(byteCountMaximum: body.byteCount)
            value = try JSONValue(reading: body, limits: limits)
        } catch {
            throw Problem(.malformedRequest, "the body is no JSON: \(error)")
        }
        guard let list = value.array else {
            throw Problem(.malformedRequest, "the body is a list of keys")
        }
        let maximum = Batch.recordCountMaximum
        guard list.count <= maximum else {
            throw Problem(
                .malformedRequest, "a list has at most \(maximum) keys, not \(list.count)")
        }
        var keys: [[UInt8]] = []
        for item in list { keys.append(try Self.key(item)) }
        guard Set(keys).count == keys.count else {
            throw Problem(.malformedRequest, "a key stands in the list once")
        }
        self.keys = keys
    }

    private static func key(_ item: JSONValue) throws(Problem) -> [UInt8] {
        if let text = item.string ?? item.object?["key"]?.string {
            let key = Array(text.utf8)
            try BlobKey.check(key)
            return key
        }
        let text = Array((item.object?["keyBase64"]?.string ?? "").utf8)
        guard let key = Base64.decoded(text.rawSpan), !key.isEmpty else {
            throw Problem(
                .malformedRequest, "an item is a text, or an object with key or keyBase64")
        }
        return key
    }

    /// Deletes, and says what was there, as JSON. Blocks.
    func carryOut(_ store: Store) throws(StoreError) -> [UInt8] {
        var batch = Batch()
        for key in keys { batch.delete(Key(key)) }
        let receipts = try store.apply(batch, durability: durability)
        var json = JSONWriter.object
        json.name("results")
        json.beginArray()
        for (key, receipt) in zip(keys, receipts) {
            json.beginObject()
            json.append("key", key)
            json.name("deleted")
            json.bool(receipt.replaced)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.line
    }
}
