// TidyTests — the rules of the house that a compiler does not know, checked over the whole tree.
//
// Every rule yields findings of the form "path:line: what"; a rule holds when it has none. The lists
// of exceptions below are the only ones; a new exception is a change to this file, with its reason.

import Testing

/// Where `unsafe` and unsafe types may stand, besides tests. Files, or directories with a "/".
private let unsafeFence = [
    "Sources/CairnSystem/", "Sources/CairnFormat/LittleEndian.swift",
    "Sources/Cairn/Index/RawTable.swift", "Sources/CairnCrypto/",
]

/// What the top level holds, besides dot files.
private let topLevel: Set = [
    "Package.swift", "Sources", "Benchmarks", "Tests", "tools", "README.md", "LICENSE",
    "CHANGELOG.md",
]

/// Names whose meaning their protocol states: of the standard library here; those of the project's
/// own protocols are collected from their requirements.
private let statedElsewhere: Set = [
    "description", "debugDescription", "rawValue", "hashValue", "hash(into:)", "init(rawValue:)",
    "init(stringLiteral:)", "init(arrayLiteral:)", "==(lhs:rhs:)", "==(left:right:)",
    "<(lhs:rhs:)", "<(left:right:)",
]

private let lineMaximum = 500
/// A suite's promises are its titles, so one line at its head will do.
private func contractLineMinimum(_ path: String) -> Int { path.hasPrefix("Tests/") ? 1 : 3 }

private struct SwiftFile: Sendable {
    let file: TextFile
    let text: SwiftText

    func finding(_ line: Int, _ what: String) -> String { "\(file.path):\(line): \(what)" }
}

private let swiftFiles: [SwiftFile] = SourceTree.files(endingWith: ".swift").map {
    SwiftFile(file: $0, text: SwiftText($0.text))
}

private let productFiles = swiftFiles.filter { $0.file.isBelow("Sources", "Benchmarks", "tools") }

private func expectNone(_ findings: [String], _ rule: Comment) {
    #expect(findings.isEmpty, "\(rule.rawValue):\n\(findings.joined(separator: "\n"))")
}

@Suite("Tidy: sources") struct TidySourceTests {
    @Test("the tree is found") func treeIsFound() {
        #expect(SourceTree.exists("Package.swift"))
        #expect(swiftFiles.contains { $0.file.path == "Tests/TidyTests/TidyTests.swift" })
    }

    @Test("unsafe code stays within its fence") func unsafeFenced() {
        expectNone(
            productFiles.filter { !isFenced($0.file.path) }.flatMap { file in
                file.text.tokens.filter(saysUnsafe).map { file.finding($0.line, $0.text) }
            }, "unsafe outside of \(unsafeFence)")
    }

    @Test("a file with unsafe code says why it is sound") func unsafeExplained() {
        expectNone(
            productFiles.filter { $0.text.tokens.contains(where: saysUnsafe) }
                .filter { !$0.file.text.contains("Why this is sound") }.map(\.file.path),
            "the head comment lacks \"Why this is sound: …\"")
    }

    @Test("a file opens with its contract: three lines in the product, one in tests")
    func filesOpenWithContract() {
        expectNone(
            swiftFiles.map(\.file).filter { $0.path != "Package.swift" }
                .filter { file in
                    file.lines.prefix { $0.hasPrefix("//") }.count < contractLineMinimum(file.path)
                }
                .map(\.path), "too few lines of comment at the head")
    }

    @Test("no Foundation below the server") func noFoundation() {
        expectNone(
            swiftFiles.flatMap { file in
                zip(file.text.tokens, file.text.tokens.dropFirst())
                    .filter { $0.text == "import" && $1.text.hasPrefix("Foundation") }
                    .map { file.finding($0.line, "imports \($1.text)") }
            }, "Foundation")
    }

    @Test("no shortcuts: forced try, priority-inheriting mutex, existential storage")
    func noShortcuts() {
        let sequences: [(words: [String], files: [SwiftFile])] = [
            (["try", "!"], swiftFiles), (["Synchronization", ".", "Mutex"], swiftFiles),
            (["Mutex", "<"], swiftFiles), (["any", "Storage"], productFiles),
        ]
        expectNone(
            sequences.flatMap { sequence in
                sequence.files.flatMap { file in
                    file.text.lines(with: sequence.words)
                        .map { file.finding($0, sequence.words.joined(separator: " ")) }
                }
            }, "shortcuts")
    }

    @Test("unchecked sendability is argued for") func uncheckedSendableArgued() {
        expectNone(
            swiftFiles.flatMap { file in
                file.text.lines(with: ["@", "unchecked", "Sendable"])
                    .filter { line in
                        (1...4).allSatisfy { file.text.comment(line: line - $0).isEmpty }
                    }
                    .map { file.finding($0, "no comment in the four lines above") }
            }, "@unchecked Sendable")
    }

    @Test("what other modules can use is documented") func sharedDeclarationsDocumented() {
        let requirements = swiftFiles.flatMap { $0.text.declarations }.filter(\.isRequirement)
        let stated = statedElsewhere.union(requirements.map(\.name))
        expectNone(
            swiftFiles.flatMap { file in
                file.text.undocumented.filter { !stated.contains($0.name) }
                    .map { file.finding($0.line, "\($0.keyword) \($0.name)") }
            }, "no /// comment right above")
    }

