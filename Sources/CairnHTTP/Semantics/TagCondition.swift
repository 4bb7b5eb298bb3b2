// TagCondition — what If-Match and If-None-Match name: RFC 9110, sections 13.1.1 and 13.1.2.
//
// All lines of a field are one list. A star stands alone. A list without a tag is not read either: it would
// be a condition that asks nothing. Allocates for more than one tag of the store only; the value outlives the
// request, so that a write can be judged when it is committed. Pure.

internal import CairnSystem

/// Versions of a blob.
package struct TagCondition: Equatable, Sendable {
    /// How tags are compared: RFC 9110, section 8.8.3.2.
    package enum Comparison: Sendable {
        /// A weak tag is no tag of the store.
        case strong
        /// A weak tag is that without its mark.
        case weak
    }

    private var isAny = false
    private var first: UInt64?
    private var others: [UInt64] = []

    /// What all fields of this name say, which is written in small letters; nil when there is none.
    package init?(
        _ request: borrowing Request, _ name: StaticString, _ comparison: Comparison
    ) throws(MalformedTags) {
        if request.fieldCount(name) == 0 { return nil }
        var itemCount = 0
        for place in 0..<request.head.fields.count {
            guard let value = request.value(of: name, at: place) else { continue }
            itemCount += try read(value, comparison)
        }
        guard itemCount == 1 || itemCount > 1 && !isAny else { throw MalformedTags() }
    }

    /// What If-Match with this value asks, if that is one thing.
    var demand: VersionDemand? {
        if isAny { return .present }
        guard let first, others.isEmpty else { return nil }
        return .version(first)
    }

    /// Whether a blob is of a version that is named; nil: there is no blob.
    package func matches(_ sequence: UInt64?) -> Bool {
        guard let sequence else { return false }
        return isAny || first == sequence || others.contains(sequence)
    }

    /// Returns how many items were there.
    private mutating func read(
        _ text: RawSpan, _ comparison: Comparison
    ) throws(MalformedTags) -> Int {
        var reader = EntityTagReader(text)
        var itemCount = 0
        reader.skipSeparators()
        while !reader.isAtEnd {
            if reader.takeStar() {
                isAny = true
            } else {
                guard let tag = reader.readTag() else { throw MalformedTags() }
                note(tag, comparison)
            }
            guard reader.endItem() else { throw MalformedTags() }
            itemCount += 1
            reader.skipSeparators()
        }
        return itemCount
    }

    private mutating func note(_ tag: EntityTag, _ comparison: Comparison) {
        switch tag {
        case .strong(let sequence): add(sequence)
        case .weak(let sequence): if comparison == .weak { add(sequence) }
        case .foreign: break
        }
    }

    private mutating func add(_ sequence: UInt64) {
        if first == nil { first = sequence } else { others.append(sequence) }
    }
}
