// ByteQueue — bytes on their way: appended behind, used up in front.
//
// Memory grows to what is needed and is given up with the queue, or by `shrink`. What is in it lies in one piece.
// One thread at a time.

package import CairnSystem

/// Bytes in the order in which they came.
package struct ByteQueue {
    private var storage: AlignedBuffer
    private var start = 0
    private var end = 0

    /// An empty queue with room for so many bytes.
    package init(byteCount: Int) { storage = AlignedBuffer(byteCount: byteCount, alignment: 64) }

    /// An empty queue in memory that the caller has no other use for.
    package init(in storage: AlignedBuffer) { self.storage = storage }

    /// The memory, by whoever lets go of the queue.
    package consuming func takeStorage() -> AlignedBuffer { storage }

    /// How many bytes are in it.
    package var count: Int { end - start }
    /// Whether there are none.
    package var isEmpty: Bool { start == end }
    /// Of the memory.
    package var capacity: Int { storage.byteCount }

    /// All that is in it.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get { storage.bytes(start..<end) }
    }

    /// Uses up bytes in front.
    mutating func removeFirst(_ byteCount: Int) {
        precondition(byteCount <= count, "only bytes that are there are used up")
        start += byteCount
        if start == end { (start, end) = (0, 0) }
    }

    /// Takes back bytes that were appended.
    mutating func removeLast(_ byteCount: Int) {
        precondition(byteCount <= count, "only bytes that are there are taken back")
        end -= byteCount
        if start == end { (start, end) = (0, 0) }
    }

    mutating func removeAll() { (start, end) = (0, 0) }

    /// Gives up memory beyond so many bytes, when what is in it has room there.
    mutating func shrink(to byteCount: Int) {
        guard capacity > byteCount, count <= byteCount else { return }
        let target = AlignedBuffer(byteCount: byteCount, alignment: 64)
        target.copy(from: bytes, to: 0)
        (storage, start, end) = (target, 0, count)
    }

    /// Makes room for so many more bytes behind what is there.
    @inline(__always)
    mutating func reserve(_ byteCount: Int) {
        if byteCount > storage.byteCount - end { makeRoom(byteCount) }
    }

    @inline(never)
    private mutating func makeRoom(_ byteCount: Int) {
        let count = count
        if count + byteCount > storage.byteCount {
            let target = AlignedBuffer(
                byteCount: max(count + byteCount, storage.byteCount * 2), alignment: 64)
            target.copy(from: storage.bytes(start..<end), to: 0)
            storage = target
        } else {
            storage.copy(from: storage.bytes(start..<end), to: 0)
        }
        (start, end) = (0, count)
    }

    /// Appends a copy.
    package mutating func append(_ bytes: RawSpan) {
        reserve(bytes.byteCount)
        storage.copy(from: bytes, to: end)
        end += bytes.byteCount
    }

    /// Appends a field with its line's end. What is no text in the value becomes a space, as RFC 9110 has
    /// it in section 5.5: nobody's value ends its line.
    mutating func append(field name: RawSpan, _ value: RawSpan) {
        append(field: name, text: value)
        if value.isAll(.value, 0..<value.byteCount) { return }
        let start = end - 2 - value.byteCount
        var target = storage.mutableBytes(start..<end - 2)
        for place in 0..<value.byteCount where !ByteClass.value.contains(value.byte(at: place)) {
            target.storeBytes(of: UInt8(ascii: " "), toByteOffset: place, as: UInt8.self)
        }
    }

    /// The same of a value that is known to be text.
    mutating func append(field name: RawSpan, text value: RawSpan) {
        let byteCount = name.byteCount + value.byteCount + 4
        reserve(byteCount)
        var target = storage.mutableBytes(end..<end + byteCount)
        target.copy(from: name, to: 0)
        target.storeBytes(of: Self.colon, toByteOffset: name.byteCount, as: UInt16.self)
        target.copy(from: value, to: name.byteCount + 2)
        target.storeBytes(of: Self.lineEnd, toByteOffset: byteCount - 2, as: UInt16.self)
        end += byteCount
    }

    private static var colon: UInt16 { UInt16(littleEndian: 0x203A) }
    private static var lineEnd: UInt16 { UInt16(littleEndian: 0x0A0D) }

    /// Appends a text of the program.
    package mutating func append(_ text: StaticString) { append(text.rawSpan) }

    /// Appends a number in decimal digits.
    package mutating func append(decimal number: UInt64) {
        var (digitCount, bound, rest) = (1, UInt64(10), number)
        while digitCount < 20, number >= bound {
            digitCount += 1
            bound = bound &* 10
        }
        reserve(digitCount)
        var target = storage.mutableBytes(end..<end + digitCount)
        for place in (0..<digitCount).reversed() {
            target.storeBytes(
                of: UInt8(ascii: "0") | UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place,
                as: UInt8.self)
            rest /= 10
        }
        end += digitCount
    }

    /// Appends what `body` puts at the front of room for so many bytes; it returns how many.
    package mutating func append<Failure: Error>(
        upTo byteCount: Int, _ body: (inout MutableRawSpan) throws(Failure) -> Int
    ) throws(Failure) {
        reserve(byteCount)
        var target = storage.mutableBytes(end..<end + byteCount)
        let count = try body(&target)
        precondition(count >= 0 && count <= byteCount, "bytes are put where there is room")
        end += count
    }
}
