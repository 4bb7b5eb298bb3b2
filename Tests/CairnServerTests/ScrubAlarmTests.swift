// The background scrub of a server: whom it tells what it finds.

import Cairn
import CairnServer
import CairnSystem
import CairnTestSupport
import CairnText
import Testing

@Suite("Background scrub")
struct ScrubAlarmTests {
    private func number(_ name: String, in metrics: String) throws -> Double {
        let line = try #require(
            metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
        return try #require(Double(line.dropFirst(name.count + 1)))
    }

    @Test("a byte that rots is told by the log, the status and the metrics before anybody reads it")
    func alarm() throws {
        let served = try ServedStore(StoreOptions(durability: .os, segmentByteCount: 65_536)) {
            $0.scrubBytesPerSecond = 1 << 30
            $0.scrubInterval = .milliseconds(1)
        }
        let marker = Array("these bytes will rot".utf8)
        try served.store.put("rotten", marker)
        for number in 0..<20 {
            try served.store.put(Key("k\(number)"), bodyBytes(9000, salt: number))
        }
        try served.rot(marker)
        try wait(for: "the alarm") {
            try served.reported.contains {
                $0.contains("error") && $0.contains("the scrub found damage")
                    && $0.contains("the blob rotten is damaged")
                    && $0.contains("0000000000000001.seg")
            }
        }
        // The pass that met the damage may have begun when one segment was sealed.
        try wait(for: "the end of a pass over more than that segment") {
            let scrub = served.store.statistics().scrub
            return scrub.lastFullPassDamageCount > 0 && scrub.byteCount > 65_536
        }
        let limits = JSONLimits(byteCountMaximum: 1 << 20)
        let body = try served.request("GET", "/status").body
        let status = try JSONValue(reading: body.rawSpan, limits: limits).object
        let scrub = try #require(status?["scrub"]?.object)
        #expect((scrub["damaged_records"]?.integer ?? 0) > 0)
        #expect(scrub["last_full_pass"]?.string?.isEmpty == false)
        #expect(status?["damage"]?.array?.count == 1)
        let metrics = try served.request("GET", "/metrics").text
        #expect(try number("cairn_scrub_damaged_records_total", in: metrics) >= 1)
        #expect(try number("cairn_scrub_bytes_total", in: metrics) > 65_536)
        let ended = try number("cairn_scrub_last_full_pass_timestamp_seconds", in: metrics)
        #expect(ended > 1.7e9 && ended < 1e11)
        #expect(try number("cairn_damage_findings", in: metrics) == 1)
        #expect(try served.request("GET", "/store/rotten").status == 500)
    }

    @Test("it can be turned off, and a store that was never scrubbed says so")
    func off() throws {
        let served = try ServedStore { $0.scrubBytesPerSecond = nil }
        let metrics = try served.request("GET", "/metrics").text
        let name = "cairn_scrub_last_full_pass_timestamp_seconds"
        #expect(try number(name, in: metrics) == 0)
        #expect(!served.store.statistics().scrub.isUnderWay)
        // One that is asked for counts all the same.
        #expect(try served.request("POST", "/admin/scrub").status == 202)
        try wait(for: "its end") {
            try number(name, in: try served.request("GET", "/metrics").text) > 1.7e9
        }
    }
}
