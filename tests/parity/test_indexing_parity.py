"""Reading and writing by index: values, shapes, gradients and refusals equal PyTorch's for random indices."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import minigrad

torch = pytest.importorskip("torch")

SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def shapes(draw):
    return tuple(draw(st.lists(st.integers(0, 4), min_size=0, max_size=4)))


@st.composite
def keys(draw, shape):
    """An index of a tensor of `shape`, as Python objects; arrays are NumPy's. Mostly one that fits."""
    parts, left = [], list(shape)
    joint = tuple(draw(st.lists(st.integers(0, 3), max_size=2)))  # what the index arrays broadcast to
    while left and draw(st.integers(0, 9)):
        n = left[0]
        kind = draw(st.sampled_from(["int", "slice", "slice", "none", "array", "array", "mask", "bool", "tensor0"]))
        if kind in ("int", "tensor0", "array") and n == 0:
            kind = "slice"
        if kind == "none":
            parts.append(None)
            continue
        if kind == "bool":
            parts.append(draw(st.booleans()) or draw(st.booleans()))
            continue
        left.pop(0)
        if kind in ("int", "tensor0"):
            k = draw(st.integers(-n, n - 1))
            parts.append(k if kind == "int" else np.array(k))
        elif kind == "slice":
            bound = st.one_of(st.none(), st.integers(-n - 1, n + 1))
            parts.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, 3]))))
        elif kind == "array":
            size = tuple(1 if draw(st.booleans()) else m for m in joint)[draw(st.integers(0, len(joint))) :]
            total = int(np.prod(size))
            numbers = draw(st.lists(st.integers(-n, n - 1), min_size=total, max_size=total))
            array = np.array(numbers, dtype=np.int64).reshape(size)
            parts.append(array.tolist() if array.ndim == 1 and len(shape) == 1 and draw(st.booleans()) else array)
        else:
            extra = [left.pop(0)] if left and draw(st.booleans()) else []
            size = (n, *extra)
            total = int(np.prod(size))
            mask = draw(st.lists(st.booleans(), min_size=total, max_size=total))
            parts.append(np.array(mask, dtype=bool).reshape(size))
    if draw(st.booleans()):
        parts.insert(len(parts) if draw(st.booleans()) else 0, Ellipsis)
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


@st.composite
def cases(draw):
    shape = draw(shapes())
    return shape, draw(keys(shape))


def convert(key, library):
    """A key with the library's tensors for NumPy's arrays."""
    if isinstance(key, tuple):
        return tuple(convert(part, library) for part in key)
    return library.tensor(key) if isinstance(key, np.ndarray) else key


def values(shape):
    return np.arange(1.0, np.prod(shape) + 1).reshape(shape)


def read(library, shape, key):
    x = library.tensor(values(shape), requires_grad=True)
    out = x[convert(key, library)]
    weights = library.tensor(np.cos(values(tuple(out.shape))))
    (out * weights).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


def write(library, shape, key, size):
    """`x[key] = v` with a v of the shape `size`: values, and the gradients for x before and for v."""
    x = library.tensor(values(shape), requires_grad=True)
    v = library.tensor(-values(size), requires_grad=True)
    y = x * 1
    y[convert(key, library)] = v
    (y * library.tensor(np.cos(values(shape)))).sum().backward()
    gradients = (np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in (x, v))
    return y.detach().numpy(), *gradients


def attempt(function, *args):
    try:
        return function(*args)
    except (IndexError, RuntimeError, ValueError, TypeError) as error:
        return error


def agree(ours, theirs, what):
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"{what}: PyTorch raises {theirs!r}"
        return
    assert not isinstance(ours, Exception), f"{what}: raises {ours!r}"
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape, what
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=str(what))


@pytest.mark.filterwarnings("ignore::UserWarning")
@SETTINGS
@given(cases())
def test_reading(case):
    ours, theirs = attempt(read, minigrad, *case), attempt(read, torch, *case)
    if isinstance(ours, IndexError) and not isinstance(theirs, Exception):
        assume(theirs[0].size)  # PyTorch does not look at indices that pick nothing
    agree(ours, theirs, case)


def repeats(shape, key):
    """True where an index names an element twice, so that which value wins is left open."""
    found = np.arange(int(np.prod(shape))).reshape(shape)
    picked = torch.tensor(found)[convert(key, torch)].numpy()
    return len(np.unique(picked)) < picked.size


@pytest.mark.filterwarnings("ignore::UserWarning")
@SETTINGS
@given(cases(), st.data())
def test_writing(case, data):
    shape, key = case
    out = attempt(read, torch, shape, key)
    size = () if isinstance(out, Exception) else out[0].shape
    if not isinstance(out, Exception) and repeats(shape, key):
        size = ()
    size = tuple(1 if data.draw(st.integers(0, 3)) == 0 else n for n in size)[data.draw(st.integers(0, len(size))) :]
    size = (1,) * data.draw(st.sampled_from([0, 0, 0, 1])) + size
    ours, theirs = attempt(write, minigrad, shape, key, size), attempt(write, torch, shape, key, size)
    if isinstance(ours, IndexError) and not isinstance(out, Exception):
        assume(out[0].size)
    agree(ours, theirs, (shape, key, size))


