#!/usr/bin/env python3
"""compare-report.py: what Benchmarks/compare measured, as a table in Markdown and plots in SVG.

    compare-report.py machine DIRECTORY   the machine and the disk of a directory, one JSON object
    compare-report.py table RESULTS       reads RESULTS/results.jsonl, writes table.md and *.svg beside it

Pure functions of results.jsonl, so that a table can be made again later. Where the line that ends a
run is missing, the table says INTERRUPTED. Figures are medians over the rounds; a ratio is the median of
the ratios of each round, and always such that more than 1 is better for Cairn. Standard library only.
"""
import collections
import json
import math
import os
import statistics
import subprocess
import sys

ROWS = {
    "W1": "fill, 100 B", "W2": "fill, 1 KiB", "W3": "fill, 16 KiB", "W4": "fill, 1 MiB",
    "W2c": "fill, 1 KiB compressible, compressed", "R1c": "read of W2c, cached",
    "W5": "synced 1 KiB, 1 thread", "W5x8": "synced 1 KiB, 8 threads",
    "W5x64": "synced 1 KiB, 64 callbacks; raw: 64 threads",
    "R1": "read 1 KiB, cached, 1 thread", "R1x2": "read 1 KiB, cached, 2 threads",
    "R2": "read 1 MiB, cached", "M": "overwrite 1 KiB at random", "S": "open cold, 10 × the keys, to the first value",
}
IN_CLASS = ["leveldb", "rocksdb", "rocksdb-blob", "tkrzw", "wiredtiger", "redis"]
OUTSIDE = ["tkrzw-inplace", "lmdb", "raw-mmap", "raw"]
# Their index is a mapped file: opening reads nothing of it, and every lookup of a cold key waits for the disk instead.
MAPPED_INDEX = ["tkrzw"]
PEERS = ["cairn"] + IN_CLASS + OUTSIDE

# Measured once beside an earlier Cairn, on 2 cores of an EPYC virtual machine, 24 GB, ext4 without a
# journal, 1,000,000 keys; Debian does not package these.
QUOTED = [
    ("W1", "Bitcask 211 k", "FASTER, in memory, 1.77 M"),
    ("W2", "Bitcask 154 k", "sparkey, written once, 1.19 M"),
    ("W3", "pogreb 42 k", "sparkey 117 k"),
    ("W4", "pogreb 1.1 k", "sparkey 2.1 k"),
    ("R1", "pogreb 936 k, not verified", "sparkey, mapped, 1.44 M"),
    ("R1x2", "pogreb 1.86 M, not verified", "FASTER 3.24 M"),
    ("R2", "Badger 21 k", ""),
    ("M", "pogreb 162 k", ""),
    ("S", "beansdb 1.7 s, Bitcask 9.9 s", ""),
]


# MARK: the machine

