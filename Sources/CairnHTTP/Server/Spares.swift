// Spares — what is kept to be used again: taken and put back at one end, so that what is taken is in the cache.
//
// What nobody needed between two trims is given up. One thread at a time.

/// Things to be used again.
struct Spares<Element> {
    private var items: [Element] = []
    /// The fewest that there were since the last trim.
    private var countLeast = 0

    /// How many there are.
    var count: Int { items.count }

    /// What was put back last; nil: there is none.
    mutating func take() -> Element? {
        let item = items.popLast()
        countLeast = min(countLeast, items.count)
        return item
    }

    mutating func putBack(_ item: Element) { items.append(item) }

    /// Gives up what nobody needed since this was called last, but for so many.
    mutating func trim(keeping keptCount: Int = 0) {
        items.removeLast(min(countLeast, max(0, items.count - keptCount)))
        countLeast = items.count
    }
}
