"""gradient_flow: the norms are those of loops written out in plain operations, and the model is left as it was."""

from __future__ import annotations

import gc
import math
import weakref
from itertools import pairwise

import pytest
from written_out import written_out

import minigrad
from minigrad import nn
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from minigrad.study import gradient_flow
from minigrad.study.flow import LayerFlow

LAYERS = {
    "tanh": lambda **more: nn.RNN(3, 4, **more),
    "relu": lambda **more: nn.RNN(3, 4, nonlinearity="relu", **more),
    "gru": lambda **more: nn.GRU(3, 4, **more),
    "lstm": lambda **more: nn.LSTM(3, 4, **more),
    "projected": lambda **more: nn.LSTM(3, 4, proj_size=2, **more),
}
DEEP = {"num_layers": 2, "bidirectional": True}


def made(kind, **more):
    return LAYERS[kind](dtype=minigrad.float64, **more)


def sequence(T=7, B=3):
    return minigrad.randn(T, B, 3, dtype=minigrad.float64)


def loss_of(output, last):
    """Looks at every step differently, and at the last states."""
    weights = minigrad.arange(1, output.numel() + 1, dtype=output.dtype).reshape(output.shape).sin()
    return (output.square() * weights).sum() + sum((k + 1) * h.sum() for k, h in enumerate(last))


def hidden(last):
    return last[0] if isinstance(last, tuple) else last


def gradients(model):
    found = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    return found


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, norms in expected.items():
        assert found[name] == pytest.approx(norms, rel=1e-9, abs=1e-14), name


def assert_flow(flow, traces, name=""):
    assert list(flow.layers) == [f"{name}{suffix}" for suffix in traces]
    for suffix, trace in traces.items():
        assert_same(flow[f"{name}{suffix}"].columns(), trace.norms())
        assert flow[f"{name}{suffix}"].reverse == suffix.endswith("reverse")


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("more", [{}, DEEP], ids=["one", "deep"])
@pytest.mark.parametrize("lengths", [None, [4, 7, 1]], ids=["whole", "lengths"])
def test_norms_are_those_of_a_loop_written_out(kind, more, lengths):
    layer, x = made(kind, **more), sequence()
    with gradient_flow(layer) as flow:
        output, last = layer(x, lengths=lengths)
        loss_of(output, hidden(last)).backward()
    found = gradients(layer)
    by_hand, ends, traces = written_out(layer, x, lengths)
    loss_of(by_hand, ends).backward()
    assert minigrad.allclose(output, by_hand, rtol=1e-12)
    assert_flow(flow, traces)
    assert all(any(norm > 0 for norm in trace.norms()["h"]) for trace in traces.values())
    expected = gradients(layer)
    output, last = layer(x, lengths=lengths)
    loss_of(output, hidden(last)).backward()
    for name, grad in gradients(layer).items():
        assert minigrad.allclose(found[name], grad, rtol=1e-9, atol=1e-13), name
        assert minigrad.allclose(expected[name], grad, rtol=1e-9, atol=1e-13), name


@pytest.mark.parametrize("kind", LAYERS)
def test_what_stands_behind_an_end_does_not_matter(kind):
    layer, x, lengths = made(kind, bidirectional=True), sequence(), [4, 7, 1]
    flows, grads = [], []
    for padding in (0.0, math.nan):
        x[4:, 0] = x[1:, 2] = padding
        with gradient_flow(layer) as flow:
            loss_of(layer(x, lengths=lengths)[0], []).backward()
        flows.append(flow)
        grads.append(gradients(layer))
    for name in ("l0", "l0_reverse"):
        assert_same(flows[1][name].columns(), flows[0][name].columns())
    assert all(minigrad.equal(grad, grads[0][name]) for name, grad in grads[1].items())


@pytest.mark.parametrize("kind", LAYERS)
def test_packed_sequences(kind):
    layer, x, lengths = made(kind, **DEEP), sequence(), [4, 7, 1]
    with gradient_flow(layer) as flow:
        output, last = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        loss_of(pad_packed_sequence(output)[0], hidden(last)).backward()
    found = gradients(layer)
    by_hand, ends, traces = written_out(layer, x, lengths)
    loss_of(by_hand, ends).backward()
    assert_flow(flow, traces)
    for name, grad in gradients(layer).items():
        assert minigrad.allclose(found[name], grad, rtol=1e-9, atol=1e-13), name


