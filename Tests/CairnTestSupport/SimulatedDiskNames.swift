// SimulatedNames — the directories of the simulated disk: names now, names durable, what is between.
//
// Every change of a name is an operation that waits in `pending`, in order, until its directory is
// synchronized; a power cut keeps any subset in which an operation on a name has its predecessors on
// the same name. A rename inside a directory is one operation: there or not. Between directories its
// two halves become durable apart, but never so that the file has neither name. The subdirectories
// are names in the root themselves: losing one loses all in it. Not synchronized: the disk's lock
// guards it.

internal import Cairn

/// A name in a directory.
struct SimulatedName: Hashable, Sendable {
    var directory: StoreDirectory
    var name: String
}

/// A change of names that is not durable yet.
struct NameOperation: Sendable {
    enum Kind: UInt8 {
        case makeDirectory
        case link
        case unlink
        /// From `name` to `target`.
        case rename
    }

    var kind: Kind
    var name: SimulatedName
    var target: SimulatedName?
    var file: Int
    /// When it happened, among all changes of the disk.
    var order: UInt64

    func touches(_ directory: StoreDirectory) -> Bool {
        name.directory == directory || target?.directory == directory
    }

    var isWithinOneDirectory: Bool { target == nil || target?.directory == name.directory }
}

/// What becomes of the pending operations.
enum NamesFate {
    case lost
    case kept
    case before(UInt64)
    /// All in the root, or all in the other directories.
    case rootOnly
    case othersOnly
    case allButLast
    case random
}

/// Names of all directories.
struct SimulatedNames: Sendable {
    /// One directory, at one time.
    struct Table: Sendable {
        var exists = false
        var files: [String: Int] = [:]
    }

    private(set) var now = [Table](repeating: Table(), count: StoreDirectory.allCases.count)
    private(set) var durable = [Table](repeating: Table(), count: StoreDirectory.allCases.count)
    private(set) var pending: [NameOperation] = []
    /// Whether names exist that a failed sync left behind for good.
    private(set) var hasLies = false

    // MARK: Now

    func exists(_ directory: StoreDirectory) -> Bool { now[Int(directory.rawValue)].exists }

    func file(_ name: String, in directory: StoreDirectory) -> Int? {
        now[Int(directory.rawValue)].files[name]
    }

    func files(in directory: StoreDirectory) -> [String: Int] {
        now[Int(directory.rawValue)].files
    }

    func names(in directory: StoreDirectory) -> [String] {
        now[Int(directory.rawValue)].files.keys.sorted()
    }

    var subdirectoryNames: [String] {
        StoreDirectory.allCases.filter { $0 != .root && exists($0) }.map { "\($0)" }
    }

    func durableFile(_ name: String, in directory: StoreDirectory) -> Int? {
        durable[Int(directory.rawValue)].files[name]
    }

    func durableNames(in directory: StoreDirectory) -> [String] {
        durable[Int(directory.rawValue)].files.keys.sorted()
    }

    /// Every file that some name reaches, now, durably or through a pending operation.
    func referencedFiles() -> Set<Int> {
        var result = Set(pending.map(\.file))
        for table in now + durable { result.formUnion(table.files.values) }
        return result
    }

    /// Does an operation; returns the file whose name it took, if any.
    mutating func perform(_ operation: NameOperation) -> Int? {
        let displaced = Self.apply(operation, to: &now)
        pending.append(operation)
        return displaced
    }

    /// Applies an operation; returns the file whose name it took away, if any.
    @discardableResult
    private static func apply(_ operation: NameOperation, to tables: inout [Table]) -> Int? {
        let directory = Int(operation.name.directory.rawValue)
        switch operation.kind {
        case .makeDirectory:
            tables[directory].exists = true
            return nil
        case .link:
            return tables[directory].files.updateValue(operation.file, forKey: operation.name.name)
        case .unlink:
            return tables[directory].files.removeValue(forKey: operation.name.name)
        case .rename:
            guard let target = operation.target else { return nil }
            tables[directory].files.removeValue(forKey: operation.name.name)
            return tables[Int(target.directory.rawValue)].files
                .updateValue(operation.file, forKey: target.name)
        }
    }

    /// Puts a durable file under a name, from outside: the test's hand, not the engine's.
    mutating func plant(_ file: Int, as name: String, in directory: StoreDirectory) {
        now[Int(directory.rawValue)].files[name] = file
        durable[Int(directory.rawValue)].files[name] = file
    }

    /// Takes a name away for good, from outside.
    mutating func remove(_ name: String, in directory: StoreDirectory) {
        now[Int(directory.rawValue)].files[name] = nil
        durable[Int(directory.rawValue)].files[name] = nil
    }

    // MARK: Becoming durable

    /// A directory's record stands in its parent.
    private static func home(of operation: NameOperation) -> StoreDirectory {
        operation.kind == .makeDirectory ? .root : operation.name.directory
    }

