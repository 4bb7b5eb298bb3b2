// SpecificationTests — Format.md says what the code does: its examples are the encoders' bytes, its
// diagrams add up to the lengths in the code.
//
// CAIRN_UPDATE_GOLDEN=1 writes the examples anew.

import CairnFormat
import CairnSystem
import Testing

@Suite("Specification") struct SpecificationTests {
    @Test("the worked examples of Format.md are what the encoders write")
    func examples() throws {
        let path = TestFiles.specificationPath
        if TestFiles.isUpdating {
            try TestFiles.write(Array(updated(try TestFiles.readText(path)).utf8), to: path)
        }
        let text = try TestFiles.readText(path)
        let names = exampleNames(in: text)
        #expect(names.count >= 10)
        for name in names {
            #expect(Sample.all.contains { $0.name == name }, "\(name) is no sample")
        }
        #expect(text == updated(text))
    }

    @Test("every diagram of Format.md has as many bytes as the structure")
    func diagrams() throws {
        let found = Diagram.all(in: try TestFiles.readText(TestFiles.specificationPath))
        let expected: [String: Int] = [
            "STORE": Self.plainStoreByteCount - 4, "ancestor": Self.ancestorByteCount,
            "MANIFEST": Sample.named("manifest-empty").bytes.count - 4,
            "segment entry": SegmentEntry.byteCount, "SCRUB": ScrubPlace.byteCount - 4,
            "segment header": Sample.named("segment-header").ignored.lowerBound,
            "record header": RecordHeader.byteCount,
            "metadata field": Fixture.metadata(user: [1]).count - 1,
            "batch value": BatchMembership.byteCount,
            "block table": BlockTable.byteCount(rawByteCount: 0, blockByteCount: 16),
            "block entry": BlockTable.byteCount(rawByteCount: 1, blockByteCount: 16) - 8,
            "chunk key": ChunkKey.byteCount, "composite": Composite.byteCount,
            "seal": Seal(totals: SegmentTotals()).byteCount, "expiry bucket": 16,
            "hint header": HintHeader.byteCount,
            "hint row": HintSection.locations.rowByteCount, "key index entry": 24,
        ]
        #expect(Set(found.map(\.name)) == Set(expected.keys))
        for diagram in found {
            #expect(diagram.byteCount == expected[diagram.name], "\(diagram.name)")
            #expect(diagram.isContiguous, "\(diagram.name)")
            #expect(diagram.byteCount == diagram.claimedByteCount, "\(diagram.name)")
        }
    }

    private static let plainStoreByteCount = StoreIdentity(
        uuid: Fixture.uuid, hashKeyFirst: 0, hashKeySecond: 0, createdAt: 0
    ).encoded().count
    private static let ancestorByteCount =
        Sample.named("store").bytes.count - plainStoreByteCount
}

/// The examples, found by their markers.
extension SpecificationTests {
    private static let begin = "<!-- begin example: "
    private static let end = "<!-- end example -->"

    private func exampleNames(in text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix(Self.begin) }.map(name)
    }

    private func name(of marker: Substring) -> String {
        String(marker.dropFirst(Self.begin.count).dropLast(" -->".count))
    }

    /// The text with every example as the encoders write it now.
    private func updated(_ text: String) -> String {
        var lines: [Substring] = []
        var isInExample = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == Self.end { isInExample = false }
            if !isInExample { lines.append(line) }
            if line.hasPrefix(Self.begin) {
                isInExample = true
                let sample = Sample.all.first { $0.name == name(of: line) }
                let dump = hexDump(sample?.bytes ?? [])
                lines.append("```text\n\(dump)\n```")
            }
        }
        return lines.joined(separator: "\n")
    }
}

/// Offset, sixteen bytes, and the letters among them, line by line.
func hexDump(_ bytes: [UInt8]) -> String {
    var lines: [String] = []
    var previous: ArraySlice<UInt8> = []
    for offset in stride(from: 0, to: bytes.count, by: 16) {
        let row = bytes[offset..<min(offset + 16, bytes.count)]
        if row.elementsEqual(previous) {
            if lines.last != "*" { lines.append("*") }
        } else {
            lines.append(hexDumpLine(row, at: offset))
        }
        previous = row
    }
    return (lines + [hexadecimal(UInt16(bytes.count))]).joined(separator: "\n")
}

private func hexDumpLine(_ row: ArraySlice<UInt8>, at offset: Int) -> String {
    var line = hexadecimal(UInt16(offset)) + " "
    for index in 0..<16 {
        if index == 8 { line += " " }
        let place = row.startIndex + index
        line += place < row.endIndex ? " " + hexadecimal(row[place]) : "   "
    }
    let letters = row.map { (32..<127).contains($0) ? Character(Unicode.Scalar($0)) : "." }
    return line + "  |" + String(letters) + "|"
}

/// A ruler diagram: four columns a byte, sixteen bytes a line.
struct Diagram {
    let name: String
    let claimedByteCount: Int
    var byteCount = 0
    /// Every line starts at the offset that it is labelled with, and every box is whole bytes.
    var isContiguous = true

    private static let begin = "<!-- ruler: "

    static func all(in text: String) -> [Diagram] {
        var diagrams: [Diagram] = []
        var isOpen = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix(begin) {
                let parts = line.dropFirst(begin.count).split(separator: ", ")
                let count = parts[1].split(separator: " ")[0]
                diagrams.append(Diagram(name: String(parts[0]), claimedByteCount: Int(count)!))
                isOpen = true
            } else if line == "```" {
                isOpen = false
            } else if isOpen, line.contains("|") {
                diagrams[diagrams.count - 1].take(line)
            }
        }
        return diagrams
    }

    private mutating func take(_ line: Substring) {
        var boxes = line.split(separator: "|", omittingEmptySubsequences: false)
        let label = boxes.removeFirst().filter { $0 != " " }
        boxes.removeLast()
        if Int(label) != byteCount { isContiguous = false }
        for box in boxes {
            if (box.count + 1) % 4 != 0 { isContiguous = false }
            byteCount += (box.count + 1) / 4
        }
    }
}