def first_line(path, prefix=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(prefix):
                    return line[len(prefix):].strip().lstrip(":\t ").strip()
    except OSError:
        pass  # a kernel without this file; the description says "unknown"
    return "unknown"


def machine(directory):
    found = subprocess.run(["df", "--output=source,fstype,size,avail", "-B1", directory],
                           check=True, capture_output=True, text=True).stdout.split("\n")[1].split()
    source, kind, size, free = found
    disk = os.path.basename(os.path.realpath(source))
    for name in (disk, disk.rstrip("0123456789"), disk.rstrip("0123456789").rstrip("p")):
        if os.path.exists(f"/sys/block/{name}"):
            disk = name
            break
    model = first_line(f"/sys/block/{disk}/device/model")
    rotates = {"0": "rotational: no", "1": "rotational: yes"}.get(first_line(f"/sys/block/{disk}/queue/rotational"), "")
    options = "unknown"
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            fields = line.split()
            if len(fields) > 3 and fields[0] == source:
                options = fields[3]
                break
    memory = first_line("/proc/meminfo", "MemTotal:").split()[0]
    return {
        "cpu": first_line("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
        "memory": (f"{int(memory) / 1048576:.1f} GiB" if memory.isdigit() else memory) + reporting(),
        "kernel": os.uname().release, "fileSystem": f"{kind} ({options})",
        "disk": ", ".join(x for x in (source, model if model != "unknown" else "", rotates) if x),
        "diskBytes": int(size), "freeBytes": int(free),
        "load": first_line("/proc/loadavg").split()[0],
    }


def reporting():
    order = first_line("/sys/module/page_reporting/parameters/page_reporting_order")
    if not order.isdigit():
        return ""
    orders = len(first_line("/proc/buddyinfo").split()) - 4
    return ("; freed pages stay" if int(order) >= orders else
            "; freed pages go back to the host, and the first touch of a page may cost more than its use")


# MARK: reading

class Results:
    def __init__(self, path):
        self.run, self.absent, self.exceptions = {}, {}, {}
        self.limits, self.failures = [], []
        self.measured = collections.defaultdict(dict)  # (row, peer): {round: line}
        self.failed = set()
        self.finished = False
        with open(path, encoding="utf-8") as file:
            for text in file:
                if text.endswith("\n"):  # the last line may have been cut
                    self.take(json.loads(text))
        self.rows = [row for row in ROWS if row in self.run.get("rows", "").split()]

    def take(self, line):
        kind = line["kind"]
        if kind == "run":
            self.run = line
        elif kind == "peer":
            self.absent[line["peer"]] = line["absent"]
            self.exceptions[line["peer"]] = line["exceptions"].split()
        elif kind == "limit":
            self.limits.append(line)
        elif kind == "end":
            self.finished = True
        elif "failed" in line:
            self.failures.append(line)
            self.failed.add((line["row"], line["peer"]))
        else:
            self.measured[line["row"], line["peer"]][line["round"]] = line

    @property
    def shown_peers(self):
        return [peer for peer in PEERS if peer in self.absent and self.absent[peer] != "only in --full"]

    def takes_part(self, row, peer):
        names = self.exceptions[peer]
        return row in names if names[:1] == ["only"] else row not in names

    def values(self, row, peer, field):
        lines = self.measured.get((row, peer), {})
        return {n: line["result"][field] for n, line in lines.items() if field in line["result"]}

    def median(self, row, peer, field):
        values = self.values(row, peer, field).values()
        return statistics.median(values) if values else None

    def speed(self, row, peer):
        """Operations a second, or of an opening seconds."""
        return self.median(row, peer, "seconds" if row == "S" else "opsPerSecond")

    def ratio(self, row, peer):
        """Cairn over a peer, the median of the rounds in which both were measured."""
        field = "seconds" if row == "S" else "opsPerSecond"
        ours, theirs = self.values(row, "cairn", field), self.values(row, peer, field)
        ratios = [ours[n] / theirs[n] for n in ours if n in theirs and ours[n] > 0 and theirs[n] > 0]
        if not ratios:
            return None
        return statistics.median(1 / r for r in ratios) if row == "S" else statistics.median(ratios)

    def best(self, row):
        """The peer in class that did best in a row."""
        rivals = [peer for peer in IN_CLASS if row != "S" or peer not in MAPPED_INDEX]
        speeds = {peer: self.speed(row, peer) for peer in rivals}
        speeds = {peer: speed for peer, speed in speeds.items() if speed}
        if not speeds:
            return None
        return min(speeds, key=speeds.get) if row == "S" else max(speeds, key=speeds.get)

    def foreign(self, row):
        """The greatest share of the machine that others used during a measurement of a row."""
        cores = self.run["machine"]["cores"] or 1
        shares = [line["foreignSeconds"] / line["wallSeconds"] / cores
                  for (name, _), lines in self.measured.items() if name == row
                  for line in lines.values() if line["wallSeconds"] > 0]
        return max(shares, default=None)

    def spread(self, row):
        """How far the rounds of Cairn lie apart."""
        values = list(self.values(row, "cairn", "opsPerSecond").values())
        return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 else None

    def cell(self, row, peer, text):
        """What stands in a table for a peer and a row: the text, or why there is none."""
        if self.absent[peer]:
            return self.absent[peer]
        if text is not None:
            return text + (" (failed once)" if (row, peer) in self.failed else "")
        if (row, peer) in self.failed:
            return "failed"
        return "not measured" if self.takes_part(row, peer) else "–"


# MARK: numbers

def short(value):
    for limit, divisor, unit, decimals in ((1e6, 1e6, " M", 2), (1e4, 1e3, " k", 0), (1e3, 1e3, " k", 1)):
        if value >= limit * 0.9995:
            return f"{value / divisor:.{decimals}f}{unit}"
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def of_row(row, value):
    return None if value is None else f"{value:.3f} s" if row == "S" else short(value)


def times(value):
    return "–" if value is None else f"{value:.2f}"


def percent(value):
    return "–" if value is None else f"{value:.0%}"


def microseconds(value):
    return short(value) if value >= 1000 else f"{value:.3g}"


# MARK: the table

def table(head, lines):
    marks = ["---"] * len(head)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [head, marks] + lines) + "\n"


def by_peer(results, rows, text):
    peers = results.shown_peers
    lines = [[row] + [results.cell(row, peer, text(row, peer)) for peer in peers] for row in rows]
    return table(["row"] + peers, lines)


def ratios(results):
    lines = []
    for row in results.rows:
        best = results.best(row)
        raw = of_row(row, results.speed(row, "raw"))
        lines.append([
            row, ROWS[row], times(results.ratio(row, best)) if best else "–",
            f"{best}, {of_row(row, results.speed(row, best))}" if best else "–",
            times(results.ratio(row, "raw")), raw or "–",
            results.cell(row, "cairn", of_row(row, results.speed(row, "cairn"))),
            percent(results.spread(row)), percent(results.foreign(row)),
        ])
    head = ["row", "workload", "Cairn ÷ best in class", "best in class", "Cairn ÷ raw", "raw", "Cairn",
            "spread of Cairn", "others' CPU"]
    return table(head, lines)


def speeds(results):
    def text(row, peer):
        value = of_row(row, results.speed(row, peer))
        return f"**{value}**" if value and peer == results.best(row) else value
    return by_peer(results, results.rows, text)


def cpu(results):
    def text(row, peer):
        used, count = results.values(row, peer, "cpuSeconds"), results.values(row, peer, "operations")
        each = [used[n] / count[n] * 1e6 for n in used if count.get(n)]
        return microseconds(statistics.median(each)) if each else None
    return by_peer(results, [row for row in results.rows if row != "S"], text)


def latencies(results):
    def text(row, peer):
        found = [results.median(row, peer, f"{name}Microseconds") for name in ("p50", "p99", "max")]
        return None if None in found else " / ".join(microseconds(value) for value in found)
    return by_peer(results, [row for row in results.rows if row != "S"], text)


def memory(results):
    def text(row, peer):
        value = results.median(row, peer, "bytesPerKey" if row == "S" else "residentBytes")
        return None if value is None else f"{value:.1f} B/key" if row == "S" else f"{value / 1e6:.0f} MB"
    return by_peer(results, results.rows, text)


def amplification(results):
    def text(row, peer):
        space = results.median(row, peer, "spaceAmplificationMaximum")
        written = results.median(row, peer, "writeAmplification")
        return None if space is None or written is None else f"{space:.2f} / {written:.2f}"
    return by_peer(results, [row for row in results.rows if row == "M"], text)


def describe(results):
    run, m = results.run, results.run["machine"]
    return (
        f"{run['date']}, revision {run['revision']}, `--{run['mode']}`, {run['keys']:,} keys, "
        f"rounds: {run['rounds']}, {run['seconds']} s for what is timed (M: five times that).\n\n"
        f"- Processor: {m['cpu']}, {m['cores']} cores; load {m['load']} before\n- Memory: {m['memory']}\n"
        f"- Kernel: {m['kernel']}\n- File system: {m['fileSystem']}\n"
        f"- Disk: {m['disk']}, {m['diskBytes'] / 1e9:.0f} GB, {m['freeBytes'] / 1e9:.0f} GB free\n\n")


def limits(results):
    if not results.limits:
        return f"Not measured: {results.absent.get('limits') or 'the run ended before'}.\n\n"
    return table(["limit", "rate", "unit"],
                 [[x["limit"], f"{x['rate']:,.1f}", x["unit"]] for x in results.limits])


def quoted(results):
    lines = [[row, inside or "–", outside or "–"] for row, inside, outside in QUOTED if row in results.rows]
    return table(["row", "in class (quoted)", "outside of it (quoted)"], lines)


def document(results):
    text = "# Cairn beside its peers\n\n"
    if not results.finished:
        text += "**INTERRUPTED**: the run ended before it was complete. What is missing says \"not measured\".\n\n"
    text += describe(results)
    text += ("## Ratios\n\nMore than 1 is better for Cairn. *In class*: updatable, checksummed, recovering from a "
             "crash: " + ", ".join(IN_CLASS) + "; not in S: " + ", ".join(MAPPED_INDEX)
             + ", whose lookups pay for a mapped index. *Raw*: one file and an index in memory, no checksum, no recovery. "
             "Where others used more than a few percent of the processors, look at the processor time instead.\n\n")
    text += ratios(results)
    text += "## Operations a second\n\nMedians; S: seconds. Bold: the best in class.\n\n" + speeds(results)
    text += "![Throughput](throughput.svg)\n\n"
    text += "## Processor time, µs for an operation\n\n" + cpu(results)
    text += ("## Latency, µs: p50 / p99 / max\n\nRedis answers reads in batches of 64; its times are those of a batch."
             "\n\n") + latencies(results) + "![Latency](latency.svg)\n\n"
    text += ("## Memory\n\nAnonymous memory of the process, the pool of values (17 MB) included; S: what opening "
             "added, for each key.\n\n") + memory(results) + "![Memory](memory.svg)\n\n"
    text += ("## Amplification: bytes on disk at most for a live one / bytes written for one put\n\n"
             + amplification(results) + "![Amplification](amplification.svg)\n\n")
    text += ("## Quoted, not measured here\n\nWhat Debian does not package, as once measured on 2 cores of an EPYC "
             "virtual machine with 1,000,000 keys. Not comparable with the figures above.\n\n") + quoted(results)
    text += "## Limits of this machine\n\n" + limits(results)
    if results.failures:
        text += "## Failures\n\n" + table(["round", "row", "peer", "what"], [
            [str(x["round"]), x["row"], x["peer"], x["failed"]] for x in results.failures])
    return text.rstrip("\n") + "\n"


# MARK: plots

BAR, GAP, LABEL, WIDTH, VALUE = 16, 26, 110, 420, 150


def color(peer):
    return "#2563a8" if peer == "cairn" else "#d08a3c" if peer in IN_CLASS else "#9aa0a6"


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def svg(title, panels, notes, draw):
    """A plot of panels, each a name and lines of (peer, …), of which `draw` makes the marks."""
    y, parts = 54, []
    for name, lines in panels:
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{escaped(name)}</text>')
        y += 8
        for line in lines:
            parts.append(f'<text x="{LABEL - 6}" y="{y + BAR - 4}" text-anchor="end">{escaped(line[0])}</text>')
            parts.append(draw(line, lines, y))
            y += BAR + 2
        y += GAP
    if not panels:
        parts.append(f'<text x="8" y="{y}">nothing was measured</text>')
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + VALUE}" height="{y}" '
            f'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
            f'<text x="8" y="18" font-size="14" font-weight="bold">{escaped(title)}</text>\n'
            f'<text x="8" y="33" fill="#555">{escaped(notes)}</text>\n' + "\n".join(parts) + "\n</svg>\n")


