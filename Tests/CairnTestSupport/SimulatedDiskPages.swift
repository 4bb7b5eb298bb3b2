// SimulatedPages — the bytes of a simulated file, sparse and cheap to copy.
//
// A file is 4 KiB pages; a page that nobody wrote is an empty array and reads as zeros. Pages are
// copy-on-write, so the cache, the disk and every snapshot of a file share what they agree on. The
// first 256 MiB are an array, what lies beyond is a dictionary: a file may be terabytes long.
// Lengths are not known here. A value; whoever owns it synchronizes.
//
// Why this is sound: every pointer comes from a `withUnsafe…` closure over an array or span and
// does not leave it, and every copy is clipped to the page and to the buffer it came from.

internal import Glibc

/// A sparse, copy-on-write sequence of bytes.
struct SimulatedPages: Sendable {
    static let pageByteCount = 4096
    static let sectorByteCount = 512
    private static let nearPageCount = 1 << 16
    private static let zeroPage = [UInt8](repeating: 0, count: pageByteCount)

    private var near: [[UInt8]] = []
    private var far: [Int: [UInt8]] = [:]

    // MARK: Pages

    /// The page at `index`; empty when it is all zeros because nobody wrote it.
    func page(_ index: Int) -> [UInt8] {
        if index < near.count { return near[index] }
        return far.isEmpty || index < Self.nearPageCount ? [] : far[index] ?? []
    }

    private func isUnwritten(_ index: Int) -> Bool {
        if index < near.count { return near[index].isEmpty }
        return far.isEmpty || index < Self.nearPageCount || far[index] == nil
    }

    /// Makes the page at `index` that of `other`.
    mutating func share(_ index: Int, of other: borrowing SimulatedPages) {
        let page = other.page(index)
        if page.isEmpty && isUnwritten(index) { return }
        replace(index, with: page)
    }

    private mutating func replace(_ index: Int, with page: [UInt8]) {
        if index >= Self.nearPageCount {
            far[index] = page.isEmpty ? nil : page
        } else {
            growNear(to: index)
            near[index] = page
        }
    }

    private mutating func growNear(to index: Int) {
        while near.count <= index { near.append([]) }
    }

    /// Calls `body` with the bytes of a page that is there for sure.
    private mutating func modify(
        _ index: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        if index >= Self.nearPageCount {
            unsafe far[index, default: Self.zeroPage].withUnsafeMutableBytes { unsafe body($0) }
        } else {
            growNear(to: index)
            if near[index].isEmpty { near[index] = Self.zeroPage }
            unsafe near[index].withUnsafeMutableBytes { unsafe body($0) }
        }
    }

    // MARK: Bytes

    /// Copies `source` to `offset`.
    mutating func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) {
        Self.forEachPage(offset, source.count) { index, range, done in
            let part = unsafe UnsafeRawBufferPointer(rebasing: source[done..<done + range.count])
            if range.count == Self.pageByteCount {
                unsafe replace(index, with: [UInt8](part))
            } else {
                unsafe modify(index) { page in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: page[range])
                        .copyMemory(from: part)
                }
            }
        }
    }

    /// Fills `target` from `offset`.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        Self.forEachPage(offset, target.count) { index, range, done in
            let part = unsafe UnsafeMutableRawBufferPointer(
                rebasing: target[done..<done + range.count])
            let page = page(index)
            if page.isEmpty {
                unsafe part.initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                unsafe page.withUnsafeBytes { bytes in
                    unsafe part.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
                }
            }
        }
    }

    /// The bytes of `[offset, offset + byteCount)`.
    func bytes(at offset: UInt64, _ byteCount: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: byteCount)
        unsafe result.withUnsafeMutableBytes { unsafe read(into: $0, at: offset) }
        return result
    }

    /// Makes `[offset, offset + byteCount)` zero; unwritten pages stay so.
    mutating func zero(at offset: UInt64, _ byteCount: Int) {
        Self.forEachPage(offset, byteCount) { index, range, _ in
            if isUnwritten(index) { return }
            if range.count == Self.pageByteCount {
                replace(index, with: [])
            } else {
                unsafe modify(index) { page in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: page[range])
                        .initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
        }
    }

    /// Makes everything from `offset` on zero.
    mutating func zero(from offset: UInt64) {
        let first = Int(offset / UInt64(Self.pageByteCount))
        let start = Int(offset % UInt64(Self.pageByteCount))
        let firstWhole = start == 0 ? first : first + 1
        if start > 0 { zero(at: offset, Self.pageByteCount - start) }
        if near.count > firstWhole { near.removeLast(near.count - firstWhole) }
        if !far.isEmpty { far = far.filter { $0.key < firstWhole } }
    }

    /// Makes `[offset, offset + byteCount)`, within one page, what `other` has there.
    mutating func copy(_ other: borrowing SimulatedPages, at offset: UInt64, _ byteCount: Int) {
        let index = Int(offset / UInt64(Self.pageByteCount))
        let page = other.page(index)
        if page.isEmpty { return zero(at: offset, byteCount) }
        let start = Int(offset % UInt64(Self.pageByteCount))
        unsafe page.withUnsafeBytes { bytes in
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + byteCount])
            unsafe write(part, at: offset)
        }
    }

    /// Whether `[offset, offset + byteCount)`, within one page, is all zeros.
    func isZero(at offset: UInt64, _ byteCount: Int) -> Bool {
        let page = page(Int(offset / UInt64(Self.pageByteCount)))
        if page.isEmpty { return true }
        let start = Int(offset % UInt64(Self.pageByteCount))
        return unsafe page.withUnsafeBytes { bytes in
            unsafe Self.isZero(UnsafeRawBufferPointer(rebasing: bytes[start..<start + byteCount]))
        }
    }

    /// Whether `bytes` are all zeros: the first is, and each equals its successor.
    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        if unsafe bytes[0] != 0 { return false }
        return unsafe memcmp(base, base + 1, bytes.count - 1) == 0
    }

    /// Whether the page that holds `offset` was never written.
    func isUnwritten(at offset: UInt64) -> Bool {
        isUnwritten(Int(offset / UInt64(Self.pageByteCount)))
    }

    /// Cuts `[offset, offset + byteCount)` at the borders of pages: the page, the range in it, and
    /// how many bytes came before.
    private static func forEachPage(
        _ offset: UInt64, _ byteCount: Int,
        _ body: (_ index: Int, _ range: Range<Int>, _ done: Int) -> Void
    ) {
        var done = 0
        while done < byteCount {
            let position = offset + UInt64(done)
            let start = Int(position % UInt64(pageByteCount))
            let count = min(pageByteCount - start, byteCount - done)
            body(Int(position / UInt64(pageByteCount)), start..<start + count, done)
            done += count
        }
    }
}
