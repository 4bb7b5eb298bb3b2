// Browser — a headless Chromium of one test's own, told what to do by its DevTools protocol.
//
// Messages are JSON, each ended by a zero byte, over descriptors 3 and 4 of the program. What the page complains of,
// and every dialog that a script opens, is kept. It is killed when it goes. One thread.
// Why this is sound: pointers are of local structures, arrays and copies of words, lent for one call.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import CairnText
import Glibc
import Testing

/// What a browser did not do.
enum BrowserTrouble: Error {
    case call(String, Int32)
    case silent(String)
    case refused(String)
}

/// What a command is told.
indirect enum BrowserValue {
    case string(String)
    case bool(Bool)
    case number(Int)
    case array([BrowserValue])
    case object([String: BrowserValue])
}

/// A page of a browser.
final class Browser {
    private static let programs = [
        "/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]

    /// Whether there is one here.
    static let isMissing = !programs.contains { unsafe access($0, X_OK) == 0 }

    private let directory: TemporaryDirectory
    private let process: pid_t
    private let stream: Descriptor
    private var received: [UInt8] = []
    private var lastNumber = 0
    private var session: String?
    private var hasLoaded = false
    /// Errors of scripts, of the network and of the policy, and dialogs.
    private(set) var complaints: [String] = []

    init() throws {
        directory = try TemporaryDirectory()
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw BrowserTrouble.call("socketpair", errno)
        }
        stream = Descriptor(owning: ends[0])
        let theirs = Descriptor(owning: ends[1])
        process = try ChildProcess.start(
            Self.words(directory.path),
            [.nothing, .nothing, .nothing]
                + [.shared(theirs.rawValue), .shared(theirs.rawValue)])
        try theirs.close()
        let target = try tell("Target.createTarget", ["url": .string("about:blank")])
        let attached = try tell(
            "Target.attachToTarget",
            [
                "targetId": .string(try #require(target?["targetId"]?.string)),
                "flatten": .bool(true),
            ])
        session = try #require(attached?["sessionId"]?.string)
        for domain in ["Page", "Runtime", "Log", "DOM"] { try tell("\(domain).enable") }
    }

    deinit {
        kill(process, SIGKILL)
        _ = ChildProcess.end(of: process)
    }

    private static func words(_ path: String) -> [String] {
        [
            programs.first { unsafe access($0, X_OK) == 0 } ?? "", "--headless",
            "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update",
            "--disable-dev-shm-usage", "--incognito", "--lang=en-US", "--user-data-dir=\(path)",
            "about:blank",
        ]
    }

    // MARK: The page

    /// Opens an address and waits until the page has been loaded.
    func open(_ address: String) throws {
        hasLoaded = false
        try tell("Page.navigate", ["url": .string(address)])
        // No script may run in some pages, so that none can be asked whether they are there.
        while !hasLoaded { take(try next("the end of loading \(address)")) }
    }

    /// What an expression gives, as a text; a promise is waited for.
    @discardableResult
    func value(_ expression: String) throws -> String {
        let answer = try tell(
            "Runtime.evaluate",
            [
                "expression": .string(expression), "awaitPromise": .bool(true),
                "returnByValue": .bool(true),
            ])
        if let details = answer?["exceptionDetails"]?.object {
            let text = details["exception"]?.object?["description"]?.string
            throw BrowserTrouble.refused(text ?? details["text"]?.string ?? expression)
        }
        switch answer?["result"]?.object?["value"] {
        case .string(let text)?: return text
        case .bool(let value)?: return "\(value)"
        case let value?: return value.integer.map { "\($0)" } ?? ""
        case nil: return ""
        }
    }

    /// Waits until a condition holds.
    func wait(_ condition: String) throws {
        let answer = try value(
            """
            new Promise(done => {
              const end = Date.now() + 20000;
              const look = () => {
                if (\(condition)) done("yes");
                else if (Date.now() > end) done(document.body.innerText.slice(0, 2000));
                else setTimeout(look, 10);
              };
              look();
            })
            """)
        if answer != "yes" { throw BrowserTrouble.silent("\(condition)\n\(answer)") }
    }

    /// Gives files to an input.
    func choose(_ paths: [String], for selector: String) throws {
        let document = try tell("DOM.getDocument")?["root"]?.object
        let node = try tell(
            "DOM.querySelector",
            [
                "nodeId": .number(Int(document?["nodeId"]?.integer ?? 0)),
                "selector": .string(selector),
            ])
        try tell(
            "DOM.setFileInputFiles",
            [
                "files": .array(paths.map { .string($0) }),
                "nodeId": .number(Int(node?["nodeId"]?.integer ?? 0)),
            ])
    }

    // MARK: The protocol

    @discardableResult
    func tell(
        _ method: String, _ parameters: [String: BrowserValue] = [:]
    ) throws -> JSONObject? {
        lastNumber += 1
        var json = JSONWriter.object
        json.name("id")
        json.number(lastNumber)
        json.name("method")
        json.string(method)
        json.name("params")
        json.write(.object(parameters))
        if let session {
            json.name("sessionId")
            json.string(session)
        }
        json.endObject()
        try send(json.bytes + [0])
        while true {
            let message = try next(method)
            if message["id"]?.integer != Int64(lastNumber) {
                take(message)
                continue
            }
            if let error = message["error"]?.object {
                throw BrowserTrouble.refused("\(method): \(error["message"]?.string ?? "")")
            }
            return message["result"]?.object
        }
    }

    private func take(_ message: JSONObject) {
        let parameters = message["params"]?.object
        switch message["method"]?.string {
        case "Runtime.exceptionThrown":
            let details = parameters?["exceptionDetails"]?.object
            complaints.append(
                "exception: \(details?["exception"]?.object?["description"]?.string ?? "")")
        case "Page.javascriptDialogOpening":
            complaints.append("dialog: \(parameters?["message"]?.string ?? "")")
        case "Page.loadEventFired": hasLoaded = true
        case "Log.entryAdded":
            let entry = parameters?["entry"]?.object
            guard entry?["level"]?.string == "error" else { return }
            complaints.append(
                "\(entry?["source"]?.string ?? ""): \(entry?["text"]?.string ?? "") "
                    + (entry?["url"]?.string ?? ""))
        default: return
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let rest = Array(bytes[start...])
            let count = unsafe Glibc.send(
                stream.rawValue, rest, rest.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { throw BrowserTrouble.call("send", errno) }
            start += count
        }
    }

    private func next(_ what: String) throws -> JSONObject {
        while true {
            if let end = received.firstIndex(of: 0) {
                let bytes = Array(received[..<end])
                received.removeSubrange(...end)
                let limits = JSONLimits(byteCountMaximum: 64 << 20, depthMaximum: 64)
                return try #require(try JSONValue(reading: bytes.rawSpan, limits: limits).object)
            }
            var question = pollfd(fd: stream.rawValue, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&question, 1, 40_000) > 0 else { throw BrowserTrouble.silent(what) }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe recv(stream.rawValue, &buffer, buffer.count, 0)
            guard count > 0 else { throw BrowserTrouble.silent("\(what): the browser has ended") }
            received += buffer.prefix(count)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ value: BrowserValue) {
        switch value {
        case .string(let text): string(text)
        case .bool(let value): bool(value)
        case .number(let value): number(value)
        case .array(let values):
            beginArray()
            for value in values { write(value) }
            endArray()
        case .object(let members):
            beginObject()
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                self.name(name)
                write(value)
            }
            endObject()
        }
    }
}
