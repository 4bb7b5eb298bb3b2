// What a run of the tool must have come to.

import CairnTestSupport
import Testing

/// The run ended with this code, and said all of `words` on standard error.
func expect(
    _ result: ToolResult, code: Int32, saying words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.signal == nil, sourceLocation: sourceLocation)
    #expect(result.code == code, "\(result.complaint)", sourceLocation: sourceLocation)
    for word in words {
        #expect(
            result.complaint.contains(word), "\(result.complaint)", sourceLocation: sourceLocation)
    }
    if words.isEmpty && code == 0 {
        #expect(result.complaint == "", sourceLocation: sourceLocation)
    }
}
