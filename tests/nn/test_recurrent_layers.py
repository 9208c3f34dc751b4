"""Recurrent layers as parts of programs: dropout, dtypes, odd inputs, weights that are frozen, shared or replaced, and
copies.
"""

from __future__ import annotations

import copy
import pickle

import pytest
from recurrent_helpers import CELLS, KINDS, apart, initial, joined, made, parts, weighted

import minigrad as mg
from minigrad import autograd, nn

T, B, I, H = 5, 3, 2, 4
TIGHT = 1e-11


def numbers(*shape, device="cpu", dtype=mg.float64, **options):
    return mg.randn(*shape, dtype=dtype, device=device, **options)


def backward(layer, x, **options):
    """The gradients of all parameters, by name, of a number that depends on all outputs."""
    layer.zero_grad()
    weighted(parts(layer(x, **options))).backward()
    return {name: p.grad for name, p in layer.named_parameters()}


def assert_alike(found, wanted):
    assert list(found) == list(wanted)
    for name, a in found.items():
        assert apart(a, wanted[name]) < TIGHT, name


# -- dropout between layers


def passing(layers, p, **options):
    """Layers of relu that hand positive inputs on as they are."""
    layer = nn.RNN(1, 1, layers, "relu", bias=False, dropout=p, dtype=mg.float64, **options)
    with mg.no_grad():
        for name, w in layer.named_parameters():
            w.fill_(0.0 if "hh" in name else 1.0)
    return layer


def test_dropout_acts_between_layers_and_not_after_the_last(device):
    """Behind two layers an element is 0, or 1 / (1 - p) of what it was; the states of the first layer are whole."""
    layer, p = passing(2, 0.25, device=device), 0.25
    x = mg.rand(50, 200, 1, dtype=mg.float64, device=device).add_(0.5).requires_grad_()
    output, last = layer(x)
    kept = output != 0
    assert abs(kept.double().mean().item() - (1 - p)) < 0.02
    assert apart(output, mg.where(kept, x.detach() / (1 - p), 0.0)) < TIGHT
    assert apart(last[0], x[-1]) == 0.0 and apart(last[1], output[-1]) == 0.0
    output.sum().backward()
    assert apart(x.grad, kept.double() / (1 - p)) < TIGHT
    for axis in (0, 1):  # every element has its own draw
        share = kept.double().mean(axis)
        assert share.std().item() > 0 and share.min().item() > 0.3 and share.max().item() <= 1


def test_dropout_behind_each_layer_but_the_last():
    output, _ = passing(4, 0.5)(mg.ones(100, 200, 1, dtype=mg.float64))
    assert abs((output != 0).double().mean().item() - 0.125) < 0.02
    assert {*output.flatten().tolist()} == {0.0, 8.0}


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_off_in_eval_and_follows_the_seed(kind):
    layer = made(kind, I, H, num_layers=3, dropout=0.5, bidirectional=True)
    x = numbers(T, B, I)
    mg.manual_seed(5)
    first = parts(layer(x))
    mg.manual_seed(5)
    assert all(apart(a, b) == 0.0 for a, b in zip(parts(layer(x)), first))
    assert apart(layer(x)[0], first[0]) > 0
    plain = made(kind, I, H, num_layers=3, bidirectional=True)
    plain.load_state_dict(layer.state_dict())
    state = mg.get_rng_state()
    for a, b in zip(parts(layer.eval()(x)), parts(plain(x))):
        assert apart(a, b) == 0.0
    assert bool((mg.get_rng_state() == state).all()), "eval() drew random numbers"


