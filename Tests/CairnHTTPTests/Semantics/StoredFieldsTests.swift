// Fields that are kept: which, how many bytes, and that none of them can end its line.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Stored fields") struct StoredFieldsTests {
    private func holds(_ name: String) -> Bool { StoredFields.holds(Array(name.utf8).rawSpan) }

    @Test(
        "fields that describe the blob are kept, whatever the case of their names",
        arguments: [
            "Content-Type", "content-type", "CACHE-CONTROL", "Content-Encoding",
            "Content-Disposition", "Content-Language", "X-Meta-Author", "x-meta-a", "X-META-1-2",
        ])
    func kept(_ name: String) { #expect(holds(name)) }

    @Test(
        "no other field is",
        arguments: [
            "", "X-Meta", "X-Meta-", "X-Metadata", "X-Meta-a b", "X-Meta-a:", "X-Meta-\u{E9}",
            "X-Meta-a\r\nB", "Content-Length", "Content-Range", "Content-MD5", "Content-Typ",
            "Content-Types", "Transfer-Encoding", "Connection", "ETag", "Last-Modified", "Date",
            "Set-Cookie", "Location", "Content-Location", "Host", "Authorization", "Expires",
        ])
    func notKept(_ name: String) { #expect(!holds(name)) }

    @Test("a value can be sent back when it holds no control byte but tabs") func values() {
        for byte in UInt8.min...UInt8.max {
            let expected = byte == 9 || byte >= 32 && byte != 127
            for value in [[byte], [97, byte], [byte, 97], [97, byte, 97]] {
                let canSend = StoredFields.canSend(value.rawSpan)
                #expect(canSend == expected)
            }
        }
        let empty = StoredFields.canSend([UInt8]().rawSpan)
        #expect(empty)
    }

    private func byteCount(_ fields: [[UInt8]]) throws -> Int {
        try withRequest(.put, fields) { request in try StoredFields.byteCount(of: request) }
    }

    private func byteCount(_ fields: [String]) throws -> Int {
        try byteCount(fields.map { Array($0.utf8) })
    }

    @Test("a name of more than 255 bytes is too long") func longName() throws {
        let name = "X-Meta-" + String(repeating: "n", count: 248)
        #expect(try byteCount(["\(name): v"]) == 256)
        #expect(throws: StoredFieldFault.tooLong) { try byteCount(["\(name)n: v"]) }
    }

    @Test(
        "names and values of what is kept are counted",
        arguments: [
            ([], 0), (["Range: bytes=0-4"], 0), (["Content-Type: text/plain"], 22),
            (["Content-Type:"], 0), (["Cache-Control: "], 0), (["X-Meta-A:"], 8),
            (["X-Meta-A: 1", "x-meta-a: 2", "X-Meta-B: \u{E9}"], 28),
            (["Cache-Control: no-store", "Cache-Control: private"], 41),
            (["Content-Encoding: gzip", "X: y", "Content-Language: de"], 38),
        ] as [([String], Int)])
    func counted(_ fields: [String], _ expected: Int) throws {
        #expect(try byteCount(fields) == expected)
    }

    @Test("the bound is met exactly, by one field or by many") func bound() throws {
        let value = String(repeating: "a", count: StoredFields.byteCountMaximum - 8)
        #expect(try byteCount(["X-Meta-A: \(value)"]) == 8192)
        #expect(throws: StoredFieldFault.tooLong) { try byteCount(["X-Meta-A: \(value)a"]) }
        #expect(throws: StoredFieldFault.tooLong) {
            try byteCount(["X-Meta-A: \(value)", "X-Meta-B:"])
        }
        #expect(try byteCount(["X-Meta-A: \(value)", "X-Other: \(value)"]) == 8192)
    }

    @Test(
        "of fields that are no lists only one is kept, or none",
        arguments: [
            "Content-Type", "Content-Disposition",
        ])
    func single(_ name: String) {
        #expect(throws: StoredFieldFault.repeated) { try byteCount(["\(name): a", "\(name): a"]) }
        #expect(throws: StoredFieldFault.repeated) { try byteCount(["\(name): a", "\(name):"]) }
    }

    @Test("no control byte is kept, wherever it stands") func controlBytes() throws {
        for byte in UInt8.min...31 where byte != 9 && byte != 13 {
            let field = Array("X-Meta-A: a".utf8) + [byte] + Array("b".utf8)
            #expect(throws: StoredFieldFault.controlByte) { try byteCount([field]) }
        }
        #expect(try byteCount([Array("X-Meta-A: a\tb".utf8)]) == 11)
    }

    @Test("no bytes trap, and what is kept can be sent") func fuzz() throws {
        var random = TestRandom.reported("no bytes of a stored field trap")
        var (keptCount, faultCount) = (0, 0)
        for _ in 0..<5000 {
            let fields = (0..<random.below(4)).map { _ in
                let name = random.pick(["Content-Type", "X-Meta-A", "Cache-Control", "Range"])
                return Array("\(name):".utf8) + random.mutated("text/plain", ["\n", "\0", " "])
            }
            try withRequest(.put, fields) { request in
                do {
                    _ = try StoredFields.byteCount(of: request)
                } catch {
                    faultCount += 1
                    return
                }
                for place in 0..<request.head.fields.count {
                    guard StoredFields.holds(request, at: place) else { continue }
                    let value = request.head.fields[place].value.range
                    let canSend = StoredFields.canSend(request.bytes.extracting(value))
                    #expect(canSend)
                    keptCount += 1
                }
            }
        }
        #expect(keptCount > 500)
        #expect(faultCount > 500)
    }
}
