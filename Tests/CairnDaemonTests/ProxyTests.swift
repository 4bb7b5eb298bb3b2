// Proxies in front of the real server, as tools/proxy has them, where they are installed.

import CairnSystem
import CairnTestSupport
import Testing

@Suite("Proxy")
struct ProxyTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairnd") }

    /// Puts down a configuration of tools/proxy as "template". The proxy listens on a socket of the file system, as no
    /// port is free for sure; @HERE@ and @PORT@ are for the script to fill in.
    private func place(
        _ name: String, listening line: (String, String), changing: (String) -> String = { $0 }
    ) throws {
        let path = repository + "/tools/proxy/" + name
        let bytes = try ByteStream.reading(path).readAll(atMost: 1 << 16)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(line.0) && text.contains("127.0.0.1:7777"))
        let changed = changing(text.replacing(line.0, with: line.1))
        try tool.write(
            Array(changed.replacing("127.0.0.1:7777", with: "127.0.0.1:@PORT@").utf8),
            to: "template")
    }

    /// Runs a proxy and puts and gets through it.
    private func expectTransparency(_ setting: String, start: String) throws {
        let result = try tool.serving(
            """
            set -eu -o pipefail
            PATH=$PATH:/usr/sbin
            sed "s|@HERE@|$PWD|; s|@PORT@|$PORT|" template >site
            \(setting)
            \(start) 2>>errors &
            proxy=$!
            \(Self.requests)
            """)
        #expect(result.code == 0, "\(result.code): \(result.text) \(result.complaint)")
    }

    @Test(
        "what clients put and get through nginx is what they would without it",
        arguments: [("on", "1.1"), ("off", "1.1"), ("on", "1.0")])
    func nginx(buffers: String, version: String) throws {
        guard try tool.hasCommand("nginx"), try tool.hasCommand("curl") else { return }
        try place("nginx.conf", listening: ("listen 80;", "listen unix:@HERE@/front;")) {
            $0.replacing("buffering off;", with: "buffering \(buffers);")
                .replacing("proxy_http_version 1.1;", with: "proxy_http_version \(version);")
        }
        try expectTransparency(
            """
            cat >conf <<END
            daemon off; master_process off; worker_processes 1;
            pid $PWD/pid; error_log $PWD/errors;
            events { worker_connections 64; }
            http {
                access_log off;
                client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy;
                fastcgi_temp_path $PWD/fastcgi; uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
                include $PWD/site;
            }
            END
            """, start: #"nginx -p "$PWD" -c "$PWD/conf""#)
    }

    @Test("what clients put and get through HAProxy is what they would without it")
    func haproxy() throws {
        guard try tool.hasCommand("haproxy"), try tool.hasCommand("curl") else { return }
        try place("haproxy.cfg", listening: ("bind :80", "bind unix@@HERE@/front"))
        try expectTransparency("haproxy -c -q -f site", start: "haproxy -db -f site")
    }

    /// Puts and gets by way of the socket; how a body is sent decides what a proxy does with it.
    private static let requests = """
        trap 'kill $proxy; wait $proxy || true' EXIT
        answers() {
            curl -sS --max-time 60 --unix-socket front -o answer -D head -w '%{http_code}' "$@"
        }
        is() { [ "$1" = "$2" ] || { echo "$1 is not $2" >&2; cat errors >&2; exit 1; }; }
        until curl -s -o answer --unix-socket front http://cairn/healthz; do kill -0 $proxy; done
        head -c 5000000 /dev/urandom >large
        printf small >small
        is $(answers http://cairn/healthz) 200
        is $(answers -T small http://cairn/store/a%2Fb) 201
        is $(answers http://cairn/store/a/b) 200
        cmp answer small
        tag=$(sed -n 's/^etag: \\(.*\\)\\r$/\\1/Ip' head)
        is $(answers -H "If-None-Match: $tag" http://cairn/store/a/b) 304
        is $(answers -H 'If-None-Match: *' -T small http://cairn/store/a/b) 412
        is $(answers -H 'Expect: 100-continue' -T large http://cairn/store/large) 201
        is $(answers http://cairn/store/large) 200
        cmp answer large
        is $(answers -r 4000000-4000009 http://cairn/store/large) 206
        is $(stat -c %s answer) 10
        is $(cat large | answers -T - http://cairn/store/large) 204
        is $(answers http://cairn/store/large) 200
        cmp answer large
        is $(answers -I http://cairn/store/large) 200
        is $(answers -X DELETE http://cairn/store/large) 204
        is $(answers http://cairn/store/large) 404
        """
}
