// Version — which release this is, as all programs of the project say it.
//
// It changes with a release, the format of files only with Format.md; each program puts its own name in
// front. Plain values.

/// The release.
package enum Version {
    /// "0.1".
    package static let text = "0.1"

    /// What `--version` of a program says.
    package static func line(of program: String) -> String {
        "\(program) \(text), on-disk format 1"
    }
}
