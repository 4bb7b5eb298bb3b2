// Atomic replacement of a small file, composed of the seam's own steps so that a simulated power
// cut can fall between any two of them.
//
// The name always leads to whole contents, old or new. One replacement of a name at a time, for
// they share the temporary file: opening does it alone, the running store under the manifest lock.
// Spec: Engine.md, "The rules of order", rule 2.

internal import CairnSystem

/// How a replacement failed.
enum ReplaceFailure: Error {
    /// The old contents stand; it may be tried again.
    case unchanged(FileError)
    /// A sync failed, of the new file or of the directory: the old or the new contents stand, and
    /// nothing is written any more.
    case unknown(FileError)

    var fileError: FileError {
        switch self {
        case .unchanged(let error), .unknown(let error): error
        }
    }
}

extension Storage {
    /// Replaces the whole contents of a file in the root directory, durably: the new bytes are
    /// synced before the name moves, the directory after it.
    func replace(_ name: String, with bytes: RawSpan) throws(ReplaceFailure) {
        let temporary = name + StoreNames.replacement
        do {
            try writeNew(temporary, bytes)
        } catch {
            // A failed sync is final, whatever it was to make durable.
            throw error.isFailedSync ? .unknown(error) : .unchanged(error)
        }
        do {
            try rename(temporary, in: .root, to: name, in: .root)
            if PlantedBug.inputsUnlinkedBeforeDirectorySync.isPlanted { unlinkRetired(bytes) }
            if !PlantedBug.manifestDirectoryUnsynced.isPlanted { try synchronize(.root) }
        } catch {
            throw .unknown(error)
        }
    }

    /// The same for what may be an older one after a power cut, but never half of one: the directory is not
    /// synced.
    func replaceUnsynced(_ name: String, with bytes: RawSpan) throws(FileError) {
        let temporary = name + StoreNames.replacement
        try writeNew(temporary, bytes)
        try rename(temporary, in: .root, to: name, in: .root)
    }

    private func writeNew(_ name: String, _ bytes: RawSpan) throws(FileError) {
        if let stale = try open(name, in: .root, writable: false) {
            close(stale)
            try unlink(name, in: .root)
        }
        let file = try create(name, in: .root)
        defer { close(file) }
        try write(file, bytes, at: 0)
        if !PlantedBug.manifestRenamedUnsynced.isPlanted { try synchronize(file) }
    }

    /// The whole contents of a small file; nil when there is none.
    func contents(
        of name: String, in directory: StoreDirectory, byteCountMaximum: Int
    ) throws(FileError) -> [UInt8]? {
        guard let file = try open(name, in: directory, writable: false) else { return nil }
        defer { close(file) }
        let byteCount = Int(min(try byteCount(of: file), UInt64(byteCountMaximum)))
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var span = bytes.mutableRawSpan
        let count = try read(file, into: &span, at: 0)
        return count == byteCount ? bytes : Array(bytes.prefix(count))
    }

    /// The whole contents of a file, from the disk itself; nil when there is none.
    func uncachedContents(
        of name: String, in directory: StoreDirectory
    ) throws(FileError) -> [UInt8]? {
        guard let file = try openUncached(name, in: directory) else { return nil }
        defer { close(file) }
        let byteCount = Int(try byteCount(of: file))
        let piece = AlignedBuffer(byteCount: 1 << 20)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        while bytes.count < byteCount {
            var target = piece.mutableBytes(0..<piece.byteCount)
            let count = try read(file, into: &target, at: UInt64(bytes.count))
            if count == 0 { break }
            bytes.append(copying: piece.bytes(0..<count))
        }
        return bytes
    }

    /// A name that the directory does not have yet: where nothing is ever overwritten.
    func freeName(_ name: String, in directory: StoreDirectory) throws(FileError) -> String {
        let taken = Set(try names(in: directory))
        var candidate = name
        var number = 1
        while taken.contains(candidate) {
            candidate = "\(name).\(number)"
            number += 1
        }
        return candidate
    }
}
