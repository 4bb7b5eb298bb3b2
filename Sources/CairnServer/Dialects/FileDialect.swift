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
        _ request: borrowing Request, _ body: RawSpan
    ) throws(Problem) -> DialectWrite {
        let key = try key(request)
        guard let part = try FormPart.named("upload_file", in: body, request) else {
            return try write(key, body, type: bodyType(request))
        }
        let partType = part.contentType.map { body.extracting($0).copyBytes() } ?? []
        return try write(key, body.extracting(part.bytes), type: partType)
    }

    /// What the request says of its body; nothing when that is what tools say of any.
    private static func bodyType(_ request: borrowing Request) -> [UInt8] {
        guard let type = request.onlyValue(of: "content-type"),
            !type.startsIgnoringCase("application/x-www-form-urlencoded")
        else { return [] }
        return type.copyBytes()
    }

    private static func write(
        _ key: [UInt8], _ value: RawSpan, type: [UInt8]
    ) throws(Problem) -> DialectWrite {
        let byteCount = value.byteCount
        return try DialectWrite(key: key, value: value, fields: [("Content-Type", type)]) {
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
        _ request: borrowing Request, _ body: RawSpan
    ) throws(Problem) -> DialectWrite {
        guard let part = try FormPart.named("file", in: body, request) else {
            throw Problem(.malformedRequest, "the body is a form with the field file")
        }
        guard let name = part.fileName, !name.isEmpty else {
            throw Problem(.malformedRequest, "the field file has a filename")
        }
        let partType = part.contentType.map { body.extracting($0).copyBytes() } ?? []
        let byteCount = part.bytes.count
        return try DialectWrite(
            key: name, value: body.extracting(part.bytes), fields: [("Content-Type", partType)]
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
        _ name: StaticString, in body: RawSpan, _ request: borrowing Request
    ) throws(Problem) -> FormPart? {
        guard let contentType = request.onlyValue(of: "content-type") else { return nil }
        do throws(MalformedMultipart) {
            guard var form = try Multipart(body, contentType: contentType) else { return nil }
            while let part = try form.next() {
                if part.name.rawSpan.isEqual(to: name.rawSpan) { return part }
            }
        } catch {
            throw Problem(.malformedRequest, "the form cannot be read")
        }
        throw Problem(.malformedRequest, "the form has no field \(name)")
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
