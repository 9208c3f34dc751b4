"""Every row of every `rows_*.py` in this folder, through every check of `table.py`."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from table import LAYOUTS, TOLERANCE, Row, Sample, arrays_of, flat, host, is_value, rebuild, tensors

import minigrad as mg

ROWS: list[Row] = []
for _path in sorted(Path(__file__).parent.glob("rows_*.py")):
    ROWS += importlib.import_module(_path.stem).ROWS


def rows(condition):
    chosen = [row for row in ROWS if condition(row)]
    return pytest.mark.parametrize("row", chosen, ids=[row.name for row in chosen])


def is_float(result):
    return isinstance(result, mg.Tensor) and result.dtype.is_floating_point


def same(have, want, row=None, words=None):
    """The results are equal, in shape and (within the tolerance of their dtype) in value."""
    have, want = flat(have), flat(want)
    assert len(have) == len(want), f"{words}: {len(have)} results instead of {len(want)}"
    for h, w in zip(have, want, strict=True):
        h, w = np.asarray(host(h)), np.asarray(host(w))
        assert h.shape == w.shape, f"{words}: shape {h.shape} instead of {w.shape}"
        if h.dtype.kind in "biu":
            np.testing.assert_array_equal(h, w, err_msg=str(words))
        else:
            dtype = str(h.dtype)
            rtol, atol = (row.tolerance if row else {}).get(dtype, TOLERANCE[dtype])
            with np.errstate(all="ignore"):
                h, w = h.astype("float64"), w.astype(dtype).astype("float64")
                np.testing.assert_allclose(h, w, rtol=rtol, atol=atol, err_msg=str(words))


@rows(lambda row: row.reference is not None)
def test_forward_is_the_references(row, device):
    for sample in (*row.samples, *row.edges):
        same(row.run(tensors(sample, device)[0]), row.expected(sample), row=row, words=sample)


@rows(lambda row: row.reference is not None and row.samples)
def test_dtypes(row, device):
    for dtype in row.dtypes:
        for sample in row.samples[:2]:
            have = row.run(tensors(sample, device, dtype)[0])
            same(have, row.expected(sample, dtype), row, (dtype, sample))
            stated = dtype if row.result == "same" else row.result(dtype) if callable(row.result) else row.result
            if stated is not None:
                for part in flat(have):
                    assert part.dtype == getattr(mg, stated), f"{dtype} gave {part.dtype} instead of {stated}"


@rows(lambda row: row.layouts)
def test_layouts(row, device):
    for sample in (*row.samples, *row.edges):
        want = row.run(tensors(sample, device)[0])
        for layout in LAYOUTS:
            plain, made = tensors(sample, device)
            remaining = iter(made)
            laid_out = rebuild(sample, lambda a, it=remaining, layout=layout: layout(next(it)))
            del plain
            same(row.run(laid_out), want, row=row, words=(layout.__name__, sample))


@rows(lambda row: row.arrays)
def test_arrays_give_arrays(row, device):
    for sample in (*row.samples, *row.edges):
        if not arrays_of(sample):
            continue
        given, made = tensors(sample, device)
        remaining = iter(made)
        for have, want in zip(
            flat(row.run(rebuild(sample, lambda a, it=remaining: next(it).array))),
            flat(row.run(given)),
            strict=True,
        ):
            if isinstance(want, mg.Tensor):
                assert type(have) is type(want.array), f"arrays gave {type(have)}"
                same(have, want, words=sample)
            else:
                assert have == want


@rows(lambda row: row.method_name() is not None)
def test_method(row, device):
    for sample in (*row.samples, *row.edges):
        given, _ = tensors(sample, device)
        first, *others = given.args
        if isinstance(first, mg.Tensor):
            same(
                getattr(first, row.method_name())(*others, **given.keywords),
                row.run(given),
                row=row,
                words=sample,
            )


@rows(lambda row: row.inplace)
def test_inplace_method(row, device):
    for sample in (*row.samples, *row.edges):
        for wrt in ((), row.with_gradient(sample)):
            given, made = tensors(sample, device, requires_grad=wrt)
            first, *others = given.args
            want = row.run(given)
            if not isinstance(first, mg.Tensor) or want.shape != first.shape or want.dtype != first.dtype:
                continue
            changed = first.clone()
            result = getattr(changed, f"{row.method_name()}_")(*others, **given.keywords)
            assert result is changed
            same(changed, want, row=row, words=sample)
            if wrt and want.requires_grad:
                leaves = [t for t in made if t.requires_grad]
                weights = weights_for([want], device)
                same(gradients([changed], weights, leaves), gradients([want], weights, leaves), words=sample)


# --- gradients: a directional derivative, in a random direction of all inputs at once ------------


def weights_for(outputs, device):
    random = np.random.default_rng(3)
    return [mg.tensor(random.standard_normal(tuple(out.shape)), device=device) for out in outputs]


def gradients(outputs, weights, leaves, create_graph=False):
    """The gradients of sum(weight * output); zeros for a leaf that is not reached."""
    found = mg.autograd.grad(outputs, leaves, weights, create_graph=create_graph, allow_unused=True)
    return [mg.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def total(weights, outputs):
    """sum(weight * output), as a Python number."""
    return sum(float((np.asarray(host(w)) * np.asarray(host(o))).sum()) for w, o in zip(weights, outputs, strict=True))


def slope(function, sample, wrt, directions, step=1e-6):
    """d/dt function(sample + t direction), by central differences."""

    def moved(t):
        count = iter(range(len(arrays_of(sample))))
        by = dict(zip(wrt, directions, strict=True))

        def change(a):
            k = next(count)
            return np.asarray(a + t * by[k]) if k in by else a

        return rebuild(sample, change)

    return (function(moved(step)) - function(moved(-step))) / (2 * step)


def agree(have, want, row, words):
    assert abs(have - want) <= row.grad_tolerance * (1 + abs(want)), f"{words}: {have} instead of {want}"


def outputs_of(row, sample, device, wrt):
    given, made = tensors(sample, device, requires_grad=wrt)
    outputs = [out for out in flat(row.run(given)) if is_float(out) and out.requires_grad]
    assert outputs, f"{sample}: no output requires a gradient"
    return outputs, [made[k] for k in wrt]


@rows(lambda row: row.gradient is not False)
def test_gradient(row, device):
    for number, sample in enumerate(row.samples):
        wrt = row.with_gradient(sample)
        if not wrt:
            continue
        outputs, leaves = outputs_of(row, sample, device, wrt)
        weights = weights_for(outputs, device)
        grads = gradients(outputs, weights, leaves)
        for g, leaf in zip(grads, leaves, strict=True):
            assert g.shape == leaf.shape and g.dtype == leaf.dtype, f"{sample}: gradient of {g.dtype}{g.shape}"
        random = np.random.default_rng(number)
        directions = [random.standard_normal(tuple(leaf.shape)) for leaf in leaves]

        def value(moved, wrt=wrt, weights=weights):
            return total(weights, outputs_of(row, moved, device, wrt)[0])

        agree(total(directions, grads), slope(value, sample, wrt, directions), row, sample)


@rows(lambda row: row.gradient is not False)
def test_each_gradient_alone(row, device):
    """What is saved depends on which inputs need a gradient: each alone gives what all together give."""
    for sample in row.samples:
        wrt = row.with_gradient(sample)
        if len(wrt) < 2:
            continue
        outputs, leaves = outputs_of(row, sample, device, wrt)
        together = gradients(outputs, weights_for(outputs, device), leaves)
        for k, want in zip(wrt, together, strict=True):
            given, made = tensors(sample, device, requires_grad=[k])
            outputs = [out for out in flat(row.run(given)) if is_float(out) and out.requires_grad]
            if outputs:
                same(gradients(outputs, weights_for(outputs, device), [made[k]]), [want], words=sample)


@rows(lambda row: row.gradient is not False)
def test_gradient_in_float32(row, device):
    """Gradients have their input's dtype, also on the way down."""
    if "float32" not in row.dtypes:
        return
    for sample in row.samples[:2]:
        wrt = row.with_gradient(sample)
        given, made = tensors(sample, device, "float32", wrt)
        outputs = [out for out in flat(row.run(given)) if is_float(out) and out.requires_grad]
        if not wrt or not outputs:
            continue
        weights = [mg.ones_like(out) for out in outputs]
        for g, k in zip(
            mg.autograd.grad(outputs, [made[k] for k in wrt], weights, allow_unused=True), wrt, strict=True
        ):
            assert g is None or g.dtype == mg.float32, f"{sample}: the gradient of a float32 input is {g.dtype}"
            assert g is None or g.shape == made[k].shape


