// The status page in a real browser: what people see of it, and what nobody's key or blob can make it do.
//
// Where no Chromium is installed these are SKIPPED.

import Cairn
import CairnServer
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

/// A text as a literal of JavaScript.
private func literal(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        let code = scalar.value
        let isPlain = (0x20..<0x7f).contains(code) && scalar != "\"" && scalar != "\\"
        return isPlain ? String(scalar) : "\\u{\(String(code, radix: 16))}"
    }
    return "\"\(escaped.joined())\""
}

@Suite("Status page in a browser", .serialized)
struct PageInBrowserTests {
    private static func isSkipped() -> Bool {
        if Browser.isMissing { print("SKIPPED: there is no Chromium here") }
        return Browser.isMissing
    }

    private static func address(_ served: ServedStore, _ prefix: String = "") -> String {
        "http://127.0.0.1:\(served.port)/#\(prefix)"
    }

    /// Opens the page and waits for its figures and its list.
    private static func opened(_ served: ServedStore, _ prefix: String = "") throws -> Browser {
        let browser = try Browser()
        try browser.open(address(served, prefix))
        try browser.wait("document.documentElement.dataset.listed")
        try browser.wait("document.documentElement.dataset.refreshed")
        return browser
    }

    @Test("it loads, complains of nothing, shows a blob that was put, and deletes it")
    func blob() throws {
        if Self.isSkipped() { return }
        let served = try ServedStore.prompt()
        try served.request(
            "PUT", "/store/notes/a.txt", ["Content-Type: text/plain", "X-Meta-Color: blue"],
            body: Array("what was put\n".utf8))
        let browser = try Self.opened(served)
        #expect(try browser.value("$('health').textContent") == "healthy")
        try browser.wait("$('keys').innerText.includes('notes/')")
        try browser.value("$('keys').querySelector('button').click()")
        try browser.wait("$('keys').innerText.includes('notes/a.txt')")
        try browser.value("$('keys').querySelector('button').click()")
        try browser.wait("$('preview').innerText.includes('what was put')")
        let fields = try browser.value("$('blobFields').innerText")
        #expect(fields.contains("text/plain") && fields.contains("blue"), "\(fields)")
        try browser.value("$('remove').click()")
        try browser.wait("$('ask').open")
        try browser.value("$('askYes').click()")
        try browser.wait("!$('blob').open && $('listed').textContent.includes('nothing')")
        #expect(served.store.statistics().keyCount == 0)
        #expect(try browser.value("$('segments').querySelectorAll('rect').length > 0") == "true")
        #expect(browser.complaints == [])
    }

    private static let names = [
        ".", "..", "...", "a/../b", "../x", "./", "a//b", "%00", "%2e%2e", "%", "a b+c",
        "a?b#c&d=e",
        "line\nbreak", "tab\tand\u{7}bell", "\u{1F600} émoji", "\u{202E}txt.exe", "\\", "\"quoted'",
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
        "{{constructor}}", "__proto__", String(repeating: "long ", count: 204),
    ]

    @Test("keys of all kinds are listed, looked at and deleted, and none of them runs")
    func oddNames() throws {
        if Self.isSkipped() { return }
        let served = try ServedStore.prompt()
        for name in Self.names { try served.store.put(Key(name), Array("at \(name)".utf8)) }
        let browser = try Self.opened(served)
        for name in Self.names {
            try browser.value("look(\(literal(name)))")
            let shown = try browser.value("$('preview').querySelector('pre').textContent")
            #expect(shown == "at \(name)", "\(name)")
            #expect(try browser.value("$('blobKey').children.length") == "0")
            try browser.value("$('remove').click()")
            try browser.wait("$('ask').open")
            try browser.value("$('askYes').click()")
            try browser.wait("!$('blob').open || $('blobMessage').textContent")
            #expect(try browser.value("$('blobMessage').textContent") == "", "\(name)")
            #expect(try served.store.get(Key(name)) == nil, "\(name)")
        }
        #expect(browser.complaints == [])
    }

    @Test("no script in a key, a type, a field or a blob runs, and no stored document does")
    func scripts() throws {
        if Self.isSkipped() { return }
        let served = try ServedStore.prompt()
        let script = "<script>document.title='ran';alert(1)</script>"
        let picture = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(2)'>\(script)</svg>"
        for (key, type, body) in [
            ("page.html", "text/html", script), ("picture.svg", "image/svg+xml", picture),
            ("odd", "text/html\"><script>alert(3)</script>", script),
            ("<script>alert(4)</script>", "text/plain", script), ("fake.png", "image/png", picture),
        ] {
            let target = "/store/" + key.replacing("<", with: "%3C").replacing(">", with: "%3E")
            let fields = ["Content-Type: \(type)", "X-Meta-A: \(script)"]
            let answer = try served.request("PUT", target, fields, body: Array(body.utf8))
            #expect(answer.status == 201, "\(key): \(answer.text)")
        }
        let browser = try Self.opened(served)
        try browser.wait("$('keys').rows.length >= 5 - 1")
        for key in ["page.html", "picture.svg", "odd", "<script>alert(4)</script>", "fake.png"] {
            try browser.value("look(\(literal(key)))")
        }
        try browser.value("look('page.html')")
        #expect(try browser.value("$('preview').querySelector('pre').textContent") == script)
        #expect(try browser.value("document.scripts.length + document.title") == "1Cairn")
        #expect(browser.complaints == [])
        for key in ["page.html", "picture.svg"] {
            try browser.open("http://127.0.0.1:\(served.port)/store/\(key)")
            #expect(try browser.value("document.title") != "ran")
            #expect(try browser.value("self.origin") == "null")
        }
        #expect(!browser.complaints.contains { $0.hasPrefix("dialog") })
    }

