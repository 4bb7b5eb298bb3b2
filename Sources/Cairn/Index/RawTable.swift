// RawTable — the raw memory under the index: slots, tables of atomic words, pages of words.
//
// A slot is two words, hash and location. A table's slots start empty; a slot is filled once, hash
// before location, and its hash never changes again. Readers load the location first; a location
// that is not empty was stored after its hash. One writer for each table; any number of readers.
//
// Why this is sound: locations and all other shared words are `Atomic<UInt64>`, bound once over
// zeroed memory that they do not leave; an atomic's representation is its value's. A hash is an
// ordinary word: it is stored once, before the release of its location, and loaded only after that
// location was acquired, so ThreadSanitizer proves the order of the stores. Each index is checked
// against the count that the memory was allocated with.
// `RawTable` alone can outlive its memory: only `TableMemory` frees tables, the index hands them to
// it through `Readers`, and every use of one lies in a reader's section or in the only writer.

import CairnSystem
import Synchronization

typealias AtomicWord = Atomic<UInt64>

/// A table of slots. A plain value, so that a reader holds no reference count.
@safe struct RawTable: @unchecked Sendable, BitwiseCopyable {
    // Sendable: an immutable address and a count; the memory behind it is all atomics.
    private let slots: UnsafeMutableRawPointer
    let capacity: Int

    static let slotByteCount = 16
    /// From here on a table has pages of its own, which go back to the system when it is freed.
    private static let mappedByteCountMinimum = 4096
    private static let slotsPerPage = 4096 / slotByteCount

    /// One word holds a table: address / 16 (44 bits), capacity as exponent (5) and mantissa (15).
    /// Readers get both by one load. Zero is no table.
    init?(word: UInt64) {
        guard
            let address = unsafe UnsafeMutableRawPointer(
                bitPattern: UInt(truncatingIfNeeded: (word >> 20) << 4))
        else { return nil }
        unsafe slots = address
        capacity = Int(truncatingIfNeeded: (word & 0x7fff) << (word >> 15 & 31))
    }

    var word: UInt64 {
        let address = unsafe UInt64(UInt(bitPattern: slots))
        precondition(address & 15 == 0 && address >> 48 == 0, "a table's address has 48 bits")
        let exponent = Self.exponent(of: capacity)
        return address << 16 | UInt64(exponent << 15 | capacity >> exponent)
    }

    var byteCount: Int { capacity * Self.slotByteCount }

    /// The least capacity at or above `slotCount` that a table can have.
    static func capacity(holding slotCount: Int) -> Int {
        let isMapped = slotCount * slotByteCount >= mappedByteCountMinimum
        let granularity = isMapped ? slotsPerPage : 1
        let rounded = (slotCount + granularity - 1) / granularity * granularity
        let exponent = exponent(of: rounded)
        return ((rounded + (1 << exponent) - 1) >> exponent) << exponent
    }

    private static func exponent(of capacity: Int) -> Int {
        var exponent = 0
        while (capacity + (1 << exponent) - 1) >> exponent > 0x7fff { exponent += 1 }
        return exponent
    }

    fileprivate init(allocating capacity: Int) {
        self.capacity = capacity
        let byteCount = capacity * Self.slotByteCount
        if byteCount >= Self.mappedByteCountMinimum {
            guard let address = unsafe AnonymousMemory.map(byteCount: byteCount) else {
                preconditionFailure("there is memory for the index")
            }
            unsafe slots = address
            if byteCount < AnonymousMemory.populatedByteCountMinimum {
                // Written first: pages that are read first fault again when they are written.
                unsafe slots.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            }
        } else {
            unsafe slots = allocateZeroed(byteCount: byteCount)
        }
        unsafe slots.bindMemory(to: AtomicWord.self, capacity: capacity * 2)
    }

    fileprivate func free() {
        if byteCount >= Self.mappedByteCountMinimum {
            unsafe AnonymousMemory.unmap(slots, byteCount: byteCount)
        } else {
            unsafe slots.deallocate()
        }
    }

    /// Where the search for a hash with these leading bits starts.
    func position(ofBits bits: UInt64) -> Int {
        let product = bits.multipliedFullWidth(by: UInt64(truncatingIfNeeded: capacity))
        return Int(truncatingIfNeeded: product.high)
    }

    /// The hash's slot, or the empty slot that ends its search. At least one slot is empty.
    func find(_ hash: UInt64, from start: Int) -> (position: Int, location: Location) {
        var position = start
        while true {
            let location = location(at: position)
            if location == .empty || self.hash(at: position) == hash {
                return (position, location)
            }
            position &+= 1
            if position == capacity { position = 0 }
        }
    }

    /// Sequentially consistent, as the proof in Readers.swift asks; costs nothing on x86-64.
    func location(at position: Int) -> Location {
        unsafe Location(
            rawValue: locationWord(position).pointee.load(ordering: .sequentiallyConsistent))
    }

    /// Only after a location that is not empty was loaded from the same slot.
    func hash(at position: Int) -> UInt64 { unsafe slot(position).load(as: UInt64.self) }

    /// Fills an empty slot. Writer only.
    func insert(_ hash: UInt64, _ location: Location, at position: Int) {
        unsafe slot(position).storeBytes(of: hash, as: UInt64.self)
        update(location, at: position)
    }