@rows(lambda row: row.gradient is not False and row.second)
def test_gradient_of_the_gradient(row, device):
    """By finite differences of the first gradient, with respect to the inputs and to the incoming
    gradient."""
    for number, sample in enumerate(row.samples):
        wrt = row.with_gradient(sample)
        if not wrt:
            continue
        outputs, leaves = outputs_of(row, sample, device, wrt)
        weights = [w.requires_grad_() for w in weights_for(outputs, device)]
        first = gradients(outputs, weights, leaves, create_graph=True)
        same(
            first,
            gradients(*_again(row, sample, device, wrt)),
            words=(sample, "the gradients with create_graph"),
        )
        random = np.random.default_rng(number + 7)
        factors = [mg.tensor(random.standard_normal(tuple(leaf.shape)), device=device) for leaf in leaves]
        live = [(g, f) for g, f in zip(first, factors, strict=True) if g.requires_grad]
        if not live:
            continue
        everything = [*leaves, *weights]
        second = gradients([g for g, _ in live], [f for _, f in live], everything)
        directions = [random.standard_normal(tuple(leaf.shape)) for leaf in everything]
        joined = Sample(sample, *(host(w) for w in weights))

        def value(moved, wrt=wrt, factors=factors):
            inner, *new_weights = moved.args
            outs, lvs = outputs_of(row, inner, device, wrt)
            return total(factors, gradients(outs, [mg.tensor(w, device=device) for w in new_weights], lvs))

        agree(total(directions, second), _slope_joined(value, joined, wrt, directions), row, sample)


