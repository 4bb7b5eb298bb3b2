// Counted — a number of things, as messages say it: "1 byte", "2 bytes".
//
// For every message that counts: of one there is one. Digits without commas, so that a number can be
// searched for; what only people read groups them and takes the noun from here. Pure; any thread.

/// "1 segment", "3 segments".
package func counted(_ count: some BinaryInteger, _ noun: String) -> String {
    "\(count) \(inflected(noun, for: count))"
}

/// The noun alone, which takes an s but for one.
package func inflected(_ noun: String, for count: some BinaryInteger) -> String {
    count == 1 ? noun : noun + "s"
}
