// HintOnDisk — a hint's file, while a store is opened or listed: the header at once, blocks as they
// are read.
//
// Whatever is wrong with it (missing, of another segment, an older length, a newer version, a
// checksum, an error of the disk) makes it unusable, never the opening fail: the segment is scanned
// instead. The first few hundred files stay open; of the rest each read opens the file again, so
// that descriptors do not run out. Any thread may read.

internal import CairnFormat
internal import CairnSystem

struct HintOnDisk<S: Storage>: Sendable {
    let header: HintHeader
    /// Of the checksums of its blocks.
    let seed: HintSeed
    private let storage: S
    private let files: SegmentFiles<S>
    private let name: String
    private let file: FileHandle?

    /// The file of a segment's hint; nil when there is none.
    static func open(
        _ entry: SegmentEntry, _ storage: S, _ files: SegmentFiles<S>
    ) -> FileHandle? {
        open(SegmentFileName(entry.id, .hint).description, storage, files)
    }

    private static func open(
        _ name: String, _ storage: S, _ files: SegmentFiles<S>
    ) -> FileHandle? {
        let file = try? files.withDescriptors { () throws(FileError) in
            try storage.open(name, in: .segments, writable: false)
        }
        return file ?? nil
    }

    /// The hint in `file`, which is this one's from now on; nil unless it is valid and bound to
    /// exactly the segment that MANIFEST describes.
    init?(
        _ file: FileHandle, _ entry: SegmentEntry, uuid: StoreUUID, storage: S,
        files: SegmentFiles<S>, staysOpen: Bool
    ) {
        guard
            let header = Self.header(
                of: file, storage, binding: HintBinding(entry, uuid: uuid))
        else {
            storage.close(file)
            return nil
        }
        if !staysOpen { storage.close(file) }
        self.header = header
        self.storage = storage
        self.files = files
        name = SegmentFileName(entry.id, .hint).description
        self.file = staysOpen ? file : nil
        seed = header.binding.seed
    }

    private static func header(
        of file: FileHandle, _ storage: S, binding: HintBinding
    ) -> HintHeader? {
        var bytes = [UInt8](repeating: 0, count: HintHeader.byteCount)
        var span = bytes.mutableRawSpan
        guard let byteCount = try? storage.byteCount(of: file),
            (try? storage.read(file, into: &span, at: 0)) == bytes.count,
            let header = try? HintHeader(decoding: bytes.rawSpan, fileByteCount: byteCount)
        else { return nil }
        if PlantedBug.hintNotChecked.isPlanted { return header }
        do throws(FormatError) {
            try header.check(binding: binding)
        } catch {
            return nil
        }
        return header
    }

    func close() {
        if let file { storage.close(file) }
    }

    /// Reads blocks of a group of columns to `place` of `buffer`, which has room for them, and
    /// checks them. False: the hint is unusable.
    func read(
        _ blocks: Range<Int>, of column: HintSection, into buffer: AlignedBuffer, at place: Int
    ) -> Bool {
        let start = header.range(ofBlock: blocks.lowerBound, of: column).lowerBound
        let byteCount = byteCount(of: blocks, column)
        guard let file = file ?? Self.open(name, storage, files) else { return false }
        defer { if self.file == nil { storage.close(file) } }
        var target = buffer.mutableBytes(place..<place + byteCount)
        guard (try? storage.read(file, into: &target, at: start)) == byteCount else {
            return false
        }
        return check(blocks, of: column, in: buffer, at: place)
    }

    /// Bytes of the file, unchecked; nil when they cannot be read.
    func bytes(of range: Range<UInt64>) -> [UInt8]? {
        guard let file = file ?? Self.open(name, storage, files) else { return nil }
        defer { if self.file == nil { storage.close(file) } }
        var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        var target = bytes.mutableRawSpan
        guard (try? storage.read(file, into: &target, at: range.lowerBound)) == bytes.count else {
            return nil
        }
        return bytes
    }

    /// Lets the disk fetch bytes meanwhile.
    func readAhead(_ range: Range<UInt64>) {
        guard let file = file ?? Self.open(name, storage, files) else { return }
        storage.readAhead(file, range)
        if self.file == nil { storage.close(file) }
    }

    /// Lets the disk fetch blocks meanwhile, if the file is open.
    func readAhead(_ blocks: Range<Int>, of column: HintSection) {
        guard let file, !blocks.isEmpty else { return }
        let start = header.range(ofBlock: blocks.lowerBound, of: column).lowerBound
        storage.readAhead(file, start..<start + UInt64(byteCount(of: blocks, column)))
    }

    /// Bytes of consecutive blocks.
    func byteCount(of blocks: Range<Int>, _ column: HintSection) -> Int {
        guard !blocks.isEmpty else { return 0 }
        let start = header.range(ofBlock: blocks.lowerBound, of: column).lowerBound
        return Int(header.range(ofBlock: blocks.upperBound - 1, of: column).upperBound - start)
    }

    private func check(
        _ blocks: Range<Int>, of column: HintSection, in buffer: AlignedBuffer, at place: Int
    ) -> Bool {
        if PlantedBug.hintNotChecked.isPlanted { return true }
        let start = header.range(ofBlock: blocks.lowerBound, of: column).lowerBound
        return blocks.allSatisfy { index in
            let range = header.range(ofBlock: index, of: column)
            let lower = place + Int(range.lowerBound - start)
            let bytes = buffer.bytes(lower..<lower + Int(range.upperBound - range.lowerBound))
            let block = try? HintTableBlock(
                decoding: bytes, index: index, of: column, header: header, seed: seed)
            return block != nil
        }
    }
}
