// Arguments — the command line, parsed and checked.
//
// Every flag but `--json`, `--compressible`, `--cold` and `--help` takes a value. Numbers are plain integers,
// seconds may have a fraction. Nothing is guessed: what is unknown, twice wrong or out of range is
// an error that names the flag.

internal import BenchSupport
internal import Cairn

/// What is measured.
enum WorkloadName: String, CaseIterable {
    case fill
    case durable
    case overwrite
    case read
    case open
    case list
    case index
    case mixed
    case churn
    case http
}

struct Arguments {
    var directory = ""
    var workload = WorkloadName.fill
    var keyCount = 1_000_000
    var valueSizes = ValueSizes.fixed(100)
    var threadCount = 1
    /// Nil: as the workload says.
    var seconds: Double?
    var durability: Durability?
    /// Whether values can be compressed to about half.
    var compressible = false
    /// Nil: the store compresses exactly when values are compressible.
    var compression: Bool?
    /// Writes in flight by callbacks; 0: blocking calls.
    var callbackCount = 0
    /// Mixed and http: how many of a hundred operations read.
    var readPercentage = 95
    /// Which keys mixed and http take.
    var order = KeyOrder.uniform
    /// Of the server that http drives.
    var url = ""
    var connectionCount = 16
    /// Whether ended segments are mapped.
    var maps = true
    /// Reads begin with nothing in the page cache.
    var isCold = false
    var json = false
    var seed: UInt64 = 1000
    var wantsHelp = false

    var compresses: Bool { compression ?? compressible }

    static let help = """
        usage: cairn-bench --workload NAME --dir DIRECTORY [flags]

          --workload NAME      fill | durable | overwrite | read | open | list | index | mixed | churn |
                               http
          --dir DIRECTORY      where the store is, or will be made
          --keys N             keys of 16 bytes (default 1000000)
          --value-size BYTES   or "blobs": half a KiB to a MiB, as blobs are (default 100)
          --threads N          threads that call the store (default 1)
          --seconds S          how long to measure (durable 4; overwrite, mixed and churn 20; others 3; fill: all)
          --durability D       synced | os | interval (default: durable synced, fill and overwrite interval)
          --compressible       values that LZ4 halves, instead of random ones
          --compression on|off whether the store compresses (default: on if --compressible)
          --maps on|off        whether ended segments are read through maps (default on)
          --cold               read: with nothing in the page cache, and no pass before
          --callbacks N        durable: N writes in flight from one thread, by callbacks
          --reads PERCENT      mixed, http: how many operations read (default 95)
          --order uniform|zipfian  mixed, http: which keys are taken (default uniform)
          --url http://HOST:PORT   http: the server
          --connections N      http: connections, each with one request under way (default 16)
          --json               the result as one JSON object on one line
          --seed N             of the order of random reads (default 1000)
        """

    init(parsing words: ArraySlice<String>) throws(BenchFailure) {
        var hasWorkload = false
        var rest = words
        while let flag = rest.popFirst() {
            switch flag {
            case "--json": json = true
            case "--compressible": compressible = true
            case "--cold": isCold = true
            case "--help": wantsHelp = true
            default:
                guard let value = rest.popFirst() else {
                    throw .usage("\(flag) is unknown, or needs a value")
                }
                hasWorkload = hasWorkload || flag == "--workload"
                try set(flag, value)
            }
        }
        if !wantsHelp { try check(hasWorkload: hasWorkload) }
    }

    private mutating func set(_ flag: String, _ value: String) throws(BenchFailure) {
        switch flag {
        case "--dir": directory = value
        case "--workload": workload = try Self.choice(flag, value)
        case "--keys": keyCount = try Self.integer(flag, value, 1...999_999_999_999)
        case "--value-size":
            valueSizes =
                value == "blobs" ? .blobs : .fixed(try Self.integer(flag, value, 1...(1 << 30)))
        case "--reads": readPercentage = try Self.integer(flag, value, 0...100)
        case "--order": order = try Self.choice(flag, value)
        case "--url": url = value
        case "--connections": connectionCount = try Self.integer(flag, value, 1...65_536)
        case "--threads": threadCount = try Self.integer(flag, value, 1...1024)
        case "--seconds": seconds = try Self.seconds(flag, value)
        case "--durability": durability = try Self.durability(flag, value)
        case "--compression": compression = try Self.toggle(flag, value)
        case "--maps": maps = try Self.toggle(flag, value)
        case "--callbacks": callbackCount = try Self.integer(flag, value, 1...65_536)
        case "--seed": seed = UInt64(try Self.integer(flag, value, 0...Int.max))
        default: throw .usage("\(flag) is unknown")
        }
    }

    private func check(hasWorkload: Bool) throws(BenchFailure) {
        if !hasWorkload { throw .usage("--workload is missing") }
        let needsDirectory = workload != .index && workload != .http
        if needsDirectory && directory.isEmpty { throw .usage("--dir is missing") }
        if (workload == .http) == url.isEmpty { throw .usage("--url belongs to --workload http") }
        if callbackCount > 0 && workload != .durable {
            throw .usage("--callbacks belongs to --workload durable")
        }
        if isCold && workload != .read { throw .usage("--cold belongs to --workload read") }
        if callbackCount > 0 && threadCount > 1 {
            throw .usage("--callbacks submits from one thread; leave --threads away")
        }
    }

    private static func integer(
        _ flag: String, _ text: String, _ range: ClosedRange<Int>
    ) throws(BenchFailure) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw .usage(
                "\(flag) is a number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \"\(text)\"")
        }
        return number
    }

    private static func seconds(_ flag: String, _ text: String) throws(BenchFailure) -> Double {
        guard let number = Double(text), number > 0, number <= 86_400 else {
            throw .usage("\(flag) is a time of at most a day, not \"\(text)\"")
        }
        return number
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ flag: String, _ text: String
    ) throws(BenchFailure) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .usage("\(flag) is one of \(names), not \"\(text)\"")
        }
        return choice
    }

    private static func durability(
        _ flag: String, _ text: String
    ) throws(BenchFailure) -> Durability {
        switch text {
        case "synced": return .synced
        case "os": return .os
        case "interval": return .interval
        default: throw .usage("\(flag) is one of synced, os, interval, not \"\(text)\"")
        }
    }

    private static func toggle(_ flag: String, _ text: String) throws(BenchFailure) -> Bool {
        switch text {
        case "on": return true
        case "off": return false
        default: throw .usage("\(flag) is on or off, not \"\(text)\"")
        }
    }
}
