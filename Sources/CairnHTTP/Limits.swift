// Limits — how much of a request is read before it is refused.
//
// Offsets within a head are kept in 16 bits, so no head is longer than 65,535 bytes. Pure values.
// The defaults are those of the documentation of `cairnd`.

/// Bounds of one request.
package struct RequestLimits: Sendable {
    /// Bytes from the method to the empty line, both included.
    package var headByteCountMaximum = 16 << 10
    /// Bytes of the target.
    package var targetByteCountMaximum = 8 << 10
    /// Lines between the request line and the empty one, in all at most `FieldTable.capacity`.
    package var fieldCountMaximum = 64
    /// Bytes of a body, chunks' sizes not counted.
    package var bodyByteCountMaximum: UInt64 = 5 << 40
    /// Bytes of all extensions of a body's chunks together, and of its trailer.
    package var chunkExtraByteCountMaximum = 8 << 10

    /// The defaults.
    package init() {}
}
