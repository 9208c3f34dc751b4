"""Fixtures of the optimizers' tests."""

from __future__ import annotations

import pytest

from minigrad.optim import flat


@pytest.fixture
def alone(monkeypatch):
    """Calls a function with every parameter updated by itself, where it lies: no flat buffer."""

    def call(function, *args):
        with monkeypatch.context() as patch:
            patch.setattr(flat, "LARGE", 0)
            return function(*args)

    return call
