// CrashWorld+Peek — a second opening, for reading, beside the writer: it sees a prefix of the log as
// the system holds it now, and leaves no trace.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    func peek() throws(CrashFailure) {
        guard !disk.isDead else { return }
        note("open for reading")
        let steps = disk.stepCount
        let options = StoreOptions(access: .readOnly)
        let handleCount = disk.openHandleCount
        let reader: Engine<SimulatedDisk>
        do {
            reader = try Engine.open(disk, options: options, tuning: tuning)
        } catch {
            guard disk.openHandleCount == handleCount else {
                throw fail("a failed opening for reading left files open: \(error)")
            }
            return try acceptPeek(error)
        }
        defer { try? reader.close() }
        guard let readings = try readings(of: reader) else { return }
        if let finding = reader.findings.first(where: { $0.contains("damaged") }) {
            throw fail("a reader beside the writer found: \(finding)")
        }
        var copy = oracle
        try checking { () throws(OracleViolation) in
            _ = try copy.judge(readings, afterPowerCut: false)
        }
        guard disk.stepCount == steps else { throw fail("a reader has written to the disk") }
        marks.hit(.peeked)
    }

    private func acceptPeek(_ error: StoreError) throws(CrashFailure) {
        note("the reader answered \(error)")
        guard isTroubled, error.kind == .inputOutput || error.kind == .diskFull else {
            throw fail("a reader beside the writer: \(error)")
        }
    }

    /// All keys; nil when one could not be read for a fault.
    private func readings(
        of reader: Engine<SimulatedDisk>
    ) throws(CrashFailure) -> [OracleReading?]? {
        var readings: [OracleReading?] = []
        for key in oracle.keys {
            do {
                readings.append(try reader.get(key.rawSpan).map { OracleReading($0) })
            } catch {
                try acceptPeek(error)
                return nil
            }
        }
        return readings
    }
}
