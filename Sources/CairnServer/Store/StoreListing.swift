// StoreListing — GET of the store itself: a page of its keys, as JSON.
//
// Keys that are text stand as text, others in base64 under another name; what one page gives to go on with is
// taken by the next under the same name. Read by a thread that may wait for the disk. Pure but for that.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

/// A page of a listing, as it was asked for.
struct StoreListing: Sendable {
    private static let limitMaximum = 1000

    /// Keys that are drawn at random instead; nil: none.
    private let sampleCount: Int?
    let prefix: [UInt8]
    private let delimiter: [UInt8]?
    private let after: [UInt8]?
    private let limit: Int

    /// What the query asks.
    init(_ request: borrowing Request) throws(Problem) {
        let query = Query(request.query)
        prefix = query.value(of: "prefix") ?? []
        delimiter = query.value(of: "delimiter")
        if let delimiter, delimiter.isEmpty {
            throw Problem(.malformedRequest, "a delimiter has at least one byte")
        }
        limit = try Self.limit(query, "limit") ?? Self.limitMaximum
        after = try Self.after(query)
        sampleCount = try Self.limit(query, "sample")
        guard sampleCount == nil || prefix.isEmpty && delimiter == nil && after == nil else {
            throw Problem(.malformedRequest, "a sample is of all keys")
        }
    }

    private static func limit(
        _ query: borrowing Query, _ name: StaticString
    ) throws(Problem) -> Int? {
        guard let text = query.value(of: name) else { return nil }
        guard let number = text.rawSpan.decimal, number > 0 else {
            throw Problem(.malformedRequest, "\(name) is a number above 0")
        }
        return Int(min(number, UInt64(limitMaximum)))
    }

    private static func after(_ query: borrowing Query) throws(Problem) -> [UInt8]? {
        if let text = query.value(of: "after") { return text }
        guard let text = query.value(of: "afterBase64") else { return nil }
        guard let key = Base64.decoded(text.rawSpan) else {
            throw Problem(.malformedRequest, "afterBase64 is a key in base64")
        }
        return key
    }

    /// The page, as JSON. Blocks.
    func page(_ store: Store) throws(StoreError) -> [UInt8] {
        if let sampleCount { return try Self.sample(sampleCount, store) }
        let page = try store.listPage(
            prefix: Key(prefix), after: after.map(Key.init(_:)),
            delimiter: delimiter.map(Key.init(_:)), limit: limit, includesInformation: true)
        var json = JSONWriter.object
        json.name("items")
        json.beginArray()
        for item in page.items where !item.isPrefix { json.append(item) }
        json.endArray()
        json.name("prefixes")
        json.beginArray()
        for item in page.items where item.isPrefix { json.string(item.key.bytes.rawSpan) }
        json.endArray()
        if let next = page.next { json.append("next", next.bytes) }
        json.endObject()
        return json.line
    }

    private static func sample(_ count: Int, _ store: Store) throws(StoreError) -> [UInt8] {
        let keyCount = store.statistics().keyCount
        var json = JSONWriter.object
        json.name("items")
        json.beginArray()
        for item in try store.sampleKeys(count) { json.append(item) }
        json.endArray()
        json.name("prefixes")
        json.beginArray()
        json.endArray()
        json.name("keys")
        json.number(keyCount)
        json.endObject()
        return json.line
    }
}

extension JSONWriter {
    /// What was written, with the end of its line.
    var line: [UInt8] { bytes + [UInt8(ascii: "\n")] }

    /// A key, under this name or, when it is no text, under that with `Base64` behind it.
    mutating func append(_ name: String, _ key: [UInt8]) {
        if BlobKey.isText(key) {
            self.name(name)
            string(key.rawSpan)
        } else {
            var text = ByteQueue(byteCount: 64)
            Base64.append(key.rawSpan, to: &text)
            self.name(name + "Base64")
            string(text.bytes)
        }
    }

    fileprivate mutating func append(_ item: ListedItem) {
        beginObject()
        append("key", item.key.bytes)
        if let information = item.information {
            append(information)
        } else {
            name("problem")
            string("the blob cannot be read; a GET says why")
        }
        endObject()
    }

    private mutating func append(_ information: BlobInformation) {
        name("size")
        number(information.byteCount)
        name("etag")
        string("\"\(information.version.sequence)\"")
        if let fields = BlobFields(decoding: information.metadata.rawSpan) {
            name("lastModified")
            string(Units.date(nanoseconds: fields.lastModified))
            if let type = fields.value(of: "content-type") {
                name("contentType")
                string(type)
            }
        }
        if let expiry = information.expiry {
            name("expires")
            string(Units.date(nanoseconds: expiry.nanosecondsSince1970))
        }
    }
}