def bar(line, lines, y):
    peer, value, text = line
    width = max(1, WIDTH * value / (max(x[1] for x in lines) or 1))
    return (f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{color(peer)}"/>'
            f'<text x="{LABEL + width + 5:.1f}" y="{y + BAR - 4}">{escaped(text)}</text>')


def span(line, lines, y):
    """p50, p99 and max on a logarithmic scale that the lines of a panel share."""
    peer, values = line[0], line[1:]
    low = math.log10(min(max(v, 0.01) for x in lines for v in x[1:]))
    high = max(math.log10(max(max(v, 0.01) for x in lines for v in x[1:])), low + 0.1)
    at = [LABEL + 5 + (WIDTH - 10) * (math.log10(max(v, 0.01)) - low) / (high - low) for v in values]
    middle, paint = y + BAR / 2 - 1, color(peer)
    return (f'<line x1="{at[0]:.1f}" y1="{middle}" x2="{at[2]:.1f}" y2="{middle}" stroke="{paint}"/>'
            f'<circle cx="{at[0]:.1f}" cy="{middle}" r="5" fill="{paint}"/>'
            f'<rect x="{at[1] - 3:.1f}" y="{middle - 4}" width="7" height="8" fill="{paint}"/>'
            f'<line x1="{at[2]:.1f}" y1="{middle - 6}" x2="{at[2]:.1f}" y2="{middle + 6}" stroke="{paint}" '
            f'stroke-width="2"/><text x="{LABEL + WIDTH + 8}" y="{y + BAR - 4}">'
            f'{" / ".join(microseconds(v) for v in values)}</text>')


