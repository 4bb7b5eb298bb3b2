// SettingTable — the one table of the options of `cairnd`.
//
// Parsing, help, errors with the nearest name, the environment's names and what `--print-config` prints are
// all made from it. A default stands here and in the type that it is for; a test holds them together.
// Plain values, any thread. Spec: the server's documentation.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

/// All options.
package enum SettingTable {
    /// In the order in which they are shown.
    package static let rows: [Setting] =
        actions + running + store + security + connections + requests + logging

    /// The row of a name.
    package static func row(named name: String) -> Setting? { rows.first { $0.name == name } }

    /// What is done instead of serving.
    private static let actions: [Setting] = [
        .action(
            "help", "shows this text", short: Setting.Short(name: "-h", value: "on")),
        .action("version", "shows the version"),
        .action("print-config", "shows what is in force and where each value comes from"),
        .path(
            "config", "FILE", "reads options from a file: name = value, # before a comment",
            scope: .outsideOfFile
        ) { _, _ in },
    ]

    private static let running: [Setting] = [
        .path("dir", "DIR", "where the store is; it is made when there is none") {
            $0.directory = $1
        },
        Setting(
            "listen", "HOST:PORT", standard: "127.0.0.1:7777",
            "where to listen; port 0 picks one that is free",
            short: Setting.Short(name: "-s", value: nil)
        ) { (text, target) throws(SettingFault) in
            do throws(SocketAddressError) {
                target.address = try SocketAddress(parsing: text)
                return text
            } catch {
                throw SettingFault("takes HOST:PORT: \(error)")
            }
        },
        .count(
            "loops", 1...1024, standard: "auto", "threads that serve connections", zero: "auto"
        ) { $0.loopCount = $1 == 0 ? nil : Int($1) },
        .count("disk-threads", 1...1024, standard: "4", "threads that wait for the disk") {
            $0.diskThreadCount = Int($1)
        },
        .time(
            "drain-time", .zero...(.seconds(86_400)), standard: "30s",
            "how long requests under way may take once the server is told to end"
        ) { $0.drainDuration = $1 },
        .choice(
            "dialects", standard: true, "whether requests of other systems are understood as well"
        ) { $0.servesDialects = $1 },
    ]

    private static let store: [Setting] = [
        .choice(
            "durability", ["synced", "interval", "os"], standard: "synced",
            "what a write that does not say it waits for"
        ) { $0.store.durability = durability($1) },
        .time(
            "durability-interval", .milliseconds(1)...(.seconds(86_400)), standard: "100ms",
            "the longest time before an interval write is synced", isWholeMilliseconds: true
        ) { $0.store.intervalMilliseconds = Int($1 / .milliseconds(1)) },
        .bytes(
            "segment-bytes", (64 << 10)...(1 << 31), standard: "auto",
            "how long a segment grows", zero: "auto"
        ) { $0.store.segmentByteCount = $1 == 0 ? nil : $1 },
        Setting(
            "space-amplification", "RATIO", standard: "1.5",
            "bytes on disk for each live one that compaction keeps the store below"
        ) { (text, target) throws(SettingFault) in
            guard let ratio = decimal(text), (1.01...1000).contains(ratio) else {
                throw .wants("a ratio from 1.01 to 1000", not: text)
            }
            target.store.spaceAmplificationTarget = ratio
            return text
        },
        .choice("compact", standard: true, "whether dead space is taken back") {
            $0.store.compacts = $1
        },
        .bytes(
            "compaction-bytes-per-second", 1...(1 << 50), standard: "unlimited",
            "the most that compaction reads and writes", zero: "unlimited"
        ) { $0.store.compactionBytesPerSecond = $1 == 0 ? nil : $1 },
        .bytes(
            "scrub-bytes-per-second", 1...(1 << 50), standard: "8MiB",
            "how fast all that is stored is read and verified in the background", zero: "off"
        ) { $0.scrubBytesPerSecond = $1 == 0 ? nil : $1 },
        .time(
            "scrub-interval", .seconds(1)...(.seconds(3650 * 86_400)), standard: "7d",
            "from the beginning of one such pass to the next"
        ) { $0.scrubInterval = $1 },
        .choice("compress", standard: true, "whether blobs are compressed where it gains") {
            $0.store.compresses = $1
        },
        .choice("map-segments", standard: true, "whether ended segments are read through maps") {
            $0.store.mapsSegments = $1
        },
    ]

    private static let security: [Setting] = [
        .path("token-file", "FILE", "the tokens that requests must bear, of mode 0600") {
            $0.tokenPath = $1
        },
        .switch("insecure-no-auth", "serves everybody who reaches the address, without tokens") {
            $0.isOpenToEverybody = $1
        },
        .path("tls-certificate", "FILE", "serves TLS, with this chain of certificates in PEM") {
            $0.certificatePath = $1
        },
        .path("tls-key", "FILE", "the certificate's private key in PEM") {
            $0.certificateKeyPath = $1
        },
    ]

    private static let connections: [Setting] = [
        .count("max-connections", 1...(1 << 20), standard: "1024", "connections at a time") {
            $0.limits.connectionCountMaximum = Int($1)
        },
        .count(
            "max-connections-per-client", 1...(1 << 20), standard: "64",
            "connections from one address, or network of IPv6, that is not this machine"
        ) { $0.limits.connectionCountMaximumOfNetwork = Int($1) },
        .time(
            "idle-time", time, standard: "60s", "how long a connection waits for a request"
        ) { $0.limits.idleDuration = $1 },
        .time("head-time", time, standard: "10s", "how long a request's head may take") {
            $0.limits.headDuration = $1
        },
        .bytes(
            "min-bytes-per-second", 0...(1 << 30), standard: "1KiB",
            "how fast a body must come and an answer be taken"
        ) { $0.limits.bytesPerSecondMinimum = $1 },
        .time("grace-time", time, standard: "10s", "how often that speed is looked at") {
            $0.limits.graceDuration = $1
        },
        .time(
            "linger-time", .zero...(.seconds(60)), standard: "2s",
            "how long a client is listened to behind its last answer"
        ) { $0.limits.lingerDuration = $1 },
    ]

    private static let requests: [Setting] = [
        .bytes(
            "max-blob-bytes", 1...StoreOptions.blobByteCountLimit, standard: "5TiB",
            "the largest blob that is taken"
        ) {
            $0.limits.request.bodyByteCountMaximum = $1
            $0.store.blobByteCountMaximum = $1
        },
        .bytes("max-head-bytes", 256...65_535, standard: "16KiB", "the longest head") {
            $0.limits.request.headByteCountMaximum = Int($1)
        },
        .bytes("max-target-bytes", 64...65_535, standard: "8KiB", "the longest target") {
            $0.limits.request.targetByteCountMaximum = Int($1)
        },
        .count(
            "max-fields", 1...UInt64(FieldTable.capacity), standard: "64", "fields of a head"
        ) { $0.limits.request.fieldCountMaximum = Int($1) },
        .bytes(
            "max-chunk-extra-bytes", 0...(1 << 20), standard: "8KiB",
            "extensions and trailer of a chunked body"
        ) { $0.limits.request.chunkExtraByteCountMaximum = Int($1) },
        .bytes(
            "max-form-bytes", 1024...(1 << 30), standard: "64MiB",
            "the longest form or JSON of a dialect"
        ) { $0.formByteCountMaximum = Int($1) },
        .bytes(
            "max-collected-bytes-of-all", 1024...(1 << 40), standard: "256MiB",
            "bytes of all such bodies at a time"
        ) { $0.limits.collectByteCountMaximumOfAll = Int($1) },
        .bytes(
            "max-upload-memory", (1 << 20)...(1 << 40), standard: "256MiB",
            "bytes of bodies in memory, on their way into the store"
        ) { $0.uploadByteCountMaximum = Int($1) },
    ]

    private static let logging: [Setting] = [
        .choice(
            "log-level", LogLevel.allCases.map(\.rawValue), standard: "info", "what is logged",
            short: Setting.Short(name: "-D", value: "debug")
        ) { $0.logLevel = LogLevel(rawValue: $1) ?? .info },
        .choice(
            "log-format", LogForm.allCases.map(\.rawValue), standard: "auto",
            "how it is logged; auto is text on a terminal and JSON elsewhere"
        ) { $0.logForm = LogForm(rawValue: $1) ?? .automatic },
        .choice("log-requests", standard: false, "whether each request is logged") {
            $0.logsRequests = $1
        },
    ]

    private static let time: ClosedRange<Duration> = .milliseconds(1)...(.seconds(86_400))

    private static func durability(_ word: String) -> Durability {
        switch word {
        case "os": .os
        case "interval": .interval
        default: .synced
        }
    }

    /// Digits, and perhaps a point and digits.
    private static func decimal(_ text: String) -> Double? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        return parts.count <= 2 && areDigits ? Double(text) : nil
    }
}
