// ChildProcess — starts a program as a shell would, and waits for its end.
//
// Threads that run tests block signals, which no program expects: it starts with none blocked. Its descriptors are
// those of a list, in order from 0 on.
// Why this is sound: pointers are of local structures and of copies of the words, lent for one call.

package import CairnSystem
package import Glibc

/// What a descriptor of a program leads to.
package enum ChildStream {
    /// Nothing, both ways.
    case nothing
    /// A file that is read.
    case input(String)
    /// A file that is made anew.
    case output(String)
    /// A file that is made if need be, and added to.
    case log(String)
    /// What a descriptor of ours leads to, which stays ours.
    case shared(Int32)
}

/// Programs that tests run.
package enum ChildProcess {
    /// Starts the program that is the first word, which is looked for where programs are.
    package static func start(
        _ words: [String], _ streams: [ChildStream]
    ) throws(FileError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in streams.enumerated() {
            unsafe add(stream, as: Int32(number), to: &actions)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var blocked = sigset_t()
        unsafe sigemptyset(&blocked)
        unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var process = pid_t()
        let code = unsafe posix_spawnp(
            &process, words[0], &actions, &attributes, &arguments, environ)
        if code != 0 { throw FileError(.open, path: words[0], code: code) }
        return process
    }

    private static func add(
        _ stream: ChildStream, as number: Int32, to actions: inout posix_spawn_file_actions_t
    ) {
        func open(_ path: String, _ flags: Int32) {
            unsafe posix_spawn_file_actions_addopen(&actions, number, path, flags, 0o600)
        }
        switch stream {
        case .nothing: open("/dev/null", O_RDWR)
        case .input(let path): open(path, O_RDONLY)
        case .output(let path): open(path, O_WRONLY | O_CREAT | O_TRUNC)
        case .log(let path): open(path, O_WRONLY | O_CREAT | O_APPEND)
        case .shared(let own): unsafe posix_spawn_file_actions_adddup2(&actions, own, number)
        }
    }

    /// Waits for its end, once.
    package static func end(of process: pid_t) -> ChildEnd {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return ChildEnd(status: status)
    }
}

/// How a program ended.
package struct ChildEnd: Equatable, Sendable {
    /// With what it ended by itself; nil when it did not.
    package let code: Int32?
    /// The signal that ended it.
    package let signal: Int32?

    init(status: Int32) {
        let signal = status & 0x7f
        code = signal == 0 ? status >> 8 & 0xff : nil
        self.signal = signal == 0 ? nil : signal
    }
}
