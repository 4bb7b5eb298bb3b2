// LZ4 — block compression and decompression, bounded on both sides.
//
// Every block stands alone. The compressor keeps its state of 16 KiB between blocks, which spares
// clearing it each time; it is for one thread at a time. Decompression trusts nothing: damaged input
// gives nil, whatever it is. Inputs longer than LZ4 can count are refused.
// Why this is sound: source and destination come with the lengths of their spans, checked to fit
// the library's `int`; only `LZ4_compress_fast_continue`, which respects its destination's
// capacity, and `LZ4_decompress_safe`, made for hostile input, touch them. After a failed call the
// state is initialised anew, as the library's contract asks.

internal import CLZ4
internal import Glibc

/// Compresses blocks, one at a time.
@safe
package final class LZ4Compressor {
    /// Up to this length a block that does not fit goes by way of `scratch`: clearing the state
    /// after a failed call takes 230 ns, more than compressing it whole and looking at the length.
    private static let scratchSourceByteCount = 8 << 10

    private let stream: UnsafeMutablePointer<LZ4_stream_t>
    private let scratch: UnsafeMutableRawBufferPointer

    package init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe scratch = .allocate(
            byteCount: Int(LZ4_compressBound(Int32(Self.scratchSourceByteCount))), alignment: 64)
        initialize()
    }

    deinit {
        unsafe stream.deallocate()
        unsafe scratch.deallocate()
    }

    private func initialize() {
        let started = unsafe LZ4_initStream(stream, MemoryLayout<LZ4_stream_t>.size)
        unsafe precondition(started != nil, "the state has the size and alignment LZ4 wants")
    }

    /// Compresses `source` as a block of its own to the start of `destination`; returns its length,
    /// or nil when it does not fit. Higher `acceleration` is faster and compresses less; 1 is the
    /// least.
    package func compress(
        _ source: RawSpan, into destination: inout MutableRawSpan, acceleration: Int = 1
    ) -> Int? {
        guard source.byteCount <= LZ4.byteCountMaximum else { return nil }
        let acceleration = Int32(clamping: acceleration)
        return unsafe destination.withUnsafeMutableBytes { destination in
            unsafe source.withUnsafeBytes { source in
                let bound = Int(LZ4_compressBound(Int32(source.count)))
                return unsafe destination.count < bound && bound <= scratch.count
                    ? compressByScratch(source, into: destination, acceleration)
                    : compress(source, into: destination, acceleration)
            }
        }
    }

    private func compress(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer,
        _ acceleration: Int32
    ) -> Int? {
        guard let to = destination.baseAddress, destination.count > 0 else { return nil }
        unsafe LZ4_resetStream_fast(stream)
        let written = unsafe LZ4_compress_fast_continue(
            stream, source.baseAddress, to, Int32(source.count), Int32(clamping: destination.count),
            acceleration)
        if written > 0 { return Int(written) }
        initialize()
        return nil
    }

    private func compressByScratch(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer,
        _ acceleration: Int32
    ) -> Int? {
        guard let byteCount = unsafe compress(source, into: scratch, acceleration),
            byteCount <= destination.count, let to = destination.baseAddress,
            let from = unsafe scratch.baseAddress
        else { return nil }
        unsafe memcpy(to, from, byteCount)
        return byteCount
    }
}

/// LZ4 blocks.
package enum LZ4 {
    /// The longest input of a block.
    package static let byteCountMaximum = Int(LZ4_MAX_INPUT_SIZE)

    /// A destination of this length always fits a source of `byteCount` bytes; nil when too long.
    package static func compressedByteCountMaximum(_ byteCount: Int) -> Int? {
        guard (0...byteCountMaximum).contains(byteCount) else { return nil }
        return Int(LZ4_compressBound(Int32(byteCount)))
    }

    /// Decompresses one block to the start of `destination`; returns the length, or nil when the
    /// block is damaged or does not fit. What `destination` holds after nil is unspecified.
    package static func decompress(
        _ source: RawSpan, into destination: inout MutableRawSpan
    ) -> Int? {
        guard source.byteCount <= Int(Int32.max) else { return nil }
        let written = unsafe destination.withUnsafeMutableBytes { destination in
            unsafe source.withUnsafeBytes { source -> Int32 in
                guard let from = source.baseAddress else { return -1 }
                guard let to = destination.baseAddress else {
                    // An empty destination holds an empty block only: one token without literals.
                    return unsafe source.count == 1 && source[0] == 0 ? 0 : -1
                }
                return unsafe LZ4_decompress_safe(
                    from, to, Int32(source.count), Int32(clamping: destination.count))
            }
        }
        return written >= 0 ? Int(written) : nil
    }
}
