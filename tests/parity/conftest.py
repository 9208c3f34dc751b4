"""The helpers beside the tests need PyTorch, and hold no tests: they are not collected (for doctests) by themselves."""

import sys
from pathlib import Path

import pytest

collect_ignore = [p.name for p in Path(__file__).parent.glob("*.py") if not p.name.startswith("test_")]


@pytest.fixture(autouse=True)
def seeded_torch():
    """PyTorch starts every test from one seed, as minigrad does."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
