// Planted faults of opening that are more than a step left out: an ordinary build never calls this.
//
// Called by the one thread that opens, or under the manifest lock. Spec: Engine.md, "The rules of order", rules 2 and 10.

internal import CairnFormat
internal import CairnSystem

extension Opening {
    /// Lists segments that MANIFEST does not list, as an engine would that believes in files.
    mutating func adoptUnlisted() throws(FileError) {
        let known = Set(manifest.entries.map(\.id))
        for name in try storage.names(in: .segments).sorted() {
            guard let file = SegmentFileName(parsing: name), file.kind == .segment,
                !known.contains(file.id), let header = try header(of: name), header.id == file.id,
                identity.owns(segmentID: header.id, uuid: header.uuid)
            else { continue }
            manifest.insert(
                SegmentEntry(id: header.id, state: .open, kind: header.kind, salt: header.salt))
        }
    }

    private func header(of name: String) throws(FileError) -> SegmentHeader? {
        guard
            let bytes = try storage.contents(
                of: name, in: .segments, byteCountMaximum: SegmentHeader.byteCount)
        else { return nil }
        return try? SegmentHeader(decoding: bytes.rawSpan)
    }
}

extension Storage {
    private var older: String { StoreNames.manifest + ".old" }

    /// Keeps a manifest that is about to be replaced.
    func keepOlder(_ manifest: Manifest) {
        try? replace(older, with: manifest.encoded().rawSpan)
    }

    /// The manifest before the present one.
    func olderManifest() throws(FileError) -> Manifest? {
        guard
            let bytes = try contents(
                of: older, in: .root, byteCountMaximum: Manifest.byteCountMaximum)
        else { return nil }
        return try? Manifest(decoding: bytes.rawSpan)
    }
}
