// StoreAccess — a store opened for one command, with progress, and closed whatever happens.
//
// Reading takes no lock, changes nothing, and works beside a writer; writing refuses a store that
// another process has. What opening found wrong goes to standard error. One thread.

internal import Cairn
internal import CairnSystem

enum StoreAccess {
    /// Runs `body` with the store of `call`, opened for reading.
    static func read<Value>(
        _ call: Invocation, _ body: (Store) throws(ToolFailure) -> Value
    ) throws(ToolFailure) -> Value {
        try use(call.directory, .readOnly, body)
    }

    /// Runs `body` with the store of `call`, opened for writing; a store that is not there is made
    /// only when the call says so. What `body` wrote is durable on return.
    static func write<Value>(
        _ call: Invocation, _ body: (Store) throws(ToolFailure) -> Value
    ) throws(ToolFailure) -> Value {
        do throws(ToolFailure) {
            return try use(call.directory, call.has(.create) ? .create : .existing, body)
        } catch {
            guard case .store(let cause) = error, cause.kind == .noStore,
                call.row.options.contains(where: { $0.name == .create })
            else { throw error }
            throw .refused("\(cause.message); --create makes one")
        }
    }

    /// What a command that showed all there is ends with: keys may be missing in a store that lacks
    /// records, which is said then.
    static func completeness(of store: Store) -> ExitCode {
        guard store.lacksRecords else { return .clean }
        Output.complain(
            "cairn: this is not all: keys in what is missing or damaged are left out, and cannot be "
                + "named here; cairn fsck --deep names what it can")
        return .damage
    }

    private static func use<Value>(
        _ path: String, _ access: StoreOptions.Access,
        _ body: (Store) throws(ToolFailure) -> Value
    ) throws(ToolFailure) -> Value {
        let store = try open(path, access)
        for finding in store.findings { Output.complain("cairn: warning: \(finding)") }
        let value: Value
        do throws(ToolFailure) {
            value = try body(store)
        } catch {
            // The first failure is the one to tell.
            try? store.close()
            throw error
        }
        try ToolFailure.store { () throws(StoreError) in try store.close() }
        return value
    }

    private static func open(
        _ path: String, _ access: StoreOptions.Access
    ) throws(ToolFailure) -> Store {
        let line = ProgressLine("opening: read")
        var options = StoreOptions(access: access)
        options.progress = { line.set(done: $0.byteCount, total: $0.byteTotal) }
        defer { line.finish() }
        return try ToolFailure.store { () throws(StoreError) in
            try Store.open(at: path, options: options)
        }
    }
}