@pytest.mark.filterwarnings("ignore::UserWarning")
@SETTINGS
@given(cases(), st.sampled_from([2.5, 7, True]))
def test_writing_numbers_and_adding(case, number):
    def change(library):
        x = library.tensor(values(case[0]))
        x[convert(case[1], library)] = number
        x[convert(case[1], library)] += 1
        x[convert(case[1], library)] *= 2
        return (x.numpy(),)

    ours, theirs = attempt(change, minigrad), attempt(change, torch)
    if isinstance(ours, IndexError) and not isinstance(theirs, Exception):
        assume((theirs[0] != values(case[0])).any())
    agree(ours, theirs, case)


FIXED = [
    "x[0, :, [1, 2]]", "x[[0, 1], :, [1, 2]]", "x[:, [0, 1], [1, 2]]", "x[[[0], [1]], [[0, 1, 2]]]", "x[..., [0, 1]]",
    "x[None, [0, 1], None]", "x[L.tensor(1)]", "x[L.tensor(0), :, [1, 2]]", "x[L.tensor(0):L.tensor(2)]", "x[:, -1]",
    "x[x > 5]", "x[x[:, 0, 0] > 5]", "x[:, x[0, :, 0] > 1]", "x[..., x[0, 0] > 2]", "x[True]", "x[False]", "x[[]]",
    "x[L.tensor([], dtype=L.int64)]", "x[()]", "x[...]", "x[None]", "x[0, ..., 0]", "x[np.array([0, 1]), 0]",
    "x[np.int64(1)]",
    "x[range(2)]", "x[1:2, [0, 2]]", "x[[0, 1], 1:3]", "x[5]", "x[[5]]", "x[-3]", "x[0, 0, 0, 0]", "x[::-1]", "x[1.0]",
    "x[L.tensor([0.5])]", "x[L.ones(3).bool()]", "x[[0, 1], [0, 1, 2]]", "x[:, None, 0]", "x[::2, 1:]",
    "x[L.tensor([1, 0]).byte()]",
    "x[0][1][2]", "x[(0, 1)]", "x[[True, False]]", "x[:, [True, False, True]]", "x[L.tensor([[0, 1], [1, 0]])]",
    "x[{}]",
    "x[L.tensor(True)]", "x[0, L.tensor([[0], [1]]), L.tensor([1, 2])]", "x[L.tensor([-1])]", "x[-1, -1, -1]",
    "L.tensor(3.)[0]",
    "L.tensor(3.)[None]", "L.tensor(3.)[...]", "L.tensor(3.)[L.tensor(True)]", "x[x.long().sum() > 0]",
    "x[[0, 1], True]",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("expression", FIXED)
def test_written_out(expression):
    def run(library):
        got = eval(expression, {"x": library.arange(24.0).reshape(2, 3, 4), "L": library, "np": np})
        return (got.numpy(),)

    agree(attempt(run, minigrad), attempt(run, torch), expression)


WRITES = [
    "x[0] = 5", "x[0] = L.arange(3.)", "x[:, 1] = L.ones(2)", "x[0] = L.ones(1, 3)",
    "x[[0, 1]] = L.ones(1, 2, 3)", "x[0] = L.ones(2)",
    "x[x > 2] = 0", "x[x > 2] = L.tensor([7., 8., 9.])", "x[x > 2] = L.ones(2)", "x[[0, 0]] = L.ones(2, 3)",
    "x[1:] = x[:1]",
    "x[0, [0, 2]] = L.tensor([7., 8.])", "x[..., 0] = 1", "x[None] = 2", "x[True] = 3", "x[False] = 4",
    "x[[]] = 5", "x[5] = 1", "x[0, 0] = L.tensor(9, dtype=L.int64)", "x[0] = True", "x[()] = 1",
    "x[0] = L.ones(3, dtype=L.float64)",
    "x.view(-1)[2] = 9", "x[0][1] = 9", "x.T[0] = 9", "x[0] += 1", "x[[0, 0], [1, 1]] += 1", "x[x > 2] *= 2",
    "x[:] = 0",
    "n[0] = 2.7", "n[0] = L.tensor(2.7)", "n[0] = -1", "u[0] = -1", "u[0] = 300", "u.fill_(-1)", "u.fill_(300)",
    "n[0] = True",
    "x[0] = 'a'", "x[0] = None", "b[0] = 5", "b[0] = 0.5", "x[0] = float('nan')", "n[[0, 1]] = L.tensor([1.5, 2.5])",
    "x[L.tensor(1)] = 4", "x[L.tensor(1), L.tensor(2)] = 4", "x[1, L.tensor([0, 1])] = L.tensor(3.)",
    "x[x.isnan()] = 0",
    "x[:, L.tensor([True, False, True])] = 5", "x[[0, 1], [1, 2]] = L.tensor([3., 4.])", "x[1] = x[0]",
    "x[0], x[1] = x[1].clone(), x[0].clone()",
    "x[0:1] = L.ones(1, 1, 3)", "x[0:1] = L.ones(2, 3)", "x[0, 0] = L.ones(1)", "x[0, 0] = L.ones(1, 1)",
    "u[[0]] = -1", "u += 300", "u[0] += 255",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("statement", WRITES)
def test_writes_written_out(statement):
    def run(library):
        names = {
            "x": library.arange(6.0).reshape(2, 3), "n": library.arange(3),
            "u": library.tensor([1, 2], dtype=library.uint8), "b": library.tensor([True, False]),
            "L": library, "np": np,
        }  # fmt: skip
        exec(statement, names)
        return tuple(names[k].numpy() for k in "xnub")

    agree(attempt(run, minigrad), attempt(run, torch), statement)
