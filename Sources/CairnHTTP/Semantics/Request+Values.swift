// Request+Values — fields that may stand more than once: RFC 9110, section 5.3.
//
// Several lines of one list are one list; several lines of anything else have no meaning that all readers
// share, so whoever wants one value gets it only when there is one. No allocation. Pure.

internal import CairnSystem

extension Request {
    /// The value of the field at a place, if that is its name, which is written in small letters.
    @_lifetime(copy self)
    func value(of name: StaticString, at place: Int) -> RawSpan? {
        isNamed(name, at: place) ? bytes.extracting(head.fields[place].value.range) : nil
    }

    /// The value of the only field of this name; nil when there is none, or more than one.
    @_lifetime(copy self)
    package func onlyValue(of name: StaticString) -> RawSpan? {
        fieldCount(name) == 1 ? field(name) : nil
    }
}
