// Types: by the end of the key, whatever the key is.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Media types") struct MediaTypeTests {
    private func guess(_ key: String) -> String {
        "\(MediaType.guessed(fromKey: Array(key.utf8).rawSpan) ?? MediaType.unknown)"
    }

    @Test(
        "a key's extension tells its type, in capitals or not",
        arguments: [
            ("a.jpg", "image/jpeg"), ("a.JPG", "image/jpeg"), ("photos/2026/a.Jpeg", "image/jpeg"),
            ("a.png", "image/png"), ("a.svg", "image/svg+xml"), ("a.mp4", "video/mp4"),
            ("a.mp3", "audio/mpeg"), ("a.txt", "text/plain"), ("a.JSON", "application/json"),
            ("a.html", "text/html"), ("a.js", "text/javascript"), ("a.tar.gz", "application/gzip"),
            ("a.7z", "application/x-7z-compressed"), ("a.woff2", "font/woff2"),
            ("a.pdf", "application/pdf"), ("a.swift", "text/plain"), ("a b.c", "text/plain"),
            ("a.webmanifest", "application/manifest+json"), ("..png", "image/png"),
            ("\u{E9}.png", "image/png"), ("a.b/c.png", "image/png"), ("a..png", "image/png"),
            ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ])
    func known(_ key: String, _ expected: String) { #expect(guess(key) == expected) }

    @Test(
        "any other key is of bytes",
        arguments: [
            "", ".", "/", "a", "png", "a.", "a.png/", "a.png/b", ".png", "a/.png", "a.pn", "a.pngx",
            "a.png ", "a.unknown", "a.png.", "a.\u{E9}", "a.p\0ng", "./", "a.webmanifestt",
        ])
    func unknown(_ key: String) { #expect(guess(key) == "application/octet-stream") }

    @Test("at least sixty extensions are known, each once, and their types are types")
    func table() {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789".map(String.init)
        let long = [
            "jpeg", "webp", "avif", "heic", "heif", "tiff", "apng", "webm", "mpeg", "opus", "flac",
            "json", "jsonl", "yaml", "toml", "html", "wasm", "webmanifest", "m3u8", "woff2", "woff",
            "epub", "docx", "xlsx", "pptx", "swift", "java",
        ]
        let two = letters.flatMap { first in letters.map { first + $0 } }
        let three = two.flatMap { first in letters.map { first + $0 } }
        let types = (letters + two + three + long).map { guess("a." + $0) }
            .filter { $0 != "application/octet-stream" }
        #expect(types.count == MediaType.extensionCount)
        #expect(types.count >= 60)
        #expect(types.allSatisfy { $0.split(separator: "/").count == 2 })
    }

    @Test("no bytes trap") func fuzz() {
        var random = TestRandom.reported("no bytes of a key trap")
        var knownCount = 0
        for _ in 0..<5000 {
            let key = random.mutated(
                random.pick(["a.png", "a/b.tar.gz", ".x"]), [".", "/", "png"])
            if MediaType.guessed(fromKey: key.rawSpan) != nil {
                knownCount += 1
            }
        }
        #expect(knownCount > 500)
    }
}
