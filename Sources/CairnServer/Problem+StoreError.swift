// Problem+StoreError — what a failure of the store is to a client.
//
// A client learns what it can act on. Paths and errors of the operating system are the operator's, and
// stand in the log. Pure.

internal import Cairn

extension Problem {
    /// The problem that a failed operation on a blob is.
    init(_ error: StoreError) {
        let kind = Kind(error.kind)
        self.init(kind, Self.isForClients(kind) ? error.message : "see the server's log")
    }

    private static func isForClients(_ kind: Kind) -> Bool {
        switch kind {
        case .failure, .outcomeUnknown, .readOnly, .diskFull: false
        default: true
        }
    }

    /// Whether the operator should hear of it.
    var isServersFault: Bool { status >= 500 && kind != .busy }
}

extension Problem.Kind {
    fileprivate init(_ kind: StoreError.Kind) {
        self =
            switch kind {
            case .diskFull: .diskFull
            case .readOnly: .readOnly
            case .outcomeUnknown: .outcomeUnknown
            case .damaged: .damaged
            case .uncertain: .uncertain
            case .conditionFailed: .conditionFailed
            case .invalidKey: .invalidKey
            case .metadataTooLong: .fieldsTooLong
            case .blobTooLarge: .tooLarge
            case .closed, .inUse: .busy
            case .noStore, .unsupportedVersion, .isBackup, .wrongDirectory, .storeDamaged,
                .invalidBatch, .invalidOption, .inputOutput:
                .failure
            }
    }
}
