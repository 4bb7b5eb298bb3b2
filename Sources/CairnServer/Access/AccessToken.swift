// AccessToken — what one line of a token file allows, and to whom.
//
// The token itself is not here, only its SHA-256: whoever reads the file, or the memory, cannot use it. Plain
// values. Spec: Access.md.

internal import CairnSystem
internal import CairnText

/// What a token may allow.
package struct Permissions: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt8

    /// Of these bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Reading blobs.
    package static let read = Permissions(rawValue: 1)
    /// Creating and replacing blobs.
    package static let write = Permissions(rawValue: 2)
    /// Deleting blobs.
    package static let delete = Permissions(rawValue: 4)
    /// Listing keys.
    package static let list = Permissions(rawValue: 8)
    /// Looking after the store, and its figures.
    package static let admin = Permissions(rawValue: 16)

    /// Each with its word.
    package static let words: [(word: String, permission: Permissions)] = [
        ("read", .read), ("write", .write), ("delete", .delete), ("list", .list),
        ("admin", .admin),
    ]

    /// "read,write": as a file has it; nil when a word is unknown, stands twice, or there is none.
    package init?(words text: String) {
        self = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let permission = Self.words.first(where: { $0.word == word })?.permission,
                !contains(permission)
            else { return nil }
            insert(permission)
        }
    }

    /// "read,write".
    package var description: String {
        Self.words.filter { contains($0.permission) }.map(\.word).joined(separator: ",")
    }
}

/// A token's name and what it allows.
package struct AccessToken: Hashable, Sendable {
    /// The SHA-256 of its text.
    package let digest: [UInt8]
    /// What logs call it.
    package let name: String
    /// What it allows.
    package let permissions: Permissions
    /// What the keys that it is for begin with; empty: all keys.
    package let prefix: [UInt8]

    /// A token of this digest.
    package init(name: String, digest: [UInt8], _ permissions: Permissions, prefix: [UInt8] = []) {
        self.digest = digest
        self.name = name
        self.permissions = permissions
        self.prefix = prefix
    }

    /// Whether it allows this with a key; of a listing, with the prefix of what is listed.
    package func allows(_ permission: Permissions, key: RawSpan) -> Bool {
        permissions.contains(permission) && key.byteCount >= prefix.count
            && key.extracting(0..<prefix.count).isEqual(to: prefix.rawSpan)
    }

    /// Whether it allows what is about the whole store: with a prefix it does not.
    package func allows(_ permission: Permissions) -> Bool {
        prefix.isEmpty && permissions.contains(permission)
    }

    /// The line of a token file that means it.
    package var line: String {
        var words = [name, KeyText.hexadecimal(digest), "\(permissions)"]
        if !prefix.isEmpty {
            words.append(KeyText.escaped(prefix).replacing(" ", with: "\\x20"))
        }
        return words.joined(separator: " ")
    }
}
