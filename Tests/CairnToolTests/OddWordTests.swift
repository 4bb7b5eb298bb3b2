// Words of the command line that are not UTF-8: keys and metadata are their bytes, paths are refused.

import CairnTestSupport
import Testing

@Suite("Tool: words of any bytes")
struct OddWordTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess() }

    @Test("keys that differ in a byte that is not UTF-8 are different keys, to every command")
    func keys() throws {
        let filled = try tool.shell(
            """
            printf one > one; printf two > two
            $CAIRN put --create store $'x\\xff' one && $CAIRN put store $'x\\xfe' two
            """)
        expect(filled, code: 0)
        #expect(try tool.shell("$CAIRN ls store").lines == ["x\\xfe", "x\\xff"])
        #expect(try tool.shell("$CAIRN get store $'x\\xff'").text == "one")
        #expect(try tool.shell("$CAIRN get --hex store 78fe").text == "two")
        #expect(try tool.shell("$CAIRN get --escaped store $'x\\xfe'").text == "two")
        #expect(try tool.shell("$CAIRN ls store $'x\\xff'").lines == ["x\\xff"])
        #expect(try tool.shell("$CAIRN stat store $'x\\xff'").text.hasPrefix("key      x\\xff\n"))
        #expect(try tool.shell("$CAIRN explain store $'x\\xff'").text.hasPrefix("live"))
        #expect(
            try tool.shell("$CAIRN export store $'x\\xff' | $CAIRN import --create --json copy")
                .json?.first?["importedCount"]?.integer == 1)
        expect(
            try tool.shell("$CAIRN get store $'x\\xfd'"), code: 1, saying: "no key \"x\\xfd\"")
        expect(try tool.shell("$CAIRN rm store $'x\\xff'"), code: 0)
        #expect(try tool.shell("$CAIRN ls store").lines == ["x\\xfe"])
    }

    @Test("metadata is the bytes of its word, in either form of the option")
    func metadata() throws {
        for option in ["--metadata $'\\xff\\x01=m'", "--metadata=$'\\xff\\x01=m'"] {
            expect(
                try tool.shell("$CAIRN put --create \(option) store k < /dev/null"), code: 0)
            let stat = try tool.shell("$CAIRN stat --json store k").json?.first
            #expect(stat?["metadata"]?.string == "\\xff\\x01=m")
        }
    }

    @Test("letters that join what stands before them do not hide an option's marks")
    func joiningLetters() throws {
        expect(
            try tool.shell("$CAIRN put --create --metadata=$'\\xcc\\xb8x' store k < /dev/null"),
            code: 0)
        expect(try tool.shell("$CAIRN ls store $'-\\xcc\\xb8'"), code: 16, saying: "unknown")
    }

    @Test("a path that is not UTF-8 is refused with 16, and none like it is touched")
    func paths() throws {
        for line in [
            "put --create $'s\\xff' k", "put --create store k $'f\\xff'", "get store k $'f\\xff'",
            "ls $'s\\xff'", "dump $'s\\xff'", "backup store $'b\\xff'", "import store $'f\\xff'",
            "restore store $'b\\xff'",
        ] {
            let result = try tool.shell("printf x > $'f\\xff'; $CAIRN \(line) < /dev/null")
            expect(result, code: 16, saying: "is not UTF-8", "\\xff")
        }
        let left = try tool.shell("ls -b")
        #expect(left.lines == ["f\\377"], "\(left.text)")
        // A name that is no text, which would keep the test's directory from being removed.
        expect(try tool.shell("rm $'f\\xff'"), code: 0)
    }

    @Test("a word that is no command, option or number is shown as what it is")
    func otherWords() throws {
        for (line, shown) in [
            ("$'gt\\xff'", "\"gt\\xff\""), ("get $'--he\\xffx' s k", "--he\\xffx"),
            ("put --expires-in $'1\\xff' s k", "\"1\\xff\""),
            ("get --hex s $'0\\xff'", "\"0\\xff\""), ("get s k f $'m\\xff'", "\"m\\xff\""),
        ] {
            expect(try tool.shell("$CAIRN \(line) < /dev/null"), code: 16, saying: shown)
        }
    }
}