def panels_of(results, rows, line):
    panels = []
    for row in rows:
        lines = [x for x in (line(row, peer) for peer in results.shown_peers) if x]
        if lines:
            panels.append((f"{row}: {ROWS[row]}", lines))
    return panels


def plots(results):
    mark = "" if results.finished else " (INTERRUPTED)"
    colors = "blue Cairn, orange in class, grey outside of it; medians"

    def speed(row, peer):
        value = results.speed(row, peer)
        return value and (peer, value, of_row(row, value))

    def latency(row, peer):
        found = [results.median(row, peer, f"{name}Microseconds") for name in ("p50", "p99", "max")]
        return None if None in found else (peer, *found)

    def per_key(row, peer):
        value = results.median(row, peer, "bytesPerKey")
        return None if value is None else (peer, max(value, 0), f"{value:.1f} B")

    def one_of(field):
        def line(row, peer):
            value = results.median(row, peer, field)
            return None if value is None else (peer, value, f"{value:.2f}")
        return line

    timed = [row for row in results.rows if row != "S"]
    opened = [row for row in results.rows if row == "S"]
    over = [row for row in results.rows if row == "M"]
    space = [(f"on disk at most, for a live byte; {x[0]}", x[1]) for x in panels_of(results, over, one_of("spaceAmplificationMaximum"))]
    written = [(f"written, for a byte that was put; {x[0]}", x[1]) for x in panels_of(results, over, one_of("writeAmplification"))]
    return {
        "throughput.svg": svg("Operations a second; S: seconds, less is better" + mark,
                              panels_of(results, results.rows, speed), colors, bar),
        "latency.svg": svg("Latency in µs: p50 (dot), p99 (square), max (line), logarithmic" + mark,
                           panels_of(results, timed, latency), colors, span),
        "memory.svg": svg("Anonymous memory for each key after opening" + mark,
                          panels_of(results, opened, per_key), colors, bar),
        "amplification.svg": svg("Amplification while overwriting, less is better" + mark, space + written, colors, bar),
    }


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main(words):
    if len(words) != 2 or words[0] not in ("machine", "table"):
        sys.exit("usage: compare-report.py machine DIRECTORY | table RESULTS")
    if words[0] == "machine":
        print(json.dumps(machine(words[1])))
        return
    results = Results(os.path.join(words[1], "results.jsonl"))
    write(os.path.join(words[1], "table.md"), document(results))
    for name, text in plots(results).items():
        write(os.path.join(words[1], name), text)


main(sys.argv[1:])
