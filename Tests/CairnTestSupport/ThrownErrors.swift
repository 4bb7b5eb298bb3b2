// ThrownErrors — throwing without a backtrace.
//
// The test runner hooks into the language's runtime and takes a backtrace of every error that is
// thrown, in case it ends a test. An engine throws and catches for a living: the scan of a torn tail
// at every eighth byte. That was half of the time of the crash suites, whose failures say what
// happened by themselves. Once for the process, any thread.
// Why this is sound: the two names are the runtime's own atomic pointers to the hooks, which live as
// long as the process; nil is the value they begin with. Where a name is missing nothing is done.

internal import Glibc
internal import Synchronization

/// What the runtime does with thrown errors.
enum ThrownErrors {
    /// Takes the runner's hooks off; true, so that it can stand where it is done once.
    static let areCheap: Bool = {
        for name in ["_swift_willThrow", "_swift_willThrowTypedImpl"] {
            guard let hook = unsafe dlsym(nil, name) else { continue }
            unsafe hook.assumingMemoryBound(to: Atomic<UInt>.self).pointee
                .store(0, ordering: .relaxed)
        }
        return true
    }()
}