@pytest.mark.parametrize("kind", LAYERS)
def test_other_layouts_and_first_states(kind):
    layer, x = made(kind), sequence()
    with minigrad.no_grad():
        last = layer(x)[1]

    def first(*index):
        return tuple(s[index] for s in last) if isinstance(last, tuple) else last[index]

    def columns(x, state):
        with gradient_flow(layer) as flow:
            layer(x, state)[0].square().sum().backward()
        return flow["l0"].columns()

    one = slice(0, 1)
    expected = columns(x[:, one], first(slice(None), one))
    assert columns(x[:, one], None)["h"] != pytest.approx(expected["h"])
    assert_same(columns(x[:, 0], first(slice(None), 0)), expected)  # (T, I)
    layer.batch_first = True
    assert_same(columns(x[:, one].transpose(0, 1), first(slice(None), one)), expected)


class Model(nn.Module):
    """Layers with names, without biases, with dropout, and an embedding before them."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.reader = nn.GRU(3, 4, 2, bias=False, dropout=0.5)
        self.writer = nn.LSTMCell(4, 4)
        self.out = nn.Linear(4, 5)

    def forward(self, tokens):
        _, h = self.reader(self.embedding(tokens))
        state, scores = (h[-1], minigrad.zeros_like(h[-1])), []
        for _ in range(3):
            state = self.writer(h[0], state)
            scores.append(self.out(state[0]))
        return minigrad.stack(scores)


def test_a_model_with_layers_and_cells_inside():
    model, tokens = Model(), minigrad.randint(0, 5, (6, 2))
    results = []
    for k in range(2):
        minigrad.manual_seed(3)
        if k == 0:
            with gradient_flow(model) as flow:
                model(tokens).square().sum().backward()
        else:
            model(tokens).square().sum().backward()
        results.append(gradients(model))
    assert list(flow.layers) == ["reader.l0", "reader.l1", "writer"]
    assert len(flow["reader.l1"].hidden) == 6 and len(flow["writer"].hidden) == 3
    assert flow["writer"].output is None and list(flow["writer"].columns()) == ["h", "c", "i", "f", "g", "o"]
    for name, grad in results[1].items():
        assert minigrad.allclose(results[0][name], grad, rtol=1e-4, atol=1e-7), name
    assert results[1]["embedding.weight"].abs().sum() > 0


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_loop_over_a_cell_is_its_layer(kind):
    layer = getattr(nn, kind)(3, 4, dtype=minigrad.float64)
    cell = getattr(nn, f"{kind}Cell")(3, 4, dtype=minigrad.float64)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.state_dict().items()})
    x = sequence()
    with gradient_flow(layer) as expected:
        layer(x)[0].square().sum().backward()
    with gradient_flow(cell) as flow:
        state, loss = None, 0
        for x_t in x:
            state = cell(x_t, state)
            loss = loss + hidden(state).square().sum()
        loss.backward()
    columns = expected["l0"].columns()
    del columns["output"]
    assert_same(flow[f"{kind}Cell"].columns(), columns)


def test_windows_go_on_in_time():
    layer, x = made("lstm"), sequence(T=8)
    with gradient_flow(layer) as whole:
        layer(x)[0].square().sum().backward()
    with gradient_flow(layer) as flow:
        first, state = layer(x[:5])
        second, _ = layer(x[5:], state)
        (first.square().sum() + second.square().sum()).backward()
    # at h_4 the gradient of the second window arrives by the state: in h, and not in the first one's output
    assert_same(flow["l0"].columns(), whole["l0"].columns())
    with gradient_flow(layer) as flow:
        first, state = layer(x[:5])
        second, _ = layer(x[5:], tuple(s.detach() for s in state))
        second.square().sum().backward()
    assert flow.hidden[:5].tolist() == [0] * 5 and flow.hidden[5] > 0


def test_norms_beyond_float32():
    """A gradient of 1e-30 has a square that float32 cannot hold; so has one of 1e30."""
    layer = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    for factor in (1e-10, 1e10):
        with minigrad.no_grad():
            layer.weight_ih_l0.fill_(1.0)
            layer.weight_hh_l0.fill_(factor)
        with gradient_flow(layer) as flow:
            layer(minigrad.full((4, 1, 1), 1.0))[0][-1].sum().backward()
        assert flow.hidden.tolist() == pytest.approx([factor**3, factor**2, factor, 1], rel=1e-6)


# -- vanishing and exploding ------------------------------------------------------------------------------------------


def orthogonal(layer, gain):
    """Recurrent weights that lengthen every state by `gain`, inputs that hardly move it."""
    nn.init.orthogonal_(layer.weight_hh_l0, gain)
    nn.init.normal_(layer.weight_ih_l0, std=1e-8)
    nn.init.zeros_(layer.bias_ih_l0)
    nn.init.zeros_(layer.bias_hh_l0)


@pytest.mark.parametrize("gain", [0.5, 0.9, 1.0, 1.3])
def test_a_simple_network_vanishes_and_explodes(gain):
    """Near 0, where tanh' = 1, the gradient is multiplied by the length of the recurrent weights at each step."""
    layer = made("tanh")
    orthogonal(layer, gain)
    with gradient_flow(layer) as flow:
        layer(sequence(T=30))[0][-1].sum().backward()
    norms = flow.hidden.tolist()
    assert norms[0] / norms[-1] == pytest.approx(gain**29, rel=1e-3)
    assert flow["l0"].per_step() == pytest.approx(gain, rel=1e-4)
    assert flow.gates["tanh"].tolist() == pytest.approx(norms, rel=1e-3)
    assert flow.cell is None and flow["l0"].output.tolist()[:-1] == [0] * 29


