// AccessKeeper — the list of tokens that is in force, and the file that it came from.
//
// Read again when the operator says so; a file with a mistake leaves in force what was. A request that took the
// list keeps that one to its end. Any thread; the lock is held for a copy of a reference.

internal import CairnSystem

/// Keeps the list of tokens.
package final class AccessKeeper: Sendable {
    private let path: String?
    private let kept: Guarded<AccessList>

    /// Reads the file; without one everybody may do everything.
    package init(path: String?) throws(ConfigurationError) {
        self.path = path
        kept = Guarded(try Self.read(path))
    }

    /// The list that is in force.
    package var list: AccessList { path == nil ? .open : kept.withLock { list in list } }

    /// Reads the file again. When it throws, nothing has changed.
    package func reload() throws(ConfigurationError) {
        let list = try Self.read(path)
        kept.withLock { kept in kept = list }
    }

    private static func read(_ path: String?) throws(ConfigurationError) -> AccessList {
        guard let path else { return .open }
        return try AccessList.reading(path)
    }
}
