// SimulatedDisk+Steps — what each call goes through first: death, the crash, the faults, the trace.
//
// `State.begin` counts a step and decides how it goes; a call that is to die runs to its end with
// `isDead` already set, which no other call can see because the lock is held, and then throws.
// Everything here runs under the disk's lock.

internal import Cairn
internal import CairnSystem

/// How a call is to go.
struct StepPlan {
    /// `.during` and `.after`: the power goes.
    var crash: CrashPosition?
    var fault: Fault.Failure?

    var isOrdinary: Bool { crash == nil && fault == nil }
}

/// What a call is about, for faults, errors and the trace.
struct StepSubject {
    var operation: SimulatedOperation
    var directory: StoreDirectory
    var name: String
    var offset: UInt64?
    var byteCount: Int?

    var path: String { directory.pathPrefix + name }

    /// The error of this call.
    func error(_ code: Int32) -> FileError {
        FileError(
            operation.fileOperation, path: path, offset: offset, byteCount: byteCount,
            code: code)
    }

    func error(_ failure: Fault.Failure) -> FileError { error(failure.rawValue) }

    /// Without power each call answers an I/O error.
    var powerLoss: FileError { error(.inputOutput) }

    /// For the trace.
    var description: String {
        var text = "\(operation.rawValue) \(path)"
        if let offset { text += " at \(offset)" }
        if let byteCount { text += " \(byteCount) bytes" }
        return text
    }
}

extension StoreDirectory {
    var pathPrefix: String {
        switch self {
        case .root: ""
        case .segments: "segments/"
        case .quarantine: "quarantine/"
        }
    }
}

extension SimulatedOperation {
    /// The nearest operation that an error can name.
    var fileOperation: FileOperation {
        switch self {
        case .makeDirectory: .makeDirectory
        case .listNames: .listNames
        case .synchronizeDirectory: .synchronize
        case .rename: .rename
        case .link: .link
        case .unlink: .unlink
        case .create: .create
        case .open: .open
        case .read: .read
        case .write: .write
        case .truncate: .truncate
        case .allocate: .allocate
        case .synchronizeFile: .synchronizeData
        case .dropCache: .dropCache
        }
    }
}

extension SimulatedDisk {
    /// Takes the lock, after the observer has had its say.
    func enter(isStep: Bool) {
        if isStep, let stepObserver { stepObserver(stepCount + 1) }
        stateLock.lock()
        state.root = root
    }
}

extension SimulatedDisk.State {
    /// Begins a call: throws if the power is gone or goes before it.
    mutating func begin(_ subject: StepSubject) throws(FileError) -> StepPlan {
        if isDead { throw subject.powerLoss }
        var plan = StepPlan()
        if subject.operation.isStep || (countsReads && subject.operation == .read) {
            countStep()
            plan.crash = crashOfThisStep()
        }
        if !faults.isEmpty && plan.crash != .before { plan.fault = faultOfThisCall(subject) }
        if isTracing { note(subject.description, plan) }
        if plan.crash == .before { throw subject.powerLoss }
        return plan
    }

    /// Adds to the trace.
    mutating func note(_ text: String, _ plan: StepPlan = StepPlan()) {
        if !isTracing { return }
        var line = "\(stepCount) \(root == 0 ? "" : "backup: ")\(text)"
        if let fault = plan.fault { line += ": \(fault)" }
        if let crash = plan.crash { line += ": power goes \(crash)" }
        trace.append(line)
    }

    /// Begins a call that a fault stops before it does anything, and that may crash half-way: false
    /// when the power goes before the change.
    mutating func beginWhole(_ subject: StepSubject) throws(FileError) -> StepPlan {
        let plan = try begin(subject)
        if plan.isOrdinary { return plan }
        if let fault = plan.fault { throw subject.error(fault) }
        if plan.crash == .during && random.coin() { throw subject.powerLoss }
        return plan
    }

    /// Ends a call: throws if the power went.
    func end(_ plan: StepPlan, _ subject: StepSubject) throws(FileError) {
        if plan.crash != nil { throw subject.powerLoss }
    }

    private mutating func countStep() {
        stepCount += 1
        wallNanoseconds &+= nanosecondsPerStep
        monotonicNanoseconds &+= nanosecondsPerStep
    }

    private mutating func crashOfThisStep() -> CrashPosition? {
        guard let crash, crash.step == stepCount else { return nil }
        isDead = true
        return crash.position
    }

    private mutating func faultOfThisCall(_ subject: StepSubject) -> Fault.Failure? {
        var result: Fault.Failure?
        for index in faults.indices
        where faults[index].strikes(subject.operation, subject.directory, subject.name) {
            result = result ?? faults[index].failure
        }
        return result
    }

    /// The next moment.
    mutating func tick() -> UInt64 {
        order += 1
        return order
    }
}
