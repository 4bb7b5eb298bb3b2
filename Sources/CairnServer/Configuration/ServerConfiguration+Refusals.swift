// ServerConfiguration+Refusals — what a server does not start with: it is missing, or dangerous.
//
// Looked at before anything of the store is opened, made or bound. Files are asked who may read them once
// they are open. Any thread; reads files.

package import CairnSystem

extension ServerConfiguration {
    /// Throws when the server would serve nothing, or the wrong people.
    package func requireRunnable() throws(ConfigurationError) {
        guard let directory else {
            throw ConfigurationError("--dir DIR is missing: where the store is, or shall be made")
        }
        if tokenPath != nil, isOpenToEverybody {
            throw ConfigurationError("--token-file and --insecure-no-auth contradict each other")
        }
        if !address.isLoopback, tokenPath == nil, !isOpenToEverybody {
            throw ConfigurationError(
                "--listen \(address): others than this machine reach that address, and there is no "
                    + "--token-file; --insecure-no-auth lets everybody do everything")
        }
        if (certificatePath == nil) != (certificateKeyPath == nil) {
            throw ConfigurationError("--tls-certificate and --tls-key go together")
        }
        if let tokenPath { _ = try Self.secret(at: tokenPath, of: "--token-file") }
        if let certificateKeyPath {
            _ = try Self.secret(at: certificateKeyPath, of: "--tls-key")
        }
        try requireOwnDirectory(directory)
    }

    /// Opens a file that nobody but this user may read; the flag is for messages.
    package static func secret(
        at path: String, of flag: String
    ) throws(ConfigurationError) -> ByteStream {
        let stream = try naming(flag) { () throws(FileError) in
            let stream = try ByteStream.reading(path)
            try stream.requireNoDirectory()
            return stream
        }
        let permissions = try naming(flag) { () throws(FileError) in try stream.permissions() }
        if permissions.isForOthers {
            throw ConfigurationError(
                "\(flag): \(path) is open to others, by mode \(permissions.text); chmod 600 it")
        }
        guard permissions.isOwnedHere else {
            throw ConfigurationError("\(flag): \(path) belongs to another user")
        }
        return stream
    }

    /// Others must not put files into the store. One that is not there is made for this user alone.
    private func requireOwnDirectory(_ path: String) throws(ConfigurationError) {
        let permissions: FilePermissions
        do throws(FileError) {
            permissions = try ByteStream.reading(path).permissions()
        } catch {
            if error.isMissing { return }
            throw ConfigurationError("--dir: \(error)")
        }
        if permissions.isWritableByOthers {
            throw ConfigurationError(
                "--dir: others may write \(path), by mode \(permissions.text); chmod 700 it")
        }
    }

    private static func naming<Value>(
        _ flag: String, _ call: () throws(FileError) -> Value
    ) throws(ConfigurationError) -> Value {
        do throws(FileError) {
            return try call()
        } catch {
            throw ConfigurationError("\(flag): \(error)")
        }
    }
}