def test_saturation_stops_the_gradient():
    """With large weights and inputs that saturate tanh, what would explode vanishes."""
    layer = made("tanh")
    orthogonal(layer, 1.5)
    with minigrad.no_grad():
        layer.bias_ih_l0.fill_(20.0)
    with gradient_flow(layer) as flow:
        layer(sequence(T=30))[0][-1].sum().backward()
    assert flow["l0"].per_step() < 1e-3 or math.isnan(flow["l0"].per_step())
    assert max(flow.hidden.tolist()[:-1]) < 1e-6 < flow.hidden[-1].item()


@pytest.mark.parametrize("bias", [-2.0, 1.0, 10.0])
def test_the_forget_gate_keeps_the_gradient(bias):
    """dc_(t-1) / dc_t is the forget gate, where nothing comes by other ways."""
    layer = made("lstm")
    with minigrad.no_grad():
        for p in layer.parameters():
            p.mul_(1e-6)
        layer.bias_ih_l0[4:8] = bias
    with gradient_flow(layer) as flow:
        layer(sequence(T=30))[0][-1].sum().backward()
    norms = flow.cell.tolist()
    ratios = [a / b for a, b in pairwise(norms)]
    assert ratios == pytest.approx([1 / (1 + math.exp(-bias))] * 29, rel=1e-4)


def test_gru_keeps_where_z_is_open():
    layer = made("gru")
    with minigrad.no_grad():
        for p in layer.parameters():
            p.mul_(1e-6)
        layer.bias_ih_l0[4:8] = 5.0
    with gradient_flow(layer) as flow:
        layer(sequence(T=30))[0][-1].sum().backward()
    assert flow["l0"].per_step() == pytest.approx(1 / (1 + math.exp(-5)), rel=1e-4)


# -- the result -------------------------------------------------------------------------------------------------------


def one_layer(**more):
    norms = {"hidden": minigrad.tensor([0.5, 1.0, 2.0]), **more}
    return LayerFlow(gates={"tanh": minigrad.tensor([1.0, 2.0, 3.0])}, **norms)


def test_the_factor_per_step():
    assert one_layer().per_step() == pytest.approx(0.5)
    assert one_layer(reverse=True).per_step() == pytest.approx(2)
    assert one_layer(output=minigrad.tensor([0.0, 0.0, 2.0])).per_step() == pytest.approx(0.5)
    assert one_layer(hidden=minigrad.tensor([0.5, 1.0, 0.0])).per_step() == pytest.approx(0.5)  # the loss is at t = 1
    assert one_layer(hidden=minigrad.tensor([0.0, 1.0, 2.0])).per_step() == 0
    for unknown in (
        {"output": minigrad.tensor([0.0, 1.0, 2.0])},
        {"hidden": minigrad.tensor([1.0, 0.0, 0.0])},
        {"hidden": minigrad.tensor([0.0])},
        {"hidden": minigrad.tensor([math.nan, 1.0])},
    ):
        assert math.isnan(one_layer(**unknown).per_step())


