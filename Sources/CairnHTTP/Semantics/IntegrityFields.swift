// IntegrityFields — the digests that a client sends with a body, and asks for: RFC 9530, and Content-MD5.
//
// An upload is the whole of what is stored, so `Content-Digest`, `Repr-Digest` and `Content-MD5` speak of
// the same bytes, and are one expectation. Algorithms that are not known here are ignored, as the standard
// asks; a field that cannot be read is not, nor an empty one: who sent it wanted a check. Nothing is
// computed here. No allocation without such a field. Pure.

internal import CairnSystem

/// The digests that are known, the weakest first.
package enum IntegrityAlgorithm: UInt8, Sendable, CaseIterable {
    /// CRC-32C, the most significant byte first.
    case crc32c
    case md5
    case sha256

    /// As the fields name it.
    package var name: StaticString {
        switch self {
        case .crc32c: "crc32c"
        case .md5: "md5"
        case .sha256: "sha-256"
        }
    }

    /// How long a digest is.
    package var byteCount: Int {
        switch self {
        case .crc32c: 4
        case .md5: 16
        case .sha256: 32
        }
    }

    /// The algorithm of this name, which is in small letters as all keys are.
    fileprivate init?(_ name: RawSpan) {
        for algorithm in Self.allCases where name.isEqual(to: algorithm.name.rawSpan) {
            self = algorithm
            return
        }
        return nil
    }
}

/// Why a request's digests are no expectation: 400.
package enum IntegrityFault: Error, Equatable, Sendable {
    /// A field that cannot be read, or a digest of a length that its algorithm does not have.
    case malformed
    /// Two digests of one algorithm: no body has both.
    case contradictory
}

/// What the body of a request must be.
package struct IntegrityFields: Equatable, Sendable {
    private var crc32c: [UInt8]?
    private var md5: [UInt8]?
    private var sha256: [UInt8]?

    /// What the request's fields say, all of them.
    package init(_ request: borrowing Request) throws(IntegrityFault) {
        for place in 0..<request.head.fields.count {
            if let text = request.value(of: "repr-digest", at: place) {
                try read(text)
            } else if let text = request.value(of: "content-digest", at: place) {
                try read(text)
            } else if let text = request.value(of: "content-md5", at: place) {
                guard let digest = Base64.decoded(text) else { throw .malformed }
                try expect(digest, .md5)
            }
        }
    }

    /// Whether nothing is to be checked.
    package var isEmpty: Bool { crc32c == nil && md5 == nil && sha256 == nil }

    /// The digest that the body must have; nil when none was sent.
    package subscript(_ algorithm: IntegrityAlgorithm) -> [UInt8]? {
        switch algorithm {
        case .crc32c: crc32c
        case .md5: md5
        case .sha256: sha256
        }
    }

    private mutating func read(_ text: RawSpan) throws(IntegrityFault) {
        var reader = StructuredReader(text)
        repeat {
            guard let (name, value) = reader.readMember() else { throw .malformed }
            guard let algorithm = IntegrityAlgorithm(text.extracting(name)) else { continue }
            guard case .bytes(let range) = value,
                let digest = Base64.decoded(text.extracting(range))
            else { throw .malformed }
            try expect(digest, algorithm)
        } while !reader.isAtEnd
    }

    private mutating func expect(
        _ digest: [UInt8], _ algorithm: IntegrityAlgorithm
    ) throws(IntegrityFault) {
        guard digest.count == algorithm.byteCount else { throw .malformed }
        if let present = self[algorithm], present != digest { throw .contradictory }
        switch algorithm {
        case .crc32c: crc32c = digest
        case .md5: md5 = digest
        case .sha256: sha256 = digest
        }
    }
}

// MARK: Answers

extension IntegrityAlgorithm {
    /// What `Want-Repr-Digest` asks for: the known algorithm that is preferred most, the stronger of two that
    /// are preferred as much; nil when none is wanted. It is a wish, so one that cannot be read is none.
    package static func wanted(by request: borrowing Request) -> IntegrityAlgorithm? {
        if request.fieldCount("want-repr-digest") == 0 { return nil }
        var preferences = InlineArray<3, Int>(repeating: 0)
        for place in 0..<request.head.fields.count {
            guard let text = request.value(of: "want-repr-digest", at: place) else { continue }
            var reader = StructuredReader(text)
            repeat {
                guard let (name, value) = reader.readMember() else { return nil }
                guard let algorithm = IntegrityAlgorithm(text.extracting(name)) else { continue }
                guard case .integer(let preference) = value, (0...10).contains(preference) else {
                    return nil
                }
                preferences[Int(algorithm.rawValue)] = preference
            } while !reader.isAtEnd
        }
        var best: IntegrityAlgorithm?
        for algorithm in allCases where preferences[Int(algorithm.rawValue)] > 0 {
            let most = best.map { preferences[Int($0.rawValue)] } ?? 0
            if preferences[Int(algorithm.rawValue)] >= most { best = algorithm }
        }
        return best
    }

    /// Appends the value of a `Repr-Digest` with this digest: `sha-256=:…:`.
    package func append(_ digest: RawSpan, to queue: inout ByteQueue) {
        precondition(digest.byteCount == byteCount, "a digest has its algorithm's length")
        queue.append(name)
        queue.append("=:")
        Base64.append(digest, to: &queue)
        queue.append(":")
    }
}
