"""Every row of the table under `minigrad.jit`: what a recorded step computes is what the eager one does, bit for bit.

Each sample is run with several values of its shapes, and all results are kept until the end: a program that has frozen
a value, or that hands out memory which it uses again, gives something else than the eager run.
"""

from __future__ import annotations

import numpy as np
import pytest
from table import LAYOUTS, arrays_of, flat, host, is_value, rebuild
from test_table import is_float, rows

import minigrad as mg

#: rows with results whose shape depends on values -> what the error says
SHAPES_BY_VALUE = {
    "bincount": "bincount",
    "masked_select": "nonzero",
    "nonzero": "nonzero",
    "unique": "nonzero",
    "unique_consecutive": "nonzero",
}
#: rows of which that is so for some samples -> which, and what the error says
SOMETIMES_BY_VALUE = {
    "getitem": (lambda sample: any(a.dtype == bool for a in arrays_of(sample)), "nonzero"),
    "lstsq": (lambda sample: sample.args[0].shape[-2] > sample.args[0].shape[-1], "residuals"),
    "repeat_interleave": (lambda sample: len(arrays_of(sample)) > 1, "output_size"),
}


def refused(row, sample):
    """What the error says where the sample cannot be recorded, else None."""
    by_value, words = SOMETIMES_BY_VALUE.get(row.name, (None, None))
    return SHAPES_BY_VALUE.get(row.name) or (words if by_value and by_value(sample) else None)


# --- values for several calls --------------------------------------------------------------------


def rolled(sample, k):
    """The sample with the elements of each array moved on by k places."""
    return rebuild(sample, lambda a: np.roll(a, k).reshape(a.shape))


def moved(sample, k):
    """The sample with each value a little larger or smaller, and integers and bools in another order."""
    random = np.random.default_rng(k)

    def change(a):
        return np.asarray(a * (1 - 1e-3 * random.random(a.shape))) if is_value(a) else np.roll(a, k).reshape(a.shape)

    return rebuild(sample, change)


def variants(row, sample, edge):
    """The sample itself and three others of its shapes at which the function is defined."""
    found = [sample]
    for k in (1, 2, 3):
        choices = [rolled(sample, k)] if edge or k == 2 else [rolled(moved(sample, k), k), moved(sample, k)]
        found += [choice for choice in choices if _runs(row, choice)][:1] or [sample]
    return found


def _runs(row, sample):
    try:
        row.run(rebuild(sample, lambda a: mg.tensor(a)))
    except (RuntimeError, IndexError, np.linalg.LinAlgError):
        return False
    return True


# --- one check -----------------------------------------------------------------------------------


def identical(have, want, words):
    """Equal to the last bit, in dtype, shape and in whether there is a gradient."""
    assert len(have) == len(want), f"{words}: {len(have)} results instead of {len(want)}"
    for h, w in zip(have, want):
        assert type(h) is type(w), f"{words}: {type(h)} instead of {type(w)}"
        if isinstance(w, mg.Tensor):
            assert h.requires_grad == w.requires_grad, words
            h, w = host(h), host(w)
        if isinstance(w, np.ndarray):
            assert h.dtype == w.dtype and h.shape == w.shape, (
                f"{words}: {h.dtype}{h.shape} instead of {w.dtype}{w.shape}"
            )
            assert h.tobytes() == w.tobytes(), f"{words}: {h} instead of {w}"
        else:
            assert h == w, words


def agree(step, calls, words):
    """The step gives the same recorded as eagerly, for each set of arguments; recorded once, as it is one program."""
    jitted = mg.jit(step)
    found = [jitted(*args) for args in calls]
    for args, have in zip(calls, found):
        identical(have, step(*args), words)
    assert jitted._recordings == 1, f"{words}: recorded {jitted._recordings} times"


def given_to(sample, dtype, make=mg.tensor):
    """The arrays of a sample as arguments of a step."""
    return [make(a.astype(dtype) if is_value(a) else a) for a in arrays_of(sample)]


def put_into(value, arrays):
    """`value` with every array in it replaced by the next of `arrays`."""
    if isinstance(value, np.ndarray):
        return next(arrays)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        parts = []
        for part in value:
            parts.append(put_into(part, arrays))
        return type(value)(parts)
    if isinstance(value, dict):
        return dict(zip(value, put_into([*value.values()], arrays)))
    return value


class Forward:
    """A step that gives the results of a function with a sample's arguments. (An object without closures: what a
    recorder has to search for those costs more than the rest of these tests.)"""

    def __init__(self, function, sample):
        self.function, self.sample = function, sample

    def __call__(self, given):
        remaining = iter(given)
        args, keywords = put_into(list(self.sample.args), remaining), put_into(self.sample.keywords, remaining)
        return flat(self.function(*args, **keywords))


