// Forms as bodies: every part where it is, and nothing taken for one that is none.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Multipart forms")
struct MultipartTests {
    private struct Part: Equatable {
        var name: String
        var fileName: String?
        var type: String?
        var bytes: String
    }

    private static let type = "multipart/form-data; boundary=XyZ"

    /// Nil: the type is no form's.
    private func parts(_ body: String, _ type: String = Self.type) throws -> [Part]? {
        let (bytes, type) = (Array(body.utf8), Array(type.utf8))
        let body = bytes.rawSpan
        guard var form = try Multipart(body, contentType: type.rawSpan) else { return nil }
        var parts: [Part] = []
        while let part = try form.next() {
            parts.append(
                Part(
                    name: String(decoding: part.name, as: UTF8.self),
                    fileName: part.fileName.map { String(decoding: $0, as: UTF8.self) },
                    type: part.contentType.map { String(decoding: bytes[$0], as: UTF8.self) },
                    bytes: String(decoding: bytes[part.bytes], as: UTF8.self)))
        }
        return parts
    }

    private static let form =
        "--XyZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n"
        + "--XyZ\r\ncontent-disposition: form-data; filename=\"b \\\"c\\\".png\"; name=file\r\n"
        + "Content-Type:  image/png \r\n\r\nx\r\n--Xy\r\n--XyZ\r\n"
        + "Content-Disposition: form-data; name=empty\r\n\r\n\r\n--XyZ--\r\nafter"

    private static let found = [
        Part(name: "a", fileName: nil, type: nil, bytes: "value"),
        Part(name: "file", fileName: "b \"c\".png", type: "image/png", bytes: "x\r\n--Xy"),
        Part(name: "empty", fileName: nil, type: nil, bytes: ""),
    ]

    @Test("parts are found with their names, types and bytes")
    func form() throws {
        #expect(try parts(Self.form) == Self.found)
        #expect(try parts("before\r\n" + Self.form) == Self.found)
        #expect(try parts(Self.form, "Multipart/Form-Data;boundary=\"XyZ\"; x=y") == Self.found)
        #expect(try parts("--XyZ--") == [])
    }

    @Test(
        "what is no form is none", arguments: ["text/plain", "", "multipart/mixed; boundary=XyZ"])
    func others(type: String) throws {
        #expect(try parts(Self.form, type) == nil)
    }

    @Test("a form that is cut anywhere is malformed, and never has other parts")
    func cut() throws {
        let end = Self.form.utf8.count - "--\r\nafter".utf8.count
        for count in 0..<end {
            let text = String(decoding: Array(Self.form.utf8).prefix(count), as: UTF8.self)
            #expect(throws: MalformedMultipart.self) { _ = try parts(text) }
        }
    }

    @Test(
        "what cannot be read is an error",
        arguments: [
            "--XyZ\r\n\r\nno head\r\n--XyZ--",
            "--XyZ\r\nContent-Disposition: form-data\r\n\r\n\r\n--XyZ--",
            "--XyZ\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--XyZ--",
            "--XyZ\r\nno colon\r\n\r\n\r\n--XyZ--", "--XyZx\r\n", "x--XyZ\r\n",
            "--XyZ\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n\r\n--XyZ--",
            "--XyZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--XyZ--",
            "--XyZ\r\nContent-Disposition: form-data; name\r\n\r\n\r\n--XyZ--",
        ])
    func malformed(body: String) {
        #expect(throws: MalformedMultipart.self) { _ = try parts(body) }
    }

    @Test(
        "a boundary is one to seventy characters",
        arguments: [
            "", "; boundary=", "; boundary=a; boundary=b", "; boundary", "; boundary=\"a \"",
        ])
    func boundaries(parameters: String) {
        #expect(throws: MalformedMultipart.self) {
            _ = try parts(Self.form, "multipart/form-data" + parameters)
        }
        let long = String(repeating: "b", count: 71)
        #expect(throws: MalformedMultipart.self) {
            _ = try parts("--\(long)--", "multipart/form-data; boundary=\(long)")
        }
    }

    @Test("random changes never trap")
    func random() throws {
        var random = TestRandom.reported("random forms")
        for _ in 0..<2000 {
            let bytes = random.mutated(Self.form, ["--XyZ", "\r\n", "; name=", "\"", ":"])
            let type = Array(Self.type.utf8)
            do throws(MalformedMultipart) {
                guard var form = try Multipart(bytes.rawSpan, contentType: type.rawSpan) else {
                    continue
                }
                while let part = try form.next() { #expect(part.bytes.upperBound <= bytes.count) }
            } catch {
                continue
            }
        }
    }
}
