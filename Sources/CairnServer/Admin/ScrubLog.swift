// ScrubLog — the background scrub of a server: as the configuration has it, and what the log says of it.
//
// Damage stands in the log as that which a read meets: an error with the text of the store's own, which names key
// and segment. On the scrub's thread.

internal import Cairn
internal import CairnSystem
internal import CairnText

extension ServerConfiguration {
    /// How the store is scrubbed; nil: it is not.
    func scrub(_ log: Log) -> ScrubOptions? {
        guard let scrubBytesPerSecond else { return nil }
        return ScrubOptions(bytesPerSecond: scrubBytesPerSecond, interval: scrubInterval) {
            log.scrub($0)
        }
    }
}

extension Log {
    /// Bytes that a scrub found damaged.
    func damage(_ error: StoreError) {
        self.error("the scrub found damage", [.text("error", "\(error)")])
    }

    fileprivate func scrub(_ event: ScrubEvent) {
        switch event {
        case .begun(let isContinued):
            info(isContinued ? "the scrub goes on" : "a scrub begins")
        case .damaged(let error): damage(error)
        case .ended(let count) where count > 0:
            warning("a scrub has ended", [.number("damage", count)])
        case .ended: info("a scrub has ended", [.number("damage", 0)])
        case .placeLost(let error):
            warning("where the scrub is was not kept", [.text("error", "\(error)")])
        }
    }
}
