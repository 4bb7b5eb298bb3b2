// Cases of the format and of what it stands on: encoding a record, checksums, compression.
//
// Each operation works on the same bytes, which stay in the processor's cache. A checksum begins with
// the one before it, so that no call can be taken out of the loop.

internal import BenchSupport
internal import CairnFormat
internal import CairnSystem

extension MicroCase {
    static var formatCases: [MicroCase] {
        [100, 1 << 10, 16 << 10].map(record) + [100, 1 << 10, 64 << 10].map(checksum)
            + [1 << 10, 64 << 10].flatMap { byteCount in
                [
                    compression(byteCount, isCompressible: true),
                    compression(byteCount, isCompressible: false), decompression(byteCount),
                ]
            }
    }

    private static func record(_ byteCount: Int) -> MicroCase {
        MicroCase("record-\(sizeName(byteCount))") { _ in
            let value = SampleBytes.make(byteCount: byteCount, isCompressible: false)
            let record = AlignedBuffer(byteCount: byteCount + 4096)
            let keys = KeyBuffer()
            return Loop { count in
                for number in 0..<count {
                    encode(number, keys.key(number), value.bytes, into: record)
                }
                return UInt64(record.bytes.byte(at: 4))
            }
        }
    }

    /// As a put does: the payload's checksum, then the record.
    private static func encode(
        _ number: Int, _ key: RawSpan, _ value: RawSpan, into record: AlignedBuffer
    ) {
        let header = RecordHeader(
            sequence: UInt64(number), type: .put, keyByteCount: key.byteCount,
            storedByteCount: value.byteCount, rawByteCount: value.byteCount,
            payloadCRC: Checksum.crc32c(value))
        var target = record.mutableBytes(0..<record.byteCount)
        header.encodeRecord(
            key: key, metadata: RawSpan(), payload: value, into: &target,
            seed: SegmentSeed(crc: 7), offset: UInt64(number) * 8)
    }

    private static func checksum(_ byteCount: Int) -> MicroCase {
        MicroCase("crc32c-\(sizeName(byteCount))") { _ in
            let value = SampleBytes.make(byteCount: byteCount, isCompressible: false)
            return Loop { count in
                var crc: UInt32 = 0
                for _ in 0..<count { crc = Checksum.crc32c(value.bytes, seed: crc) }
                return UInt64(crc)
            }
        }
    }

    private static func compression(_ byteCount: Int, isCompressible: Bool) -> MicroCase {
        let kind = isCompressible ? "text" : "random"
        return MicroCase("lz4-compress-\(kind)-\(sizeName(byteCount))") { _ in
            let value = SampleBytes.make(byteCount: byteCount, isCompressible: isCompressible)
            let output = AlignedBuffer(byteCount: byteCount + byteCount / 8)
            let compressor = LZ4Compressor()
            return Loop { count in
                var sum = 0
                for _ in 0..<count {
                    var target = output.mutableBytes(0..<output.byteCount)
                    sum &+= compressor.compress(value.bytes, into: &target) ?? 0
                }
                return UInt64(truncatingIfNeeded: sum)
            }
        }
    }

    private static func decompression(_ byteCount: Int) -> MicroCase {
        MicroCase("lz4-decompress-\(sizeName(byteCount))") { (_) throws(BenchFailure) in
            let value = SampleBytes.make(byteCount: byteCount, isCompressible: true)
            let packed = AlignedBuffer(byteCount: byteCount)
            var target = packed.mutableBytes(0..<byteCount)
            guard let packedByteCount = LZ4Compressor().compress(value.bytes, into: &target) else {
                throw .refused("text does not become shorter by LZ4")
            }
            return Loop { (count) throws(BenchFailure) in
                for _ in 0..<count {
                    var target = value.mutableBytes(0..<byteCount)
                    let block = packed.bytes(0..<packedByteCount)
                    guard LZ4.decompress(block, into: &target) == byteCount else {
                        throw .refused("a block of LZ4 is not what it was")
                    }
                }
                return UInt64(value.bytes.byte(at: 0))
            }
        }
    }
}
