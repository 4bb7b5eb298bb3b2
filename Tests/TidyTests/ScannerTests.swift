// ScannerTests — shows that the tidy rules would see what they look for.
//
// A rule without findings proves something only if its scanner finds planted cases; these are the
// planted cases. Pure: no file is read.

import Testing

@Suite("Tidy: scanner") struct ScannerTests {
    @Test("comments and strings are not code")
    func commentsAndStringsAreNotCode() {
        let text = SwiftText(
            #"""
            let a = "unsafe \(b("try!", c)) \" unsafe"  // unsafe
            /* unsafe /* nested */ unsafe */ let d = #"unsafe "\"# + """
                unsafe "quoted" \(e)
                """ + f
            """#)
        #expect(text.tokens.map(\.text) == ["let", "a", "=", "let", "d", "=", "+", "+", "f"])
        #expect(text.tokens.last?.line == 4)
        #expect(text.comment(line: 1) == "// unsafe")
        #expect(text.comment(line: 3).isEmpty)
        #expect(text.comment(line: 99).isEmpty)
    }

    @Test("sequences of tokens are found whatever the spacing")
    func sequencesAreFound() {
        let text = SwiftText("try ! a\ntry? b\nfinal class C: @unchecked\n    Sendable {}")
        #expect(text.lines(with: ["try", "!"]) == [1])
        #expect(text.lines(with: ["@", "unchecked", "Sendable"]) == [3])
        #expect(text.lines(with: ["Sendable", "{", "}", "x"]).isEmpty)
    }

    @Test("shared declarations are found, with their labels and comments")
    func declarationsAreFound() {
        let found = SwiftText(Self.sample).declarations.filter { $0.isShared }
        #expect(
            found.map(\.name) == [
                "Open", "open", "count", "read(_:into:at:)", "==(lhs:rhs:)", "init(rawValue:)",
                "subscript(_:)", "generic(_:)", "plain()",
            ])
        #expect(found.filter { !$0.isDocumented }.map(\.name) == ["count", "init(rawValue:)"])
        #expect(SwiftText(Self.sample).undocumented.map(\.name) == ["count"])
    }

    @Test("one comment serves adjacent properties, but not public ones")
    func groups() {
        let text = SwiftText(
            """
            /// Where.
            package let offset: Int
            package var count: Int

            package let apart: Int
            package init(a: Int) {}
            /// Public.
            public let one: Int
            public let two: Int
            public init() {}
            """)
        #expect(text.undocumented.map(\.name) == ["apart", "two", "init()"])
    }

    @Test("requirements are told from members, bodies are skipped")
    func requirementsAreTold() {
        let declarations = SwiftText(Self.sample).declarations
        #expect(
            declarations.filter(\.isRequirement).map(\.name) == ["location", "open(_:)", "shut()"])
        #expect(!declarations.contains { $0.name == "local" })
    }

    private static let sample = #"""
        import Testing
        /// A type.
        @frozen package struct Open<T: P>: Equatable {
            /// Its state.
            package private(set) var open: [String: Int] = [:]
            /// Not a comment of the next but one.

            package let count: Int
            /// Reads.
            @inline(never)
            package func read(_ a: (Int, Int), into b: inout [Int: Int], at c: UInt64 = f(1, 2)) -> Int {
                let local = { (x: Int) in x }
                return local(1)
            }
            /// Equal.
            package static func == (lhs: Open, rhs: Open) -> Bool { true }
            package init?(rawValue: Int) { nil }
            /// At.
            public subscript(_ index: Int) -> Int { index }
            /// Generic.
            package func generic<A: P, B>(_ a: A) where B == Int {}
            enum Kind { case open, package }
            var hidden: Int { 1 }
        }
        protocol Storage: AnyObject {
            var location: String { get }
            func open(_ name: String) -> Int
            func shut()
        }
        extension Open where T == Int {
            /// Plain.
            package func plain() {}
        }
        """#

    @Test("links, documents and commands are told from prose and code")
    func markdown() {
        let markdown = Markdown(
            """
            See [one](a/b.md#c) and [two](../d.md), `[no](code)`, <doc:Engine>; run `tools/test`.
            ```sh
            ./tools/check && bash .ci/run [no](x)
            ```
            tools/prose is no command
            """.split(separator: "\n", omittingEmptySubsequences: false))
        #expect(markdown.links.map(\.text) == ["a/b.md#c", "../d.md"])
        #expect(markdown.documents == [Mention(text: "Engine", line: 1)])
        #expect(markdown.scripts.map(\.text) == ["tools/test", "tools/check", ".ci/run"])
        #expect(markdown.scripts.last?.line == 3)
    }

    @Test("relative links resolve from their file")
    func relativeLinks() {
        #expect(resolve("../c.md#x", from: "a/b") == "a/c.md")
        #expect(resolve("./c/d.md", from: "") == "c/d.md")
        #expect(resolve("../../x", from: "a") == nil)
    }
}
