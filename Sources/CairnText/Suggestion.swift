// Suggestion — the known word that a wrong one was probably meant to be.
//
// By the number of letters to change, add, take away or swap; a word that has little in common with
// all of them gets no suggestion. Pure; for words, not for texts.

/// The nearest of `names`; nil when none is near.
package func nearest(to word: String, among names: [String]) -> String? {
    if word.count > 64 { return nil }
    let begun = names.filter { $0.hasPrefix(word) }
    if begun.count == 1, word.count > 2 { return begun[0] }
    let ranked = names.map { (name: $0, distance: distance(word, $0)) }
    let best = ranked.min { $0.distance < $1.distance }
    guard let best, best.distance <= max(1, min(word.count, best.name.count) / 3) else {
        return nil
    }
    return best.name
}

/// Letters to change, add, take away, or swap with their neighbour.
private func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var older: [Int] = []
    var old = Array(0...right.count)
    for (row, letter) in left.enumerated() {
        var new = [row + 1]
        for (column, other) in right.enumerated() {
            var best = min(old[column + 1], new[column]) + 1
            best = min(best, old[column] + (letter == other ? 0 : 1))
            if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                best = min(best, older[column - 1] + 1)
            }
            new.append(best)
        }
        (older, old) = (old, new)
    }
    return old[right.count]
}
