// Clients that people have, against the real server: what each sends by itself, and in its own way.

import CairnTestSupport
import Testing

@Suite("Clients")
struct ClientTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairnd") }

    /// Runs a script that ends at the first command that fails; `answers ARGUMENTS…` is the status that
    /// curl gets.
    private func expect(
        _ script: String, options: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let result = try tool.serving(
            """
            set -eu -o pipefail
            trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
            answers() {
                curl -sS --max-time 60 -o answer -D head -w '%{http_code}' "$@"
            }
            # The shell does not end at a ! that fails.
            no() { ! "$@"; }
            is() { [ "$1" = "$2" ] || { echo "$1 is not $2" >&2; return 1; }; }
            \(script)
            """, options: options)
        #expect(
            result.code == 0, "\(result.code): \(result.text) \(result.complaint)",
            sourceLocation: sourceLocation)
    }

    /// Makes files: a small one, and one of many pieces.
    private static let files = """
        printf 'hello, blob\\n' >small
        head -c 5000000 /dev/urandom >large

        """

    @Test("curl puts, gets, asks for ranges and sets conditions")
    func curl() throws {
        guard try tool.hasCommand("curl") else { return }
        try expect(
            Self.files + """
                is $(answers -T small $URL/store/a) 201
                tag=$(sed -n 's/^ETag: \\(.*\\)\\r$/\\1/p' head)
                is $(answers $URL/store/a) 200
                cmp answer small
                is $(answers -r 7-10 $URL/store/a) 206
                is "$(cat answer)" blob
                is $(answers -r 100- $URL/store/a) 416
                is $(answers -H "If-None-Match: $tag" $URL/store/a) 304
                is $(answers -H 'If-None-Match: *' -T small $URL/store/a) 412
                is $(answers -H "If-Match: $tag" -T large $URL/store/a) 204
                is $(answers -H "If-Match: $tag" -T small $URL/store/a) 412
                is $(answers --compressed $URL/store/a) 200
                cmp answer large
                is $(answers -I $URL/store/a) 200
                is $(answers -X DELETE $URL/store/a) 204
                is $(answers $URL/store/a) 404
                """)
    }

    @Test("curl sends a large body after 100 Continue, in chunks, or not at all when refused")
    func curlUploads() throws {
        guard try tool.hasCommand("curl") else { return }
        try expect(
            Self.files + """
                is $(answers -v -H 'Expect: 100-continue' -T large $URL/store/a 2>said) 201
                grep -q '^< HTTP/1.1 100 Continue' said
                is $(answers $URL/store/a) 200
                cmp answer large
                is $(cat large | answers -T - $URL/store/b) 201
                is $(answers $URL/store/b) 200
                cmp answer large
                is $(answers -v -H 'Expect: 100-continue' -H 'If-None-Match: *' -T large \\
                    $URL/store/a 2>said) 412
                no grep -q '^< HTTP/1.1 100 Continue' said
                head -c 6000000 /dev/zero >larger
                is $(answers -v -H 'Expect: 100-continue' -T larger $URL/store/c 2>said) 413
                no grep -q '^< HTTP/1.1 100 Continue' said
                is $(answers -F upload_file=@small "$URL/files?path=form") 201
                is $(answers $URL/store/form) 200
                cmp answer small
                """, options: "--max-blob-bytes 5000000")
    }

    @Test("wget gets, goes on with what it has of a file, and puts")
    func wget() throws {
        guard try tool.hasCommand("wget") else { return }
        try expect(
            Self.files + """
                wget -q -T 60 -t 1 --method=PUT --body-file=large -O - $URL/store/dir/large
                wget -q -T 60 -t 1 -O whole $URL/store/dir/large
                cmp whole large
                mkdir part
                head -c 1234567 large >part/large
                (cd part; wget -nv -c -T 60 -t 1 $URL/store/dir/large 2>said)
                cmp part/large large
                wget -q -T 60 -t 1 -S --spider $URL/store/dir/large 2>said
                grep -q 'Content-Length: 5000000' said
                no wget -q -T 60 -t 1 -O none $URL/store/none
                """)
    }

    @Test("ab loads it over HTTP/1.0, with and without connections that stay")
    func apacheBench() throws {
        guard try tool.hasCommand("ab") else { return }
        try expect(
            Self.files + """
                for keeps in '' -k; do
                    ab -q -s 60 $keeps -n 500 -c 8 -u small -T text/plain $URL/store/a >said
                    grep -q 'Failed requests: *0$' said
                    grep -q 'Complete requests: *500$' said
                    ab -q -s 60 $keeps -n 500 -c 8 $URL/store/a >said
                    grep -q 'Failed requests: *0$' said
                    no grep -q 'Non-2xx' said
                done
                """)
    }

    @Test("wrk loads it over connections that stay, and every answer is a blob")
    func wrk() throws {
        guard try tool.hasCommand("wrk") else { return }
        try expect(
            Self.files + """
                is $(curl -sS -o answer -w '%{http_code}' -T small $URL/store/a) 201
                wrk -t 1 -c 16 -d 1s $URL/store/a >said
                grep -q 'requests in' said
                no grep -E 'Non-2xx|Socket errors' said
                """)
    }

    /// What both libraries of Python do; `put` sends what it is given.
    private static let python = """
        import hashlib, os, sys
        url = os.environ['URL']
        large = os.urandom(3000000)
        def chunks():
            for start in range(0, len(large), 100000): yield large[start:start + 100000]
        first = client.put(url + '/store/a b/%C3%BC', data=b'one', headers={'X-Meta-Owner': 'me'})
        assert first.status_code == 201, first.text
        tag = first.headers['etag']
        read = client.get(url + '/store/a b/\\u00fc')
        assert read.content == b'one' and read.headers['x-meta-owner'] == 'me'
        assert client.get(url + first.headers['location']).content == b'one'
        assert client.put(url + '/store/large', data=chunks()).status_code == 201
        assert client.get(url + '/store/large').content == large
        part = client.get(url + '/store/large', headers={'Range': 'bytes=-1000'})
        assert part.status_code == 206 and part.content == large[-1000:]
        same = client.get(url + '/store/a b/\\u00fc', headers={'If-None-Match': tag})
        assert same.status_code == 304 and same.content == b''
        lost = client.put(url + '/store/a b/\\u00fc', data=b'two', headers={'If-Match': '"1"' + '0'})
        assert lost.status_code in (400, 412), lost.status_code
        problem = client.get(url + '/store/none')
        assert problem.status_code == 404 and problem.json()['type'] == 'urn:cairn:not-found'
        keys = client.get(url + '/store/', params={'prefix': 'a b/'}).json()['items']
        assert [item['key'] for item in keys] == ['a b/\\u00fc'] and keys[0]['etag'] == tag
        gone = client.post(url + '/store/?delete', json=['large', 'none']).json()['results']
        assert [item['deleted'] for item in gone] == [True, False]
        form = client.post(url + '/upload', files={'file': ('n.txt', b'text', 'text/plain')})
        assert form.json()['name'] == 'n.txt', form.text
        assert client.get(url + '/blob/n.txt').headers['content-type'] == 'text/plain'

        """

    @Test("requests of Python speaks with it")
    func pythonRequests() throws {
        guard try hasModule("requests") else { return }
        let text = "import requests\nclient = requests.Session()\n" + Self.python
        try tool.write(Array(text.utf8), to: "try.py")
        try expect("timeout 120 python3 try.py")
    }

    @Test("httpx of Python speaks with it")
    func pythonHTTPX() throws {
        guard try hasModule("httpx") else { return }
        let text = "import httpx\nclient = httpx.Client(timeout=60)\n" + Self.python
        // It has a name of its own for bodies that are no forms.
        try tool.write(Array(text.replacing("data=", with: "content=").utf8), to: "try.py")
        try expect("timeout 120 python3 try.py")
    }

    private func hasModule(_ name: String) throws -> Bool {
        guard try tool.hasCommand("python3") else { return false }
        if try tool.shell("python3 -c 'import \(name)'").code == 0 { return true }
        print("SKIPPED: python3 has no \(name) here")
        return false
    }
}
