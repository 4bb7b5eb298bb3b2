// MicroArguments — the command line, parsed and checked.
//
// Nothing is guessed: what is unknown, out of range or of no use beside another flag is an error that
// names the flag.

internal import BenchSupport

struct MicroArguments {
    private static let secondsMaximum = 60.0

    /// What is measured or checked, in the order of the list.
    private(set) var cases: [MicroCase] = []
    /// How long each case is measured.
    private(set) var seconds = 0.5
    /// Where stores are made; nil: where temporary files go.
    private(set) var directory: String?
    private(set) var json = false
    private(set) var checks = false
    private(set) var lists = false
    private(set) var wantsHelp = false

    private var names: [String] = []
    private var hasSeconds = false

    static let help = """
        usage: cairn-micro [flags]

          --case NAME    only this case; may be given several times (default: all)
          --seconds S    how long to measure each case (default 0.5)
          --dir DIR      where cases that need a store make it, in a directory of their own that is
                         removed at the end (default: where temporary files go)
          --json         each result as one JSON object on one line
          --check        measure no time: fail when a put or a get allocates
          --list         the names of all cases
          --help
        """

    init(parsing words: ArraySlice<String>) throws(BenchFailure) {
        var rest = words
        while let flag = rest.popFirst() {
            switch flag {
            case "--json": json = true
            case "--check": checks = true
            case "--list": lists = true
            case "--help": wantsHelp = true
            default:
                guard let value = rest.popFirst() else {
                    throw .usage("\(flag) is unknown, or needs a value")
                }
                try set(flag, value)
            }
        }
        if checks && (json || hasSeconds) {
            throw .usage("--check measures no time; leave --json and --seconds away")
        }
        cases = try chosen()
    }

    private mutating func set(_ flag: String, _ value: String) throws(BenchFailure) {
        switch flag {
        case "--case": names.append(value)
        case "--dir": directory = value
        case "--seconds":
            seconds = try Self.seconds(value)
            hasSeconds = true
        default: throw .usage("\(flag) is unknown")
        }
    }

    private static func seconds(_ text: String) throws(BenchFailure) -> Double {
        guard let number = Double(text), number > 0, number <= secondsMaximum else {
            throw .usage("--seconds is a time of at most a minute, not \"\(text)\"")
        }
        return number
    }

    private func chosen() throws(BenchFailure) -> [MicroCase] {
        for name in names {
            guard let one = MicroCase.all.first(where: { $0.name == name }) else {
                throw .usage("\"\(name)\" is no case; --list names them")
            }
            if checks && !one.mustNotAllocate {
                throw .usage("--check is about puts and gets, not about \(name)")
            }
        }
        return MicroCase.all.filter { one in
            (names.isEmpty || names.contains(one.name)) && (!checks || one.mustNotAllocate)
        }
    }
}
