// SegmentHandlesTests — handles and flushed offsets by segment ordinal.

import Cairn
import CairnSystem
import Synchronization
import Testing

@Suite("Segment handles") struct SegmentHandlesTests {
    @Test("an unknown segment has no handle, wherever its ordinal lies")
    func none() {
        let handles = SegmentHandles()
        for ordinal in [0, 1, 1023, 1024, 99_999, Location.segmentOrdinalCount - 1] {
            #expect(handles.handle(of: ordinal) == -1)
            #expect(handles.flushedOffset(of: ordinal) == 0)
        }
    }

    @Test("each segment has its own handle and offset, in every page")
    func entries() {
        let handles = SegmentHandles()
        let ordinals = [0, 1, 1023, 1024, 1025, 4095, 70_000, Location.segmentOrdinalCount - 1]
        for (number, ordinal) in ordinals.enumerated() {
            handles.add(Int32(number), flushedOffset: UInt64(number) * 4096, for: ordinal)
        }
        for (number, ordinal) in ordinals.enumerated() {
            #expect(handles.handle(of: ordinal) == Int32(number))
            #expect(handles.flushedOffset(of: ordinal) == UInt64(number) * 4096)
        }
        #expect(handles.handle(of: 2) == -1)
        #expect(handles.remove(1024) == 3)
        #expect(handles.remove(1024) == -1)
        #expect(handles.handle(of: 1024) == -1)
        #expect(handles.handle(of: 1025) == 4)
        handles.add(.max, flushedOffset: .max, for: 1024)
        #expect(handles.handle(of: 1024) == .max)
        #expect(handles.flushedOffset(of: 1024) == .max)
    }

    /// What the two threads share.
    private final class Shared: Sendable {
        let handles = SegmentHandles()
        let written = Atomic<UInt64>(0)
        let wrongCount = Atomic<Int>(0)
        let isStopped = Atomic<Bool>(false)
    }

    @Test("a reader that sees an offset sees what was written before it, as pages are added")
    func threads() throws {
        let shared = Shared()
        let thread = try ServiceThread.start(name: "reader") {
            var ordinal = 0
            while !shared.isStopped.load(ordering: .relaxed) {
                let offset = shared.handles.flushedOffset(of: ordinal)
                if offset > shared.written.load(ordering: .relaxed) {
                    shared.wrongCount.add(1, ordering: .relaxed)
                }
                let handle = shared.handles.handle(of: ordinal)
                if handle != -1 && Int(handle) != ordinal {
                    shared.wrongCount.add(1, ordering: .relaxed)
                }
                ordinal = (ordinal + 1) % 8192
            }
        }
        for ordinal in 0..<8192 {
            for step in 1...10 {
                let offset = UInt64(ordinal * 10 + step)
                shared.written.store(offset, ordering: .relaxed)
                if step == 1 {
                    shared.handles.add(Int32(ordinal), flushedOffset: offset, for: ordinal)
                } else {
                    shared.handles.setFlushedOffset(offset, for: ordinal)
                }
            }
        }
        shared.isStopped.store(true, ordering: .relaxed)
        thread.join()
        #expect(shared.wrongCount.load(ordering: .relaxed) == 0)
    }
}
