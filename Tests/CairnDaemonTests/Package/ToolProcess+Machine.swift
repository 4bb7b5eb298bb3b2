// Scripts that do to a machine what packages do, in a copy of this one that goes with them.

import CairnTestSupport
import Testing

extension ToolProcess {
    /// Runs a script of bash as root of a copy of this machine: what it writes is kept in memory, its processes end
    /// with it, and nothing of it is seen outside. This directory is /mnt there, where the script begins. Nil, and
    /// said, where there can be no such copy.
    func inMachine(_ script: String) throws -> ToolResult? {
        let layers = """
            set -eu
            mkdir layers
            mount -t tmpfs tmpfs layers
            cd layers
            mkdir upper work root
            mount -t overlay overlay -o lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work root
            mount -t proc proc root/proc
            mount --rbind /dev root/dev
            mount --bind .. root/mnt
            touch ../made
            exec chroot root /bin/bash -c 'cd /mnt; exec timeout 240 bash script'
            """
        try write(Array(layers.utf8), to: "layers.sh")
        try write(Array(script.utf8), to: "script")
        let result = try shell(
            "exec unshare --mount --pid --fork --kill-child --propagation private bash layers.sh")
        if has("made") { return result }
        print("SKIPPED: this machine cannot be copied: \(result.complaint)")
        return nil
    }

    /// Makes a package of the programs under test, which is not compressed; its path. Nil, and said, where
    /// packages cannot be made.
    func makePackage(_ options: String = "") throws -> String? {
        guard try hasCommand("dpkg-shlibdeps") else { return nil }
        let result = try shell(
            """
            SOURCE_DATE_EPOCH=1000000000 '\(repository)/tools/package' --fast --output . \
                --binaries '\(Self.binaries)' \(options)
            """)
        #expect(result.code == 0, "\(result.complaint)")
        return result.lines.last.map(String.init)
    }
}
