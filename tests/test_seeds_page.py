"""docs/seeds.md has every row that the founding articles ask for, and its proofs exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")

#: the numbers of the rows, by article
ROWS = {
    "S0": [*range(1, 13), 20, 21, *range(30, 34)],
    "S1": [*range(1, 17), 20, 21, *range(30, 45)],
    "S2": [*range(1, 11), 20, 21, 30, 31, *range(40, 46)],
    "S3": [*range(1, 11), *range(20, 25)],
}


def links():
    """(text, path) of all links."""
    return re.findall(r"\[([^\]]+)\]\(([^)]+)\)", PAGE)


def proofs():
    """Row -> what stands in its last column."""
    return dict(re.findall(r"^\| (S\d-\d\d) \|.*\| (.+) \|$", PAGE, flags=re.M))


def test_all_rows_and_notes_are_there_once():
    expected = [f"{article}-{number:02}" for article, numbers in ROWS.items() for number in numbers]
    assert len(expected) == 86
    assert sorted(re.findall(r"^\| (S\d-\d\d) \|", PAGE, flags=re.M)) == sorted(expected)
    assert re.findall(r"^\| (N\d+) \|", PAGE, flags=re.M) == [f"N{k}" for k in range(1, 14)]


def test_files_and_functions_that_are_linked_exist():
    assert len(links()) > 150
    for text, path in links():
        file = (ROOT / "docs" / path).resolve()
        assert file.is_relative_to(ROOT) and file.is_file(), f"there is no {path}"
        if text.startswith("`"):
            defined = {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if hasattr(node, "name")}
            assert text.strip("`") in defined, f"{path} has no {text}"
        else:
            assert text == file.name


def test_every_row_has_a_proof_or_says_that_it_is_open():
    for row, proof in proofs().items():
        assert "](" in proof or proof in ("open", "reading list below"), f"{row}: {proof}"


def test_the_page_counts_what_is_open():
    found = [proof for proof in proofs().values() if "open" in re.split(r"[, ]+", proof)]
    whole = sum(proof == "open" for proof in found)
    of, opened, part = re.search(r"Of (\d+) rows (\d+) are open, and (\d+) in part", PAGE).groups()
    assert [int(of), int(opened), int(part)] == [86, whole, len(found) - whole]