def test_the_table():
    lines = str(one_layer()).splitlines()
    assert lines[0].split() == ["t", "h", "tanh"]
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["0", "5.00e-01", "1.00e+00"], ["1", "1.00e+00", "2.00e+00"], ["2", "2.00e+00", "3.00e+00"],
    ]  # fmt: skip
    assert lines[4] == "  at h, times 0.5 with each step back"
    bars = [line.count("█") for line in lines[1:4]]
    assert bars[0] < bars[1] < bars[2] == 24
    falling = minigrad.logspace(0, -99, 100, dtype=minigrad.float64)
    lines = str(LayerFlow(gates={"tanh": falling}, hidden=falling)).splitlines()
    assert len(lines) == 1 + 16 + 1
    assert lines[1].split()[0] == "0" and lines[16].split()[0] == "99"
    bars = [line.count("█") for line in lines[1:17]]
    assert bars == sorted(bars, reverse=True) and bars[0] == 24 and len(set(bars)) > 5


def test_a_table_of_what_has_no_logarithm():
    flow = one_layer(hidden=minigrad.tensor([0.0, math.inf, math.nan]))
    assert [line.split()[1] for line in str(flow).splitlines()[1:4]] == ["0.00e+00", "inf", "nan"]
    assert "█" not in str(flow)


