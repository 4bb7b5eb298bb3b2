// StoreHandler+Admin — `POST /admin/compact`, `/admin/backup?to=DIR` and `/admin/scrub`.
//
// Each begins a job and says so at once; `/status` tells the rest. On the loops' threads.

internal import CairnHTTP
internal import CairnSystem
internal import CairnText

extension StoreHandler {
    func openAdmin(
        _ range: Range<Int>, _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        try context.operations.authorize(request, .admin)
        let name = request.path.extracting(range)
        guard name.isPath("compact") || name.isPath("backup") || name.isPath("scrub") else {
            throw Problem(.noRoute, "jobs are compact, backup and scrub")
        }
        let task = try adminTask(name, request)
        guard try begin(task) else {
            throw Problem(.jobRunning, "one job runs at a time; /status tells of it")
        }
        var json = JSONWriter.object
        json.name("job")
        json.string(task.name)
        json.endObject()
        responder.answer(202, "application/json", json.line)
        return .answered
    }

    private func begin(_ task: AdminTask) throws(Problem) -> Bool {
        do throws(FileError) {
            return try context.jobs.start(task, context.store, context.operations.log)
        } catch {
            throw Problem(.busy, "no thread can be started")
        }
    }

    private func adminTask(
        _ name: RawSpan, _ request: borrowing Request
    ) throws(Problem) -> AdminTask {
        if name.isPath("compact") { return .compact }
        if name.isPath("scrub") { return .scrub }
        guard let to = Query(request.query).value(of: "to"), !to.isEmpty,
            let directory = String(validating: to, as: UTF8.self)
        else { throw Problem(.malformedRequest, "the query says where: ?to=") }
        return .backup(directory)
    }
}
