// SystemStorage+Check — the check and its companions for a real disk, made in this module.
//
// What is generic over `Storage` is specialised only where it is compiled, so the tool calls these
// and not the generic types: a deep check runs at the speed of the disk. See the types for what each
// does and promises.

package import CairnFormat
internal import CairnSystem

extension SystemStorage {
    /// See `StoreCheck`.
    package func check(
        isDeep: Bool, progress: @escaping (CheckProgress) -> Void,
        report: @escaping (CheckFinding) -> Void
    ) throws(StoreError) -> CheckSummary {
        try StoreCheck(self, isDeep: isDeep, progress: progress, report: report).run()
    }

    /// See `StoreRepair`.
    package func repair(
        _ findings: [CheckFinding], acceptsLoss: Bool, report: @escaping (RepairStep) -> Void
    ) throws(StoreError) {
        try StoreRepair(self, acceptsLoss: acceptsLoss, report: report).run(findings)
    }

    /// See `KeyHistory`.
    package func versions(of key: [UInt8]) throws(StoreError) -> [PhysicalVersion] {
        try KeyHistory(self).versions(of: key)
    }

    /// See `StoreDump`.
    package func dumpStore(
        _ body: (DumpedRecord) -> Bool, missing: (UInt64) -> Void
    ) throws(StoreError) {
        try StoreDump(self).store(body, missing: missing)
    }

    /// What a file is, whose directory is this storage's; nil for what cannot be dumped.
    package func dumpKind(of name: String) throws(StoreError) -> SegmentFileName.Kind? {
        try StoreDump(self).kind(of: name, in: .root)
    }

    /// See `StoreDump`; a segment whose directory is this storage's.
    package func dumpSegment(
        _ name: String, _ body: (DumpedRecord) -> Bool
    ) throws(StoreError) {
        try StoreDump(self).segment(name, in: .root, body)
    }

    /// See `StoreDump`; a hint whose directory is this storage's.
    package func dumpHint(_ name: String, _ body: (DumpedRow) -> Bool) throws(StoreError) {
        try StoreDump(self).hint(name, in: .root, body)
    }
}

extension Store {
    /// See `Engine.forEachLiveKey`.
    package func forEachLiveKey(
        prefix: [UInt8], _ body: ([UInt8]) -> Bool
    ) throws(StoreError) {
        try engine.forEachLiveKey(prefix: prefix, body)
    }

    /// See `Engine.segmentGroups`.
    package func segmentGroups(atMost groupCountMaximum: Int) -> [SegmentGroup] {
        engine.segmentGroups(atMost: groupCountMaximum)
    }

    /// See `Engine.segmentStatistics`.
    package func segmentStatistics() throws(StoreError) -> [SegmentStatistics] {
        try engine.segmentStatistics()
    }
}
