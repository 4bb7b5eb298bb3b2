// StoreFigures — `/status` and `/metrics`: everything that the server knows of itself, in two forms.
//
// Counted while others go on. Made by a thread that may wait for the disk, which is asked how much room it has.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

extension ServerContext {
    /// All figures at this moment. Blocks.
    func figures() throws(StoreError) -> ServerFigures {
        var figures = ServerFigures(
            operations.metrics.snapshot(), version: Version.text)
        figures.store = store.statistics()
        figures.connectionCount = connectionCount()
        figures.loopCount = loopCount
        figures.isReady = refusalOfPuts() == nil
        figures.diskFreeByteCount = try? store.freeByteCount()
        figures.takeProcess(since: operations.startNanoseconds)
        return figures
    }
}

extension StoreHandler {
    func openStatus(
        _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        try context.operations.authorize(request, .admin)
        let context = context
        return try answerLater(responder) { () throws(StoreError) in
            var json = JSONWriter.object
            try context.figures().writeStatus(&json)
            json.name("admin")
            context.jobs.write(&json)
            json.endObject()
            return .success(json.line)
        }
    }

    func openMetrics(
        _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        try context.operations.authorize(request, .admin)
        let context = context
        return try answerLater(responder, 200, ServerFigures.prometheusType) {
            () throws(StoreError) in .success(try context.figures().prometheus)
        }
    }
}
