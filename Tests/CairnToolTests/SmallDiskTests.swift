// A store that fills its file system nearly, and wholly: it compacts, deletes and goes on all the same.
//
// For root only: the file system is mounted in a mount namespace of the test's own, which goes with
// its last process. A tmpfs as a rule; CAIRN_DISK_MEBIBYTES=11600 takes an ext4 image of that size, made
// in the directory for temporary files, and a store of 10 GB with 1.2 GB free.

import CairnTestSupport
import Glibc
import Testing

@Suite("Tool: a small disk", .enabled(if: geteuid() == 0, "only root may mount a file system"))
struct SmallDiskTests {
    private static let mebibytes = CrashSettings.number("CAIRN_DISK_MEBIBYTES") ?? 360

    /// Seven eighths of the file system are filled with values of 4 MiB, each written twice.
    private static let fill = """
        trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
        set -e
        mkdir -p disk
        if (($SIZE > 1024)); then
            fallocate -l "${SIZE}M" image
            mkfs.ext4 -q -m 0 image
            mount -o loop image disk
        else
            mount -t tmpfs -o "size=${SIZE}M" tmpfs disk
        fi
        count=$((SIZE * 7 / 8 / 8))
        $CAIRN put --create disk/store probe < /dev/null
        value() { # of a key, in a round: 4 MiB that do not compress
            openssl enc -aes-128-ctr -nosalt -K "$(printf %032x "$1")" -iv "$(printf %032x "$2")" \
                < /dev/zero 2> /dev/null | head -c 4194304
        }
        archive() { # of all keys, in a round
            mkdir files
            for ((key = 0; key < count; key++)); do
                value $key $1 > files/$key
                if ((key % 64 == 63)); then pack; fi
            done
            pack
            rmdir files
        }
        pack() {
            [[ $(ls files) ]] || return 0
            tar -C files -c $(ls files) | $CAIRN import disk/store > /dev/null
            rm files/*
        }
        check() { # every key that is left, by its value
            for ((key = first; key < count; key++)); do
                $CAIRN get disk/store $key | cmp - <(value $key 2)
            done
        }
        figure() { $CAIRN stats --json disk/store | grep -o "\\"$1\\":[0-9]*" | cut -d: -f2; }
        first=0
        archive 1
        archive 2
        """

    private func run(_ script: String) throws -> ToolResult {
        let tool = try ToolProcess()
        try tool.write(Array((Self.fill + "\n" + script).utf8), to: "script")
        return try tool.shell(
            "export CAIRN; SIZE=\(Self.mebibytes) unshare -m --propagation private bash script")
    }

    @Test("with an eighth of it free a store is compacted, and shows what it showed")
    func compacts() throws {
        expect(
            try run(
                """
                $CAIRN compact disk/store
                # However much was compacted while it was filled.
                (($(figure diskByteCount) * 2 <= $(figure liveByteCount) * 3))
                check
                """), code: 0)
    }

    @Test("a full one refuses puts, deletes, compacts, and takes puts again by itself")
    func full() throws {
        expect(
            try run(
                """
                # Full to the last byte, whoever took the space. Opening removes what was replaced before, and
                # may give up RESERVE: the first puts may find that space, and then it is taken, too.
                code=0
                for ((put = 0; put < 9 && code == 0; put++)); do
                    dd if=/dev/zero bs=64k 2> /dev/null >> disk/other || true
                    value 0 3 | $CAIRN put disk/store new$put 2> refusal || code=$?
                done
                ((code == 8 && put < 9))
                grep -q "No space left" refusal
                first=4
                $CAIRN rm disk/store 0 1 2 3
                $CAIRN compact disk/store
                check
                $CAIRN put disk/store new <(value 0 3)
                $CAIRN get disk/store new | cmp - <(value 0 3)
                $CAIRN fsck --deep disk/store
                """), code: 0)
    }
}
