// Connection+Sending — answers on their way to the client, and their bodies as it takes them.
//
// A body is made in pieces, the next when the one before has gone; a connection that has moved its share
// goes on when the poller next says so. The loop's thread.

internal import CairnSystem

extension Connection {
    /// What a source is asked for at a time, where there is no memory for larger pieces.
    private static var narrowPieceByteCount: Int { 128 << 10 }

    /// Sends what there is, and what a source makes, until the client takes no more for now.
    func send() {
        if gather() { return }
        // A head goes out together with the first piece.
        if heldByteCount > 0 { _ = produce() }
        while shareLeft > 0 {
            if hasOutput {
                guard sendOnce() else { return }
            } else if !makeMore() {
                return
            }
        }
    }

    /// Whether whole answers wait until the loop has made those of others.
    private func gather() -> Bool {
        guard loop.isGathering, hasOutput, case .head = phase else { return false }
        if !isGathered {
            isGathered = true
            loop.gather(self)
        }
        return true
    }

    /// False when the client takes no more for now, or has gone.
    private func sendOnce() -> Bool {
        let output = buffers.output
        switch send(output.bytes.extracting(droppingLast: heldByteCount)) {
        case .done(let count):
            buffers.output.removeFirst(count)
            movedByteCount += UInt64(count)
            shareLeft -= count
            if buffers.output.isEmpty { loop.memory.value.narrow(&buffers) }
            return true
        case .wouldBlock: return false
        case .ended, .failed:
            close()
            return false
        }
    }

    /// Nothing waits to be sent; false when nothing will, for now.
    private func makeMore() -> Bool {
        switch phase {
        case .producing: return produce()
        case .closing:
            beginLingering()
            return false
        default: return false
        }
    }

    private func produce() -> Bool {
        guard let source, !isSourceIdle else { return false }
        if sourceLeft > UInt64(Self.narrowPieceByteCount), !buffers.isWide {
            loop.memory.value.widen(&buffers)
        }
        let before = buffers.output.count
        let piece = buffers.isWide ? PieceMemory.pieceByteCount : Self.narrowPieceByteCount
        let production = source.produce(
            Int(min(sourceLeft, UInt64(piece))), into: &buffers.output)
        let count = buffers.output.count - before
        precondition(count <= sourceLeft, "a source makes no more than its length")
        sourceLeft -= UInt64(count)
        if count > 0 { heldByteCount = 0 }
        switch production {
        case .some: return hasOutput
        case .later:
            isSourceIdle = true
            return hasOutput
        case .end where sourceLeft == 0: endProducing()
        case .broken where heldByteCount > 0: replaceAnswer(source)
        case .broken, .end:
            self.source = nil
            close()
        }
        return hasOutput
    }

    private func endProducing() {
        source = nil
        hasUnreadRequests = true
        endExchange()
    }

    /// Takes back the head that was held for the body that will not be, and lets the source say why.
    private func replaceAnswer(_ source: any BodySource) {
        buffers.output.removeLast(heldByteCount)
        heldByteCount = 0
        var responder = Responder(self, closes: closesAnswer)
        source.explain(&responder)
        precondition(responder.hasEnded, "an explanation is at hand")
        endProducing()
    }

    func beginLingering() {
        guard tls == nil || endSendingSecurely() else { return }
        do throws(Errno) {
            try SystemCall.shutdownSending(fd)
        } catch {
            // The client has gone already.
            return close()
        }
        phase = .lingering
        beginWait()
    }
}
