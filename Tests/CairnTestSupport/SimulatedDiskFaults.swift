// SimulatedDiskFaults — what a test may ask the simulated disk to do wrong.
//
// A `Fault` makes the n-th matching call fail, once or from then on; a `PowerCutVariant` says what a
// power cut leaves; a `CrashPosition` says where in a step the power goes. Plain values.

package import Cairn

/// Calls of the disk that can fail or crash.
package enum SimulatedOperation: String, Sendable, CaseIterable {
    case makeDirectory
    case listNames
    case synchronizeDirectory
    case rename
    case link
    case unlink
    case create
    case open
    case read
    case write
    case truncate
    case allocate
    case synchronizeFile
    case dropCache

    /// Whether it changes the disk or makes changes durable: a numbered step.
    var isStep: Bool {
        switch self {
        case .listNames, .open, .read, .dropCache: false
        default: true
        }
    }
}

/// A failure to come.
package struct Fault: Sendable {
    /// What the call answers.
    package enum Failure: Int32, Sendable, CaseIterable {
        case inputOutput = 5
        case tooManyOpenFiles = 24
        case fileTooLarge = 27
        case noSpace = 28
        case readOnlyFileSystem = 30
        case quotaExceeded = 122
    }

    /// The calls that count and may fail.
    package var operations: [SimulatedOperation]
    /// What the failing call answers.
    package var failure: Failure
    /// Which matching call fails, counted from 1 since the fault was injected.
    package var occurrence: Int
    /// Whether every later one fails too.
    package var isSticky: Bool
    /// Only calls in this directory; nil: in any.
    package var directory: StoreDirectory?
    /// Only calls on files whose names begin like this.
    package var namePrefix: String
    /// Only calls on files whose names end like this.
    package var nameSuffix: String
    /// How many calls have matched so far.
    package internal(set) var matchCount = 0

    /// The `occurrence`-th call of one of `operations`, on a matching name, fails.
    package init(
        _ operations: SimulatedOperation..., failure: Failure = .inputOutput, occurrence: Int = 1,
        isSticky: Bool = false, directory: StoreDirectory? = nil, namePrefix: String = "",
        nameSuffix: String = ""
    ) {
        self.operations = operations
        self.failure = failure
        self.occurrence = occurrence
        self.isSticky = isSticky
        self.directory = directory
        self.namePrefix = namePrefix
        self.nameSuffix = nameSuffix
    }

    /// Counts a call; whether it is to fail.
    mutating func strikes(
        _ operation: SimulatedOperation, _ directory: StoreDirectory, _ name: String
    ) -> Bool {
        guard operations.contains(operation), self.directory ?? directory == directory,
            name.hasPrefix(namePrefix), name.hasSuffix(nameSuffix)
        else { return false }
        matchCount += 1
        return isSticky ? matchCount >= occurrence : matchCount == occurrence
    }
}

/// Where in a step the power goes.
package enum CrashPosition: Sendable, CaseIterable {
    case before
    /// A write has reached the cache in part, a sync the disk in part, another change perhaps.
    case during
    /// The step is done, but its answer never arrives.
    case after
}

/// What a power cut leaves of what was not synced.
package enum PowerCutVariant: Hashable, Sendable, CaseIterable {
    /// Only what was synced.
    case loseAll
    case keepAll
    case dataWithoutNames
    /// All names; of the files, what was synced.
    case namesWithoutData
    /// All names, and lengths ahead of their data: zeros.
    case lengthsWithoutData
    /// All data; names in the root directory, or in the others, alone.
    case rootNamesOnly
    case subdirectoryNamesOnly
    /// Everything up to a moment, so many eighths of the way through what is pending.
    case prefix(eighths: Int)
    /// Everything, but of each file's last write only part, and without the last change of a name.
    case tornLast
    /// Any part of everything: the simulated disk's full malice.
    case random(UInt64)

    /// One of each, and a few of those that have many.
    package static var allCases: [PowerCutVariant] { variants(randomCount: 4, seed: 1) }

    /// All fixed variants and `randomCount` random ones.
    package static func variants(randomCount: Int, seed: UInt64) -> [PowerCutVariant] {
        let fixed: [PowerCutVariant] = [
            .loseAll, .keepAll, .dataWithoutNames, .namesWithoutData, .lengthsWithoutData,
            .rootNamesOnly, .subdirectoryNamesOnly, .prefix(eighths: 2), .prefix(eighths: 4),
            .prefix(eighths: 6), .tornLast,
        ]
        return fixed + (0..<UInt64(randomCount)).map { .random(TestRandom.mix(seed &+ $0)) }
    }
}
