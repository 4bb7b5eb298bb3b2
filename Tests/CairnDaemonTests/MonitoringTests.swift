// What watches a server by its figures: the alerts and the dashboard of tools/monitoring.

import CairnSystem
import CairnTestSupport
import CairnText
import Testing

@Suite("Monitoring")
struct MonitoringTests {
    private static let directory = repository + "/tools/monitoring"
    private let tool: ToolProcess
    private let alerts: String
    private let dashboard: JSONObject

    init() throws {
        tool = try ToolProcess("cairnd")
        alerts = try Self.text("/tools/monitoring/alerts.yml")
        let json = Array(try Self.text("/tools/monitoring/dashboard.json").utf8)
        let limits = JSONLimits(byteCountMaximum: 1 << 20, depthMaximum: 16)
        dashboard = try #require(JSONValue(reading: json.rawSpan, limits: limits).object)
    }

    private static func text(_ path: String) throws -> String {
        let bytes = try ByteStream.reading(repository + path).readAll(atMost: 1 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The questions that the dashboard asks.
    private func expressions() throws -> [String] {
        let panels = try #require(dashboard["panels"]?.array)
        return panels.flatMap { $0.object?["targets"]?.array ?? [] }
            .compactMap { $0.object?["expr"]?.string }
    }

    private static func names(_ text: String) -> Set<String> {
        let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        return Set(words.filter { $0.hasPrefix("cairn_") }.map(String.init))
    }

    @Test("alerts and dashboard name what /metrics prints, and together they name all of it")
    func names() throws {
        guard try tool.hasCommand("curl") else { return }
        let result = try tool.serving("curl -sSf -T script $URL/store/a; curl -sSf $URL/metrics")
        let types = result.lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ") }
        var printed: Set<String> = []
        var parts: [String: String] = [:]
        for type in types where type.count == 4 {
            let name = String(type[2])
            printed.insert(name)
            for suffix in ["_bucket", "_sum", "_count"] where type[3] == "histogram" {
                parts[name + suffix] = name
            }
        }
        try #require(printed.count > 25, "\(result.complaint)")
        let named = Self.names(try alerts + expressions().joined(separator: "\n"))
        let families = Set(named.map { parts[$0] ?? $0 })
        #expect(families.subtracting(printed) == [], "names that nothing prints")
        #expect(printed.subtracting(families) == [], "printed, and nobody looks")
        let kinds = alerts.matches(of: #/kind=~?"([^"]+)"/#).flatMap { $0.1.split(separator: "|") }
        for kind in kinds { #expect(result.text.contains("{kind=\"\(kind)\"}"), "\(kind)") }
    }

    @Test("the dashboard's panels are apart, and each asks something")
    func panels() throws {
        let panels = try #require(dashboard["panels"]?.array).compactMap(\.object)
        let ids = panels.compactMap { $0["id"]?.integer }
        #expect(panels.count > 15 && Set(ids).count == panels.count)
        for panel in panels where panel["type"]?.string != "row" {
            #expect(panel["targets"]?.array?.isEmpty == false, "\(panel["title"]?.string ?? "?")")
        }
    }

    @Test("Prometheus takes the alerts and the dashboard's questions, and each alert fires in time")
    func promtool() throws {
        guard try tool.hasCommand("promtool") else { return }
        let rules = try expressions().enumerated().map { number, expression in
            let text = expression.replacing("$__rate_interval", with: "5m")
                .replacing("$instance", with: ".*").replacing("'", with: "''")
            return "      - {record: 'panel:\(number)', expr: '\(text)'}"
        }
        let file = "groups:\n  - name: panels\n    rules:\n" + rules.joined(separator: "\n") + "\n"
        try tool.write(Array(file.utf8), to: "panels.yml")
        for arguments in [
            "check rules panels.yml", "check rules '\(Self.directory)/alerts.yml'",
            "test rules '\(Self.directory)/alerts-test.yml'",
        ] {
            let result = try tool.shell("promtool \(arguments)")
            #expect(result.code == 0, "\(arguments): \(result.text) \(result.complaint)")
        }
        let tried = try Self.text("/tools/monitoring/alerts-test.yml")
        for alert in alertNames { #expect(tried.contains("\"\(alert)\""), "\(alert)") }
    }

    private var alertNames: [String] {
        alerts.matches(of: #/- alert: (\w+)/#).map { String($0.1) }
    }

    @Test("Operations says of each alert what to do, and of no other")
    func alarms() throws {
        let text = try Self.text("/Sources/Cairn/Cairn.docc/Operations.md")
        let rows = text.matches(of: #/\n\| `(Cairn\w+)` \| ./#).map { String($0.1) }
        #expect(alertNames.count > 8 && rows.sorted() == alertNames.sorted())
    }
}
