"""Recurrent layers as modules: names, layouts, initial distributions, texts, state dicts and errors are PyTorch's."""

from __future__ import annotations

import itertools
import math
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recurrent_sides import KINDS, H, I, T, layers, leaves, parts  # noqa: E402
from sides import as_array, assert_same, both  # noqa: E402

import minigrad as mg  # noqa: E402
from minigrad import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # PyTorch's

OPTIONS = [
    {},
    {"num_layers": 3},
    {"bias": False},
    {"batch_first": True},
    {"bidirectional": True},
    {"num_layers": 2, "dropout": 0.25},
    {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5, "bidirectional": True},
]


def made(library, kind, *args, **options):
    name, own = KINDS[kind]
    return getattr(library, name)(*args, **own, **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_text_and_state_dict(kind, options):
    mine, theirs = made(nn, kind, I, H, **options), made(torch.nn, kind, I, H, **options)
    assert repr(mine) == repr(theirs)
    for name in ("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert getattr(mine, "proj_size", 0) == theirs.proj_size
    shapes = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    assert {key: tuple(value.shape) for key, value in mine.state_dict().items()} == shapes
    assert list(mine.state_dict()) == list(shapes)
    assert [[tuple(p.shape) for p in row] for row in mine.all_weights] == [
        [tuple(p.shape) for p in row] for row in theirs.all_weights
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_positional_arguments(kind):
    """In PyTorch's order; the third of an RNN is the number of layers, the fourth its nonlinearity."""
    if kind.startswith("RNN"):
        arguments = (I, H, 2, "relu", False, True, 0.25, True)
        mine, theirs = nn.RNN(*arguments), torch.nn.RNN(*arguments)
        assert mine.nonlinearity == theirs.nonlinearity == "relu"
    else:
        arguments = (I, H, 2, False, True, 0.25, True, *([3] if "projection" in kind else []))
        name = KINDS[kind][0]
        mine, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_travel_both_ways(kind):
    options = {"num_layers": 2, "bidirectional": True, "dtype": None}
    mine, theirs = made(nn, kind, I, H, **options), made(torch.nn, kind, I, H, **options)
    x, y = leaves(T, 3, I, dtype="float32")
    mine.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for a, b in zip(parts(mine(x)), parts(theirs(y)), strict=True):
        assert_same(a, b)
    fresh = made(torch.nn, kind, I, H, **options)
    fresh.load_state_dict({key: torch.tensor(value.numpy()) for key, value in mine.state_dict().items()})
    for a, b in zip(parts(mine(x)), parts(fresh(y)), strict=True):
        assert_same(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_of_another_layer_is_refused_by_name_and_shape(kind):
    mine = made(nn, kind, I, H)
    for other, word in [
        (made(torch.nn, kind, I + 1, H), "weight_ih_l0"),
        (made(torch.nn, kind, I, H + 1), "weight_hh_l0"),
        (made(torch.nn, kind, I, H, num_layers=2), "weight_ih_l1"),
        (made(torch.nn, kind, I, H, bidirectional=True), "weight_hh_l0_reverse"),
        (made(torch.nn, kind, I, H, bias=False), "bias_ih_l0"),
    ]:
        with pytest.raises(RuntimeError, match=word):
            mine.load_state_dict({key: value.numpy() for key, value in other.state_dict().items()})


def uniform_within(values, bound):
    """Uniform in ±bound, as far as its extremes, mean, deviation and quartiles tell."""
    n = values.size
    assert np.abs(values).max() <= bound
    assert np.abs(values).max() > bound * (1 - 20 / n)
    assert abs(values.mean()) < 5 * bound / math.sqrt(3 * n)
    quartiles = np.quantile(values, [0.25, 0.5, 0.75]) / bound
    np.testing.assert_allclose(quartiles, [-0.5, 0.0, 0.5], atol=6 / math.sqrt(n))


@pytest.mark.parametrize("kind", KINDS)
def test_initial_distribution(kind):
    """All parameters, biases too, are uniform in ±1 / sqrt(hidden_size)."""
    layer = made(nn, kind, 50, 64, num_layers=2, bidirectional=True)
    for name, p in layer.named_parameters():
        uniform_within(p.detach().numpy().ravel(), 1 / 8), name
        before = p.detach().numpy().copy()
        layer.reset_parameters()
        assert not np.array_equal(before, p.detach().numpy()), name
    values = [p.detach().numpy().ravel()[:16].tobytes() for p in layer.parameters()]
    assert len({*values}) == len(values), "two parameters began alike"


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_cells_as_modules(name):
    for options in ({}, {"bias": False}):
        mine, theirs = getattr(nn, name)(50, 64, **options), getattr(torch.nn, name)(50, 64, **options)
        assert repr(mine) == repr(theirs)
        shapes = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
        assert {key: tuple(value.shape) for key, value in mine.state_dict().items()} == shapes
        assert list(mine.state_dict()) == list(shapes)
        for p in mine.parameters():
            uniform_within(p.detach().numpy().ravel(), 1 / 8)
        assert (mine.bias_ih is None) == (theirs.bias_ih is None)


@pytest.mark.parametrize("kind", KINDS)
def test_flatten_parameters_changes_nothing(kind):
    mine, _ = layers(kind)
    x, _ = leaves(T, 2, I)
    before, kept = [as_array(a).copy() for a in parts(mine(x))], [*mine.parameters()]
    assert mine.flatten_parameters() is None
    assert all(a is b for a, b in zip(kept, mine.parameters(), strict=True))
    for a, b in zip(before, parts(mine(x)), strict=True):
        assert np.array_equal(a, as_array(b))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_of_everything(kind, bidirectional):
    """With p = 1 later layers see zeros, the first and the states are untouched, and eval() drops nothing."""
    for training in (True, False):
        mine, theirs = layers(kind, num_layers=3, dropout=1.0, bidirectional=bidirectional)
        mine.train(training)
        theirs.train(training)
        x, y = leaves(T, 2, I)
        out, expected = parts(mine(x)), parts(theirs(y))
        for a, b in zip(out, expected, strict=True):
            assert_same(a, b)
        sum((a * a).sum() for a in out).backward()
        sum((b * b).sum() for b in expected).backward()
        assert_same(x.grad, y.grad)


# -- what PyTorch refuses

CONSTRUCTIONS = [
    ({"input_size": 0}, "input_size.*0"),
    ({"input_size": -2}, "input_size.*-2"),
    ({"hidden_size": 0}, "hidden_size.*0"),
    ({"hidden_size": 4.0}, "hidden_size.*(4.0|float)"),
    ({"num_layers": 0}, "num_layers.*0"),
    ({"num_layers": 2, "dropout": 1.5}, "dropout.*1.5"),
    ({"num_layers": 2, "dropout": -0.1}, "dropout.*-0.1"),
    ({"num_layers": 2, "dropout": True}, "dropout.*True"),
    ({"proj_size": -1}, "proj_size.*-1"),
    ({"proj_size": H}, f"proj_size.*{H}"),
    ({"proj_size": H + 1}, f"proj_size.*{H + 1}"),
]


@pytest.mark.parametrize(("options", "match"), CONSTRUCTIONS, ids=str)
@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_refused_constructions(name, options, match):
    whole = {"input_size": I, "hidden_size": H} | options
    with pytest.raises((ValueError, TypeError)) as wanted:
        getattr(torch.nn, name)(**whole)
    with pytest.raises((ValueError, TypeError)) as raised:
        getattr(nn, name)(**whole)
    if "proj_size" in options and name != "LSTM":
        assert "proj_size" in str(raised.value)  # only an LSTM has it
    else:
        assert type(raised.value) is type(wanted.value) and re.search(match, str(raised.value)), raised.value


def test_refused_nonlinearities():
    for name in ("RNN", "RNNCell"):
        with pytest.raises((ValueError, RuntimeError), match=r"(?=.*'tanh').*'relu'.*'sigmoid'"):
            getattr(nn, name)(I, H, nonlinearity="sigmoid")(mg.ones(2, I))
    for name in ("GRU", "LSTM", "GRUCell", "LSTMCell"):
        with pytest.raises(TypeError, match="nonlinearity"):
            getattr(nn, name)(I, H, nonlinearity="relu")


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_dropout_with_one_layer_warns(name):
    for library in (torch.nn, nn):
        with pytest.warns(UserWarning, match="dropout.*num_layers"):
            getattr(library, name)(I, H, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(nn, name)(I, H, num_layers=2, dropout=0.5)


INPUTS = [(T, 2, I + 1), (T, 2, 1), (I,), (), (1, T, 2, I), (0, 2, I), (T, I + 1)]


@pytest.mark.parametrize("shape", INPUTS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_refused_inputs(kind, shape):
    mine, theirs = layers(kind)
    x, y = both(np.zeros(shape))
    with pytest.raises((ValueError, RuntimeError, IndexError)):
        theirs(y)
    with pytest.raises((ValueError, RuntimeError)) as raised:
        mine(x)
    assert len(str(raised.value)) > 20 and str(shape) in str(raised.value), raised.value
    if shape and shape[-1] not in (I,):
        assert str(I) in str(raised.value) and str(shape[-1]) in str(raised.value), raised.value


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("kind", KINDS)
def test_refused_dtypes(kind, dtype):
    mine, theirs = layers(kind)
    x, y = both(np.zeros((T, 2, I), dtype))
    with pytest.raises(ValueError):
        theirs(y)
    with pytest.raises((ValueError, RuntimeError, TypeError), match=f"{dtype}.*float64|float64.*{dtype}"):
        mine(x)


ROWS = 4  # of the states of two layers in two directions
STATES = [
    ((T, 2, I), (ROWS - 1, 2, H)),
    ((T, 2, I), (ROWS, 3, H)),
    ((T, 2, I), (ROWS, 1, H)),
    ((T, 2, I), (ROWS, 2, H + 1)),
    ((T, 2, I), (ROWS, H)),
    ((T, 2, I), (1, 1, 1)),
    ((T, I), (ROWS, 1, H)),
    ((T, I), (ROWS + 1, H)),
    ((T, I), (ROWS, 1)),
]


@pytest.mark.parametrize(("shape", "hidden"), STATES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_refused_states(kind, shape, hidden):
    """The error names the shape that was given and the one that was expected."""
    mine, theirs = layers(kind, num_layers=2, bidirectional=True)
    batch = shape[1:-1]
    good_h = (ROWS, *batch, theirs.proj_size or H)
    cases = [((hidden,), good_h)]
    if theirs.mode == "LSTM":
        good_c = (ROWS, *batch, H)
        cases = [((hidden, good_c), good_h), ((good_h, hidden), good_c)]
    for shapes, expected in cases:
        args = [both(np.zeros(s)) for s in shapes]
        x, y = both(np.zeros(shape))
        with pytest.raises((ValueError, RuntimeError)):
            theirs(y, tuple(b for _, b in args) if len(args) == 2 else args[0][1])
        with pytest.raises((ValueError, RuntimeError)) as raised:
            mine(x, tuple(a for a, _ in args) if len(args) == 2 else args[0][0])
        assert str(hidden) in str(raised.value) and str(expected) in str(raised.value), raised.value


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_the_wrong_kind(kind):
    mine, _ = layers(kind)
    h, c = (mg.zeros(1, 2, n, dtype=mg.float64) for n in (getattr(mine, "proj_size", 0) or H, H))
    x = mg.zeros(T, 2, I, dtype=mg.float64)
    wrong = [h, (h,), (h, c, c)] if "LSTM" in kind else [(h, c), (h,)]
    for hidden in wrong:
        with pytest.raises((ValueError, RuntimeError, TypeError, AttributeError), match=r"h_0|hx|state|tuple|pair"):
            mine(x, hidden)
    with pytest.raises((ValueError, RuntimeError, TypeError), match="float32"):
        mine(x, (h.float(), c.float()) if "LSTM" in kind else h.float())


CELL_INPUTS = [
    ((2, I + 1), None), ((I + 1,), None), ((1, 2, I), None), ((), None), ((2, I), (2, H + 1)), ((2, I), (3, H)),
    ((2, I), (H,)), ((I,), (1, H)), ((I,), (H + 1,)), ((2, I), (1, 2, H)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "hidden"), CELL_INPUTS, ids=str)
@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_refused_by_cells(name, shape, hidden):
    for library, cells in ((torch, torch.nn), (mg, nn)):
        cell = getattr(cells, name)(I, H)
        hx = None if hidden is None else library.zeros(hidden)
        with pytest.raises((ValueError, RuntimeError)) as raised:
            cell(library.zeros(shape), (hx, hx) if "LSTM" in name and hx is not None else hx)
    wrong = hidden if hidden is not None else shape
    assert not wrong or str(wrong[-1]) in str(raised.value), raised.value
    assert re.search(r"expected|must|should|needs|has to|takes", str(raised.value)), raised.value


def test_every_public_name():
    for name in ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"):
        assert name in nn.__all__ and issubclass(getattr(nn, name), nn.Module)
    assert issubclass(nn.LSTM, nn.RNNBase) and issubclass(nn.RNNCell, nn.RNNCellBase)


def test_parameters_are_found_by_pattern():
    """What initialisation recipes rely on: `weight_hh` in name, four gates of H rows."""
    mine, theirs = layers("LSTM", num_layers=2, bidirectional=True)
    for (a, p), (b, q) in itertools.zip_longest(mine.named_parameters(), theirs.named_parameters()):
        assert a == b and ("weight_hh" in a) == (q.dim() == 2 and q.shape[1] == H and "hh" in b)
        if "weight_hh" in a:
            for k in range(4):
                nn.init.orthogonal_(p.data[k * H : (k + 1) * H])
            blocks = p.detach().numpy().reshape(4, H, H)
            np.testing.assert_allclose(blocks @ blocks.transpose(0, 2, 1), np.tile(np.eye(H), (4, 1, 1)), atol=1e-9)