def _again(row, sample, device, wrt):
    outputs, leaves = outputs_of(row, sample, device, wrt)
    return outputs, weights_for(outputs, device), leaves


def _slope_joined(value, joined, wrt, directions, step=1e-6):
    """As `slope`, for a sample together with the weights of its outputs."""
    sample, *weights = joined.args

    def at(t):
        count = iter(range(len(arrays_of(sample))))
        by = dict(zip(wrt, directions, strict=False))

        def change(a):
            k = next(count)
            return np.asarray(a + t * by[k]) if k in by else a

        moved = [np.asarray(w + t * d) for w, d in zip(weights, directions[len(wrt) :], strict=True)]
        return value(Sample(rebuild(sample, change), *moved))

    return (at(step) - at(-step)) / (2 * step)


# --- errors --------------------------------------------------------------------------------------


@rows(lambda row: row.bad)
def test_bad_arguments(row, device):
    for bad in row.bad:
        given, _ = tensors(bad, device)
        with pytest.raises(bad.error, match=bad.match):
            row.run(given)


def test_the_harness_reads_samples():
    sample = Sample(np.ones(2), [np.zeros(1), 3], index=np.arange(2))
    assert [is_value(a) for a in arrays_of(sample)] == [True, True, False]
    assert len({row.name for row in ROWS}) == len(ROWS), "two rows have one name"