    @Test("every class of the product is final, so that no call is looked up")
    func classesAreFinal() {
        expectNone(
            productFiles.flatMap { file in
                file.text.declarations
                    .filter { $0.keyword == "class" && !$0.modifiers.contains("final") }
                    .map { file.finding($0.line, "class \($0.name)") }
            }, "classes that are not final")
    }

    private func isFenced(_ path: String) -> Bool {
        unsafeFence.contains { $0.hasSuffix("/") ? path.hasPrefix($0) : path == $0 }
    }

    private func saysUnsafe(_ token: Token) -> Bool {
        token.text.contains("unsafe") || token.text.contains("Unsafe")
    }
}

@Suite("Tidy: the tree") struct TidyTreeTests {
    @Test("the top level holds what it should and nothing else") func topLevelIsExact() {
        let names = Set(SourceTree.entries(of: "").filter { !$0.hasPrefix(".") })
            .subtracting(SourceTree.made)
        #expect(names.subtracting(topLevel).isEmpty)
        #expect(topLevel.subtracting(names).isEmpty)
    }

    @Test("no file is too long to review") func filesAreShort() {
        expectNone(
            SourceTree.files(endingWith: ".swift", ".c", ".h")
                .filter { $0.lines.count > lineMaximum }.map {
                    "\($0.path): \($0.lines.count) lines"
                },
            "more than \(lineMaximum) lines")
    }

    // Put together from halves, so that this file is no finding of its own.
    @Test("no loose end is left", arguments: ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
    func noLooseEnds(word: String) {
        expectNone(
            mentions(of: word, in: SourceTree.files) { line in
                line.ranges(of: word).contains { isWord($0, of: line) }
            }, "loose ends")
    }

    @Test("no path of one machine", arguments: ["/ho" + "me/", "/ro" + "ot/", "/tm" + "p/"])
    func noMachinePaths(path: String) {
        expectNone(mentions(of: path, in: SourceTree.files) { $0.contains(path) }, "absolute paths")
    }

    @Test("scripts can be run") func scriptsAreExecutable() {
        expectNone(
            SourceTree.files.filter { $0.text.hasPrefix("#!") && !SourceTree.isExecutable($0.path) }
                .map(\.path), "not executable")
    }

    private func mentions(
        of text: String, in files: [TextFile], where isMention: (Substring) -> Bool
    ) -> [String] {
        files.filter { $0.text.contains(text) }.flatMap { file in
            file.lines.enumerated().filter { isMention($0.element) }
                .map { "\(file.path):\($0.offset + 1): \($0.element)" }
        }
    }

    /// Whether a word stands alone: a template for temporary names has more of the same letter.
    private func isWord(_ range: Range<Substring.Index>, of line: Substring) -> Bool {
        let before = line[..<range.lowerBound].last
        let after = line[range.upperBound...].first
        return ![before, after].contains { $0?.isLetter == true || $0?.isNumber == true }
    }
}

@Suite("Tidy: documents") struct TidyDocumentTests {
    private let documents = SourceTree.files(endingWith: ".md")

    @Test("there are documents") func documentsAreFound() {
        #expect(documents.contains { $0.path == "README.md" })
    }

    @Test("links lead somewhere") func linksResolve() {
        expectNone(
            documents.flatMap { document in
                Markdown(document.lines).links.filter { isBroken($0.text, in: document) }
                    .map { "\(document.path):\($0.line): \($0.text)" }
            }, "broken links")
    }

    @Test("documents that documents name exist") func documentReferencesResolve() {
        let names = Set(documents.map { $0.name.dropLast(3) })
        expectNone(
            documents.flatMap { document in
                Markdown(document.lines).documents.filter { !names.contains($0.text[...]) }
                    .map { "\(document.path):\($0.line): \($0.text)" }
            }, "unknown documents")
    }

    @Test("commands that documents name exist and can be run") func commandsExist() {
        expectNone(
            documents.flatMap { document in
                Markdown(document.lines).scripts.filter { !SourceTree.isExecutable($0.text) }
                    .map { "\(document.path):\($0.line): \($0.text)" }
            }, "unknown commands")
    }

    @Test("a row of a table stands below the table's head") func tablesAreWhole() {
        expectNone(
            documents.flatMap { document in
                let lines = document.lines
                return lines.indices.filter { index in
                    let isFirst = index == 0 || !lines[index - 1].hasPrefix("|")
                    guard lines[index].hasPrefix("|"), isFirst else { return false }
                    return index + 1 == lines.count || !lines[index + 1].hasPrefix("|")
                        || !lines[index + 1].allSatisfy { "|-: ".contains($0) }
                }
                .map { "\(document.path):\($0 + 1): \(lines[$0].prefix(40))" }
            }, "rows without a head")
    }

    private func isBroken(_ link: String, in document: TextFile) -> Bool {
        if link.contains("://") || link.hasPrefix("mailto:") || link.hasPrefix("#") { return false }
        return resolve(link, from: document.directory).map { !SourceTree.exists($0) } ?? true
    }
}
