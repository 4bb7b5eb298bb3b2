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
        let groupCount = try Self.groupCount(Query(request.query))
        return try answerLater(responder) { () throws(StoreError) in
            var json = JSONWriter.object
            try context.figures().writeStatus(&json)
            if let groupCount { json.append(context.store.segmentGroups(atMost: groupCount)) }
            json.name("admin")
            context.jobs.write(&json)
            json.endObject()
            return .success(json.line)
        }
    }

    /// How many groups of segments are wanted; nil: none.
    private static func groupCount(_ query: borrowing Query) throws(Problem) -> Int? {
        guard let text = query.value(of: "segments") else { return nil }
        guard let number = text.rawSpan.decimal, number > 0 else {
            throw Problem(.malformedRequest, "segments is a number of groups above 0")
        }
        return Int(min(number, 1000))
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

extension JSONWriter {
    /// Each group as its first segment, how many it has, their bytes, the live ones of these.
    fileprivate mutating func append(_ groups: [SegmentGroup]) {
        name("segment_groups")
        beginArray()
        for group in groups {
            beginArray()
            number(group.firstID)
            number(group.segmentCount)
            number(group.logicalByteCount)
            number(group.liveByteCount)
            endArray()
        }
        endArray()
    }
}
