// MappedFiles — small reads of files that do not change any more, without a system call.
//
// A file is mapped under its descriptor; a copy out of the map costs a third of a positional read. No more is
// mapped than the machine has memory, for beyond that reads wait for the disk anyhow, and page tables
// are memory too. Whoever closes the descriptor removes its map first. Any thread, without locks.
// Why this is sound: no address leaves this module; a copy stays within map and buffer, and one that the
// file cannot serve any more, because it shrank or the disk failed, is no copy: the caller reads by pread(2).

internal import CLinux

/// Maps of files by their descriptors.
@safe
package final class MappedFiles: @unchecked Sendable {
    // Sendable because the C behind it is safe from any thread.
    private let maps: OpaquePointer?

    /// Maps nothing yet, and never more than so many bytes.
    package init(byteCountMaximum: UInt64 = ResourceLimits.memoryByteCount) {
        unsafe maps = cairn_maps_create(byteCountMaximum)
    }

    deinit { unsafe cairn_maps_destroy(maps) }

    /// Maps the first bytes of a file, if that can be; false: it is read as before.
    @discardableResult
    package func add(_ fd: Int32, byteCount: UInt64) -> Bool {
        guard let maps = unsafe maps else { return false }
        return unsafe cairn_maps_add(maps, fd, byteCount) != 0
    }

    /// Before the descriptor is closed.
    package func remove(_ fd: Int32) {
        if let maps = unsafe maps { unsafe cairn_maps_remove(maps, fd) }
    }

    /// Fills `buffer`; false when that needs a system call, or an error is to be told.
    @inline(__always)
    package func read(_ fd: Int32, into buffer: inout MutableRawSpan, at offset: UInt64) -> Bool {
        guard let maps = unsafe maps else { return false }
        return unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe cairn_maps_read(maps, fd, start, bytes.count, offset) >= 0
        }
    }
}