def test_print_and_plot(tmp_path):
    pytest.importorskip("matplotlib")
    layer = made("lstm", **DEEP)
    flow = gradient_flow(layer)
    with pytest.raises(RuntimeError, match="nothing to draw"):
        flow.plot(tmp_path / "early.png")
    with flow:
        layer(sequence())[0][-1].sum().backward()
    text = str(flow)
    assert [line for line in text.splitlines() if line.startswith("l")] == [
        f"{name}: norms of the gradient by time step" for name in ("l0", "l0_reverse", "l1", "l1_reverse")
    ]
    flow.plot(tmp_path / "flow.png")
    assert (tmp_path / "flow.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["flow.png"]
    assert repr(flow) == "<gradient_flow of LSTM: l0, l0_reverse, l1, l1_reverse>"


def test_what_there_is_one_of():
    layer = made("gru")
    with gradient_flow(layer) as flow:
        layer(sequence())[0].sum().backward()
    assert flow.gates is flow["l0"].gates and flow.hidden is flow["l0"].hidden and flow.cell is None
    layer = made("gru", **DEEP)
    with gradient_flow(layer) as flow:
        layer(sequence())[0].sum().backward()
    for name in ("gates", "hidden", "cell"):
        with pytest.raises(AttributeError, match="nothing to see before the `with` block has ended"):
            getattr(gradient_flow(layer), name)
        with pytest.raises(AttributeError, match=r"4 layers: ask for one, as in flow\[name\]: l0, l0_reverse"):
            getattr(flow, name)
    with pytest.raises(KeyError, match="'l2' is none of l0, l0_reverse, l1, l1_reverse"):
        flow["l2"]


# -- the model is left as it was, and mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_the_layer_is_itself_again(kind):
    layer, x = made(kind, **DEEP), sequence()
    names = set(vars(layer))
    before = layer(x)[0]
    with gradient_flow(layer):
        assert set(vars(layer)) > names
        layer(x)[0].sum().backward()
    assert set(vars(layer)) == names and minigrad.equal(layer(x)[0], before)
    with pytest.raises(ZeroDivisionError), gradient_flow(layer):
        layer(x)
        1 / 0  # noqa: B018
    assert set(vars(layer)) == names


def test_nothing_is_kept_of_the_graph():
    layer = made("lstm")
    gc.collect()
    gc.disable()
    try:
        with gradient_flow(layer) as flow:
            output = layer(sequence())[0]
            output.sum().backward()
            step = flow._probes["l0"].steps[0]
            kept = [weakref.ref(x) for x in (output.grad_fn, step.gates, step.states[0].grad_fn)]
            del output, step
            assert [x() is None for x in kept] == [True, False, False]
        assert [x() for x in kept] == [None] * 3 and flow.hidden.grad_fn is None
    finally:
        gc.enable()


def test_on_devices(device):
    layer = nn.LSTM(3, 4, 2, bidirectional=True, device=device)
    x = minigrad.randn(5, 2, 3)
    with gradient_flow(layer) as flow:
        output, _ = layer(x.to(device), lengths=[3, 5])
        output.square().sum().backward()
    columns = flow["l1_reverse"].columns()
    layer = layer.cpu()
    with gradient_flow(layer) as flow:
        layer(x, lengths=[3, 5])[0].square().sum().backward()
    for name, norms in flow["l1_reverse"].columns().items():
        assert columns[name] == pytest.approx(norms, rel=1e-4)


def test_frozen_weights():
    layer = made("lstm").requires_grad_(False)
    x = sequence().requires_grad_()
    with gradient_flow(layer) as flow:
        layer(x)[0].sum().backward()
    assert (flow.hidden > 0).all() and all(p.grad is None for p in layer.parameters()) and x.grad is not None
    with gradient_flow(layer) as other:  # not even the input has a gradient
        layer(x.detach())[0].sum().backward()
    assert_same(other["l0"].columns(), flow["l0"].columns())


@pytest.mark.parametrize("model", [3, "lstm", None, nn.LSTM, minigrad.ones(2)])
def test_what_is_no_module(model):
    with pytest.raises(TypeError, match="takes a module with recurrent layers, got"):
        gradient_flow(model)


def test_a_block_in_which_nothing_happens():
    layer, x = made("lstm"), sequence()
    with (
        pytest.raises(RuntimeError, match="no recurrent layer of Sequential has run"),
        gradient_flow(nn.Sequential(nn.Linear(3, 3))),
    ):
        pass
    said = "no recurrent layer of LSTM has run, with gradients"
    with pytest.raises(RuntimeError, match=said), gradient_flow(layer), minigrad.no_grad():
        layer(x)
    with (
        pytest.raises(RuntimeError, match=r"no gradient has come.*call loss.backward\(\) inside"),
        gradient_flow(layer),
    ):
        layer(x)
    with pytest.raises(RuntimeError, match="no gradient has come"), gradient_flow(layer):
        layer(x)
        x.clone().requires_grad_().sum().backward()


def test_a_recorded_step_is_refused():
    layer, x = made("lstm"), sequence()

    @minigrad.jit
    def step(x):
        loss = layer(x)[0].sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match=r"call the function itself, without minigrad\.jit"), gradient_flow(layer):
        step(x)
    for _ in range(3):
        step(x)
    with pytest.raises(RuntimeError, match=r"without minigrad\.jit"), gradient_flow(layer):
        step(x)  # not a replay, which would show nothing


def test_one_at_a_time():
    flow = gradient_flow(made("lstm"))
    with pytest.raises(RuntimeError, match="already looking"), flow, flow:
        pass
    model, x = nn.Sequential(made("gru"), made("gru")), sequence()
    names = [set(vars(layer)) for layer in model]
    with gradient_flow(model[1]) as flow:
        with pytest.raises(RuntimeError, match="another one is looking at this model: end its"), gradient_flow(model):
            pass
        assert set(vars(model[0])) == names[0]  # nothing is left of the one that was refused
        for _ in range(2):
            model[1](x)[0].sum().backward()
    assert len(flow.hidden) == 2 * len(x) and [set(vars(layer)) for layer in model] == names


def test_layers_that_share_their_weights():
    layer, x = nn.GRU(4, 4, 3), minigrad.randn(5, 2, 4)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        for k in (1, 2):
            setattr(layer, f"{name}_l{k}", getattr(layer, f"{name}_l0"))
    alike = nn.GRU(4, 4, 3)
    alike.load_state_dict({name: getattr(layer, name) for name in alike.state_dict()})
    flows = []
    for model in (layer, alike):
        with gradient_flow(model) as flow:
            for part in (x[:3], x[3:]):
                model(part)[0].square().sum().backward()
        flows.append(flow)
    assert list(flows[0].layers) == ["l0", "l1", "l2"]
    for name in flows[0].layers:
        assert len(flows[0][name].hidden) == 5
        assert_same(flows[0][name].columns(), flows[1][name].columns())
