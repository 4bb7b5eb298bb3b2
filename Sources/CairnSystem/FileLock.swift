// FileLock — the exclusive lock of a writer, held by an open file until it is released.
//
// The lock is flock(2) on the file, so it dies with its process, however that ends; what the file
// says is only the holder's process id, for messages. The file stays when the lock goes. Whoever takes
// it away, with all that it protected, holds the lock meanwhile: a lock on a file that has lost its
// name is none, so that no two processes lock two files of one name. Any thread.

internal import CLinux

/// How taking a lock ended.
package enum FileLockOutcome: Sendable {
    case acquired(FileLock)
    /// Somebody else has it, if it wrote who it is.
    case held(by: Int32?)
}

/// An exclusive lock on a file, held while this object lives.
package final class FileLock: Sendable {
    private let descriptor: Descriptor

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Unlocks by name: closing alone leaves the lock to the copy of the descriptor that a child
    /// process has between its start and its first program.
    deinit {
        do throws(Errno) {
            try SystemCall.unlock(descriptor.rawValue)
        } catch {
            // On a file system of the network, at most; closing, which follows, does it as well.
            return
        }
    }

    /// Takes the lock of `name` without waiting, making the file when there is none.
    package static func acquire(
        _ name: String, in directory: DirectoryHandle
    ) throws(FileError) -> FileLockOutcome {
        let descriptor = try directory.openOrCreate(name)
        do throws(Errno) {
            guard try SystemCall.lockExclusively(descriptor.rawValue) else {
                return .held(by: holder(descriptor.rawValue))
            }
        } catch {
            throw FileError(.lock, path: directory.path(of: name), error)
        }
        let lock = FileLock(descriptor)
        guard try lock.isNamed(name, in: directory) else { return .held(by: nil) }
        writeHolder(lock.descriptor.rawValue)
        return .acquired(lock)
    }

    /// Whether the name leads to the locked file still.
    private func isNamed(
        _ name: String, in directory: DirectoryHandle
    ) throws(FileError) -> Bool {
        guard let named = try directory.open(name, writable: false) else { return false }
        do throws(Errno) {
            return try SystemCall.identity(named.rawValue)
                == SystemCall.identity(descriptor.rawValue)
        } catch {
            throw FileError(.status, path: directory.path(of: name), error)
        }
    }

    /// Best effort: a full disk must not keep the store from opening.
    private static func writeHolder(_ fd: Int32) {
        let text = Array("\(cairn_process_id())\n".utf8)
        try? SystemCall.truncate(fd, to: 0)
        try? SystemCall.write(fd, text.rawSpan, at: 0)
    }

    private static func holder(_ fd: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = text.withMutableRawSpan { span in
            (try? SystemCall.read(fd, into: &span, at: 0)) ?? 0
        }
        let digits = text.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
