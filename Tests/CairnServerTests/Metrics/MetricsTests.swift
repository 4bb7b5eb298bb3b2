// Counting from many threads, and what is printed of it.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnText
import Testing

/// What an exposition says: the number of each name with its labels, and the type of each family.
private struct Exposition {
    var samples: [String: String] = [:]
    var types: [String: String] = [:]
    var helps: Set<String> = []

    /// Nil when a line is none, or a number stands outside of its family.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n") else {
            return nil
        }
        var family = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, helps.insert(String(words[2])).inserted else { return nil }
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, helps.contains(String(words[2])) else { return nil }
                family = String(words[2])
                types[family] = String(words[3])
            } else {
                guard let blank = line.lastIndex(of: " "), line.hasPrefix(family) else {
                    return nil
                }
                let name = String(line[..<blank])
                let value = String(line[line.index(after: blank)...])
                guard Double(value) != nil, samples[name] == nil else { return nil }
                samples[name] = value
            }
        }
    }
}

@Suite("Metrics")
struct MetricsTests {
    @Test("nothing is lost when many threads count, more than there are lanes")
    func manyThreads() throws {
        let metrics = Metrics(laneCount: 4)
        let threads = try (0..<9).map { _ in
            try ServiceThread.start(name: "counts") {
                for round in 0..<1000 {
                    metrics.count(.readHit)
                    metrics.count(.sentBytes, 10)
                    metrics.countRequest(.get, status: 206)
                    metrics.time(.read, nanoseconds: UInt64(round) * 1000)
                }
            }
        }
        for thread in threads { thread.join() }
        let snapshot = metrics.snapshot()
        #expect(snapshot[.readHit] == 9000 && snapshot[.sentBytes] == 90_000)
        #expect(snapshot.requestCount(.get, statusClass: 2) == 9000)
        #expect(snapshot.timeCount(.read) == 9000)
        #expect(snapshot.timeSum(.read) == 9 * 999 * 500 * 1000)
        #expect(snapshot[.readMiss] == 0 && snapshot.timeCount(.write) == 0)
    }

    @Test("every number has a place of its own")
    func places() {
        let metrics = Metrics(laneCount: 1)
        var step: UInt64 = 0
        for counter in ServerCounter.allCases {
            step += 1
            metrics.count(counter, step)
        }
        for method in CairnHTTP.Method.allCases {
            for status: UInt16 in [100, 200, 300, 400, 500] {
                for _ in 0..<Int(status / 100) + Int(method.rawValue) {
                    metrics.countRequest(method, status: status)
                }
            }
        }
        for timer in ServerTimer.allCases {
            for (place, bound) in TimeBuckets.bounds.enumerated() {
                for _ in 0...place + timer.rawValue {
                    metrics.time(timer, nanoseconds: bound.nanoseconds)
                }
            }
        }
        let snapshot = metrics.snapshot()
        step = 0
        for counter in ServerCounter.allCases {
            step += 1
            #expect(snapshot[counter] == step)
        }
        for method in CairnHTTP.Method.allCases {
            for statusClass in 1...5 {
                #expect(
                    snapshot.requestCount(method, statusClass: statusClass)
                        == UInt64(statusClass) + UInt64(method.rawValue))
            }
        }
        for timer in ServerTimer.allCases {
            for place in TimeBuckets.bounds.indices {
                #expect(
                    snapshot.timeCount(timer, bucket: place) == UInt64(place + timer.rawValue + 1))
            }
        }
    }

    @Test("a time is in the first bucket that holds it, the bound included")
    func buckets() {
        for (place, bound) in TimeBuckets.bounds.enumerated() {
            let metrics = Metrics(laneCount: 1)
            metrics.time(.sync, nanoseconds: bound.nanoseconds)
            metrics.time(.sync, nanoseconds: bound.nanoseconds + 1)
            let snapshot = metrics.snapshot()
            #expect(snapshot.timeCount(.sync, bucket: place) == 1)
            #expect(snapshot.timeCount(.sync, bucket: place + 1) == 1)
            #expect(Double(bound.text) == Double(bound.nanoseconds) / 1e9)
        }
        let metrics = Metrics(laneCount: 1)
        metrics.time(.sync, nanoseconds: .max)
        metrics.time(.sync, nanoseconds: 0)
        #expect(metrics.snapshot().timeCount(.sync) == 2)
        #expect(metrics.snapshot().timeCount(.sync, bucket: 0) == 1)
    }

    @Test("a status that is none is counted as a failure, and does not trap")
    func oddStatus() {
        let metrics = Metrics()
        metrics.countRequest(.trace, status: 0)
        metrics.countRequest(.trace, status: .max)
        #expect(metrics.snapshot().requestCount(.trace, statusClass: 5) == 2)
    }
}

@Suite("Metrics: for Prometheus")
struct PrometheusTests {
    private func figures(_ fill: (Metrics) -> Void = { _ in }) -> ServerFigures {
        let metrics = Metrics()
        fill(metrics)
        return ServerFigures(metrics.snapshot(), version: "0.1")
    }

