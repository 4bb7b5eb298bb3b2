// Query — the names and values behind the question mark of a target.
//
// Names and values are decoded when they are asked for; a name may stand without a value and more than
// once, and the first counts. No allocation but for what is handed out. Pure.

internal import CairnSystem

/// A query's items, in order.
package struct Query: ~Escapable {
    private let text: RawSpan

    /// The query without its question mark.
    @_lifetime(copy text)
    package init(_ text: RawSpan) { self.text = text }

    /// The decoded value of the first item of this name, which holds no escapes; empty when it stands
    /// alone, nil when there is none.
    package func value(of name: StaticString) -> [UInt8]? {
        var start = 0
        while start < text.byteCount {
            let end = text.firstIndex(of: UInt8(ascii: "&"), from: start) ?? text.byteCount
            let mark = text.firstIndex(of: UInt8(ascii: "="), from: start) ?? end
            let found = PercentCoding.decoded(
                text.extracting(start..<min(mark, end)), plusIsSpace: true)
            if let found, found.rawSpan.isEqual(to: name.rawSpan) {
                let value = text.extracting(min(mark + 1, end)..<end)
                return PercentCoding.decoded(value, plusIsSpace: true)
            }
            start = end + 1
        }
        return nil
    }

    /// Whether an item of this name is there.
    package func has(_ name: StaticString) -> Bool { value(of: name) != nil }
}
