"""The report of a run in Markdown, from what `__main__.py` also writes as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .peers import PEERS
from .targets import TARGETS, Growth, Target
from .workloads import GROUPS, ROWS

BASES = ("minigrad.jit", "minigrad")
Result = Mapping[str, Any]


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])


def digits(value: float) -> str:
    """Three significant digits, never an exponent."""
    if value == 0:
        return "0"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def time_cell(facts: Mapping[str, Any] | None, unit: str) -> str:
    """Median and quartiles with a fitting unit; a word where there is no number."""
    if facts is None:
        return ""
    if "median" not in facts:
        return "failed" if "error" in facts else "-"
    scales = {"s": [(1e-6, "us"), (1e-3, "ms"), (1, "s")], "bytes": [(2**20, "MiB")]}[unit]
    size, name = next(((s, n) for s, n in reversed(scales) if facts["median"] >= s), scales[0])
    median, low, high = (digits(facts[key] / size) for key in ("median", "low", "high"))
    return f"{median} {name}" if low == high == median else f"{median} {name} ({low} to {high})"


def ratio_cell(ratio: Mapping[str, float] | None) -> str:
    if ratio is None:
        return ""
    median, low, high = (digits(ratio[key]) for key in ("median", "low", "high"))
    return median if low == high == median else f"{median} ({low} to {high})"


def targets(rows: Sequence[Result]) -> list[dict[str, Any]]:
    """Each target beside what was measured on one thread: passed is None where nothing is asked or measured."""
    measured = {row["row"]: row for row in rows if row["threads"] == 1}
    found = []
    for target in TARGETS:
        ratio = beside(target, measured)
        passed = None if ratio is None or target.at_most is None else ratio["median"] <= target.at_most
        found.append({**target._asdict(), "ratio": ratio, "passed": passed})
    return found


def beside(target: Target | Growth, measured: Mapping[str, Result]) -> Mapping[str, float] | None:
    """The ratio to a smaller row, or the largest to the peers that a target names; None if one was not measured."""
    if isinstance(target, Growth):
        return measured.get(target.row, {}).get("growth", {}).get(target.peer)
    ratios = measured.get(target.row, {}).get("ratios", {}).get(target.peer, {})
    against = [ratios.get(name) for name in rivals(target.against)]
    return None if None in against else max(against, key=lambda ratio: ratio["median"])


def rivals(against: str | Sequence[str]) -> Sequence[str]:
    """The peers that a target names."""
    return [against] if isinstance(against, str) else against


def targets_table(found: Sequence[Mapping[str, Any]], ran: set[str]) -> str:
    """What README shows: ratios of times, targets of the rows that ran, and whether they are met."""
    words = {True: "met", False: "missed", None: ""}
    lines = []
    for t in found:
        if t["row"] not in ran:
            continue
        row = ROWS[t["row"]].title
        asked = "reported" if t["at_most"] is None else f"at most {t['at_most']}"
        measured = ratio_cell(t["ratio"]) or "not measured"
        if "against" not in t:
            others = f"itself in {ROWS[ROWS[t['row']].over].title}"
        else:
            names = rivals(t["against"])
            others = names[0] if len(names) == 1 else f"the fastest of {' and '.join(names)}"
        lines.append([row, f"{t['peer']} / {others}", measured, asked, words[t["passed"]]])
    return table(["workload, one thread", "times of", "ratio", "target", ""], lines)


def group_tables(rows: Sequence[Result], peers: Sequence[str]) -> str:
    """Times, ratios, and who is missing and why, of the rows of one group and number of threads."""
    present = [name for name in peers if any("median" in row["peers"].get(name, {}) for row in rows)]
    titles = [ROWS[row["row"]].title for row in rows]
    times = [[title, *(time_cell(row["peers"].get(name), row["unit"]) for name in present)]
             for title, row in zip(titles, rows)]  # fmt: skip
    parts = [table(["median (quartiles)", *present], times)]
    base = next((name for name in BASES if any(name in row["ratios"] for row in rows)), None)
    others = [name for name in present if name != base]
    if base and others:
        ratios = [[title, *(ratio_cell(row["ratios"].get(base, {}).get(name)) for name in others)]
                  for title, row in zip(titles, rows) if base in row["ratios"]]  # fmt: skip
        parts.append(table([f"time of {base} / time of", *others], ratios))
    reasons: dict[tuple[str, str], list[str]] = {}
    for title, row in zip(titles, rows):
        for name in peers:
            facts = row["peers"].get(name, {})
            for kind, word in (("skipped", ""), ("error", "failed: ")):
                if kind in facts:
                    reasons.setdefault((name, word + facts[kind]), []).append(title)
    lines = []
    for (name, reason), where in reasons.items():
        lines.append(f"- {name}: {reason}" if len(where) == len(rows) else f"- {name} ({'; '.join(where)}): {reason}")
    if lines:
        parts.append("Not measured:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def markdown(result: Result) -> str:
    """The whole report."""
    settings = result["settings"]
    parts = ["# Benchmarks", f"`{result['command']}`" + (" (coarse and incomplete)" if settings["quick"] else "")]
    parts.append("\n".join(f"- {name}: {value}" for name, value in result["environment"].items()))
    known = [name for name in PEERS if name in result["peers"]]
    facts = result["peers"]
    lines = [[name, facts[name].get("version", ""), facts[name].get("note") or f"skipped: {facts[name].get('absent')}"]
             for name in known]  # fmt: skip
    parts.append("\n".join(f"- {' '.join(filter(None, (name, version)))}: {note}" for name, version, note in lines))
    parts.append(
        "All peers start from the same numbers, and whose losses, gradients and parameters disagree is not timed. They "
        "take turns, block by block, on as many cores as threads; a ratio is the median of the ratios of neighbouring "
        "blocks, with quartiles."
    )
    ran = {row["row"] for row in result["rows"] if row["threads"] == 1}
    if settings["device"] == "cpu" and any(target["row"] in ran for target in result["targets"]):
        parts += ["## Targets", targets_table(result["targets"], ran)]
    for threads in sorted({row["threads"] for row in result["rows"]}):
        for group in GROUPS:
            names = {row.name for row in group.ROWS}
            rows = [row for row in result["rows"] if row["row"] in names and row["threads"] == threads]
            if rows:
                many = f"{threads} thread{'s' * (threads > 1)}"
                parts += [f"## {group.TITLE}, {many}", group.NOTE, group_tables(rows, known)]
    return "\n\n".join(parts) + "\n"
