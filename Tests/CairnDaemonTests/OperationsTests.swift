// What Operations.md tells operators to do, done; and what it has to speak of.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Operations")
struct OperationsTests {
    private let tool: ToolProcess
    private let text: String

    init() throws {
        tool = try ToolProcess("cairnd")
        let path = repository + "/Sources/Cairn/Cairn.docc/Operations.md"
        text = String(
            decoding: try ByteStream.reading(path).readAll(atMost: 1 << 20), as: UTF8.self)
    }

    /// What stands between fences of shell in a section, fence by fence.
    private func commands(in section: String) throws -> [String] {
        let rest = try #require(text.split(separator: "\n### \(section)\n").dropFirst().first)
        let end = rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex
        return rest[..<end].split(separator: "```sh\n").dropFirst()
            .compactMap { $0.split(separator: "```").first.map(String.init) }
    }

    @Test("each setting stands there, with when to change it")
    func settings() throws {
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .compactMap { $0.split(separator: "|").first }
        let named = Set(rows.flatMap { $0.matches(of: #/`([a-z-]+)`/#).map { String($0.1) } })
        let printed = try tool.run("--dir", "s", "--print-config").lines
            .compactMap { $0.wholeMatch(of: #/(?:# )?([a-z-]+) =.*/#).map { String($0.1) } }
        #expect(printed.count > 30)
        #expect(printed.filter { !named.contains($0) } == [])
    }

    @Test("the drill brings back every byte of what was backed up, and the next backup works")
    func drill() throws {
        let drill = try #require(try commands(in: "The drill").first)
        #expect(drill.split(separator: "\n").count == 6)
        let here = drill.replacing("/mnt/", with: "./")
        #expect(here != drill)
        let result = try tool.shell(
            """
            set -eu
            cairn() { "$CAIRN" "$@"; }
            mkdir disk2
            for n in $(seq 20); do head -c $((n * n * 1000)) /dev/urandom | cairn put --create data k$n; done
            cairn put data odd$'\\n'name </dev/null
            cairn rm data k7
            cairn export data >before
            \(here)
            cairn export data >after
            cmp before after
            cairn verify disk2/data.2
            """)
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
    }

    @Test("a copy of the directory is the store")
    func moving() throws {
        let result = try tool.shell(
            """
            set -eu
            mkdir elsewhere
            for n in $(seq 5); do head -c $((n * 9000)) /dev/urandom | $CAIRN put --create data k$n; done
            $CAIRN export data >before
            cp -r data elsewhere
            rm -r data
            $CAIRN fsck elsewhere/data
            $CAIRN export elsewhere/data | cmp - before
            $CAIRN rm elsewhere/data k1
            """)
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
    }

    @Test(
        "the drill of a server brings back every byte, typed as it stands there",
        .enabled(if: geteuid() == 0, "only root may be another user"))
    func serverDrill() throws {
        guard try tool.hasCommand("curl"), try tool.hasCommand("systemd-sysusers") else { return }
        let drill = try #require(try commands(in: "The drill").dropFirst().first)
        try tool.write(
            Array(drill.replacing("http://127.0.0.1:7777", with: "$URL").utf8), to: "drill")
        let result = try tool.inMachine(
            """
            set -eu
            export no_proxy='*' CAIRN_LISTEN=127.0.0.1:0
            cp '\(ToolProcess.binaries)'/cairn{,d} /usr/bin
            systemd-sysusers '\(repository)/tools/debian/cairn.sysusers'
            chmod 711 /mnt
            install -d /etc/cairn
            install -d -o cairn -m 700 /var/lib/cairn /mnt/disk2
            echo 'dir = /var/lib/cairn/store' >/etc/cairn/cairnd.conf
            # The manager that there is none of here: its unit's line, as its unit's user.
            systemctl() {
                case $1 in
                start)
                    rm -f ready; mkfifo -m 666 ready
                    setpriv --reuid cairn --regid cairn --init-groups $(sed -n 's/^ExecStart=//p' \\
                        '\(repository)/tools/debian/cairnd.service') >ready 2>log &
                    server=$!
                    read -r line <ready || { cat log >&2; exit 1; }
                    URL=${line##* } ;;
                stop) kill $server; wait $server ;;
                esac
            }
            systemctl start cairnd
            for n in $(seq 20); do
                head -c $((n * n * 1000)) /dev/urandom >k$n
                curl -sSf -T k$n $URL/store/k$n
            done
            . ./drill
            for n in $(seq 20); do curl -sSf $URL/store/k$n | cmp - k$n; done
            systemctl stop cairnd
            """)
        guard let result else { return }
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
    }
}
