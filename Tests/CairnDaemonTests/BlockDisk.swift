// BlockDisk — disks that log what is written, file systems on them, and what a power cut leaves of those.
//
// The program is Tests/PowerCuts/block-disk.c, compiled where FUSE's headers are. Its log's length is the time. A disk and
// what is mounted from it belong to the process that was started on it, and go with that.
// Why this is sound: `stat` fills a local structure.

import CairnTestSupport
import Glibc
import Testing

struct BlockDisk {
    /// What file systems are made.
    enum Form: String, CaseIterable {
        case ext4, xfs

        /// XFS wants 300 MB.
        var byteCount: Int { self == .ext4 ? 160 << 20 : 320 << 20 }
        /// A copy has the identity of the disk that it was cut from, which may still be going.
        var mountOptions: String { self == .ext4 ? "loop" : "loop,nouuid" }
    }

    let tool: ToolProcess
    let form: Form

    /// Nil, and said why, where this cannot be had.
    init?(in tool: ToolProcess, _ form: Form) throws {
        guard geteuid() == 0 else {
            print("SKIPPED: power cuts of \(form): only root may mount a file system")
            return nil
        }
        let probe = """
            PATH=$PATH:/usr/sbin
            [[ -e /dev/fuse ]] || { echo "there is no /dev/fuse"; exit 1; }
            command -v mkfs.\(form) >&2 || { echo "there is no mkfs.\(form)"; exit 1; }
            flags=$(pkg-config --cflags --libs fuse3) || { echo "FUSE's headers are missing"; exit 1; }
            cc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o block-disk \
                '\(repository)/Tests/PowerCuts/block-disk.c' $flags || { echo "cc fails"; exit 1; }
            """
        let result = try tool.shell(probe)
        guard result.code == 0 else {
            print("SKIPPED: power cuts of \(form): \(result.text)\(result.complaint)")
            return nil
        }
        self.tool = tool
        self.form = form
    }

    private var log: String { tool.path("log") }
    private var image: String { tool.path("image") }
    private var store: String { tool.path("store") }

    /// Forgets the disk of before.
    func prepare() throws {
        let result = try tool.shell("rm -rf log* image; mkdir -m 700 -p store")
        try #require(result.code == 0, "\(result.complaint)")
    }

    /// In front of a command: it runs while "store" is a new file system on a disk that logs.
    var prefix: [String] {
        [
            repository + "/Tests/PowerCuts/on-block-disk", form.rawValue, tool.path("block-disk"),
            log, "\(form.byteCount)", store,
        ]
    }

    /// Lets the next of what is called so fail once: "flush" or "write".
    func failNext(_ what: String) throws { try tool.write([], to: "log.fail-\(what)") }

    /// What time it is: all that was answered by now is within the log by then.
    var clock: @Sendable () -> Int {
        { [log] in
            var status = stat()
            return unsafe stat(log, &status) == 0 ? Int(status.st_size) : 0
        }
    }

    /// Makes the image that a cut at this time leaves.
    func cut(at time: Int, seed: Int) throws {
        let command = "./block-disk cut log \(form.byteCount) image \(time) \(seed)"
        let result = try tool.shell(command)
        try #require(result.code == 0, "\(result.complaint)")
    }

    /// Copies log and image to where CAIRN_CUT_KEEP says, for whoever wants to look into a failure.
    func keep() throws {
        guard let directory = CrashSettings.text("CAIRN_CUT_KEEP") else { return }
        let result = try tool.shell("cp --sparse=always log image '\(directory)'")
        try #require(result.code == 0, "\(result.complaint)")
    }

    /// In front of a command: it runs while "store" is the image.
    var prefixOfImage: [String] {
        let script = "mount -o \(form.mountOptions) \"$0\" \"$1\" && exec \"${@:2}\""
        return ["unshare", "-m", "--propagation", "private", "bash", "-c", script, image, store]
    }

    /// Runs the tool while "store" is the image.
    func runOnImage(_ command: String) throws -> ToolResult {
        let script = "mount -o \(form.mountOptions) image store && $CAIRN \(command)"
        return try tool.shell(
            "export CAIRN; unshare -m --propagation private bash -c '\(script)'")
    }
}
