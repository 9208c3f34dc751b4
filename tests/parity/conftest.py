"""The helpers beside the tests need PyTorch, and hold no tests: they are not collected (for doctests) by themselves."""

from pathlib import Path

collect_ignore = [p.name for p in Path(__file__).parent.glob("*.py") if not p.name.startswith("test_")]