    /// Changes the location of a filled slot; never to `empty`. Writer only.
    func update(_ location: Location, at position: Int) {
        unsafe locationWord(position).pointee.store(location.rawValue, ordering: .releasing)
    }

    /// Asks the processor for the slot's cache line.
    func prefetch(_ position: Int) { unsafe CairnSystem.prefetch(slot(position)) }

    private func slot(_ position: Int) -> UnsafeMutableRawPointer {
        precondition(position >= 0 && position < capacity, "a slot's position is in its table")
        return unsafe slots + position &* Self.slotByteCount
    }

    private func locationWord(_ position: Int) -> UnsafeMutablePointer<AtomicWord> {
        unsafe (slot(position) + 8).assumingMemoryBound(to: AtomicWord.self)
    }
}

/// Allocates and frees tables, and knows how much memory they take. Any thread.
final class TableMemory: Sendable {
    private let currentByteCount = Atomic<Int>(0)
    private let maximumByteCount = Atomic<Int>(0)

    /// Bytes of all tables, retired ones that a reader may still see included.
    var byteCount: Int { currentByteCount.load(ordering: .relaxed) }
    /// The most that `byteCount` ever was.
    var byteCountMaximum: Int { maximumByteCount.load(ordering: .relaxed) }

    func allocate(capacity: Int) -> RawTable {
        let table = RawTable(allocating: RawTable.capacity(holding: capacity))
        let total = currentByteCount.add(table.byteCount, ordering: .relaxed).newValue
        maximumByteCount.max(total, ordering: .relaxed)
        return table
    }

    /// Frees a table that nobody can reach any more.
    func free(_ table: RawTable) {
        currentByteCount.subtract(table.byteCount, ordering: .relaxed)
        table.free()
    }
}

/// A fixed number of atomic words, zero at first, on cache lines of their own.
@safe struct AtomicWords: ~Copyable, @unchecked Sendable {
    // Sendable: the address and the count never change; the memory behind them is all atomics.
    private let words: UnsafeMutablePointer<AtomicWord>
    let count: Int

    init(count: Int) {
        self.count = count
        unsafe words = allocateWords(count)
    }

    deinit { unsafe words.deallocate() }

    var byteCount: Int { count * 8 }

    private func word(_ index: Int) -> UnsafeMutablePointer<AtomicWord> {
        precondition(index >= 0 && index < count, "a word's index is below the count")
        return unsafe words + index
    }

    func load(_ index: Int) -> UInt64 {
        unsafe word(index).pointee.load(ordering: .sequentiallyConsistent)
    }

    func loadRelaxed(_ index: Int) -> UInt64 { unsafe word(index).pointee.load(ordering: .relaxed) }

    func publish(_ value: UInt64, at index: Int) {
        unsafe word(index).pointee.store(value, ordering: .releasing)
    }

    func storeRelaxed(_ value: UInt64, at index: Int) {
        unsafe word(index).pointee.store(value, ordering: .relaxed)
    }

    /// Adds one; sequentially consistent.
    func increment(_ index: Int) {
        unsafe word(index).pointee.add(1, ordering: .sequentiallyConsistent)
    }

    /// Takes one away; everything before it happens before a load that sees its effect.
    func decrement(_ index: Int) { unsafe word(index).pointee.subtract(1, ordering: .releasing) }
}

/// Words by number, zero at first, in pages that are made when needed and never move. One writer,
/// any number of readers.
@safe struct PagedWords: ~Copyable, @unchecked Sendable {
    // Sendable: a page's address is published once, complete; the memory is all atomics.
    private let directory: AtomicWords
    private static let wordsPerPage = 2048

    init(countMaximum: Int) {
        directory = AtomicWords(count: (countMaximum + Self.wordsPerPage - 1) / Self.wordsPerPage)
    }

    deinit {
        for index in 0..<directory.count { unsafe page(index)?.deallocate() }
    }

    private func page(_ index: Int) -> UnsafeMutablePointer<AtomicWord>? {
        unsafe UnsafeMutablePointer(bitPattern: UInt(directory.load(index)))
    }

    /// Sequentially consistent; zero where nothing was stored.
    func load(_ index: Int) -> UInt64 {
        guard let page = unsafe page(index / Self.wordsPerPage) else { return 0 }
        return unsafe page[index % Self.wordsPerPage].load(ordering: .sequentiallyConsistent)
    }

    /// Writer only.
    func publish(_ value: UInt64, at index: Int) {
        let number = index / Self.wordsPerPage
        let page = unsafe page(number) ?? makePage(number)
        unsafe page[index % Self.wordsPerPage].store(value, ordering: .releasing)
    }

    private func makePage(_ number: Int) -> UnsafeMutablePointer<AtomicWord> {
        let page = unsafe allocateWords(Self.wordsPerPage)
        directory.publish(UInt64(UInt(bitPattern: page)), at: number)
        return unsafe page
    }
}

/// Zeroed words from the allocator, on cache lines of their own.
private func allocateWords(_ count: Int) -> UnsafeMutablePointer<AtomicWord> {
    let bytes = unsafe allocateZeroed(byteCount: count * 8, alignment: 64)
    return unsafe bytes.bindMemory(to: AtomicWord.self, capacity: count)
}

private func allocateZeroed(
    byteCount: Int, alignment: Int = 16
) -> UnsafeMutableRawPointer {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return unsafe bytes
}
