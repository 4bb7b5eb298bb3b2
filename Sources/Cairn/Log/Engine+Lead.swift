// The lead: the one role that writes, syncs and rotates.
//
// It is taken by whoever finds it free: a writer that needs room, a writer that waits for its
// sync, the keeper thread. When it is laid down it passes to somebody who waits for it: writers
// without room and writers waiting for a sync in turn, so that neither starves.

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Waits for the lead. The log lock is not held.
    func acquireLead() {
        lock.lock()
        guard state.isLed else {
            state.isLed = true
            lock.unlock()
            return
        }
        let parker = Parker()
        state.roomWaiters.append(parker)
        while state.isLed {
            lock.unlock()
            parker.park()
            lock.lock()
            state.roomWaiters.removeAll { $0 === parker }
            // Somebody else was quicker: this one is the next, not the last.
            if state.isLed { state.roomWaiters.insert(parker, at: 0) }
        }
        state.isLed = true
        lock.unlock()
    }

    /// Takes the lead if nobody has it.
    func acquireLeadIfFree() -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if state.isLed { return false }
        state.isLed = true
        return true
    }

    /// Lays the lead down, or hands it to a waiting writer.
    func releaseLead() {
        // Behind it: whoever is rung may want the lead.
        if passLead() { ringKeeper(KeeperDuty.step) }
    }

    /// True when a segment ended and the lead is free: a waiter that it is handed to may be this thread's
    /// own, and whoever is rung would wait for itself. That one rings.
    private func passLead() -> Bool {
        lock.lock()
        let waiter = state.pending.isEmpty ? nil : state.pending.firstWaiter
        let prefersWaiter = state.lastLeadMadeRoom || state.roomWaiters.isEmpty
        if let waiter, prefersWaiter {
            state.lastLeadMadeRoom = false
            // Under the lock: a write that is not done here is not finished before it is asked.
            waiter.askToLead()
            lock.unlock()
            return false
        }
        state.isLed = false
        let owesRing = state.owesRing
        state.owesRing = false
        let parker = state.roomWaiters.isEmpty ? nil : state.roomWaiters.removeFirst()
        state.lastLeadMadeRoom = parker != nil
        let hasPending = !state.pending.isEmpty
        // A write that failed is repeated when the interval is over, not at once.
        let isRetry = state.flushing != nil
        let hasDeliveries = !state.deliveries.isEmpty
        lock.unlock()
        parker?.unpark()
        if hasDeliveries || (parker == nil && hasPending && !isRetry) { wakeKeeper() }
        if isRetry { ringKeeper(KeeperDuty.sync) }
        return owesRing
    }

    /// Sleeps until the write of `waiter` is finished, leading when nobody else does.
    func await(_ waiter: Waiter) throws(StoreError) -> WriteReceipt {
        var hasLed = acquireLeadIfFree()
        if hasLed { commitAsLead() }
        while waiter.wait() == .lead {
            hasLed = true
            commitAsLead()
        }
        // Not before: until the write is finished the lead may be handed to this thread at any moment,
        // and a callback that wants it would wait for itself.
        if hasLed { deliver() }
        return try waiter.takeOutcome().get()
    }

    private func commitAsLead() {
        commitCycle(mustSync: false, lingers: true)
        releaseLead()
    }

    /// Runs `body` while nothing can be appended and nothing waits in memory.
    /// The lead is held; the log lock is not.
    func withStoppedLog<Result>(
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        stopLog()
        defer { resumeLog() }
        try flushAll()
        return try body()
    }

    /// From here to `resumeLog` nobody appends. The lead is held.
    func stopLog() {
        lock.lock()
        state.isStopped = true
        lock.unlock()
    }

    func resumeLog() {
        lock.lock()
        state.isStopped = false
        lock.unlock()
    }
}

extension PendingQueue {
    /// The first blocked writer whose record waits.
    var firstWaiter: Waiter? {
        for counter in counters {
            let entry = self[counter]
            if !entry.isDone, case .waiter(let waiter) = entry.completion { return waiter }
        }
        return nil
    }

    /// Whether an entry waits for a sync.
    var needsSync: Bool {
        for counter in counters.reversed() where !self[counter].isDone {
            if self[counter].durability == .synced { return true }
        }
        return false
    }
}
