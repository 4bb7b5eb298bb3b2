// FoundBlob — a blob for an answer, with its digest when the client wants that.
//
// A digest is of the whole blob, so all of it is read before the answer begins; of very long ones none is made:
// it is a wish.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

/// A blob as it was found.
struct FoundBlob: Sendable {
    private static let digestedByteCountMaximum: UInt64 = 256 << 20

    struct WholeDigest: Sendable {
        let algorithm: IntegrityAlgorithm
        let bytes: [UInt8]
    }

    let blob: OpenedBlob<BlobReader>
    /// Nil: it was not wanted.
    private(set) var digest: WholeDigest?

    /// Without a digest.
    init(_ blob: OpenedBlob<BlobReader>) { self.blob = blob }

    /// With one; reads the blob, and may wait for the disk.
    init(
        _ blob: OpenedBlob<BlobReader>, _ algorithm: IntegrityAlgorithm?
    ) throws(StoreError) {
        self.blob = blob
        guard let algorithm, blob.information.byteCount <= Self.digestedByteCountMaximum else {
            return
        }
        let hasher = BlobHasher(algorithm)
        switch blob.content {
        case .bytes(let bytes): hasher.update(bytes.rawSpan)
        case .stream(let stream):
            while stream.offset < blob.information.byteCount {
                try stream.read(byteCountMaximum: 1 << 20) { hasher.update($0) }
            }
        }
        digest = WholeDigest(algorithm: algorithm, bytes: hasher.finish())
    }
}
