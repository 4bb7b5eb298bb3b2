// fuzz-text — arbitrary bytes for what reads texts of people and programs: JSON, keys as text, amounts, words.
//
// The first byte of an input says which of them reads the rest. Whatever the bytes are, nothing traps, and what was
// read can be written and is read again as the same. Built and run by tools/fuzz, with libFuzzer; Corpus holds
// inputs to begin with.

import CairnSystem
import CairnText
import FuzzDriver

@main
private enum FuzzText {
    static func main() {
        fuzz { choice, bytes in Reader.read(bytes, as: choice) }
    }
}

/// Who reads an input.
private enum Reader {
    static func read(_ text: [UInt8], as kind: UInt8) {
        switch kind % 4 {
        case 0: readKey(text)
        case 1: readAmount(text)
        default: readJSON(text)
        }
    }

    // MARK: JSON

    private static let limits = JSONLimits(byteCountMaximum: 4096)

    private static func readJSON(_ text: [UInt8]) {
        // A text that is none is refused.
        guard let value = try? JSONValue(reading: text.rawSpan, limits: limits) else { return }
        if case .number(let number) = value { _ = number.double }
        var writer = JSONWriter()
        write(value, to: &writer)
        // Escapes make a text longer.
        let room = JSONLimits(byteCountMaximum: 1 << 20)
        let again = try? JSONValue(reading: writer.bytes.rawSpan, limits: room)
        precondition(again == value, "what is read can be written, and read again")
    }

    private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let number): writer.number(digits: number.text)
        case .string(let text): writer.string(text)
        case .array(let values):
            writer.beginArray()
            for value in values { write(value, to: &writer) }
            writer.endArray()
        case .object(let object):
            writer.beginObject()
            for (name, value) in zip(object.names, object.values) {
                precondition(object[name] == value, "a name has one value")
                writer.name(name)
                write(value, to: &writer)
            }
            writer.endObject()
        }
    }

    // MARK: Words

    private static func readKey(_ text: [UInt8]) {
        let shown = Array(KeyText.escaped(text).utf8)
        precondition(KeyText.bytes(escaped: shown) == text, "an escaped key is the key")
        let digits = Array(KeyText.hexadecimal(text).utf8)
        precondition(KeyText.bytes(hexadecimal: digits) == text, "digits are the key")
        if let key = KeyText.bytes(escaped: text) { precondition(key.count <= text.count) }
        if let key = KeyText.bytes(hexadecimal: text) { precondition(key.count * 2 == text.count) }
    }

    private static func readAmount(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let count = Amount.byteCount(text) {
            let again = Amount.byteCount(Amount.text(byteCount: count))
            precondition(again == count, "an amount has an exact form")
        }
        if let duration = Amount.duration(text) {
            let again = Amount.duration(Amount.text(duration))
            precondition(again == duration, "a time has an exact form")
        }
        let word = Word(bytes)
        precondition(word.exactText == nil || Word(word.text) == word, "exact text is the word")
        let (name, value) = word.nameAndValue
        let whole = name.bytes + (value.map { [UInt8(ascii: "=")] + $0.bytes } ?? [])
        precondition(whole == bytes, "an option is its name and its value")
    }
}