    @Test("names are of the one prefix, counters end with _total, and each family stands once")
    func names() throws {
        var figures = figures()
        figures.store = Statistics()
        figures.diskFreeByteCount = 7
        figures.takeProcess(since: 0)
        let page = try #require(Exposition(figures.prometheus))
        for (family, type) in page.types {
            #expect(family.hasPrefix("cairn_"))
            #expect((type == "counter") == family.hasSuffix("_total"), "\(family)")
            #expect(family.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7a) || $0 == 0x5f })
        }
        #expect(page.types["cairn_sync_duration_seconds"] == "histogram")
        #expect(page.samples["cairn_disk_free_bytes"] == "7")
        #expect(page.samples["cairn_build_info{version=\"0.1\"}"] == "1")
    }

    @Test("what is not known is left out")
    func unknown() throws {
        let page = try #require(Exposition(figures().prometheus))
        #expect(page.types["cairn_keys"] == nil && page.types["cairn_disk_free_bytes"] == nil)
        #expect(page.types["cairn_resident_memory_bytes"] == nil)
        #expect(page.samples["cairn_ready"] == "0")
    }

    @Test("buckets add up, and sums are exact")
    func histogram() throws {
        let figures = figures { metrics in
            for nanoseconds: UInt64 in [1, 50_000, 50_001, 20_000_000_000] {
                metrics.time(.write, nanoseconds: nanoseconds)
            }
        }
        let page = try #require(Exposition(figures.prometheus))
        let name = "cairn_http_request_duration_seconds"
        func bucket(_ bound: String) -> String? {
            page.samples["\(name)_bucket{operation=\"write\",le=\"\(bound)\"}"]
        }
        #expect(bucket("0.00005") == "2" && bucket("0.0001") == "3" && bucket("10") == "3")
        #expect(bucket("+Inf") == "4")
        #expect(page.samples["\(name)_count{operation=\"write\"}"] == "4")
        #expect(page.samples["\(name)_sum{operation=\"write\"}"] == "20.000100002")
        #expect(page.samples["\(name)_count{operation=\"read\"}"] == "0")
    }

    @Test("requests are told by method and status, failures by kind")
    func labels() throws {
        let figures = figures { metrics in
            metrics.countRequest(.put, status: 201)
            metrics.countRequest(.put, status: 507)
            metrics.count(.diskFull)
        }
        let page = try #require(Exposition(figures.prometheus))
        #expect(page.samples["cairn_http_requests_total{method=\"PUT\",status=\"2xx\"}"] == "1")
        #expect(page.samples["cairn_http_requests_total{method=\"PUT\",status=\"5xx\"}"] == "1")
        #expect(page.samples["cairn_failures_total{kind=\"disk_full\"}"] == "1")
        #expect(page.samples["cairn_failures_total{kind=\"damaged\"}"] == "0")
    }

    @Test("a label's quotes, backslashes and line ends are escaped")
    func escaping() {
        var figures = figures()
        figures.version = "a\"b\\c\nd"
        let text = String(decoding: figures.prometheus, as: UTF8.self)
        #expect(text.contains("cairn_build_info{version=\"a\\\"b\\\\c\\nd\"} 1\n"))
    }
}

@Suite("Metrics: for /status")
struct StatusTests {
    private func status(_ figures: ServerFigures) throws -> JSONObject {
        var writer = JSONWriter.object
        figures.writeStatus(&writer)
        writer.endObject()
        let limits = JSONLimits(byteCountMaximum: 1 << 16)
        return try #require(try JSONValue(reading: writer.bytes.rawSpan, limits: limits).object)
    }

    @Test("the names of memcached have the numbers that they have there")
    func names() throws {
        let metrics = Metrics()
        metrics.count(.readHit, 3)
        metrics.count(.readMiss, 2)
        metrics.count(.write, 5)
        metrics.count(.deleteHit)
        metrics.count(.sentBytes, 100)
        metrics.count(.receivedBytes, 50)
        metrics.count(.connection, 9)
        var figures = ServerFigures(metrics.snapshot(), version: "0.1")
        figures.uptimeNanoseconds = 61_900_000_000
        figures.connectionCount = 4
        var store = Statistics()
        store.keyCount = 8
        store.liveByteCount = 800
        store.damage = ["a \"b\""]
        figures.store = store
        let page = try status(figures)
        let expected: [(String, Int64)] = [
            ("cmd_get", 5), ("get_hits", 3), ("get_misses", 2), ("cmd_set", 5),
            ("delete_hits", 1), ("delete_misses", 0), ("bytes_written", 100), ("bytes_read", 50),
            ("curr_items", 8), ("bytes", 800), ("uptime", 61), ("curr_connections", 4),
            ("total_connections", 9), ("evictions", 0),
        ]
        for (name, value) in expected { #expect(page[name]?.integer == value, "\(name)") }
        #expect(page["damage"]?.array?.first?.string == "a \"b\"")
        #expect(page["ready"]?.bool == false && page["read_only"]?.bool == false)
    }

    @Test("while the store is opened its numbers are left out")
    func noStore() throws {
        let page = try status(ServerFigures(Metrics().snapshot(), version: "0.1"))
        #expect(page["curr_items"] == nil && page["damage"] == nil)
        #expect(page["cmd_get"]?.integer == 0)
    }
}
