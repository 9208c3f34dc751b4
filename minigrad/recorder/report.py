"""What a recording has saved, in words."""

from __future__ import annotations

from .program import Program


def report(name: str, programs: list[Program], recordings: int) -> str:
    """A table of the programs of a jitted function, the latest first."""
    lines = [f"{name}: {recordings} recordings, {len(programs)} programs kept"]
    for k, program in enumerate(programs):
        n = program.summary
        each = f", {1e6 * program.mean_time:.1f} us each" if program.runs else ""
        rows = [
            ("array calls per run", f"{n['calls']} of {n['recorded']} recorded"),
            ("views removed", f"{n['views']}"),
            ("constants made once", f"{n['constants']}"),
            ("dead calls removed", f"{n['dropped']}"),
            ("repeated calls removed", f"{n['merged']}"),
            ("gradients made in place", f"{n['joined']}"),
            ("fused groups (chains in blocks)", f"{n['fused']}"),
            ("results written over an input", f"{n['reused']}"),
            ("temporary arrays", f"{_bytes(n['total'])} in all, {_bytes(n['peak'])} at the peak"),
            ("replays", f"{program.runs}{each}"),
        ]
        lines.append(f"program {k + 1}: {', '.join(program.inputs) or 'no inputs'}")
        lines += [f"  {what:<31} {value}" for what, value in rows]
    return "\n".join(lines)


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"
