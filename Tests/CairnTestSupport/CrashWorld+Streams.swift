// CrashWorld+Streams — streams that show one version while its key is overwritten.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    func openStream(_ key: Int, _ engine: Engine<SimulatedDisk>) throws(CrashFailure) {
        guard streams.count < 2, !hasFailed else { return }
        guard let reading = try reading(key, engine) else { return }
        try check(reading, key)
        let name = oracle.keys[key]
        note("open a stream on key \(key)")
        do {
            guard let stream = try engine.stream(name.rawSpan) else {
                guard reading == nil else { throw fail("key \(key) cannot be streamed") }
                return
            }
            streams.append(
                OpenStream(key: key, stream: stream, bytes: reading?.value.bytes ?? []))
        } catch let error as StoreError {
            try acceptReading(error, key)
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
    }

    func readStream(_ byteCount: Int) throws(CrashFailure) {
        guard let place = streams.indices.randomElement(using: &dice) else { return }
        let (key, offset) = (streams[place].key, streams[place].offset)
        let piece: [UInt8]
        do {
            piece = try streams[place].stream.read(byteCountMaximum: byteCount)
        } catch {
            note("the stream on key \(key) answered \(error)")
            let isAllowed = disk.isDead || (isTroubled && error.kind == .inputOutput)
            if !isAllowed { throw fail("the stream on key \(key): \(error)") }
            return
        }
        note("\(piece.count) bytes at \(offset) of the stream on key \(key)")
        let rest = streams[place].bytes.count - offset
        let isExpected = streams[place].bytes[offset...].starts(with: piece)
        guard isExpected, !piece.isEmpty || byteCount == 0 || rest == 0 else {
            throw fail("the stream on key \(key) shows other bytes at \(offset)")
        }
        streams[place].offset += piece.count
        if oracle.wasTouched(key), !piece.isEmpty,
            streams[place].bytes.count > tuning.chunkByteCount
        {
            marks.hit(.streamOutlived)
        }
    }

    func closeStream() {
        guard let stream = streams.popLast() else { return }
        note("close the stream on key \(stream.key)")
        stream.stream.close()
    }
}
