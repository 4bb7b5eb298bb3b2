// BlobWrite — PUT, POST and DELETE of a blob: what was asked, read once and before the body.
//
// Conditions that are one thing are the engine's, which decides them when it appends. Of others the newest
// version is looked at, and the write is made on the condition that it is still that: so they hold at the
// commit too. The question outlives its request. Any thread.

internal import Cairn
package import CairnHTTP
internal import CairnSystem

/// What a client wants to be done to a blob.
package final class BlobWrite: Sendable {
    /// What the method says.
    package enum Kind: Sendable {
        /// POST: there must be none.
        case create
        /// PUT.
        case replace
        case delete
    }

    let key: [UInt8]
    let kind: Kind
    /// Without a condition.
    let options: WriteOptions
    let preconditions: Preconditions
    /// What the body must be.
    let integrity: IntegrityFields

    /// What the head asks; `now` in nanoseconds since 1970.
    package init(
        _ request: borrowing Request, key: [UInt8], _ kind: Kind, now: UInt64
    ) throws(Problem) {
        self.key = key
        self.kind = kind
        preconditions = try Self.preconditions(request, now)
        integrity = try Self.integrity(request)
        var options = WriteOptions(durability: try Self.durability(request))
        if kind != .delete {
            guard request.fieldCount("content-range") == 0 else {
                throw Problem(
                    .malformedField, "a blob is written whole: Content-Range is no field of it")
            }
            options.metadata = try Self.metadata(request, now)
            options.expiry = try Self.expiry(request, now)
        }
        self.options = options
    }

    private static func preconditions(
        _ request: borrowing Request, _ now: UInt64
    ) throws(Problem) -> Preconditions {
        do throws(MalformedTags) {
            return try Preconditions(request, now: now / 1_000_000_000)
        } catch {
            throw Problem(.malformedField, "If-Match and If-None-Match hold entity tags")
        }
    }

    private static func integrity(
        _ request: borrowing Request
    ) throws(Problem) -> IntegrityFields {
        do throws(IntegrityFault) {
            return try IntegrityFields(request)
        } catch {
            switch error {
            case .malformed:
                throw Problem(
                    .malformedField,
                    "Content-MD5, Repr-Digest and Content-Digest hold digests in base64")
            case .contradictory:
                throw Problem(.malformedField, "no body has two digests of one kind")
            }
        }
    }

    static func durability(
        _ request: borrowing Request
    ) throws(Problem) -> Durability? {
        guard request.fieldCount("cairn-durability") > 0 else { return nil }
        if let text = request.onlyValue(of: "cairn-durability") {
            for durability in Durability.allCases where text.equalsIgnoringCase(durability.word) {
                return durability
            }
        }
        throw Problem(.malformedField, "Cairn-Durability is synced, interval or os")
    }

    private static func metadata(
        _ request: borrowing Request, _ now: UInt64
    ) throws(Problem) -> [UInt8] {
        do throws(StoredFieldFault) {
            return try BlobFields.encode(request, lastModified: now)
        } catch {
            switch error {
            case .controlByte:
                throw Problem(.malformedField, "a field that is stored holds no control bytes")
            case .repeated:
                throw Problem(
                    .malformedField, "Content-Type and Content-Disposition stand once")
            case .tooLong:
                throw Problem(
                    .fieldsTooLong,
                    "the fields that are stored have at most \(StoredFields.byteCountMaximum) "
                        + "bytes, and a name \(StoredFields.nameByteCountMaximum)"
                )
            }
        }
    }

    private static func expiry(
        _ request: borrowing Request, _ now: UInt64
    ) throws(Problem) -> WallTime? {
        guard request.fieldCount("cairn-expires-in") > 0 else { return nil }
        guard let text = request.onlyValue(of: "cairn-expires-in"),
            let seconds = text.decimal.flatMap(Int64.init(exactly:))
        else {
            throw Problem(.malformedField, "Cairn-Expires-In is a number of seconds")
        }
        return WallTime(nanosecondsSince1970: now).advanced(by: .seconds(seconds))
    }
}

extension BlobWrite {
    /// The condition for the engine, if there is one that says all.
    var condition: Condition? {
        switch (kind, preconditions.demand) {
        case (.create, .nothing), (.create, .absent): .absent
        case (.create, _): nil
        case (_, .nothing): Condition.none
        case (_, .present): .present
        case (_, .absent): .absent
        case (_, .version(let sequence)): .matches(Version(sequence: sequence))
        case (_, .otherThan(let sequence)): .differs(from: Version(sequence: sequence))
        case (_, nil): nil
        }
    }

    /// Refuses the write when this is the blob that is there, and not what the request expects.
    func check(against information: BlobInformation?) throws(Problem) {
        let validators = information.map { information in
            let lastModified = BlobFields(decoding: information.metadata.rawSpan)?.lastModified
            return Validators(
                sequence: information.version.sequence,
                lastModified: lastModified.map { $0 / 1_000_000_000 })
        }
        guard preconditions.evaluate(validators) == .proceed else { throw conditionProblem }
        if kind == .create, information != nil { throw existsProblem }
    }

    /// The options under which the write is to be made, when this is the blob that is there.
    func options(replacing information: BlobInformation?) -> Result<WriteOptions, Problem> {
        Result { () throws(Problem) in
            try check(against: information)
            return options(under: information.map { .matches($0.version) } ?? .absent)
        }
    }

    /// The options of a write that is made now. A blob is as old as its commit, not as its head: who saw the
    /// one before must not take it for older.
    func options(under condition: Condition) -> WriteOptions {
        var options = options
        options.condition = condition
        if kind != .delete {
            BlobFields.setLastModified(Clock.wallNanoseconds(), in: &options.metadata)
        }
        return options
    }

    /// Why a write under `condition` was not made.
    func problem(_ error: StoreError, _ context: ServerContext) -> Problem {
        guard error.kind == .conditionFailed else { return context.problem(error) }
        // Who says that there must be none hears that this does not hold, whenever it is found.
        guard kind == .create, preconditions.demand != .absent, error.currentVersion != nil else {
            return conditionProblem
        }
        return existsProblem
    }

    private var existsProblem: Problem { Problem(.exists, "POST creates, PUT replaces") }

    private var conditionProblem: Problem {
        Problem(.conditionFailed, "the blob that is there is not what the request expects")
    }
}
