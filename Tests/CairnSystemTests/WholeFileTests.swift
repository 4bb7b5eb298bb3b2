// Small files read whole, who may read them, and the environment.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Whole files") struct WholeFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var path: String { directory.path + "/file" }

    @Test(
        "all bytes are read, up to the bound", arguments: [0, 1, 16_383, 16_384, 16_385, 100_000])
    func whole(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try ByteStream.writing(path).write(bytes.rawSpan)
        #expect(try ByteStream.reading(path).readAll(atMost: count) == bytes)
        if count == 0 { return }
        #expect(throws: FileError(.readNext, path: path, code: EFBIG)) {
            try ByteStream.reading(path).readAll(atMost: count - 1)
        }
    }

    @Test("who may do what is told of the open file")
    func permissions() throws {
        let stream = try ByteStream.writing(path)
        let cases: [(mode_t, Bool, Bool)] = [
            (0o600, false, false), (0o400, false, false), (0o640, true, false),
            (0o620, true, true), (0o601, true, false), (0o606, true, true),
        ]
        for (mode, isForOthers, isWritable) in cases {
            try check(unsafe chmod(path, mode))
            let permissions = try stream.permissions()
            #expect(permissions.isForOthers == isForOthers)
            #expect(permissions.isWritableByOthers == isWritable)
            #expect(permissions.isOwnedHere && permissions.owner == geteuid())
            #expect(permissions.text == "0" + String(mode, radix: 8))
        }
    }

    @Test("variables of the environment are told by their bytes")
    func environment() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("CAIRN_TEST_ODD", "a=\u{e9}=b", 1)
            unsafe setenv("CAIRN_TEST_EMPTY", "", 1)
            guard ProcessEnvironment.value("CAIRN_TEST_ODD") == Array("a=\u{e9}=b".utf8) else {
                exit(2)
            }
            guard ProcessEnvironment.value("CAIRN_TEST_EMPTY") == [],
                ProcessEnvironment.value("CAIRN_TEST") == nil
            else { exit(3) }
        }
    }
}
