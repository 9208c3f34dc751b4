"""Fixtures of the whole suite: the devices to test on, and a seal around global state.

`device` is "cpu", then "cuda" on the stand-in for CuPy (tests/standin), which enforces CuPy's rules without a GPU.
`pytest -m gpu` runs the same tests on a real GPU instead.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests import their neighbours by plain names

import standin


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr != "gpu":
        standin.install()
    else:
        importlib.import_module("cupy")  # before warnings are errors: some are of its own import


@pytest.fixture(
    params=[
        pytest.param("cpu", id="cpu"),
        pytest.param("cuda", id="standin"),
        pytest.param("cuda", id="gpu", marks=pytest.mark.gpu),
    ]
)
def device(request: pytest.FixtureRequest) -> str:
    """The device that a test makes its tensors on."""
    if request.node.get_closest_marker("gpu") and request.param == "cuda":
        import minigrad

        if not minigrad.cuda.is_available():
            pytest.skip("no GPU")
    return request.param


@pytest.fixture(autouse=True)
def sealed():
    """Every test starts from the default dtype, device, grad mode and seed, and leaves them so."""
    import minigrad
    from minigrad.backend import devices, dtypes

    minigrad.manual_seed(0)
    yield
    minigrad.set_default_dtype(minigrad.float32)
    minigrad.set_default_device("cpu")
    assert minigrad.is_grad_enabled(), "a test left the gradients switched off"
    assert devices.get_default_device() == devices.CPU and dtypes.default_float() == "float32"
