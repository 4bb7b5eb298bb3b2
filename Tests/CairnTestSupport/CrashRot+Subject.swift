// CrashRot+Subject — what the store that is damaged holds, read from its bytes.

package import Cairn
package import CairnFormat
internal import CairnSystem

extension CrashRot {
    private var survey: CrashSurvey? { CrashSurvey(world.disk) }

    /// The states of the segments in MANIFEST.
    package var segmentStates: Set<SegmentState> { Set(survey?.entries.map(\.state) ?? []) }

    /// The types of the records.
    package var recordTypes: Set<RecordType> { Set(headers.map(\.type)) }

    /// Whether a record belongs to a batch.
    package var hasBatch: Bool { headers.contains { $0.flags.contains(.batchMember) } }

    /// Whether a payload is cut into blocks.
    package var hasBlocks: Bool { headers.contains { $0.flags.contains(.blocked) } }

    /// The headers of all records, one behind the other.
    private var headers: [RecordHeader] {
        var headers: [RecordHeader] = []
        for entry in survey?.entries ?? [] {
            let name = SegmentFileName(entry.id).description
            let bytes = world.disk.bytes(of: name, in: .segments) ?? []
            var offset = SegmentHeader.byteCount
            while offset < bytes.count {
                let front = Array(bytes[offset...].prefix(RecordHeader.byteCount))
                guard let header = try? RecordHeader(decoding: front.rawSpan) else { break }
                headers.append(header)
                offset += header.recordByteCount
            }
        }
        return headers
    }
}

extension CrashRot {
    /// How the store was opened when it was made.
    package var tuning: Tuning { world.tuning }

    /// The store as it is before any damage.
    package var disk: SimulatedDisk { world.disk }

    /// A copy of the store with these bits of one byte turned over.
    package func copy(
        turning bits: UInt8, at offset: Int, of name: String, in directory: StoreDirectory
    ) -> SimulatedDisk {
        let copy = SimulatedDisk(copying: world.disk)
        var bytes = copy.bytes(of: name, in: directory) ?? []
        bytes[offset] ^= bits
        copy.replaceBytes(of: name, in: directory, with: bytes)
        return copy
    }
}
