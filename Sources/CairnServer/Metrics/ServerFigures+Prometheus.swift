// ServerFigures+Prometheus — what `/metrics` says.
//
// Names begin with `cairn_` and have base units. What is not known is left out, and never zero. Pure.

internal import Cairn
internal import CairnHTTP
internal import CairnText

extension ServerFigures {
    /// The media type of `prometheus`.
    package static let prometheusType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    /// The body of an answer.
    package var prometheus: [UInt8] {
        var text = PrometheusText()
        writeServer(&text)
        writeRequests(&text)
        writeCounters(&text)
        writeTimes(&text)
        if let store { writeStore(store, &text) }
        return text.bytes
    }

    private func writeServer(_ text: inout PrometheusText) {
        text.family("cairn_build_info", .gauge, "Which program this is.")
        text.sample("cairn_build_info", [("version", version)], "1")
        text.alone("cairn_ready", .gauge, "Whether requests are served.", isReady ? "1" : "0")
        text.alone(
            "cairn_uptime_seconds", .gauge, "Since the server began.",
            PrometheusText.seconds(uptimeNanoseconds))
        text.alone(
            "cairn_processor_seconds_total", .counter, "User and system time of the process.",
            Units.decimal(processorSeconds, places: 3))
        if let residentByteCount {
            text.alone(
                "cairn_resident_memory_bytes", .gauge,
                "Memory of the process, without pages of files.", "\(residentByteCount)")
        }
        text.alone("cairn_http_connections", .gauge, "Connections now.", "\(connectionCount)")
    }

    private func writeRequests(_ text: inout PrometheusText) {
        let name = "cairn_http_requests_total"
        text.family(name, .counter, "Requests, by method and the first digit of the status.")
        for method in Method.allCases {
            for statusClass in 1...5 {
                let count = metrics.requestCount(method, statusClass: statusClass)
                // A method that nobody uses is no row for ever.
                if count == 0 && !(method == .get && statusClass == 2) { continue }
                text.sample(
                    name, [("method", "\(method.text)"), ("status", "\(statusClass)xx")],
                    "\(count)")
            }
        }
    }

    private func writeCounters(_ text: inout PrometheusText) {
        var last: ServerCounter.Family?
        for counter in ServerCounter.allCases {
            let (family, value) = counter.family
            if family != last { text.family(family.name, .counter, family.help) }
            last = family
            let labels = family.label.map { [($0, value)] } ?? []
            text.sample(family.name, labels, "\(metrics[counter])")
        }
    }

    private func writeTimes(_ text: inout PrometheusText) {
        var last: ServerCounter.Family?
        for timer in ServerTimer.allCases {
            let (family, value) = timer.family
            if family != last { text.family(family.name, .histogram, family.help) }
            last = family
            let labels = family.label.map { [($0, value)] } ?? []
            var count: UInt64 = 0
            for (bucket, bound) in TimeBuckets.bounds.enumerated() {
                count += metrics.timeCount(timer, bucket: bucket)
                text.sample(family.name + "_bucket", labels + [("le", bound.text)], "\(count)")
            }
            count += metrics.timeCount(timer, bucket: TimeBuckets.bounds.count)
            text.sample(family.name + "_bucket", labels + [("le", "+Inf")], "\(count)")
            text.sample(
                family.name + "_sum", labels, PrometheusText.seconds(metrics.timeSum(timer)))
            text.sample(family.name + "_count", labels, "\(count)")
        }
    }

    private func writeStore(_ store: Statistics, _ text: inout PrometheusText) {
        let gauges: [(name: String, help: String, value: String)] = [
            ("keys", "Keys that have a blob.", "\(store.keyCount)"),
            ("segments", "Segments of the log.", "\(store.segmentCount)"),
            ("live_bytes", "Record bytes of live blobs.", "\(store.liveByteCount)"),
            (
                "expired_bytes", "About so many of the live bytes have expired.",
                "\(store.expiredByteCount)"
            ),
            (
                "dead_bytes", "Record bytes of overwritten and deleted blobs.",
                "\(store.deadByteCount)"
            ),
            ("segment_bytes", "Bytes of segments.", "\(store.logicalByteCount)"),
            ("index_bytes", "Memory that the index takes.", "\(store.indexByteCount)"),
            (
                "space_amplification_ratio", "Bytes on disk for each live one.",
                Units.decimal(store.spaceAmplification, places: 3)
            ),
            ("read_only", "Whether writes are refused.", store.isReadOnly ? "1" : "0"),
            ("damage_findings", "What is known to be wrong.", "\(store.damage.count)"),
        ]
        for gauge in gauges { text.alone("cairn_" + gauge.name, .gauge, gauge.help, gauge.value) }
        if let diskFreeByteCount {
            text.alone(
                "cairn_disk_free_bytes", .gauge, "What the disk has room for.",
                "\(diskFreeByteCount)")
        }
        writeScrub(store.scrub, &text)
        text.family("cairn_compactions_total", .counter, "Compactions, by what came of them.")
        text.sample(
            "cairn_compactions_total", [("result", "done")], "\(store.compaction.compactionCount)")
        text.sample(
            "cairn_compactions_total", [("result", "abandoned")],
            "\(store.compaction.abandonedCount)")
    }

    private func writeScrub(_ scrub: ScrubStatistics, _ text: inout PrometheusText) {
        text.alone(
            "cairn_scrub_last_full_pass_timestamp_seconds", .gauge,
            "When all was last read and verified, since 1970; 0: never.",
            PrometheusText.seconds(scrub.lastFullPass?.nanosecondsSince1970 ?? 0))
        text.alone(
            "cairn_scrub_bytes_total", .counter, "Bytes that the scrub has read and verified.",
            "\(scrub.byteCount)")
        text.alone(
            "cairn_scrub_damaged_records_total", .counter,
            "Damage that the scrub found, however often.", "\(scrub.damageCount)")
    }
}
