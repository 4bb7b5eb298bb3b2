// SourceTree — the repository's files, read for the tidy suites.
//
// Finds the repository through the path of this very file, so the suites must run where they were
// built. Reads with Glibc alone. Everything is read once, at first use, and never changes.

import Glibc

/// A text file of the repository.
struct TextFile: Sendable {
    /// Relative to the repository's root, with "/" between the parts.
    let path: String
    let text: String

    /// The lines, without their ends; a last empty line is none.
    var lines: [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    var name: Substring {
        path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    }

    /// The directory that holds the file; empty for the root.
    var directory: Substring { path.lastIndex(of: "/").map { path[..<$0] } ?? "" }

    func isBelow(_ directories: String...) -> Bool {
        directories.contains { path.hasPrefix($0 + "/") }
    }
}

enum SourceTree {
    static let root = String(
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/"))

    /// What tools make at the top level: Git, builds, and the store that `tools/run` serves.
    static let made: Set = [".git", ".build", ".swiftpm", "data"]

    /// Every text file below the directories that people write.
    static let files: [TextFile] = {
        let names = entries(of: "").filter { !made.contains($0) }
        return names.sorted().flatMap { files(at: $0) }
    }()

    static func files(endingWith suffixes: String...) -> [TextFile] {
        files.filter { file in suffixes.contains { file.path.hasSuffix($0) } }
    }

    /// The names in a directory, without "." and "..".
    static func entries(of path: String) -> [String] {
        guard let stream = unsafe opendir(absolute(path)) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe String(cString: UnsafeRawPointer(tuple).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func exists(_ path: String) -> Bool { unsafe access(absolute(path), F_OK) == 0 }

    static func isExecutable(_ path: String) -> Bool { unsafe access(absolute(path), X_OK) == 0 }

    private static func files(at path: String) -> [TextFile] {
        let below = entries(of: path)
        if !below.isEmpty {
            return below.sorted().flatMap { files(at: path + "/" + $0) }
        }
        return read(path).map { [TextFile(path: path, text: $0)] } ?? []
    }

    /// The text of a file; nil when it is no file or holds bytes that are no text.
    private static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(absolute(path), "r") else { return nil }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func absolute(_ path: String) -> String { root + "/" + path }
}
