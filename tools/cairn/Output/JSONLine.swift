// JSONLine — one JSON object on one line, its fields in the order in which they were added.
//
// Numbers are whole and exact up to 64 bits; a field that is nil is left out. Text is valid UTF-8, so a
// key stands in it escaped, as everywhere. Plain value.

internal import CairnText

struct JSONLine {
    private var object = JSONWriter.object

    init() {}

    mutating func add(_ name: String, _ value: String?) {
        guard let value else { return }
        object.name(name)
        object.string(value)
    }

    mutating func add(_ name: String, _ value: some FixedWidthInteger) {
        object.name(name)
        object.number(value)
    }

    mutating func add(_ name: String, _ value: (some FixedWidthInteger)?) {
        if let value { add(name, value) }
    }

    mutating func add(_ name: String, _ value: Bool) {
        object.name(name)
        object.bool(value)
    }

    /// A number with three decimals.
    mutating func add(_ name: String, ratio value: Double) {
        object.name(name)
        object.number(value, places: 3)
    }

    mutating func add(_ name: String, _ values: [String]) {
        object.name(name)
        object.beginArray()
        for value in values { object.string(value) }
        object.endArray()
    }

    /// The object.
    var line: String {
        var object = object
        object.endObject()
        return String(decoding: object.bytes, as: UTF8.self)
    }
}
