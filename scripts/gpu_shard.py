"""Pytest in several processes on one GPU, with nothing installed: each takes every n-th test.

    GPU_SHARD=0/8 PYTHONPATH=.:scripts python -m pytest -p gpu_shard -m gpu tests --junitxml=out/0.xml
    python scripts/gpu_shard.py out/junit.xml out/0.xml out/1.xml ...    # one report of them all

Nearly all of the time goes into compiling CuPy's kernels, which is work for the CPU's cores.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

COUNTS = ("tests", "failures", "errors", "skipped")


def pytest_configure() -> None:
    """Let INT end the run with a report, though a script's background processes ignore it. And load CuPy before the
    suite makes warnings errors: those of its import are no concern of the tests."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(ImportError):
        import cupy
        import cupyx.scipy.special

        assert cupy and cupyx


@pytest.hookimpl(trylast=True)  # after -m has chosen
def pytest_collection_modifyitems(config, items) -> None:
    """Keep this process's share of the tests."""
    number, count = map(int, os.environ["GPU_SHARD"].split("/"))
    items[:], others = items[number::count], [item for k, item in enumerate(items) if k % count != number]
    config.hook.pytest_deselected(items=others)


def merge(target: Path, parts: list[Path]) -> str:
    """Write one report; the counts in words. A part that is missing counts as an error."""
    root = ElementTree.Element("testsuites")
    counts = dict.fromkeys(COUNTS, 0)
    for part in parts:
        try:
            suites = list(ElementTree.parse(part).getroot().iter("testsuite"))
        except (OSError, ElementTree.ParseError):
            counts["errors"] += 1
            continue
        for suite in suites:
            root.append(suite)
            for name in COUNTS:
                counts[name] += int(suite.get(name, 0))
    ElementTree.ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    return ", ".join([f"{max(passed, 0)} passed", *(f"{counts[name]} {name}" for name in COUNTS[1:])])


if __name__ == "__main__":
    print(merge(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