# -- inputs


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "projection" not in kind])
def test_a_layer_is_a_loop_over_its_cell(kind):
    """A layer's state dict, less its suffix, is a cell's."""
    name, *rest = kind.split(" ", 1)
    layer, cell = made(kind, I, H), made(" ".join([f"{name}Cell", *rest]), I, H)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x, hidden, outputs = numbers(T, B, I), None, []
    for step in x:
        hidden = cell(step, hidden)
        outputs.append(flat(hidden)[0])
    output, last = layer(x)
    assert apart(mg.stack(outputs), output) < TIGHT
    assert all(apart(a, b[0]) < TIGHT for a, b in zip(flat(hidden), flat(last), strict=True))
    for a, b in zip(flat(cell(x[0, 1])), flat(cell(x[0])), strict=True):  # without a batch
        assert a.shape == (H,) and apart(a, b[1]) < TIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_of_any_strides(kind, device):
    """Transposed, strided, reversed, expanded."""
    layer = made(kind, I, H, num_layers=2, bidirectional=True, device=device)
    base = numbers(B, 2 * T, I, device=device)
    column = numbers(1, 1, I, device=device)
    for x in (
        base[:, ::2].transpose(0, 1), base[:, T:].permute(1, 0, 2), base.flip(2)[:, :T].transpose(0, 1),
        column.expand(T, B, I), numbers(T, I, B, device=device).transpose(1, 2),
    ):  # fmt: skip
        one, other = x.detach().requires_grad_(), x.detach().clone().contiguous().requires_grad_()
        assert_alike(backward(layer, one), backward(layer, other))
        assert apart(one.grad, other.grad) < TIGHT
        assert_alike(backward(layer, one, lengths=[2, 5, 1]), backward(layer, other, lengths=[2, 5, 1]))


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_any_strides(kind):
    layer = made(kind, I, H, num_layers=2)
    x, states = numbers(T, B, I), initial(layer, B)
    odd = [s.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_() for s in states]
    for which in (states, odd):
        weighted(parts(layer(x, joined(which)))).backward()
    for a, b in zip(states, odd):
        assert apart(a.grad, b.grad) < TIGHT
    one_for_all = [s.detach()[:, :1].expand(-1, B, -1) for s in states]
    wanted = parts(layer(x, joined([s.clone() for s in one_for_all])))
    for a, b in zip(parts(layer(x, joined(one_for_all))), wanted):
        assert apart(a, b) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_batch_first(kind):
    layer, other = made(kind, I, H, bidirectional=True, batch_first=True), made(kind, I, H, bidirectional=True)
    other.load_state_dict(layer.state_dict())
    x, states = numbers(B, T, I), initial(layer, B)
    for options in ({}, {"lengths": [2, 5, 1]}):
        found = parts(layer(x, joined(states), **options))
        wanted = parts(other(x.transpose(0, 1), joined(states), **options))
        assert found[0].shape == (B, T, 2 * (layer.proj_size or H))
        assert apart(found[0].transpose(0, 1), wanted[0]) < TIGHT
        assert all(apart(a, b) < TIGHT for a, b in zip(found[1:], wanted[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch(kind, device):
    layer = made(kind, I, H, num_layers=2, bidirectional=True, device=device)
    x = mg.zeros(T, 0, I, dtype=mg.float64, device=device, requires_grad=True)
    out = parts(layer(x))
    width = layer.proj_size or H
    assert [tuple(y.shape) for y in out[:2]] == [(T, 0, 2 * width), (4, 0, width)]
    sum(y.sum() for y in out).backward()
    assert tuple(x.grad.shape) == (T, 0, I)
    assert all(p.grad is not None and not p.grad.any() for p in layer.parameters())
    out = parts(layer(x, lengths=mg.zeros(0, dtype=mg.int64, device=device)))
    assert tuple(out[0].shape) == (T, 0, 2 * width)
    gradients = autograd.grad(sum(y.sum() for y in out), [x, *layer.parameters()])
    assert not any(g.any() for g in gradients)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_of_three_thousand_steps(kind):
    """Nothing recurses; the gradient of the last state goes back to the first."""
    layer = made(kind, 1, 4)
    with mg.no_grad():
        if kind == "RNN of relu":
            layer.weight_hh_l0.copy_(mg.eye(4))  # nothing vanishes
        if kind == "LSTM":
            layer.bias_ih_l0[4:8] = 30.0  # the forget gates stay open
    x = mg.full((3000, 1, 1), 0.01, dtype=mg.float64, requires_grad=True)
    out = parts(layer(x, lengths=[3000]))
    weighted(out).backward()
    assert bool(mg.isfinite(x.grad).all()) and x.grad.shape == (3000, 1, 1)
    x.grad = None
    parts(layer(x))[-1].sum().backward()
    assert bool(mg.isfinite(x.grad).all())
    if kind in ("RNN of relu", "LSTM"):
        assert x.grad[0].abs().item() > 1e-9


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("kind", [*KINDS, *CELLS])
def test_other_dtypes(kind, dtype):
    """The results are of that dtype, gradients too, and near those in float64."""
    dtype = getattr(mg, dtype)
    exact, layer = made(kind, I, H), made(kind, I, H, dtype=dtype)
    layer.load_state_dict({key: value.to(dtype) for key, value in exact.state_dict().items()})
    exact.load_state_dict({key: value.double() for key, value in layer.state_dict().items()})
    x = numbers(B, I) if kind in CELLS else numbers(T, B, I)
    x = x.to(dtype)
    found = []
    for module, given in ((layer, x), (exact, x.double())):
        given = given.requires_grad_()
        result = module(given)
        outputs = parts(result) if kind in KINDS else [*result] if isinstance(result, tuple) else [result]
        weighted(outputs).backward()
        found.append([*outputs, given.grad, *[p.grad for p in module.parameters()]])
    tolerance = 2e-2 if dtype == mg.float16 else 1e-5
    for a, b in zip(*found, strict=True):
        assert a.dtype == dtype
        assert apart(a.double(), b) < tolerance * (1 + b.detach().abs().max().item())


def test_an_embedding_feeds_a_layer(device):
    """Words of several lengths, with a padding index: gradients come to the rows of the words that were read."""
    table = nn.Embedding(7, I, padding_idx=0, device=device)
    layer, out = nn.GRU(I, H, batch_first=True, device=device), nn.Linear(H, 2, device=device)
    words = mg.tensor([[1, 2, 3, 4], [5, 2, 0, 0]], device=device)
    _, last = layer(table(words), lengths=[4, 2])
    out(last[0]).sum().backward()
    reached = [bool(row.any()) for row in table.weight.grad]
    assert reached == [False, True, True, True, True, True, False]
    alone = layer(table(words[1:, :2]))[1]
    assert apart(last[:, 1:], alone) < 1e-6


# -- weights


@pytest.mark.parametrize("kind", [*KINDS, *CELLS])
def test_all_parameters_start_between_bounds(kind):
    """±1/sqrt(hidden_size), whatever the input's size is."""
    layer = made(kind, 5, 400)
    for name, p in layer.named_parameters():
        assert 0.0495 < p.abs().max().item() <= 0.05, name
    before = [p.detach().clone() for p in layer.parameters()]
    layer.reset_parameters()
    assert all(apart(a, b) > 0 for a, b in zip(before, layer.parameters()))


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_weights(kind):
    layer = made(kind, I, H, num_layers=2)
    x = numbers(T, B, I)
    wanted = backward(layer, x)
    names = [name for name, _ in layer.named_parameters()]
    for frozen in [names[:1], names[1:2], names[2:4], [n for n in names if n.endswith("l0")], names[:-1]]:
        for name, p in layer.named_parameters():
            p.requires_grad_(name not in frozen)
        found = backward(layer, x)
        assert all(found[name] is None for name in frozen)
        left = {name: g for name, g in found.items() if g is not None}
        assert_alike(left, {name: wanted[name] for name in names if name not in frozen})
    layer.requires_grad_(False).zero_grad()
    assert not any(y.requires_grad for y in parts(layer(x)))
    states = initial(layer, B)
    out = parts(layer(x, joined(states)))
    assert all(y.requires_grad for y in out)
    weighted(out).backward()
    assert all(s.grad is not None for s in states) and all(p.grad is None for p in layer.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_accumulate(kind):
    layer, x = made(kind, I, H, bidirectional=True), numbers(T, B, I)
    once = {name: g.clone() for name, g in backward(layer, x).items()}
    weighted(parts(layer(x))).backward()
    assert_alike({name: p.grad for name, p in layer.named_parameters()}, {name: 2 * g for name, g in once.items()})


@pytest.mark.parametrize("kind", KINDS)
def test_one_layer_twice_in_a_graph(kind):
    """Two inputs, then one backward pass; and a second call that goes on from the first one's states."""
    layer = made(kind, I, H)
    x, y = numbers(T, B, I), numbers(2, B, I)
    apart_from = [backward(layer, x), backward(layer, y)]
    wanted = {name: g + apart_from[1][name] for name, g in apart_from[0].items()}
    layer.zero_grad()
    (weighted(parts(layer(x))) + weighted(parts(layer(y)))).backward()
    assert_alike({name: p.grad for name, p in layer.named_parameters()}, wanted)
    wanted = backward(layer, mg.cat([x, y]))
    layer.zero_grad()
    first, state = layer(x)
    second, last = layer(y, state)
    weighted([mg.cat([first, second]), *(last if isinstance(last, tuple) else [last])]).backward()
    assert_alike({name: p.grad for name, p in layer.named_parameters()}, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_one_parameter_under_two_names(kind):
    """Both directions with the same weights: their gradients add up in one place."""
    layer, apart_layer = made(kind, I, H, bidirectional=True), made(kind, I, H, bidirectional=True)
    for name in [name for name, _ in layer.named_parameters() if not name.endswith("_reverse")]:
        setattr(layer, f"{name}_reverse", getattr(layer, name))
        with mg.no_grad():
            getattr(apart_layer, name).copy_(getattr(layer, name))
            getattr(apart_layer, f"{name}_reverse").copy_(getattr(layer, name))
    x = numbers(T, B, I)
    found, wanted = backward(layer, x), backward(apart_layer, x)
    assert_alike(found, {name: wanted[name] + wanted[f"{name}_reverse"] for name in found})


@pytest.mark.parametrize("kind", KINDS)
def test_weights_replaced_by_what_is_computed(kind):
    """A weight that is a function of another (drop connect, normalised weights): gradients reach what it is made of."""
    layer = made(kind, I, H)
    wanted = backward(layer, x := numbers(T, B, I))
    raw, turned = nn.Parameter(layer.weight_hh_l0.detach() / 2), nn.Parameter(layer.weight_ih_l0.detach().T.clone())
    del layer.weight_hh_l0, layer.weight_ih_l0
    layer.weight_hh_l0, layer.weight_ih_l0 = raw * 2, turned.T
    weighted(parts(layer(x))).backward()
    assert apart(raw.grad, 2 * wanted["weight_hh_l0"]) < TIGHT and apart(turned.grad.T, wanted["weight_ih_l0"]) < TIGHT


@pytest.mark.parametrize("kind", [*KINDS, *CELLS])
def test_new_weights_are_seen_at_once(kind):
    """Nothing is kept of what was laid out for an earlier call."""
    layer, x = made(kind, I, H), numbers(B, I)
    fresh = made(kind, I, H)

    def agree():
        for a, b in zip(flat(layer(x)), flat(fresh(x)), strict=True):
            assert apart(a, b) == 0.0

    layer(x)
    layer.load_state_dict(fresh.state_dict())
    agree()
    for change in (lambda p: p.mul_(2), lambda p: p[0].fill_(0.5), lambda p: p.data.sub_(0.25)):
        with mg.no_grad():
            for module in (layer, fresh):
                for p in module.parameters():
                    change(p)
        agree()
    for p, q in zip(layer.parameters(), fresh.parameters()):
        p.data = q.data = mg.ones_like(p.data)
    agree()


def flat(result):
    """The tensors in a nest of tuples."""
    return [y for part in result for y in flat(part)] if isinstance(result, tuple) else [result]


# -- copies


@pytest.mark.parametrize("kind", [*KINDS, *CELLS])
def test_copies_and_pickles(kind, device):
    options = {} if kind in CELLS else {"num_layers": 2, "bidirectional": True, "dropout": 0.5}
    layer = made(kind, I, H, **options, device=device).eval()
    x = numbers(B, I, device=device)
    flat(layer(x))[0].sum().backward()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(other) == repr(layer) and type(other) is type(layer) and not other.training
        for a, b in zip(flat(other(x)), flat(layer(x)), strict=True):
            assert apart(a, b) == 0.0 and a.device.type == device
        with mg.no_grad():
            other.weight_hh.zero_() if kind in CELLS else other.weight_hh_l0.zero_()
        assert apart(flat(other(numbers(B, I, device=device)))[0], flat(layer(x))[0]) > 0
        assert bool((layer.weight_hh if kind in CELLS else layer.weight_hh_l0).any())


def test_moves_between_dtypes_and_devices(device):
    layer = nn.LSTM(I, H, 2, bidirectional=True, proj_size=3)
    moved = copy.deepcopy(layer).to(device).double()
    x = mg.randn(T, B, I)
    out, (h, c) = moved(x.to(device).double())
    assert {(y.device.type, y.dtype) for y in (out, h, c)} == {(device, mg.float64)}
    assert apart(out.cpu().float(), layer(x)[0]) < 1e-5
