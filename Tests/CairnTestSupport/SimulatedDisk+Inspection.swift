// SimulatedDisk+Inspection — a test's own eyes and hands: contents, and rot.
//
// None of these calls is a step, none fails, and all may be made on a dead disk. Rot changes what is
// durable and what reads see alike; unsynced writes of the file become durable first, so that rot
// lands on bytes that were synced. Any thread, one lock.

package import Cairn
internal import CairnSystem

extension SimulatedDisk {
    // MARK: Eyes

    /// The names that the running system sees, sorted.
    package func fileNames(in directory: StoreDirectory) -> [String] {
        withLock { $0.names.names(in: directory) }
    }

    /// The names that would survive if everything unsynced were lost, sorted.
    package func durableFileNames(in directory: StoreDirectory) -> [String] {
        withLock { $0.names.durableNames(in: directory) }
    }

    /// What reads of the file see; nil when there is no such name.
    package func bytes(of name: String, in directory: StoreDirectory) -> [UInt8]? {
        withLock { state in
            state.names.file(name, in: directory).map { file in
                let file = state.files[file]
                return file.cache.bytes(at: 0, Int(file.byteCount))
            }
        }
    }

    /// What the file would hold if everything unsynced were lost; nil when its name would not
    /// survive.
    package func durableBytes(of name: String, in directory: StoreDirectory) -> [UInt8]? {
        withLock { state in
            state.names.durableFile(name, in: directory).map { file in
                let file = state.files[file]
                return file.disk.bytes(at: 0, Int(file.durableByteCount))
            }
        }
    }

    /// How long the file is; nil when there is no such name.
    package func byteCount(of name: String, in directory: StoreDirectory) -> UInt64? {
        withLock { state in
            state.names.file(name, in: directory).map { state.files[$0].byteCount }
        }
    }

    /// How many writes of the file wait for a sync.
    package func unsyncedWriteCount(of name: String, in directory: StoreDirectory) -> Int {
        withLock { state in
            state.names.file(name, in: directory).map { state.files[$0].log.count } ?? 0
        }
    }

    /// How many changes of names wait for a sync of their directory.
    package var pendingNameCount: Int { withLock { $0.roots.reduce(0) { $0 + $1.pending.count } } }

    /// Whether something is seen and taken for durable that the disk does not hold.
    package var hasLies: Bool {
        withLock { state in
            state.roots.contains(where: \.hasLies) || state.files.contains { !$0.lies.isEmpty }
        }
    }

    /// How many handles are open.
    package var openHandleCount: Int { withLock { $0.openFiles.count { $0.file >= 0 } } }

    // MARK: Hands

    /// Replaces a file's bytes, durably; makes the file if there is none.
    package func replaceBytes(
        of name: String, in directory: StoreDirectory, with bytes: [UInt8]
    ) {
        withLock { $0.plant(bytes, name, directory) }
    }

    /// Flips one bit of a file.
    package func flipBit(
        _ bit: Int, at offset: UInt64, of name: String, in directory: StoreDirectory
    ) {
        change(name, directory, at: offset, 1) { $0[0] ^= 1 << UInt8(bit) }
    }

    /// Zeroes the 512-byte sector that holds `offset`, as far as the file goes.
    package func zeroSector(at offset: UInt64, of name: String, in directory: StoreDirectory) {
        let size = UInt64(SimulatedPages.sectorByteCount)
        change(name, directory, at: offset / size * size, Int(size)) { bytes in
            for index in bytes.indices { bytes[index] = 0 }
        }
    }

    /// Swaps two 4 KiB blocks, counted from 0; both have to lie inside the file.
    package func swapBlocks(
        _ first: Int, _ second: Int, of name: String, in directory: StoreDirectory
    ) {
        let size = SimulatedPages.pageByteCount
        guard let bytes = bytes(of: name, in: directory) else { return }
        let (low, high) = (first * size, second * size)
        let (one, two) = (Array(bytes[low..<low + size]), Array(bytes[high..<high + size]))
        change(name, directory, at: UInt64(low), size) { $0 = two }
        change(name, directory, at: UInt64(high), size) { $0 = one }
    }

    /// Cuts or lengthens (by zeros) a file, durably.
    package func setByteCount(
        _ byteCount: UInt64, of name: String, in directory: StoreDirectory
    ) {
        withLock { state in
            guard let file = state.names.file(name, in: directory) else { return }
            state.truncate(file, to: byteCount)
            state.files[file].settleFromOutside()
        }
    }

    /// Removes a name, durably.
    package func deleteFile(_ name: String, in directory: StoreDirectory) {
        withLock { $0.removeFromOutside(name, directory) }
    }

    /// Copies a file under another name, durably; replaces what was there.
    package func copyFile(
        _ name: String, in source: StoreDirectory, to newName: String,
        in destination: StoreDirectory
    ) {
        guard let bytes = bytes(of: name, in: source) else { return }
        replaceBytes(of: newName, in: destination, with: bytes)
    }

    /// Moves a file to another name, durably.
    package func moveFile(
        _ name: String, in source: StoreDirectory, to newName: String,
        in destination: StoreDirectory
    ) {
        copyFile(name, in: source, to: newName, in: destination)
        deleteFile(name, in: source)
    }

    /// Changes bytes in place, clipped to the file, in the cache and on the disk.
    private func change(
        _ name: String, _ directory: StoreDirectory, at offset: UInt64, _ count: Int,
        _ body: (inout [UInt8]) -> Void
    ) {
        withLock { state in
            guard let file = state.names.file(name, in: directory) else { return }
            let end = state.files[file].byteCount
            if offset >= end { return }
            var bytes = state.files[file].cache.bytes(
                at: offset, Int(min(UInt64(count), end - offset)))
            body(&bytes)
            state.files[file].changeFromOutside(bytes, at: offset)
        }
    }
}

extension SimulatedDisk.State {
    /// Makes a durable file of `bytes`.
    mutating func plant(_ bytes: [UInt8], _ name: String, _ directory: StoreDirectory) {
        let file: Int
        if let old = names.file(name, in: directory) {
            file = old
            truncate(file, to: 0)
        } else {
            file = addFile(SimulatedFile(name: name, directory: directory))
            names.plant(file, as: name, in: directory)
            files[file].nameCount = 1
        }
        let occupied = files[file].occupiedPageCount
        files[file].occupy(at: 0, bytes.count)
        usedPageCount += files[file].occupiedPageCount - occupied
        files[file].settleFromOutside()
        files[file].changeFromOutside(bytes, at: 0)
    }

    mutating func removeFromOutside(_ name: String, _ directory: StoreDirectory) {
        guard let file = names.file(name, in: directory) else { return }
        let occupied = files[file].occupiedPageCount
        names.remove(name, in: directory)
        files[file].nameCount -= 1
        usedPageCount += files[file].occupiedPageCount - occupied
        collectFiles()
    }
}
