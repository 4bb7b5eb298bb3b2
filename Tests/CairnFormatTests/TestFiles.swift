// TestFiles — the golden files and Format.md, found beside this source file.
//
// With CAIRN_UPDATE_GOLDEN=1 in the environment the tests write what they otherwise compare.
//
// Why this is sound: each pointer is lent for one system call and lies within the array it is of;
// getenv is called while nobody changes the environment.

import Glibc

/// A file that a test needs could not be used.
struct TestFileError: Error, CustomStringConvertible {
    let description: String
}

enum TestFiles {
    private static let directory = String(#filePath.dropLast("/TestFiles.swift".count))

    /// Whether golden files and examples are to be written.
    static var isUpdating: Bool { unsafe getenv("CAIRN_UPDATE_GOLDEN") != nil }

    static func goldenPath(_ name: String) -> String { "\(directory)/Golden/v1/\(name).bin" }

    static let specificationPath =
        "\(directory)/../../Sources/CairnFormat/CairnFormat.docc/Format.md"

    static func read(_ path: String) throws -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw TestFileError(description: "open \(path): errno \(errno)") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else {
                throw TestFileError(description: "read \(path): errno \(errno)")
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    static func readText(_ path: String) throws -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw TestFileError(description: "create \(path): errno \(errno)") }
        defer { close(file) }
        let count = unsafe Glibc.write(file, bytes, bytes.count)
        guard count == bytes.count else { throw TestFileError(description: "write \(path)") }
    }
}
