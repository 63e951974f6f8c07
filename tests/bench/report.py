#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""From rows to a report.

Usage: report.py [--check] OUT ROWS [ROWS-OF-ANOTHER-RUN...]

ROWS is what tests/bench/bench.c prints: "row", name, unit, iotkey's value, peer, peer's value,
separated by tabs; other lines are ignored.  Writes OUT.json and OUT.svg, and a table to the
standard output; with --check KTAP instead.  With the rows of another run, it says how far
they lie apart.
"""
import fnmatch
import html
import json
import math
import os
import sys

KEYS = ["name", "unit", "iotkey", "peer", "peer_value", "ratio"]
REPEATS_TO = 0.01
HERE = os.path.dirname(os.path.abspath(__file__))


class Aim:
    def __init__(self, pattern, limit, hard=False):
        self.pattern, self.limit, self.hard = pattern, float(limit), hard == "hard"


def read_aims():
    with open(os.path.join(HERE, "aims")) as f:
        lines = [line.split() for line in f if line.strip() and line[0] != "#"]
    return [Aim(*words) for words in lines]


def read_rows(path):
    rows = []
    with open(path) as f:
        for line in f:
            fields = line.rstrip("\n").split("\t")
            if fields[0] != "row":
                continue
            _, name, unit, iotkey, peer, peer_value = fields
            iotkey, peer_value = float(iotkey), float(peer_value)
            ratio = float(f"{iotkey / peer_value:.4g}")
            rows.append(dict(zip(KEYS, [name, unit, iotkey, peer, peer_value, ratio])))
    return rows


def aim_of(row, aims):
    return next((a for a in aims if fnmatch.fnmatchcase(row["name"], a.pattern)), None)


def verdict(row, aims):
    aim = aim_of(row, aims)
    if not aim:
        return ""
    return "met" if row["ratio"] <= aim.limit else "MISSED"


def number(x):
    return f"{x:,.0f}" if abs(x) >= 100 or x == int(x) else f"{x:,.2f}"


def times(ratio):
    return f"{ratio:.2f}" if ratio >= 0.01 else f"{ratio:.2g}"


def print_table(rows, aims):
    lines = [["", "iotkey", "peer", "ratio", "aim", "unit", "beside"]]
    for r in rows:
        lines.append([r["name"], number(r["iotkey"]), number(r["peer_value"]),
                      times(r["ratio"]), verdict(r, aims), r["unit"], r["peer"]])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.rjust(w) if i in (1, 2, 3) else c.ljust(w)
                 for i, (c, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def distance(a, b):
    return abs(a - b) / max(abs(a), abs(b), 1e-9)


def spread(rows, other):
    """The largest difference between two runs, and the row that has it."""
    values = {r["name"]: r for r in other}
    if set(values) != {r["name"] for r in rows}:
        sys.exit("report.py: the runs have different rows")
    return max((max(distance(r["iotkey"], values[r["name"]]["iotkey"]),
                    distance(r["peer_value"], values[r["name"]]["peer_value"])), r["name"])
               for r in rows)


# The plot: one bar for each row, its length the logarithm of the ratio; left of the line at 1
# iotkey is the cheaper.

WIDTH, BAR, GAP, HEAD = 960, 16, 6, 74
LEFT, RIGHT = 330, 150
MIN_RATIO, MAX_RATIO = 0.01, 10
COLOURS = {"met": "#2e7d52", "MISSED": "#c0392b", "": "#8a94a6"}
STYLE = """
svg{background:#fff;font:12px system-ui,sans-serif;fill:#222}
.t{font-size:17px;font-weight:600}.g{font-weight:600;fill:#444}.q{fill:#777}
.n{text-anchor:end}.grid{stroke:#e4e7ec}.one{stroke:#222;stroke-dasharray:4 3}
"""


def x_of(ratio):
    ratio = min(max(ratio, MIN_RATIO), MAX_RATIO)
    share = math.log(ratio / MIN_RATIO) / math.log(MAX_RATIO / MIN_RATIO)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def text(x, y, content, css=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}">{html.escape(content)}</text>'


def line(x, top, bottom, css):
    return f'<path d="M{x:.1f} {top}V{bottom}" class="{css}"/>'


def bar(r, y, colour):
    one, end = x_of(1), x_of(r["ratio"])
    title = (f"{r['name']}: {number(r['iotkey'])} {r['unit']}, "
             f"{r['peer']}: {number(r['peer_value'])}")
    label = f"{times(r['ratio'])}× {r['peer']}"
    return [text(LEFT - 10, y + BAR - 4, r["name"].partition("/")[2], "n"),
            f'<rect x="{min(one, end):.1f}" y="{y}" width="{max(abs(end - one), 1):.1f}" '
            f'height="{BAR}" rx="2" fill="{colour}"><title>{html.escape(title)}</title></rect>',
            text(max(one, end) + 6, y + BAR - 4, label, "q")]


def write_svg(path, rows, aims):
    parts, y, group = [], HEAD, None
    for r in rows:
        if r["name"].split("/")[0] != group:
            group = r["name"].split("/")[0]
            y += GAP * 2
            parts.append(text(16, y + BAR - 4, group, "g"))
            y += BAR + GAP
        parts += bar(r, y, COLOURS[verdict(r, aims)])
        aim = aim_of(r, aims)
        if aim and aim.limit != 1:
            parts.append(line(x_of(aim.limit), y - 2, y + BAR + 2, "one"))
        y += BAR + GAP
    bottom = y + GAP
    grid = []
    for ratio in (0.01, 0.1, 0.5, 1, 2, 10):
        grid.append(line(x_of(ratio), HEAD - 4, bottom, "one" if ratio == 1 else "grid"))
        grid.append(text(x_of(ratio) - 8, HEAD - 10, f"{ratio:g}×", "q"))
    legend = []
    for i, (word, colour) in enumerate((("aim met", COLOURS["met"]),
                                        ("aim missed", COLOURS["MISSED"]),
                                        ("no aim", COLOURS[""]))):
        legend += [f'<rect x="{WIDTH - 320 + i * 100}" y="20" width="12" height="12" rx="2" '
                   f'fill="{colour}"/>', text(WIDTH - 303 + i * 100, 30, word)]
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                f'height="{bottom + 16}" viewBox="0 0 {WIDTH} {bottom + 16}">'
                f'<style>{STYLE}</style>\n')
        f.write("\n".join([text(16, 30, "iotkey beside its alternatives", "t"),
                           text(16, 50, "ratio of costs: left of 1 iotkey is cheaper", "q")] +
                          legend + grid + parts))
        f.write("\n</svg>\n")


def write_json(path, rows):
    with open(path, "w") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")


def well_formed(path):
    with open(path) as f:
        rows = json.load(f)
    return bool(rows) and all(
        list(r) == KEYS and all(isinstance(r[k], str) for k in ("name", "unit", "peer")) and
        all(isinstance(r[k], (int, float)) and math.isfinite(r[k]) and r[k] >= 0
            for k in ("iotkey", "peer_value", "ratio")) for r in rows)


def check(rows, aims, path, others):
    """The promises, as KTAP."""
    results = [(f"{os.path.basename(path)} is an array of rows", well_formed(path))]
    for r in rows:
        aim = aim_of(r, aims)
        if aim and aim.hard:
            results.append((f"{r['name']}: {number(r['iotkey'])} {r['unit']}, {r['peer']}: "
                            f"{number(r['peer_value'])}", r["ratio"] <= aim.limit))
    for other in others:
        worst, name = spread(rows, other)
        results.append((f"two runs lie {worst:.2%} apart ({name})", worst <= REPEATS_TO))
    print("KTAP version 1")
    for i, (name, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
    print(f"1..{len(results)}")


def main(args):
    checking = args[0] == "--check"
    out, path, *others = args[checking:]
    aims = read_aims()
    rows = read_rows(path)
    others = [read_rows(p) for p in others]
    write_json(out + ".json", rows)
    write_svg(out + ".svg", rows, aims)
    if checking:
        check(rows, aims, out + ".json", others)
        return
    print_table(rows, aims)
    for other in others:
        worst, name = spread(rows, other)
        print(f"two runs lie at most {worst:.2%} apart ({name})")


main(sys.argv[1:])
