// EffectiveConfiguration+Text — `--print-config` and `--help`.
//
// What is printed of a configuration is a file of settings that means the same: values as they are in
// force, where each comes from in a comment above it. Pure.

internal import CairnText

extension EffectiveConfiguration {
    /// A file of settings that means the same.
    package var text: String {
        var lines = [
            "# What is in force; where each value comes from stands above it. Use it with --config."
        ]
        for entry in entries where entry.setting.scope == .everywhere {
            lines.append("")
            guard !entry.text.isEmpty else {
                lines += ["# \(entry.setting.help) (not set)", "# \(entry.setting.name) ="]
                continue
            }
            let origin = KeyText.escaped(Array("\(entry.origin)".utf8))
            lines.append("# \(entry.setting.help) (\(origin))")
            lines.append("\(entry.setting.name) = \(entry.text)")
        }
        return lines.joined(separator: "\n")
    }
}

extension SettingTable {
    /// What `cairnd --help` says of the options.
    package static var helpLines: [String] { HelpText.rows(helpRows) }

    /// Each option and what is said of it.
    package static var helpRows: [(name: String, text: String)] {
        rows.map { ($0.usage, $0.help + details(of: $0)) }
    }

    private static func details(of setting: Setting) -> String {
        var parts: [String] = []
        if !setting.standard.isEmpty, setting.valueName != nil { parts.append(setting.standard) }
        if let short = setting.short, let value = short.value, setting.valueName != nil {
            parts.append("\(short.name): \(value)")
        }
        return parts.isEmpty ? "" : " [\(parts.joined(separator: "; "))]"
    }
}
