// AdminJobs — what takes long and was asked for by the operator: one job at a time, on a thread of its own.
//
// `/status` tells how far it has come and how the last one ended. The end of the server ends a job. Any thread.

internal import Cairn
internal import CairnSystem
internal import CairnText
internal import Synchronization

/// What can be asked for.
enum AdminTask: Sendable {
    case compact
    /// To this directory.
    case backup(String)
    case scrub

    var name: String {
        switch self {
        case .compact: "compact"
        case .backup: "backup"
        case .scrub: "scrub"
        }
    }
}

/// The job there is, or was.
final class AdminJobs: Sendable {
    private struct State {
        var task: AdminTask?
        var isRunning = false
        var doneByteCount: UInt64 = 0
        var byteTotal: UInt64?
        var outcome = ""
        var thread: ServiceThread?
    }

    private let state = Guarded(State())
    private let isEnding = Atomic<Bool>(false)

    /// False when one runs already.
    func start(_ task: AdminTask, _ store: Store, _ log: Log) throws(FileError) -> Bool {
        // The thread takes the lock later than this does, so what is noted here is of this job.
        try state.withLock { state throws(FileError) in
            if state.isRunning { return false }
            let thread = try ServiceThread.start(name: "cairn-admin") {
                self.run(task, store, log)
            }
            state.task = task
            state.isRunning = true
            (state.doneByteCount, state.byteTotal, state.outcome) = (0, nil, "")
            state.thread = thread
            return true
        }
    }

    /// Ends the job and waits for it.
    func end() {
        isEnding.store(true, ordering: .relaxed)
        state.withLock { $0.thread }?.join()
    }

    /// Writes what is known of the job.
    func write(_ json: inout JSONWriter) {
        let state = state.withLock { $0 }
        guard let task = state.task else { return json.null() }
        json.beginObject()
        json.name("job")
        json.string(task.name)
        json.name("running")
        json.bool(state.isRunning)
        json.name("done_bytes")
        json.number(state.doneByteCount)
        if let total = state.byteTotal {
            json.name("total_bytes")
            json.number(total)
        }
        json.name("outcome")
        json.string(state.outcome)
        json.endObject()
    }

    // MARK: The job's thread

    private func run(_ task: AdminTask, _ store: Store, _ log: Log) {
        let outcome: String
        do throws(StoreError) {
            outcome = try carryOut(task, store, log)
        } catch {
            outcome = "failed: \(error)"
            log.error("a job failed", [.text("job", task.name), .text("error", "\(error)")])
        }
        log.info("a job has ended", [.text("job", task.name), .text("outcome", outcome)])
        state.withLock { state in
            state.isRunning = false
            state.outcome = outcome
        }
    }

    private func carryOut(
        _ task: AdminTask, _ store: Store, _ log: Log
    ) throws(StoreError) -> String {
        switch task {
        case .compact:
            let before = store.statistics().compaction.reclaimedByteCount
            let counts = try store.compact { statistics in
                let done = statistics.compaction.reclaimedByteCount
                return note(done &- before, nil)
            }
            return "\(Units.grouped(counts.reclaimedByteCount - before)) bytes were given back"
        case .backup(let directory):
            let result = try store.backup(to: directory) { progress in
                note(progress.byteCount, progress.byteTotal)
            }
            return result == nil ? "ended with the server" : "the backup is whole"
        case .scrub: return try scrub(store, log)
        }
    }

    private func scrub(_ store: Store, _ log: Log) throws(StoreError) -> String {
        var findings: [String] = []
        let summary = try store.scrub(
            progress: { progress in self.note(progress.byteCount, progress.byteTotal) },
            report: { finding in
                guard finding.severity == .damage else { return }
                log.damage(finding.error)
                if findings.count < 20 { findings.append(finding.line) }
            })
        guard let summary else { return "ended with the server" }
        if summary.damageCount == 0 {
            return "\(Units.counted(summary.recordCount, "record")) read, none is damaged"
        }
        return "damage: " + findings.joined(separator: "; ")
            + (findings.count < summary.damageCount ? "; and more" : "")
    }

    /// False: the job is to end.
    private func note(_ done: UInt64, _ total: UInt64?) -> Bool {
        state.withLock { state in
            state.doneByteCount = done
            state.byteTotal = total
        }
        return !isEnding.load(ordering: .relaxed)
    }
}

extension CheckFinding {
    /// Where and what.
    fileprivate var line: String { file + (offset.map { " at \($0)" } ?? "") + ": \(what)" }
}
