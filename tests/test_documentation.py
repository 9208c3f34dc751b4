"""Pages under docs/ stay true: what they show of a program is what the program prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_walk_through_a_recorded_step_shows_what_the_example_prints():
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "recorded_step.py")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )
    preparation, program = done.stdout.split("\n\n")[:2]
    page = (ROOT / "docs" / "recorded-step.md").read_text()
    blocks = [block.strip("\n") for block in re.findall(r"```text\n(.*?)```", page, flags=re.S)]
    assert "\n".join(blocks[:-1]) == program
    assert blocks[-1] == preparation


def test_files_and_names_that_pages_mention_exist():
    for page in (ROOT / "docs").glob("*.md"):
        for name in re.findall(r"`python (\S+\.py)`", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name} mentions {name}"


def test_the_page_of_conventions_is_what_its_program_prints():
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "conventions.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout == (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")
