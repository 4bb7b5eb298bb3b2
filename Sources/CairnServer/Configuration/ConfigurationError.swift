// ConfigurationError — why a server does not start with what it was told, in one line.
//
// The line names where the value came from as its user would: the flag, the variable, the file and its line.
// Plain values.

internal import CairnText

/// Where a value comes from.
package enum SettingOrigin: Equatable, Sendable, CustomStringConvertible {
    /// A flag, as it was written.
    case commandLine(flag: String)
    /// A variable of the environment.
    case environment(variable: String)
    /// A line of a file, counted from 1.
    case file(path: String, line: Int)
    /// Nobody said another.
    case standard

    /// For people: "the command line", "/etc/cairnd.conf, line 3".
    package var description: String {
        switch self {
        case .commandLine: "the command line"
        case .environment(let variable): "\(variable) in the environment"
        case .file(let path, let line): "\(path), line \(line)"
        case .standard: "default"
        }
    }

    /// What a value's fault is said of: "--listen", "CAIRN_LISTEN", "cairnd.conf, line 3: listen".
    func subject(_ setting: Setting) -> String {
        switch self {
        case .commandLine(let flag): flag
        case .environment(let variable): "\(variable) in the environment"
        case .file: "\(self): \(setting.name)"
        case .standard: "the default of \(setting.flag)"
        }
    }
}

/// Why a server does not start.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line.
    package let description: String

    init(_ text: String) { description = text }
}
