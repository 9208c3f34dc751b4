"""Values that a step looks at, arrays that it takes past the door, random numbers of others.

Each test is a trap as a hostile user would set it. It ends in one of two ways: every result equals the eager run to the
last bit, or recording raises an error that names the user's line and says what to do. Never a stale value.
"""

from __future__ import annotations

import pickle
import random
import re

import numpy as np
import pytest
from recorded_helpers import (
    ADVICE,
    batches,
    bits,
    both_ways,
    difference,
    loud_or_equal,
    mlp,
    refused,
)

import minigrad
import minigrad.nn.functional as F
from minigrad import RecordingError, optim

# Looking at values


def looks_if(loss):
    if loss > 1:
        loss.mul_(2)


def looks_while(loss):
    while loss > 1e9:
        pass


def looks_assert(loss):
    assert loss < 1e9


def looks_not(loss):
    return not (loss > 1)


def looks_and(loss):
    return loss > 1 and loss < 2


def looks_in(loss):
    return 1.0 in loss.reshape(1)


def looks_sort(loss):
    return sorted([loss, loss + 1, loss - 1])


def looks_range(loss):
    return range(loss.long())


def looks_index(loss):
    return [1, 2, 3][(loss * 0).long()]


LOOKS = {
    "if": looks_if,
    "while": looks_while,
    "assert": looks_assert,
    "not": looks_not,
    "and": looks_and,
    "in": looks_in,
    "sorted": looks_sort,
    "max": lambda loss: max(loss, loss + 1),
    "range": looks_range,
    "index": looks_index,
    "bool": bool,
    "float": float,
    "int": int,
    "complex": complex,
    "item": lambda loss: loss.item(),
    "tolist": lambda loss: loss.tolist(),
    "print": lambda loss: print(loss),
    "str": str,
    "repr": repr,
    "f-string": lambda loss: f"{loss:.3f}",
    "f-string without a format": lambda loss: f"{loss}",
    "percent": lambda loss: "%.3f" % loss,  # noqa: UP031
    "format": lambda loss: "{}".format(loss),  # noqa: UP032
    "detach().numpy()": lambda loss: float(loss.detach().numpy()),
    "numpy(force)": lambda loss: float(loss.numpy(force=True)),
    "data.numpy()": lambda loss: loss.data.numpy().item(),
    "cpu().numpy()": lambda loss: np.sum(loss.detach().cpu().numpy().copy()).item(),
    "np.asarray": lambda loss: np.asarray(loss.detach()),
    "np.array": lambda loss: np.array(loss.detach()),
    "np.float32": lambda loss: np.float32(loss.detach()),
    "np.isnan": lambda loss: bool(np.isnan(loss.detach().numpy())),
    "np.testing": lambda loss: np.testing.assert_allclose(loss.detach().numpy(), loss.detach().numpy()),
    "math": lambda loss: __import__("math").sqrt(loss),
    "isfinite": lambda loss: bool(minigrad.isfinite(loss)),
    "isnan().any()": lambda loss: None if minigrad.isnan(loss).any() else 1,
    "allclose": lambda loss: minigrad.allclose(loss, loss),
    "equal": lambda loss: minigrad.equal(loss, loss),
    "nonzero": lambda loss: loss.reshape(1).nonzero(),
    "unique": lambda loss: loss.reshape(1).unique(),
    "mask": lambda loss: loss.reshape(1)[loss.reshape(1) > 0],
    "masked_select": lambda loss: minigrad.masked_select(loss, loss > 0),
    "dlpack": lambda loss: np.from_dlpack(loss.detach()),
    "tobytes": lambda loss: loss.detach().numpy().tobytes(),
    "pickle": lambda loss: pickle.dumps(loss.detach()),
    "list of a tensor": lambda loss: [float(v) for v in loss.reshape(1)],
    "hash of a value": lambda loss: {float(loss): 1},
    "a numpy array is written": lambda loss: np.zeros(1).__setitem__(0, loss.detach().numpy()),
    "a numpy array is written by copyto": lambda loss: np.copyto(np.zeros(()), loss.detach().numpy()),
    "a numpy array is added to": lambda loss: np.zeros(()).__iadd__(loss.detach().numpy()),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_a_look_at_a_value_is_refused(look, capsys):
    model = mlp()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @minigrad.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        look(loss)
        optimizer.step()
        return loss

    x, y = next(batches())
    with pytest.raises(RecordingError) as raised:
        for _ in range(3):
            before = bits([model, optimizer, minigrad.get_rng_state()])
            step(x, y)
    message = str(raised.value)
    assert __file__ in message and re.search(ADVICE, message), message
    assert difference(before, bits([model, optimizer, minigrad.get_rng_state()])) is None
    assert capsys.readouterr().out == ""


def test_the_line_of_a_branch_is_named():
    @minigrad.jit
    def step(x):
        y = x * 2
        if y.sum() > 0:  # refused
            y = y + 1
        return y

    refused(step, minigrad.ones(3), saying="where")


def test_the_line_of_an_item_is_named_inside_a_helper():
    def helper(x):
        y = x + 1
        return y.sum().item()  # refused

    @minigrad.jit
    def step(x):
        return x * helper(x)

    refused(step, minigrad.ones(3), saying="item()")


def test_the_line_of_a_print_is_named(capsys):
    @minigrad.jit
    def step(x):
        print("x is", x)  # refused
        return x * 2

    refused(step, minigrad.ones(3), saying="print")


def test_an_error_swallowed_inside_the_step_is_still_an_error():
    def scenario(jit):
        @jit
        def step(x):
            try:
                value = float(x.sum())
            except Exception:
                value = 0.0
            return x * value

        for _ in range(4):
            yield step(minigrad.randn(3))

    loud_or_equal(scenario)


def test_an_error_swallowed_by_suppress_is_still_an_error():
    import contextlib

    def scenario(jit):
        @jit
        def step(x):
            y = x
            with contextlib.suppress(RuntimeError):
                if x.sum() > 0:
                    y = x * 2
            return y

        for _ in range(8):
            yield step(minigrad.randn(3))

    loud_or_equal(scenario)


def test_hasattr_and_isinstance_do_not_matter():
    def scenario(jit):
        @jit
        def step(x):
            assert isinstance(x, minigrad.Tensor) and hasattr(x, "shape") and not hasattr(x, "nonsense")
            assert minigrad.is_tensor(x) and x.ndim == 2 and len(x) == 3 and x.dtype == minigrad.float32
            return x * len(x) + x.shape[1] + x.size(0) + x.numel() + x.element_size()

        for _ in range(4):
            yield step(minigrad.randn(3, 2))

    both_ways(scenario, at_least=3)


# Arrays from outside, random numbers of others


def test_a_raw_array_in_the_closure():
    outside = np.ones(3, np.float32)

    @minigrad.jit
    def step(x):
        return x * minigrad.from_numpy(outside)  # refused

    refused(step, minigrad.ones(3), saying="argument")


def put_into(x, value):
    x[:] = minigrad.as_tensor(value)
    return x


RAW = {
    "operator": lambda x, raw: x * raw,
    "reflected": lambda x, raw: raw * x,
    "from_numpy": lambda x, raw: x + minigrad.from_numpy(raw),
    "tensor": lambda x, raw: x + minigrad.tensor(raw),
    "Tensor": lambda x, raw: x + minigrad.Tensor(raw),
    "as_tensor": lambda x, raw: x + minigrad.as_tensor(raw),
    "asarray": lambda x, raw: x + minigrad.asarray(raw, dtype=minigrad.float64),
    "computed before": lambda x, raw: x + minigrad.tensor(np.sin(raw) * 2),
    "list": lambda x, raw: x + minigrad.tensor(raw.tolist()),
    "list of numbers": lambda x, raw: x + minigrad.tensor([float(v) for v in raw]),
    "list of arrays": lambda x, raw: x + minigrad.tensor([raw[0], raw[1], raw[2]]),
    "stacked": lambda x, raw: x + minigrad.tensor(np.stack([raw, raw])).sum(0),
    "index": lambda x, raw: x[minigrad.tensor(raw.astype(np.int64) % 3)],
    "raw index": lambda x, raw: x[raw.astype(np.int64) % 3],
    "integer": lambda x, raw: x * int(raw[0]),
    "slice": lambda x, raw: x[: 1 + int(raw[0]) % 2].sum(),
    "branch": lambda x, raw: x if raw[0] > 1 else -x,
    "full": lambda x, raw: x + minigrad.full((3,), raw[0]),
    "scalar": lambda x, raw: x + raw[0],
    "np.add": lambda x, raw: np.add(x, raw),
    "np.where": lambda x, raw: np.where(raw > 1, x, -x),
    "written": lambda x, raw: x.clone().copy_(minigrad.from_numpy(raw)),
    "setitem": lambda x, raw: put_into(x.clone(), raw),
    "numpy twice": lambda x, raw: x + minigrad.from_numpy(raw.copy()),
    "read only view": lambda x, raw: x + minigrad.from_numpy(read_only(raw)),
    "dlpack": lambda x, raw: x + minigrad.from_dlpack(raw),
    "max": lambda x, raw: x.clamp(max=float(raw.max())),
}


def read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


@pytest.mark.filterwarnings("ignore:.*not writ.*")
@pytest.mark.parametrize("use", RAW.values(), ids=RAW.keys())
def test_a_raw_array_from_outside_that_changes_later(use):
    def scenario(jit):
        raw = np.array([1.0, 2.0, 3.0], np.float32)
        step = jit(lambda x: use(x, raw))
        for k in range(6):
            raw[:] = np.arange(3) + k // 2
            yield step(minigrad.tensor([1.0, -2.0, 3.0]))

    loud_or_equal(scenario)


def test_a_constant_array_may_be_used():
    def scenario(jit):
        constant = np.arange(3, dtype=np.float32)
        constant.flags.writeable = False
        step = jit(lambda x: x + minigrad.tensor(constant))
        for _ in range(4):
            yield step(minigrad.randn(3))

    loud_or_equal(scenario)


def test_numbers_written_in_the_step_are_constants():
    def scenario(jit):
        step = jit(lambda x: x + minigrad.tensor([1.0, 2.0, 3.0]) + minigrad.arange(3) + minigrad.zeros(3))
        for _ in range(4):
            yield step(minigrad.randn(3))

    both_ways(scenario, at_least=3)


def test_a_constant_made_in_the_step_is_changed_and_returned():
    def scenario(jit):
        @jit
        def step(x):
            table = minigrad.tensor([1.0, 2.0, 3.0])
            table += x
            return table, minigrad.zeros(3), minigrad.ones(3).add_(1), minigrad.arange(3)

        for _ in range(4):
            for t in (result := step(minigrad.randn(3))):
                yield t
            for t in result:
                t.add_(100)

    both_ways(scenario, at_least=3)


def test_a_tensor_over_an_array_that_changes():
    def scenario(jit):
        raw = np.zeros(3, np.float32)
        tensor = minigrad.from_numpy(raw)
        step = jit(lambda x: x + tensor)
        for k in range(4):
            raw[:] = k
            yield step(minigrad.randn(3))

    both_ways(scenario, at_least=3)


def test_an_array_computed_from_a_tensor_outside():
    def scenario(jit):
        weights = minigrad.ones(3)
        derived = weights.numpy()
        step = jit(lambda x: x * float(derived.sum()) + weights)
        for _ in range(5):
            weights.add_(1)
            yield step(minigrad.ones(3))

    loud_or_equal(scenario)


OWN, OLD = random.Random(0), np.random.RandomState(0)
RANDOM = {
    "random.random": lambda rng: random.random(),
    "random.choice": lambda rng: random.choice([1.0, 2.0, 3.0]),
    "np.random.rand": lambda rng: float(np.random.rand()),  # noqa: NPY002
    "np.random.normal": lambda rng: np.random.normal(size=3).astype("f4"),  # noqa: NPY002
    "default_rng number": lambda rng: float(rng.random()),
    "default_rng array": lambda rng: minigrad.tensor(rng.random(3)),
    "default_rng integer": lambda rng: int(rng.integers(1, 10)),
    "random.Random": lambda rng: OWN.random(),
    "RandomState": lambda rng: OLD.rand(),
    "a new default_rng": lambda rng: float(np.random.default_rng().random()),
    "secrets": lambda rng: __import__("secrets").randbelow(1000),
    "os.urandom": lambda rng: __import__("os").urandom(1)[0],
    "time": lambda rng: __import__("time").perf_counter(),
    "uuid": lambda rng: float(__import__("uuid").uuid4().int % 1000),
}


@pytest.mark.parametrize("draw", RANDOM.values(), ids=RANDOM.keys())
def test_random_numbers_that_are_not_of_minigrad(draw):
    rng = np.random.default_rng(0)

    @minigrad.jit
    def step(x):
        return x * draw(rng)

    results = set()
    try:
        for _ in range(5):
            results.add(str(step(minigrad.ones(3)).tolist()))
    except RecordingError as error:
        assert __file__ in str(error) and re.search(ADVICE, str(error))
    else:
        assert len(results) > 1, "every replay had the same number"
