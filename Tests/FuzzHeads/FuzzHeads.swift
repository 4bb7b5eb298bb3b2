// fuzz-heads — arbitrary bytes for what reads requests: heads, chunked bodies, forms, and what fields mean.
//
// The first byte of an input says where it is split. Whatever the bytes are, nothing traps; what is said of
// them does not depend on the pieces in which they came; and a head that is accepted keeps what its readers
// rely on. Built and run by tools/fuzz, with libFuzzer, which looks for inputs that reach new code.

import CairnHTTP
import CairnSystem
import FuzzDriver

@main
private enum FuzzHeads {
    static func main() {
        fuzz { choice, bytes in Input(bytes: bytes, split: Int(choice)).check() }
    }
}

private struct Input {
    let bytes: [UInt8]
    let split: Int

    func check() {
        let whole = scan(steps: [bytes.count])
        let place = bytes.isEmpty ? 0 : split % (bytes.count + 1)
        precondition(scan(steps: [place, bytes.count]) == whole, "pieces change nothing")
        precondition(scan(steps: Array(0...bytes.count)) == whole, "single bytes change nothing")
        if case .complete(let start, let end) = whole {
            read(bytes.rawSpan.extracting(start..<end), body: Array(bytes[end...]))
        }
        decodeChunks(bytes)
        readForm()
    }

    // MARK: Heads

    private enum Found: Equatable {
        case incomplete
        case complete(start: Int, end: Int)
        case refused(Refusal)
    }

    /// What the scanner says when it has seen so many bytes, and so many.
    private func scan(steps: [Int]) -> Found {
        var scanner = HeadScanner()
        for count in steps {
            switch scanner.advance(in: bytes.rawSpan.extracting(0..<count)) {
            case .incomplete: continue
            case .complete(let end): return .complete(start: scanner.start, end: end)
            case .refused(let refusal): return .refused(refusal)
            }
        }
        return .incomplete
    }

    private func read(_ text: RawSpan, body: [UInt8]) {
        var head = RequestHead()
        do throws(Refusal) {
            try HeadParser.parse(text, limits: RequestLimits(), into: &head)
        } catch {
            precondition((400..<600).contains(error.status), "a refusal is an error")
            return
        }
        let request = Request(head, in: text)
        precondition(request.fieldCount("host") <= 1, "there is one host")
        for place in 0..<head.fields.count {
            let field = head.fields[place]
            let (name, value) = (
                text.extracting(field.name.range), text.extracting(field.value.range)
            )
            precondition(!name.isEmpty, "fields have names")
            for byte in value.copyBytes() {
                precondition(byte == 9 || byte >= 32, "no value ends its line")
            }
        }
        readMeaning(request)
        if head.body == .chunked { decodeChunks(body) }
    }

    /// What handlers read of a request; each either has a value or says no.
    private func readMeaning(_ request: borrowing Request) {
        _ = PercentCoding.decoded(request.path)
        _ = Query(request.query).value(of: "prefix")
        _ = try? Preconditions(request, now: 1_800_000_000)
        _ = try? IntegrityFields(request)
        _ = IntegrityAlgorithm.wanted(by: request)
        let range = RangeRequest(request, now: 1_800_000_000)
        let validators = Validators(sequence: 7, lastModified: 1_700_000_000)
        if case .part(let part) = range.range(of: validators, byteCount: 1000) {
            precondition(!part.isEmpty && part.upperBound <= 1000, "a part is of the blob")
        }
    }

    // MARK: Bodies

    private func decodeChunks(_ body: [UInt8]) {
        let whole = decoded(body, steps: [body.count])
        let place = body.isEmpty ? 0 : split % (body.count + 1)
        precondition(decoded(body, steps: [place, body.count]) == whole, "pieces change nothing")
    }

    /// The bytes that chunks hold, and what the decoder said at the end.
    private func decoded(_ body: [UInt8], steps: [Int]) -> [UInt8] {
        var decoder = ChunkedDecoder(limits: RequestLimits())
        var (bytes, position) = ([UInt8](), 0)
        for count in steps {
            let input = body.rawSpan.extracting(0..<count)
            loop: while true {
                switch decoder.next(in: input, from: &position) {
                case .needsMore: break loop
                case .data(let range):
                    precondition(!range.isEmpty && range.upperBound <= count, "data is of the body")
                    bytes += body[range]
                case .end: return bytes + [1]
                case .refused: return bytes + [2]
                }
            }
        }
        return bytes + [0]
    }

    private func readForm() {
        let type = Array("multipart/form-data; boundary=b".utf8)
        do throws(MalformedMultipart) {
            guard var form = try Multipart(bytes.rawSpan, contentType: type.rawSpan) else { return }
            while let part = try form.next() {
                precondition(part.bytes.upperBound <= bytes.count, "a part is of the body")
            }
        } catch {
            return
        }
    }
}