class Step(Forward):
    """A step of tensors, and of what determines the weights: outputs of the function, their gradients with respect to
    the arrays at `wrt`, and, if `second`, gradients of these."""

    def __init__(self, function, sample, wrt=(), second=False):
        super().__init__(function, sample)
        self.wrt, self.second = wrt, second

    def __call__(self, inputs, weight):
        leaves = list(inputs)
        wanted = []
        for k in self.wrt:
            leaves[k] = inputs[k].detach().requires_grad_()
            wanted.append(leaves[k])
        results = super().__call__(leaves)
        outputs = []
        for out in results:
            if is_float(out) and out.requires_grad:
                outputs.append(out)
        if not outputs:
            return results
        weights = weigh(outputs, weight)
        if not self.second:
            return [*results, *mg.autograd.grad(outputs, wanted, weights, allow_unused=True)]
        for w in weights:
            w.requires_grad_()
        first = mg.autograd.grad(outputs, wanted, weights, create_graph=True, allow_unused=True)
        live = []
        for g in first:
            if g is not None and g.requires_grad:
                live.append(g)
        if not live:
            return first
        return [*first, *mg.autograd.grad(live, [*wanted, *weights], weigh(live, weight), allow_unused=True)]


def weigh(outputs, weight):
    """A weight for each element of tensors."""
    weights = []
    for out in outputs:
        weights.append(mg.cos(out.detach() * weight.to(out.dtype)))
    return weights


def check(row, sample, dtype="float64", wrt=(), edge=False, second=False, change=lambda t: t, function=None):
    """One sample of a row, recorded and eagerly."""
    samples = variants(row, sample, edge)
    calls = [([change(t) for t in given_to(s, dtype)], mg.tensor(0.5 + k)) for k, s in enumerate(samples)]
    agree(Step(function or row.function, sample, wrt, second), calls, (dtype, sample))


# --- tests ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:invalid value encountered in accumulate")  # cumsum of inf and -inf
@rows(lambda row: row.name not in SHAPES_BY_VALUE)
def test_recorded(row):
    for dtype in ("float64", "float32"):
        for sample in row.samples[: 3 if dtype == "float32" else None] if dtype in row.dtypes else ():
            if not refused(row, sample):
                check(row, sample, dtype, row.with_gradient(sample))
    for sample in row.edges:
        if not refused(row, sample):
            check(row, sample, edge=True)


@rows(lambda row: row.name in SHAPES_BY_VALUE or row.name in SOMETIMES_BY_VALUE)
def test_shapes_by_value_are_refused(row):
    samples = [sample for sample in row.samples if refused(row, sample) and all(a.size for a in arrays_of(sample))]
    assert samples
    for sample in samples:
        with pytest.raises(mg.RecordingError, match=refused(row, sample)):
            check(row, sample)


@rows(lambda row: row.layouts and row.name not in SHAPES_BY_VALUE)
def test_layouts_recorded(row):
    for sample in row.samples[:2]:
        for layout in LAYOUTS if not refused(row, sample) else ():
            check(row, sample, "float32", row.with_gradient(sample), change=layout)


@rows(lambda row: row.gradient is not False and row.second and row.name not in SHAPES_BY_VALUE)
def test_gradient_of_the_gradient_recorded(row):
    for sample in row.samples[:2]:
        if not refused(row, sample):
            check(row, sample, "float64", row.with_gradient(sample), second=True)


@rows(lambda row: row.arrays and row.name not in SHAPES_BY_VALUE)
def test_arrays_recorded(row):
    for sample in [*row.samples, *row.edges][:1]:
        if arrays_of(sample) and not refused(row, sample):
            calls = [(given_to(s, "float64", np.array),) for s in variants(row, sample, True)]
            agree(Forward(row.function, sample), calls, sample)


class InPlace:
    """The method that changes its tensor, on a copy made in the step."""

    def __init__(self, row):
        self.name = f"{row.method_name()}_"

    def __call__(self, first, *others, **keywords):
        changed = first.clone()
        assert getattr(changed, self.name)(*others, **keywords) is changed
        return changed


@rows(lambda row: row.inplace)
def test_inplace_recorded(row):
    tried = 0
    for sample in row.samples:
        first = sample.args[0]
        want = row.run(rebuild(sample, lambda a: mg.tensor(a)))
        if isinstance(first, np.ndarray) and tuple(want.shape) == first.shape and host(want).dtype == first.dtype:
            check(row, sample, "float32", row.with_gradient(sample), function=InPlace(row))
            tried += 1
    assert tried


@pytest.mark.parametrize(
    "other", [mg.tensor([1.0, -0.0]), mg.tensor([1.0, 0.0], dtype=mg.float64), mg.tensor([[1.0, 0.0]])]
)
def test_the_harness_sees_bits_dtypes_and_shapes(other):
    with pytest.raises(AssertionError):
        identical([other], [mg.tensor([1.0, 0.0])], "")
    identical([other], [other.clone()], "")