    /// Applies the operations of one directory, and what they build on.
    mutating func synchronize(_ directory: StoreDirectory) {
        if pending.isEmpty { return }
        let mine = pending.map { Self.home(of: $0) == directory }
        let kept = pending.allSatisfy(\.isWithinOneDirectory) ? mine : closed(mine)
        var rest: [NameOperation] = []
        for (index, operation) in pending.enumerated() {
            if kept[index] {
                Self.apply(operation, to: &durable)
            } else if let target = operation.target, target.directory == directory {
                rest.append(halve(operation, target))
            } else {
                rest.append(operation)
            }
        }
        pending = rest
    }

    /// Makes the new name of a rename between directories durable; what is left is to take the old
    /// name away.
    private mutating func halve(
        _ operation: NameOperation, _ target: SimulatedName
    ) -> NameOperation {
        durable[Int(target.directory.rawValue)].files[target.name] = operation.file
        var half = operation
        half.kind = .unlink
        half.target = nil
        return half
    }

    /// A sync that fails: any subset of the directory's operations reaches the disk. The rest never
    /// will, though all see it until the next boot, or (`staysPending`) waits for the next sync. A
    /// new directory always waits: no engine could ever notice its loss.
    mutating func failToSynchronize(
        _ directory: StoreDirectory, staysPending: Bool, random: inout TestRandom
    ) {
        let mine = pending.map { Self.home(of: $0) == directory || $0.touches(directory) }
        let kept = choose(random: &random)
        var rest: [NameOperation] = []
        for (index, operation) in pending.enumerated() {
            if kept[index] && (mine[index] || mustGoFirst(index, kept, mine)) {
                Self.apply(operation, to: &durable)
            } else if mine[index] && operation.kind != .makeDirectory && !staysPending {
                hasLies = true
            } else {
                rest.append(operation)
            }
        }
        pending = rest
    }

    /// Whether an operation of another directory has to become durable because a kept one of this
    /// directory builds on it: a rename between the two.
    private func mustGoFirst(_ index: Int, _ kept: [Bool], _ mine: [Bool]) -> Bool {
        for later in (index + 1)..<max(index + 1, pending.count) where kept[later] && mine[later] {
            if pending[later].name == pending[index].name && !pending[later].isWithinOneDirectory {
                return true
            }
        }
        return false
    }

    // MARK: Power cut

    /// Decides which operations survive and makes that the present.
    mutating func losePower(_ fate: NamesFate, random: inout TestRandom) {
        if pending.isEmpty && !hasLies { return }
        if !pending.isEmpty { settle(fate, random: &random) }
        loseDirectories()
        pending.removeAll()
        now = durable
        hasLies = false
    }

    /// A subdirectory that was lost takes its names along; a root with names in it was not lost.
    private mutating func loseDirectories() {
        if !durable[0].files.isEmpty || durable.contains(where: \.exists) {
            durable[0].exists = true
        }
        for directory in 1..<durable.count where !durable[directory].exists {
            durable[directory].files.removeAll()
        }
    }

    private mutating func settle(_ fate: NamesFate, random: inout TestRandom) {
        let kept = choose(fate, random: &random)
        for (index, operation) in pending.enumerated() where kept[index] {
            if case .random = fate, !operation.isWithinOneDirectory, random.coin(),
                let target = operation.target
            {
                _ = halve(operation, target)
            } else {
                Self.apply(operation, to: &durable)
            }
        }
    }

    private func choose(_ fate: NamesFate, random: inout TestRandom) -> [Bool] {
        switch fate {
        case .lost: pending.map { _ in false }
        case .kept: pending.map { _ in true }
        case .before(let order): pending.map { $0.order < order }
        case .rootOnly: closed(pending.map { Self.home(of: $0) == .root })
        case .othersOnly: closed(pending.map { Self.home(of: $0) != .root })
        case .allButLast: pending.indices.map { $0 + 1 < pending.count }
        case .random: choose(random: &random)
        }
    }

    /// Any subset, in one of several manners.
    private func choose(random: inout TestRandom) -> [Bool] {
        if pending.isEmpty { return [] }
        let share = [4, 4, 4, 1, 7, 0, 8][random.below(7)]
        let byDirectory = random.chance(1, in: 4)
        let directoryCoins = random.next()
        let kept = pending.map { operation in
            byDirectory
                ? directoryCoins >> UInt64(Self.home(of: operation).rawValue) & 1 == 1
                : random.below(8) < share
        }
        return closed(kept)
    }

    /// Adds to a subset what its members build on: earlier operations on the same names, and the
    /// making of their directory where that would leave a name nowhere to be.
    private func closed(_ chosen: [Bool]) -> [Bool] {
        var kept = chosen
        var needed: Set<SimulatedName> = []
        for index in pending.indices.reversed() {
            let operation = pending[index]
            if !kept[index] && !needed.isEmpty && operation.kind != .makeDirectory {
                kept[index] =
                    needed.contains(operation.name)
                    || operation.target.map { needed.contains($0) } ?? false
            }
            if kept[index] && operation.kind != .makeDirectory {
                needed.insert(operation.name)
                if let target = operation.target { needed.insert(target) }
            }
        }
        return kept
    }
}
