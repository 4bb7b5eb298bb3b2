// Completions, as the shells themselves complete. A shell that is not there is SKIPPED.

import CairnTestSupport
import Testing

@Suite("Tool: completions")
struct CompletionTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess() }

    /// What is typed before the key that completes, and what the line is then.
    private static let lines = [
        ("cairn comp", "cairn compact"), ("cairn ls --li", "cairn ls --limit"),
        ("cairn fsck --acc", "cairn fsck --accept-loss"),
        ("cairn help --completions z", "cairn help --completions zsh"),
    ]

    private func has(_ shell: String) throws -> Bool {
        if try tool.shell("command -v \(shell)").code == 0 { return true }
        print("SKIPPED: there is no \(shell) here")
        return false
    }

    @Test("bash completes commands")
    func bash() throws {
        let result = try tool.shell(
            "eval \"$($CAIRN help --completions bash)\" && COMP_WORDS=(cairn sta) COMP_CWORD=1 "
                + "&& _cairn && echo ${COMPREPLY[@]}")
        #expect(result.text == "stat stats\n", "\(result.complaint)")
    }

    @Test("zsh completes commands, options and words, on a terminal", arguments: lines)
    func zsh(_ typed: String, _ line: String) throws {
        guard try has("zsh") else { return }
        // The line is made an argument of print when it has been completed.
        let script = #"""
            zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z 'PS1=; unsetopt beep; autoload -U compinit; compinit -u -D; source ./_cairn; print LOA""DED'
            zpty -r z out '*LOADED*'
            zpty -w -n z "$TYPED"$'\t'$'\C-aprint -r -- "<\C-e>"\n'
            zpty -r z out $'*\n<*>*'
            print -r -- ${out##*$'\n'}
            zpty -d z
            """#
        let result = try tool.shell(
            "$CAIRN help --completions zsh > _cairn; TYPED='\(typed)' timeout 60 zsh -f -c '\(script.replacing("'", with: "'\\''"))'"
        )
        #expect(result.text.contains("<\(line)>"), "\(result.text) \(result.complaint)")
    }

    @Test("fish completes commands, options and words", arguments: lines)
    func fish(_ typed: String, _ line: String) throws {
        guard try has("fish") else { return }
        let result = try tool.shell(
            "$CAIRN help --completions fish > f; HOME=$PWD fish -c 'source f; complete -C \"\(typed)\"'"
        )
        let word = line.split(separator: " ").last.map(String.init) ?? line
        #expect(result.text.hasPrefix(word), "\(result.text) \(result.complaint)")
        #expect(!result.text.contains("\\"))
    }
}
