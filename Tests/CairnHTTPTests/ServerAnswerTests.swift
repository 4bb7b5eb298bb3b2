// Answers, over real sockets: in order, at once or later, and what becomes of the connection.

import CairnHTTP
import CairnTestSupport
import Synchronization
import Testing

@Suite("HTTP server: answers") struct ServerAnswerTests {
    @Test("a request is answered, with a date, and the connection stays") func answers() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        for _ in 0..<3 {
            try client.send(get("/hello%20you"))
            let answer = try client.answer()
            #expect(answer.status == 200 && answer.text == "hello" && !answer.closes)
            #expect(answer.field("X-Path") == "/hello%20you")
            #expect(answer.field("Date")?.count == 29)
        }
    }

    @Test("pipelined requests are answered in order, however many") func pipelined() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        let count = 5000
        try client.send((0..<count).map { get("/\($0)") }.joined())
        for number in 0..<count {
            #expect(try client.answer().field("X-Path") == "/\(number)")
        }
    }

    @Test("an answer that comes later keeps those behind it waiting") func pendingInOrder() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/later") + get("/hello"))
        let exchange = server.takePending()
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 1)
        server.answer(exchange, 202)
        #expect(try client.answer().status == 202)
        #expect(try client.answer().text == "hello")
    }

    @Test("a late answer to a client that has gone finds nobody") func lateAnswer() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let exchange: Exchange
        do {
            let client = try server.client()
            try client.send(get("/later"))
            exchange = server.takePending()
            try client.failAtEnd()
        }
        server.wait { server.server.connectionCount == 0 }
        let other = try server.client()
        try other.send(get("/later"))
        let second = server.takePending()
        server.answer(exchange, 500)
        server.answer(second, 202)
        #expect(try other.answer().status == 202)
    }

    @Test("HEAD is answered as GET, without the body") func head() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        try client.send("HEAD /large/1000 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"))
        #expect(try client.answer(hasBody: false).field("Content-Length") == "5")
        #expect(try client.answer(hasBody: false).field("Content-Length") == "1000")
        #expect(try client.answer().text == "hello")
    }

    @Test("204 says no length") func noContent() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/empty"))
        let answer = try client.answer()
        #expect(answer.status == 204 && answer.field("Content-Length") == nil)
    }

    @Test(
        "who asks for the end gets it, with the answer",
        arguments: [
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /hello HTTP/1.0\r\n\r\n",
        ])
    func closes(_ text: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(text)
        let answer = try client.answer()
        #expect(answer.closes && answer.text == "hello")
        #expect(try client.isEnded())
    }

    @Test("HTTP/1.0 stays when it asks to") func oldVersionStays() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        for _ in 0..<2 {
            try client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.answer().field("Connection") == "keep-alive")
        }
    }

    @Test("a client that sends no more still gets its answers") func halfClosed() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/later"))
        let exchange = server.takePending()
        try client.endSending()
        server.answer(exchange, 202)
        #expect(try client.answer().status == 202)
        #expect(try client.isEnded())
    }

    /// The loop has all of them to answer at once, and sends when it has.
    @Test("clients that ask while a loop is busy get their answers, whatever the others do")
    func manyAtOnce() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let clients = try (0..<200).map { _ in try server.client() }
        let held = try server.client()
        try held.send(get("/held"))
        server.wait { server.handler.openedCount.load(ordering: .relaxed) == 1 }
        for (number, client) in clients.enumerated() {
            switch number % 5 {
            case 0: try client.send(get("/\(number)"))
            case 1: try client.send((0..<3000).map { get("/\($0)") }.joined())
            case 2: try client.send(get("/\(number)") + get("/large/300000") + get("/empty"))
            case 3:
                try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            default:
                // Ends with a reset as soon as it is dropped.
                let other = try server.client()
                try other.send(get("/\(number)"))
                try other.failAtEnd()
            }
        }
        server.handler.letsGo.store(true, ordering: .releasing)
        #expect(try held.answer().status == 204)
        for (number, client) in clients.enumerated() where number % 5 != 4 {
            let isLong = number % 5 == 1
            for place in 0..<(isLong ? 3000 : 1) {
                let answer = try client.answer()
                #expect(answer.field("X-Path") == "/\(isLong ? place : number)")
            }
            if number % 5 == 2 {
                #expect(try client.answer().body.count == 300_000)
                #expect(try client.answer().status == 204)
            }
            if number % 5 == 3 { #expect(try client.isEnded()) }
        }
        server.wait { server.server.connectionCount == 200 - 40 + 1 }
    }

    @Test("answers that others promised are sent together too") func manyLater() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let clients = try (0..<100).map { _ in try server.client() }
        for client in clients { try client.send(get("/later") + get("/hello")) }
        let exchanges = clients.map { _ in server.takePending() }
        let held = try server.client()
        try held.send(get("/held"))
        server.wait {
            server.handler.openedCount.load(ordering: .relaxed) == clients.count + 1
        }
        for exchange in exchanges { server.answer(exchange, 202) }
        server.handler.letsGo.store(true, ordering: .releasing)
        for client in clients {
            #expect(try client.answer().status == 202)
            #expect(try client.answer().text == "hello")
        }
    }
}