    @Test("ten thousand keys are listed a page at a time")
    func manyKeys() throws {
        if Self.isSkipped() { return }
        let served = try ServedStore(StoreOptions(durability: .os))
        for number in 0..<10_000 {
            let name = String(String(100_000 + number).dropFirst())
            try served.store.put(Key("many/\(name)"), [1])
        }
        let browser = try Self.opened(served, "many%2F")
        try browser.wait("$('keys').rows.length === 200 && !$('more').hidden")
        try browser.value("$('more').click()")
        try browser.wait("$('keys').rows.length === 400")
        #expect(try browser.value("$('keys').rows[399].cells[0].innerText") == "many/00399")
        try browser.value("$('sampleButton').click()")
        try browser.wait("$('prefixes').innerText.includes('many/')")
        #expect(
            try browser.value("$('prefixes').tBodies[0].rows[0].cells[1].textContent") == "100 %")
        try browser.value("$('up').click()")
        try browser.wait("$('keys').rows.length === 1 && $('keys').innerText.includes('many/')")
        #expect(browser.complaints == [])
    }

    @Test("a file is stored under the prefix, and replaces another only when that is wanted")
    func upload() throws {
        if Self.isSkipped() { return }
        let served = try ServedStore.prompt()
        let browser = try Self.opened(served, "up%2F")
        let directory = try TemporaryDirectory()
        try ByteStream.writing(directory.path + "/file.txt").write(Array("first".utf8).rawSpan)
        try browser.choose([directory.path + "/file.txt"], for: "#files")
        try browser.wait("$('keys').innerText.includes('up/file.txt')")
        let answer = try served.request("GET", "/store/up/file.txt")
        #expect(answer.text == "first")
        // A browser writes names of fields in small letters.
        let fields = answer.fields.map { $0.lowercased() }
        #expect(fields.contains("content-type: text/plain"), "\(fields)")
        for (button, kept) in [("askNo", "first"), ("askYes", "second")] {
            try browser.value(
                """
                (() => {
                  const data = new DataTransfer();
                  data.items.add(new File(["second"], "file.txt", { type: "text/plain" }));
                  $('listed').textContent = '';
                  browser.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
                })()
                """)
            try browser.wait("$('ask').open")
            try browser.value("$('\(button)').click()")
            try browser.wait("$('listed').textContent.includes('in all')")
            #expect(try served.request("GET", "/store/up/file.txt").text == kept)
        }
        #expect(browser.complaints.allSatisfy { $0.contains("412") }, "\(browser.complaints)")
    }

    @Test("it asks for a token, keeps it in the tab, and does what the token allows")
    func tokens() throws {
        if Self.isSkipped() { return }
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tokens"
        let lines = [
            BearerToken.line(of: "reader", name: "r", [.read, .list], prefix: Array("p/".utf8)),
            BearerToken.line(
                of: "chief", name: "c", [.read, .list, .write, .delete, .admin], prefix: []),
        ]
        try ByteStream.writing(path).write(
            Array((lines.joined(separator: "\n") + "\n").utf8).rawSpan)
        #expect(unsafe chmod(path, 0o600) == 0)
        let served = try ServedStore { $0.tokenPath = path }
        try served.store.put("p/a", Array("for readers".utf8))
        let browser = try Self.opened(served, "p%2F")
        try browser.wait("$('tokenDialog').open")
        #expect(try browser.value("$('health').textContent") == "a token is needed")
        #expect(try browser.value("$('keys').rows.length") == "0")

        try use("expired", in: browser)
        try browser.wait("$('tokenDialog').open && $('tokenText').textContent.includes('no more')")

        try use("reader", in: browser)
        try browser.wait("$('keys').innerText.includes('p/a')")
        try browser.wait("$('noFigures').textContent.includes('may not administer')")
        try browser.value("look('p/a')")
        #expect(try browser.value("$('preview').innerText") == "for readers")
        try browser.value("$('remove').click()")
        try browser.wait("$('ask').open")
        try browser.value("$('askYes').click()")
        try browser.wait("$('blobMessage').textContent.includes('does not allow')")
        #expect(try served.store.get("p/a") != nil)
        try browser.value("$('blob').close()")
        try browser.value("go('')")
        try browser.wait("$('message').textContent.includes('does not allow to list here')")

        try use("chief", in: browser)
        try browser.wait("!$('figures').hidden && $('health').textContent === 'healthy'")
        #expect(try browser.value("localStorage.length + document.cookie.length") == "0")
        #expect(browser.complaints.allSatisfy { $0.contains("401") || $0.contains("403") })
        // Another tab has to ask again.
        let other = try Self.opened(served)
        try other.wait("$('tokenDialog').open")
    }

    private func use(_ token: String, in browser: Browser) throws {
        try browser.value(
            "$('token').value = \(literal(token)); $('tokenForm').requestSubmit(); ''")
    }
}
