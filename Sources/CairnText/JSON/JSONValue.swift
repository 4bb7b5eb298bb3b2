// JSONValue — a value of a JSON text, and why a text is none.
//
// Names of an object are told apart by their bytes, and keep their order. Numbers keep their digits, so
// that none is rounded before somebody asks. Plain values. Spec: RFC 8259.

/// A value of a JSON text.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The text, where it is one.
    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number, where it is a whole one of 64 bits without a fraction or an exponent.
    package var integer: Int64? {
        guard case .number(let number) = self else { return nil }
        return Int64(number.text)
    }

    /// True or false, where it is one of them.
    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The values, where it is an array.
    package var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// The fields, where it is an object.
    package var object: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }
}

/// A number, as it was written.
package struct JSONNumber: Equatable, Sendable {
    /// Its digits, with sign, fraction and exponent, where it has them.
    package let text: String

    init(_ text: String) { self.text = text }

    /// The nearest number of 64 bits with a fraction; infinite where it is too large.
    package var double: Double { Double(text) ?? .infinity }
}

/// Fields of an object, in order; no name stands twice.
package struct JSONObject: Equatable, Sendable {
    /// The names.
    package let names: [String]
    /// The value of each name.
    package let values: [JSONValue]

    init(names: [String], values: [JSONValue]) {
        self.names = names
        self.values = values
    }

    /// The value of a name, by its bytes; looks at one after the other.
    package subscript(_ name: String) -> JSONValue? {
        names.firstIndex { $0.utf8.elementsEqual(name.utf8) }.map { values[$0] }
    }
}

/// How much of a text is read. A value takes about 64 times the memory of its text, at worst.
package struct JSONLimits: Sendable {
    /// Bytes of the text.
    package var byteCountMaximum: Int
    /// Arrays and objects within each other.
    package var depthMaximum: Int

    /// At most 256 deep: what is made of a text is taken apart by recursion.
    package init(byteCountMaximum: Int, depthMaximum: Int = 16) {
        precondition((0...256).contains(depthMaximum), "no value is nested deeper than 256")
        self.byteCountMaximum = byteCountMaximum
        self.depthMaximum = depthMaximum
    }
}

/// Why a text is not one JSON value.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    package enum Problem: Equatable, Sendable, CaseIterable {
        case tooLong, tooDeep, endsEarly, unexpectedByte, malformedNumber, malformedEscape
        case loneSurrogate, controlByte, notUTF8, repeatedName, moreThanOneValue
    }

    /// What is wrong.
    package let problem: Problem
    /// At which byte of the text.
    package let offset: Int

    init(_ problem: Problem, at offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    private var explanation: String {
        switch problem {
        case .tooLong: "is longer than is read"
        case .tooDeep: "is nested deeper than is read"
        case .endsEarly: "ends too early"
        case .unexpectedByte: "has something else than JSON has there"
        case .malformedNumber: "has a number that is none"
        case .malformedEscape: "has an escape that is none"
        case .loneSurrogate: "has half of a surrogate pair"
        case .controlByte: "has a control byte within a string"
        case .notUTF8: "has a byte that is not UTF-8"
        case .repeatedName: "has a name twice in one object"
        case .moreThanOneValue: "has something behind its value"
        }
    }

    /// "the JSON text has an escape that is none, at byte 17".
    package var description: String { "the JSON text \(explanation), at byte \(offset)" }
}
