// ValueDialect — a service of JSON values: `POST /put/` with key, extension and data in base64, `GET /get/<key>`.
//
// What was put is read as soon as put has answered. The extension is kept as a field of the blob, so that it comes
// back, and tells the type that other routes say. Pure but for the store.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

/// The words of the value service.
enum ValueDialect {
    private static let extensionField: StaticString = "X-Meta-Extension"
    /// A blob that is made JSON of.
    private static let byteCountMaximum: UInt64 = 16 << 20

    static func write(_ body: [UInt8]) throws(Problem) -> DialectWrite {
        let object: JSONObject?
        do throws(JSONError) {
            let limits = JSONLimits(byteCountMaximum: body.count, depthMaximum: 2)
            object = try JSONValue(reading: body.rawSpan, limits: limits).object
        } catch {
            throw Problem(.malformedRequest, "the body is no JSON: \(error)")
        }
        guard let object, let key = object["key"]?.string, let data = object["data"]?.string else {
            throw Problem(.malformedRequest, "the body is an object with key and data")
        }
        guard let value = Base64.decoded(Array(data.utf8).rawSpan) else {
            throw Problem(.malformedRequest, "data is base64")
        }
        let suffix = Array((object["extension"]?.string ?? "").utf8)
        let type =
            MediaType.guessed(fromKey: (Array("x.".utf8) + suffix).rawSpan) ?? MediaType.unknown
        return try DialectWrite(
            key: Array(key.utf8), value, 0..<value.count,
            fields: [
                ("Content-Type", type.rawSpan.copyBytes()), (extensionField, suffix),
            ]
        ) { _ in
            var json = JSONWriter.object
            json.name("msg")
            json.string("ok")
            json.endObject()
            return json.line
        }
    }

    /// A value as it was put. Blocks.
    static func page(of key: [UInt8], _ store: Store) throws(StoreError) -> Result<[UInt8], Problem>
    {
        guard let stream = try store.reader(key.rawSpan) else {
            return .failure(Problem(.notFound, "no blob has this key"))
        }
        let information = stream.information
        guard information.byteCount <= byteCountMaximum else {
            return .failure(Problem(.tooLarge, "the blob is too large for JSON; /store/ has it"))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(information.byteCount))
        while stream.offset < information.byteCount {
            try stream.read(byteCountMaximum: 1 << 20) { bytes.append(copying: $0) }
        }
        var json = JSONWriter.object
        json.append("key", key)
        json.name("extension")
        if let fields = BlobFields(decoding: information.metadata.rawSpan),
            let suffix = fields.value(of: "x-meta-extension")
        {
            json.string(suffix)
        } else {
            json.string("")
        }
        var data = ByteQueue(byteCount: bytes.count / 3 * 4 + 4)
        Base64.append(bytes.rawSpan, to: &data)
        json.name("data")
        json.string(data.bytes)
        json.endObject()
        return .success(json.line)
    }
}
