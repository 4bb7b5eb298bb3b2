// Numbers as reports show them, for people and in JSON.
//
// Written here because nothing of Foundation is linked. Pure; any thread.

/// A number with at most so many decimals, without a fraction when it has none.
package func number(_ value: Double, decimals: Int = 3) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "0" }
    let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((value.magnitude * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    let fraction = String(scaled % scale + scale).dropFirst()
    let kept = fraction.reversed().drop { $0 == "0" }.reversed()
    return sign + String(scaled / scale) + (kept.isEmpty ? "" : "." + String(kept))
}
