// ChildProcess — what a test that runs in a process of its own does to it: limits, rights, mounts.
//
// Why this is sound: pointers are strings and local structures lent for one call; the functions
// that Glibc's module does not name are called by the types that their manual pages give.

import Glibc
import Testing

/// What a child process needs of the system beyond the store.
enum ChildProcess {
    /// Lowers a limit of this process.
    static func limit(_ resource: __rlimit_resource, to value: UInt) throws {
        var limits = rlimit(rlim_cur: value, rlim_max: value)
        try #require(unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limits) == 0)
    }

    /// Leaves this process room for so many more descriptors.
    static func limitDescriptors(toMore count: Int32) throws {
        let next = dup(0)
        try #require(next >= 0 && close(next) == 0)
        try limit(RLIMIT_NOFILE, to: UInt(next + count))
    }

    static var isRoot: Bool { geteuid() == 0 }

    /// Becomes a user without rights.
    static func dropPrivileges() throws {
        try #require(setgroups(0, nil) == 0)
        try #require(setgid(65_534) == 0)
        try #require(setuid(65_534) == 0)
    }

    private typealias Unshare = @convention(c) (Int32) -> Int32
    private typealias Mount =
        @convention(c) (
            UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, UInt,
            UnsafePointer<CChar>?
        ) -> Int32

    private static func function<Function>(_ name: String, _: Function.Type) throws -> Function {
        let symbol = unsafe try #require(unsafe dlsym(dlopen(nil, RTLD_NOW), name))
        return unsafe unsafeBitCast(symbol, to: Function.self)
    }

    /// Mounts from now on are seen by this process alone.
    static func leaveMounts() throws -> Bool {
        let unshare = try function("unshare", Unshare.self)
        guard unshare(0x0002_0000) == 0 else { return false }
        return try mount("none", at: "/", type: "none", flags: 0x4000 | 0x4_0000)
    }

    static func mount(
        _ source: String, at path: String, type: String, flags: UInt, _ options: String = ""
    ) throws -> Bool {
        let mount = unsafe try function("mount", Mount.self)
        return unsafe mount(source, path, type, flags, options) == 0
    }
}
