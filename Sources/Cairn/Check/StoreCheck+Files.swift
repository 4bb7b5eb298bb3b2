// StoreCheck+Files — STORE, MANIFEST, and the files that nobody lists.
//
// A damaged file of these is put back in memory where only one byte was changed; a MANIFEST that
// cannot be is made from the segments, so that the check goes on. Spec: Format.md, "STORE", "MANIFEST".

internal import CairnFormat
internal import CairnSystem

extension StoreCheck {
    func checkFiles() throws(StoreError) {
        do throws(FileError) {
            guard try storage.openDirectories(creating: false) else { throw missingDirectory }
            let names = try storage.names(in: .root)
            let segments = try storage.names(in: .segments)
            guard names.contains(StoreNames.identity) || !segments.isEmpty else {
                throw missingDirectory
            }
            try readFiles()
            noteStrangers(names, segments)
        } catch {
            if error == missingDirectory {
                throw StoreError(.noStore, "there is no store in \(storage.location)")
            }
            throw StoreError(error, doing: "checking the store")
        }
        if let refusal { throw refusal }
    }

    /// Stands for "no store here" among file errors.
    private var missingDirectory: FileError {
        FileError(.open, path: storage.location, code: 2)
    }

    func readFiles() throws(FileError) {
        let store = try storage.contents(
            of: StoreNames.identity, in: .root, byteCountMaximum: StoreIdentity.byteCountMaximum)
        identity = read(store, .store, StoreNames.identity) { (bytes) throws(FormatError) in
            try StoreIdentity(decoding: bytes.rawSpan)
        }
        let list = try storage.contents(
            of: StoreNames.manifest, in: .root, byteCountMaximum: Manifest.byteCountMaximum)
        let damageCount = summary.damageCount
        manifest = read(list, .manifest, StoreNames.manifest) { (bytes) throws(FormatError) in
            try Manifest(decoding: bytes.rawSpan)
        }
        if let identity, let manifest, !identity.owns(manifestOf: manifest.uuid) {
            report(
                CheckFinding(
                    .manifest, .damage, file: StoreNames.manifest,
                    what: "belongs to the store \(manifest.uuid), STORE says \(identity.uuid)",
                    matters: "now: the store does not open"))
        }
        isManifestIntact = summary.damageCount == damageCount
        if manifest == nil, refusal == nil, !isBeside {
            manifest = try ManifestDraft(storage, tuning, identity: identity).make()
        }
    }

    // MARK: Beside a writer

    /// Opens the files of the listed segments, as many as descriptors allow, and looks at MANIFEST again
    /// when one is not there: the list and what is read are of one moment then.
    func holdFiles() throws(StoreError) {
        let maximum = ResourceLimits.raiseForStore() / 6
        do throws(FileError) {
            for _ in 0..<100 {
                let hasAll = try hold(maximum)
                guard !hasAll, let newest = try newestManifest(),
                    newest.generation != manifest?.generation
                else { return }
                letGo()
                manifest = newest
            }
        } catch {
            throw StoreError(error, doing: "opening segments")
        }
    }

    /// False when a file is not there.
    private func hold(_ maximum: Int) throws(FileError) -> Bool {
        var hasAll = true
        for entry in manifest?.entries ?? [] where entry.state != .retired {
            if held.count >= maximum { break }
            let name = SegmentFileName(entry.id).description
            let file = try storage.open(name, in: .segments, writable: false)
            if let file { held[entry.id] = file } else { hasAll = false }
        }
        return hasAll
    }

    func letGo() {
        for file in held.values { storage.close(file) }
        held = [:]
    }

    /// The file of a segment; nil when there is none. It is the caller's to close.
    func takeFile(of entry: SegmentEntry) throws(FileError) -> FileHandle? {
        if isBeside { return try fileBeside(entry) }
        if let file = held.removeValue(forKey: entry.id) { return file }
        return try storage.open(
            SegmentFileName(entry.id).description, in: .segments, writable: false)
    }

    /// Whether a writer took a segment off the list since that was read.
    func isGone(_ entry: SegmentEntry) throws(FileError) -> Bool {
        guard let now = try newestManifest() else { return false }
        return !now.entries.contains { $0.id == entry.id && $0.state != .retired }
    }

    /// Nil: it is damaged, or was when the check began.
    private func newestManifest() throws(FileError) -> Manifest? {
        if isBeside { return engine?.manifest.current }
        let bytes = try storage.contents(
            of: StoreNames.manifest, in: .root, byteCountMaximum: Manifest.byteCountMaximum)
        guard isManifestIntact, let bytes else { return nil }
        return try? Manifest(decoding: bytes.rawSpan)
    }

    private func read<Value>(
        _ bytes: [UInt8]?, _ kind: CheckFinding.Kind, _ name: String,
        _ decode: ([UInt8]) throws(FormatError) -> Value
    ) -> Value? {
        var finding = CheckFinding(
            kind, .damage, file: name, what: "is missing", matters: "now: the store does not open")
        guard let bytes else {
            report(finding)
            return nil
        }
        do throws(FormatError) {
            return try decode(bytes)
        } catch {
            if error.isUnsupported {
                refusal = StoreError(
                    .unsupportedVersion,
                    "\(name) in \(storage.location): \(error); use a newer program")
                return nil
            }
            finding.what = "\(error)"
        }
        var value: Value?
        if let mended = Mending.file(bytes) {
            value = try? decode(mended.bytes)
            if value != nil {
                finding.offset = UInt64(mended.place)
                finding.byteCount = 1
                finding.what += "; only byte \(mended.place) is wrong"
            }
        }
        report(finding)
        return value
    }

    // MARK: Files that nobody lists

    private func noteStrangers(_ root: [String], _ segments: [String]) {
        let known: Set = [
            StoreNames.identity, StoreNames.manifest, StoreNames.reserve, StoreNames.lock,
            StoreNames.scrub,
            StoreNames.segments, StoreNames.quarantine, StoreNames.lostAndFound,
        ]
        for name in root.sorted() where !known.contains(name) {
            note(
                name.hasSuffix(StoreNames.replacement) ? .leftover : .unlistedFile, name,
                "is no file of a store", "never: nothing reads it")
        }
        let listed = Set((manifest?.entries ?? []).map(\.id))
        for name in segments.sorted() {
            if SegmentFileName.isUnfinishedHint(name) {
                note(
                    .leftover, "segments/\(name)", "was being written",
                    "never: the next opening removes it")
            } else if let file = SegmentFileName(parsing: name), !listed.contains(file.id) {
                note(
                    .unlistedFile, "segments/\(name)", "is not listed in MANIFEST",
                    "never: the next opening removes it or moves it to quarantine")
            } else if SegmentFileName(parsing: name) == nil {
                note(
                    .unlistedFile, "segments/\(name)", "is no file of a store",
                    "never: the next opening moves it to quarantine")
            }
        }
    }

    private func note(
        _ kind: CheckFinding.Kind, _ file: String, _ what: String, _ matters: String
    ) {
        report(CheckFinding(kind, .note, file: file, what: what, matters: matters))
    }
}
