// BlobHistory — GET of a key with `?history`: what the log still knows of it, newest first, as JSON.
//
// Read from the files by a thread that may wait for the disk, behind a flush, so that what was acknowledged is
// in them. For finding out what happened to a key; costs a look at every segment.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

/// The versions of one key.
enum BlobHistory {
    /// The versions, as JSON; nil when there is none. Blocks.
    static func page(of key: [UInt8], _ store: Store) throws(StoreError) -> [UInt8]? {
        let versions = try store.versions(of: key)
        if versions.isEmpty { return nil }
        var json = JSONWriter.object
        json.append("key", key)
        json.name("versions")
        json.beginArray()
        for version in versions { json.append(version) }
        json.endArray()
        json.endObject()
        return json.line
    }
}

extension JSONWriter {
    fileprivate mutating func append(_ version: PhysicalVersion) {
        beginObject()
        name("etag")
        string("\"\(version.sequence)\"")
        name("kind")
        string(version.type == .delete ? "delete" : "blob")
        if let byteCount = version.valueByteCount {
            name("size")
            number(byteCount)
        }
        if let expiry = version.expiry {
            name("expires")
            string(Units.date(nanoseconds: expiry))
        }
        name("live")
        bool(version.isLive)
        name("reason")
        string(version.reason)
        name("reclaim")
        string(version.reclaim)
        name("segment")
        number(version.segmentID)
        name("offset")
        number(version.offset)
        endObject()
    }
}
