// FileDialect — a small file service: `POST /files?path=P`, `PUT /file?path=P`, `GET /file?path=P`.
//
// The file is the form's field `upload_file`, or the body itself. Its type is stored when the part, or the
// request, says one; else it is guessed from the path when it is read. Pure.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

/// The words of the file service.
enum FileDialect {
    /// The key that the query names.
    static func key(_ request: borrowing Request) throws(Problem) -> [UInt8] {
        guard let path = Query(request.query).value(of: "path"), !path.isEmpty else {
            throw Problem(.malformedRequest, "the query says where: ?path=")
        }
        try BlobKey.check(path)
        return path
    }

    static func write(
        _ key: [UInt8], _ body: [UInt8], contentType: [UInt8]
    ) throws(Problem) -> DialectWrite {
        guard let part = try FormPart.named("upload_file", in: body, contentType) else {
            return try write(key, body, 0..<body.count, type: bodyType(contentType))
        }
        return try write(key, body, part.bytes, type: part.contentType(in: body))
    }

    /// What the request says of its body; nothing when that is what tools say of any.
    private static func bodyType(_ contentType: [UInt8]) -> [UInt8] {
        contentType.rawSpan.startsIgnoringCase("application/x-www-form-urlencoded")
            ? [] : contentType
    }

    private static func write(
        _ key: [UInt8], _ body: [UInt8], _ value: Range<Int>, type: [UInt8]
    ) throws(Problem) -> DialectWrite {
        let byteCount = value.count
        return try DialectWrite(key: key, body, value, fields: [("Content-Type", type)]) {
            receipt in
            var json = JSONWriter.object
            json.append("path", key)
            json.appendBlob(byteCount, receipt)
            return json.line
        }
    }
}

/// The words of a storage node: `POST /upload` with the form's field `file`, `GET /blob/<name>`.
enum UploadDialect {
    static func write(
        _ body: [UInt8], contentType: [UInt8]
    ) throws(Problem) -> DialectWrite {
        guard let part = try FormPart.named("file", in: body, contentType) else {
            throw Problem(.malformedRequest, "the body is a form with the field file")
        }
        guard let name = part.fileName, !name.isEmpty else {
            throw Problem(.malformedRequest, "the field file has a filename")
        }
        let byteCount = part.bytes.count
        return try DialectWrite(
            key: name, body, part.bytes, fields: [("Content-Type", part.contentType(in: body))]
        ) { receipt in
            var json = JSONWriter.object
            json.append("name", name)
            json.appendBlob(byteCount, receipt)
            return json.line
        }
    }
}

extension FormPart {
    /// The form's part of this name; nil when the body is no form.
    fileprivate static func named(
        _ name: StaticString, in body: [UInt8], _ contentType: [UInt8]
    ) throws(Problem) -> FormPart? {
        do throws(MalformedMultipart) {
            let form = try Multipart(body.rawSpan, contentType: contentType.rawSpan)
            guard var form else { return nil }
            while let part = try form.next() {
                if part.name.rawSpan.isEqual(to: name.rawSpan) { return part }
            }
        } catch {
            throw Problem(.malformedRequest, "the form cannot be read")
        }
        throw Problem(.malformedRequest, "the form has no field \(name)")
    }

    /// What it says of its bytes; empty when it says nothing.
    fileprivate func contentType(in body: [UInt8]) -> [UInt8] {
        contentType.map { Array(body[$0]) } ?? []
    }
}

extension JSONWriter {
    /// What every dialect says of a blob that was written.
    fileprivate mutating func appendBlob(_ byteCount: Int, _ receipt: WriteReceipt) {
        name("size")
        number(byteCount)
        name("etag")
        string("\"\(receipt.version.sequence)\"")
        endObject()
    }
}
