// fuzz-tools — arbitrary bytes for what the programs read of files that others made: settings, tokens, archives.
//
// The first byte of an input says which of them reads the rest. Whatever the bytes are, nothing traps; a
// configuration that was read is printed as one that means the same, and so is a token; an archive yields no more than
// it has. Built and run by tools/fuzz, with libFuzzer; Corpus holds inputs to begin with.
// Why this is sound: pointers are of arrays, lent for one call, and of a file that stays open.

import CairnServer
import CairnSystem
import CairnText
@testable import CairnTool
import FuzzDriver
import Glibc

@main
private enum FuzzTools {
    static func main() {
        fuzz { choice, bytes in Reader.read(bytes, as: choice) }
    }
}

/// Who reads an input.
private enum Reader {
    static func read(_ bytes: [UInt8], as kind: UInt8) {
        switch kind % 3 {
        case 0: readConfiguration(bytes)
        case 1: readTokens(bytes)
        default: readArchive(bytes)
        }
    }

    // MARK: Settings

    private static func configuration(_ bytes: [UInt8]) -> EffectiveConfiguration? {
        try? EffectiveConfiguration(words: [Word("--config"), Word("f")], environment: []) { _ in
            bytes
        }
    }

    private static func readConfiguration(_ bytes: [UInt8]) {
        guard let first = configuration(bytes) else { return }
        guard let again = configuration(Array(first.text.utf8)) else {
            preconditionFailure("what is printed can be read")
        }
        precondition(
            again.entries.map(\.text) == first.entries.map(\.text), "what is printed is the same")
    }

    // MARK: Tokens

    private static func readTokens(_ bytes: [UInt8]) {
        guard let tokens = try? TokenFile.tokens(of: bytes) else { return }
        precondition(tokens.count <= TokenFile.tokenCountMaximum, "there are not too many")
        let lines = tokens.map(\.line).joined(separator: "\n")
        let again = try? TokenFile.tokens(of: Array(lines.utf8))
        precondition(again == tokens, "what is written can be read")
    }

    // MARK: Archives

    private static let file = unsafe fileno(tmpfile())

    private static func readArchive(_ bytes: [UInt8]) {
        guard ftruncate(file, 0) == 0,
            unsafe pwrite(file, bytes, bytes.count, 0) == bytes.count,
            let stream = try? ByteStream.reading("/proc/self/fd/\(file)")
        else { preconditionFailure("a temporary file takes bytes") }
        let reader = TarReader(stream)
        // An archive is read to its end, or to what is wrong with it.
        while let entry = (try? reader.next()) ?? nil {
            precondition(!entry.key.isEmpty, "a file has a name")
            var left = entry.byteCount
            while let piece = try? reader.read(byteCountMaximum: 1000), !piece.isEmpty {
                left -= UInt64(piece.count)
            }
            precondition(reader.offset <= UInt64(bytes.count), "no more is read than there is")
        }
    }
}
