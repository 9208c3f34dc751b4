"""What the tests of recorded steps share: scenarios that run both ways, and small models to be hostile to.

`both_ways(scenario)` runs a generator function twice, with `minigrad.jit` and without, and compares everything that it
yields, to the last bit. `loud_or_equal` also takes an error that says what to do; `refused` wants one.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, nn, optim
from minigrad.autograd import RowSparse
from minigrad.recorder.jit import Jitted

#: one of these stands in every error of the recorder
ADVICE = r"return|pass|call|use|draw|detach|copy|compute|keep|set|put|move|make|give|write|drop|leave|take"


def bits(thing: Any) -> Any:
    """What `thing` consists of, in numbers, texts and bytes: equal for two things that agree to the last bit."""
    if isinstance(thing, nn.Module):
        return {
            "parameters": {name: bits(p) for name, p in thing.named_parameters()},
            "buffers": {name: bits(b) for name, b in thing.named_buffers()},
            "training": [m.training for m in thing.modules()],
        }
    if isinstance(thing, optim.Optimizer):
        return bits(thing.state_dict())
    if isinstance(thing, minigrad.Generator):
        return thing.state_bytes()
    if isinstance(thing, minigrad.Tensor):
        values = thing.detach().cpu().numpy()
        parts = [
            str(thing.dtype),
            str(thing.device),
            tuple(thing.shape),
            thing.stride(),
            values.tobytes(),
            thing.requires_grad,
        ]
        return [type(thing).__name__, *parts, bits(thing.grad) if thing.is_leaf else None]
    if isinstance(thing, RowSparse):
        return ["RowSparse", tuple(thing.shape), bits(thing.rows), bits(thing.row_values)]
    if isinstance(thing, np.ndarray):
        return [str(thing.dtype), thing.shape, thing.tobytes()]
    if isinstance(thing, dict):
        return {key: bits(part) for key, part in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [type(thing).__name__, *[bits(part) for part in thing]]
    if isinstance(thing, float):
        return thing.hex()
    return thing


def difference(a: Any, b: Any, where: str = "") -> str | None:
    """The first place where two results of `bits` differ, None if they are equal."""
    if type(a) is not type(b):
        return f"{where}: {a!r} and {b!r}"
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{where}: {list(a)} and {list(b)}"
        return next((d for key in a if (d := difference(a[key], b[key], f"{where}[{key!r}]"))), None)
    if isinstance(a, list):
        if len(a) != len(b):
            return f"{where}: {len(a)} and {len(b)} parts"
        return next((d for k, (x, y) in enumerate(zip(a, b)) if (d := difference(x, y, f"{where}[{k}]"))), None)
    if a == b:
        return None
    if isinstance(a, bytes) and len(a) % 4 == 0:
        return f"{where}: {np.frombuffer(a, 'f4')[:4]}... and {np.frombuffer(b, 'f4')[:4]}... (read as float32)"
    return f"{where}: {a!r} and {b!r}"


def unrecorded(function: Any = None, **options: Any) -> Any:
    """Takes the place of `minigrad.jit` in the eager run."""
    return (lambda f: f) if function is None else function


def replays(jitted: Any) -> int:
    """How often the kept programs of a jitted function have been replayed."""
    return sum(int(number) for number in re.findall(r"replays +(\d+)", jitted.report()))


def run(scenario: Any, jit: Any) -> tuple[list[Any], list[Any]]:
    """What `scenario(jit)` yields, in bits: at once, and again at the end (for what was overwritten meanwhile)."""
    minigrad.manual_seed(0)
    seen, things = [], []
    for thing in scenario(jit):
        seen.append([bits(thing), bits(minigrad.get_rng_state())])
        things.append(thing)
    return seen, [bits(thing) for thing in things]


def both_ways(scenario: Any, at_least: int = 1) -> list[Any]:
    """Compare a scenario with its recorded twin, which must have replayed `at_least` times; its jitted functions."""
    made: list[Any] = []

    def jit(function: Any = None, **options: Any) -> Any:
        if function is None:
            return lambda f: jit(f, **options)
        made.append(minigrad.jit(function, **options))
        return made[-1]

    eager = run(scenario, unrecorded)
    recorded = run(scenario, jit)
    for moment, a, b in zip(("yielded", "held"), eager, recorded):
        different = difference(a, b, moment)
        assert different is None, f"eager and recorded differ at {different}"
    assert sum(replays(jitted) for jitted in made) >= at_least, "the step was not replayed"
    assert all(isinstance(jitted, Jitted) for jitted in made)
    return made


def loud_or_equal(scenario):
    """Both are right: an error that names the user's line and says what to do, or the results of the eager run."""
    try:
        both_ways(scenario, at_least=0)
    except RecordingError as error:
        assert_helpful(error, sys._getframe(1).f_code.co_filename)


def assert_helpful(error, file):
    """The error of the recorder names a line of `file` and says what to do."""
    assert f"{file}:" in str(error) and re.search(ADVICE, str(error)), error


def refused(step, *args, watched=(), saying="", calls=3, **kwargs):
    """`step`, called up to three times, raises an error that names the line of the caller marked `# refused`, gives
    advice and says `saying`; the call changes none of the `watched` things, nor the random stream."""
    code = sys._getframe(1).f_code
    lines, first = inspect.getsourcelines(code)
    (line,) = [first + k for k, text in enumerate(lines) if text.rstrip().endswith("# refused")]
    with pytest.raises(RecordingError) as raised:
        for _ in range(calls):
            before = bits([*watched, minigrad.get_rng_state()])
            step(*args, **kwargs)
    message = str(raised.value)
    assert re.search(rf"{re.escape(code.co_filename)}:{line}\b", message) and saying in message, message
    assert_helpful(raised.value, code.co_filename)
    different = difference(before, bits([*watched, minigrad.get_rng_state()]))
    assert different is None, different


def mlp(dtype=None):
    return nn.Sequential(nn.Linear(4, 5, dtype=dtype), nn.Tanh(), nn.Linear(5, 3, dtype=dtype))


def regularized():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.ReLU(), nn.Linear(6, 3))


def batches(count=6, size=8, dtype=None):
    """(inputs, targets), fresh tensors each time."""
    for _ in range(count):
        yield minigrad.randn(size, 4, dtype=dtype), minigrad.randn(size, 3, dtype=dtype)


def trainer(jit, model, optimizer, loss_of=F.mse_loss):
    @jit
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


class Net(nn.Module):
    """A model as users write them."""

    slope = 0.5

    def __init__(self, hidden=5):
        super().__init__()
        self.fc = nn.Linear(4, hidden)
        self.out = nn.Linear(hidden, 3)
        self.register_buffer("offset", minigrad.zeros(3))
        self.scale = 2.0
        self.act = minigrad.tanh
        self.gains = [1.0, 2.0]
        self.config = {"power": 2, "names": ["a"]}

    def forward(self, x):
        return self.out(self.act(self.fc(x))) * self.scale + self.offset


@dataclass
class Settings:
    scale: float = 2.0
    other: Any = None
