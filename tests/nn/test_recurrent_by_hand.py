"""Recurrent layers with numbers worked out by hand: sigmoid(ln 2) = 2/3, sigmoid(ln 3) = 3/4, tanh(ln 2) = 3/5."""

from __future__ import annotations

from math import log, tanh

import pytest

import minigrad as mg
from minigrad import nn

LN2, LN3 = log(2), log(3)


def double(values, device="cpu", **options):
    return mg.tensor(values, dtype=mg.float64, device=device, **options)


def filled(module, **values):
    """The module with these numbers in its parameters, named without `_l0`."""
    with mg.no_grad():
        for name, value in values.items():
            p = module._parameters.get(f"{name}_l0", module._parameters.get(name))
            p.copy_(double(value))
    return module


def near(t, expected):
    t = t.detach().cpu()
    wanted = double(expected)
    return tuple(t.shape) == tuple(wanted.shape) and (t - wanted).abs().max().item() < 1e-12


def as_layer_and_cell(name, device, *sizes, **values):
    """A layer over one step, and a cell: functions (x, *states) -> new states, each (B, H), with their modules."""
    layer = filled(getattr(nn, name)(*sizes, device=device, dtype=mg.float64), **values)
    cell = filled(getattr(nn, f"{name}Cell")(*sizes, device=device, dtype=mg.float64), **values)

    def by_layer(x, *states):
        hx = tuple(s.unsqueeze(0) for s in states)
        output, last = layer(x.unsqueeze(0), hx if len(hx) > 1 else hx[0])
        last = last if isinstance(last, tuple) else (last,)
        assert output[0].tolist() == last[0][0].tolist()
        return [s[0] for s in last]

    def by_cell(x, *states):
        out = cell(x, states if len(states) > 1 else states[0])
        return list(out) if isinstance(out, tuple) else [out]

    return [(by_layer, layer, "_l0"), (by_cell, cell, "")]


LSTM = {  # rows: i, f, g, o; with x = 1 and h = 1 they add up to ln 2, ln 3, ln 2 and 0
    "weight_ih": [[LN2], [1.0], [0.5 * LN2], [2.0]],
    "weight_hh": [[0.5], [LN3], [0.25 * LN2], [-1.0]],
    "bias_ih": [-0.5, -1.0, 0.0, -3.0],
    "bias_hh": [0.0, 0.0, 0.25 * LN2, 2.0],
}


def test_lstm(device):
    """i = 2/3, f = 3/4, g = 3/5, o = 1/2: c' = 3/4 c + 2/3 3/5 = 1.9 for c = 2, h' = tanh(1.9) / 2."""
    for run, module, suffix in as_layer_and_cell("LSTM", device, 1, 1, **LSTM):
        x, h, c = (double([[v]], device, requires_grad=True) for v in (1.0, 1.0, 2.0))
        new_h, new_c = run(x, h, c)
        assert near(new_c, [[1.9]]) and near(new_h, [[tanh(1.9) / 2]])
        (100 * new_h + new_c).sum().backward()
        to_o = 100 * tanh(1.9) * 0.25  # o (1 - o)
        to_c = 1 + 100 * 0.5 * (1 - tanh(1.9) ** 2)
        to_i, to_f, to_g = to_c * 0.6 * 2 / 9, to_c * 2 * 3 / 16, to_c * 2 / 3 * 0.64
        gates = [to_i, to_f, to_g, to_o]
        for name in ("bias_ih", "bias_hh"):
            assert near(getattr(module, name + suffix).grad, gates)
        for name in ("weight_ih", "weight_hh"):  # x and h are 1
            assert near(getattr(module, name + suffix).grad, [[g] for g in gates])
        assert near(c.grad, [[to_c * 0.75]])
        assert near(x.grad, [[to_i * LN2 + to_f + to_g * 0.5 * LN2 + to_o * 2]])
        assert near(h.grad, [[to_i * 0.5 + to_f * LN3 + to_g * 0.25 * LN2 - to_o]])


def test_lstm_with_projection(device):
    """Two units, one projected feature: h' = 10 o_1 tanh(c_1) - o_2 tanh(c_2). The second unit has no weights, so its
    gates are 1/2 and g = 0.
    """
    rows = {name: [row for row in values for row in (row, [0.0] if isinstance(row, list) else 0.0)]
            for name, values in LSTM.items()}  # fmt: skip
    layer = nn.LSTM(1, 2, proj_size=1, device=device, dtype=mg.float64)
    filled(layer, **rows, weight_hr=[[10.0, -1.0]])
    x, h = (double([[[1.0]]], device, requires_grad=True) for _ in range(2))
    c = double([[[2.0, 6.0]]], device, requires_grad=True)
    output, (last_h, last_c) = layer(x, (h, c))
    inner = [tanh(1.9) / 2, tanh(3.0) / 2]
    assert near(last_c, [[[1.9, 3.0]]])
    assert near(output, [[[10 * inner[0] - inner[1]]]]) and near(last_h, [[[10 * inner[0] - inner[1]]]])
    output.sum().backward()
    assert near(layer.weight_hr_l0.grad, [inner])
    assert near(c.grad, [[[10 * 0.5 * (1 - tanh(1.9) ** 2) * 0.75, -0.5 * (1 - tanh(3.0) ** 2) * 0.5]]])


GRU = {  # rows: r, z, n; with x = 1 and h = 0.3: r = 3/4, z = 2/3; n: ln 2 / 2 from x, 2/3 ln 2 from h
    "weight_ih": [[LN3], [1.0], [2.0]],
    "weight_hh": [[10.0], [5.0], [LN2]],
    "bias_ih": [-1.0, LN2, LN2 / 2 - 2.0],
    "bias_hh": [-2.0, -2.5, (2 / 3 - 0.3) * LN2],
}


def test_gru(device):
    """The reset gate multiplies W_hn h + b_hn, bias and all: n = tanh(ln 2 / 2 + 3/4 2/3 ln 2) = tanh(ln 2) = 3/5,
    h' = 1/3 3/5 + 2/3 0.3 = 0.4.
    """
    for run, module, suffix in as_layer_and_cell("GRU", device, 1, 1, **GRU):
        x, h = double([[1.0]], device, requires_grad=True), double([[0.3]], device, requires_grad=True)
        (out,) = run(x, h)
        assert near(out, [[0.4]])
        out.sum().backward()
        to_n = 1 / 3 * 0.64
        to_z = (0.3 - 0.6) * 2 / 9
        to_r = to_n * 2 / 3 * LN2 * 3 / 16
        from_x, from_h = [to_r, to_z, to_n], [to_r, to_z, to_n * 0.75]
        assert near(getattr(module, "bias_ih" + suffix).grad, from_x)
        assert near(getattr(module, "bias_hh" + suffix).grad, from_h)
        assert near(getattr(module, "weight_ih" + suffix).grad, [[g] for g in from_x])
        assert near(getattr(module, "weight_hh" + suffix).grad, [[0.3 * g] for g in from_h])
        assert near(x.grad, [[to_r * LN3 + to_z + to_n * 2]])
        assert near(h.grad, [[2 / 3 + to_r * 10 + to_z * 5 + to_n * 0.75 * LN2]])


def test_rnn(device):
    values = {"weight_ih": [[LN2]], "weight_hh": [[2.0]], "bias_ih": [1.0], "bias_hh": [-3.0]}
    for run, module, suffix in as_layer_and_cell("RNN", device, 1, 1, **values):
        x, h = (double([[1.0]], device, requires_grad=True) for _ in range(2))
        (out,) = run(x, h)
        assert near(out, [[0.6]])
        out.sum().backward()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            g = getattr(module, name + suffix).grad
            assert near(g.reshape(-1), [0.64])
        assert near(x.grad, [[0.64 * LN2]]) and near(h.grad, [[1.28]])


def test_two_units_and_two_features(device):
    """Which weight goes where: h' = relu(W x + V h) with W and V that are not symmetric."""
    layer = nn.RNN(2, 2, nonlinearity="relu", bias=False, device=device, dtype=mg.float64)
    filled(layer, weight_ih=[[1.0, 2.0], [3.0, 4.0]], weight_hh=[[0.0, 1.0], [2.0, 0.0]])
    x = double([[[1.0, 10.0]], [[2.0, 0.0]]], device, requires_grad=True)
    output, last = layer(x, double([[[5.0, 7.0]]], device))
    assert output.tolist() == [[[28.0, 53.0]], [[55.0, 62.0]]] and last.tolist() == [[[55.0, 62.0]]]
    last[0, 0, 0].backward()  # 1 x_0 + 2 x_1 + the second unit of the step before
    assert x.grad.tolist() == [[[3.0, 4.0]], [[1.0, 2.0]]]
    assert layer.weight_ih_l0.grad.tolist() == [[2.0, 0.0], [1.0, 10.0]]
    assert layer.weight_hh_l0.grad.tolist() == [[28.0, 53.0], [5.0, 7.0]]


# -- h' = relu(x + 2 h), whose numbers are whole


def doubling(device="cpu", **options):
    layer = nn.RNN(1, 1, nonlinearity="relu", bias=False, device=device, dtype=mg.float64, **options)
    with mg.no_grad():
        for name, p in layer.named_parameters():
            p.fill_(2.0 if "hh" in name else 1.0)
    return layer


def column(*values, device="cpu"):
    """(T, 1, 1), to be differentiated."""
    return double([[[v]] for v in values], device, requires_grad=True)


def test_backpropagation_through_time(device):
    layer, x = doubling(device), column(1.0, 3.0, 5.0, device=device)
    h = double([[[10.0]]], device, requires_grad=True)
    output, last = layer(x, h)
    assert output.flatten().tolist() == [21.0, 45.0, 95.0] and last.flatten().tolist() == [95.0]
    last.sum().backward()
    assert x.grad.flatten().tolist() == [4.0, 2.0, 1.0] and h.grad.item() == 8.0
    assert layer.weight_ih_l0.grad.item() == 4 * 1 + 2 * 3 + 5
    assert layer.weight_hh_l0.grad.item() == 4 * 10 + 2 * 21 + 45


def test_a_unit_that_is_off_stops_the_gradient(device):
    layer, x = doubling(device), column(1.0, -3.0, 5.0, device=device)
    output, last = layer(x)
    assert output.flatten().tolist() == [1.0, 0.0, 5.0]
    last.sum().backward()
    assert x.grad.flatten().tolist() == [0.0, 0.0, 1.0] and layer.weight_ih_l0.grad.item() == 5.0


def test_both_directions(device):
    """The other direction reads from the end; its output stands at the step that it has just read."""
    layer, x = doubling(device, bidirectional=True), column(1.0, 3.0, 5.0, device=device)
    output, last = layer(x)
    assert output.tolist() == [[[1.0, 27.0]], [[5.0, 13.0]], [[15.0, 5.0]]]
    assert last.flatten().tolist() == [15.0, 27.0]
    output[0, 0, 1].backward()
    assert x.grad.flatten().tolist() == [1.0, 2.0, 4.0]
    assert layer.weight_hh_l0.grad.item() == 0.0 and layer.weight_hh_l0_reverse.grad.item() == 13 + 2 * 5


def test_first_states_of_both_directions_and_layers(device):
    """Rows of h_0: the first layer forward, the first backward, the second forward, the second backward."""
    layer, x = doubling(device, bidirectional=True), column(1.0, 3.0, 5.0, device=device)
    h = double([[[10.0]], [[20.0]]], device, requires_grad=True)
    output, last = layer(x, h)
    assert output.tolist() == [[[21.0, 187.0]], [[45.0, 93.0]], [[95.0, 45.0]]]
    assert last.flatten().tolist() == [95.0, 187.0]
    (last[0] + 100 * last[1]).sum().backward()
    assert h.grad.flatten().tolist() == [8.0, 800.0]
    stacked, x = doubling(device, num_layers=2, bidirectional=True), column(0.0, device=device)
    _, last = stacked(x, double([[[1.0]], [[10.0]], [[100.0]], [[1000.0]]], device))
    assert last.flatten().tolist() == [2.0, 20.0, 222.0, 2022.0]


def test_two_layers(device):
    layer, x = doubling(device, num_layers=2), column(1.0, 3.0, device=device)
    output, last = layer(x)
    assert output.flatten().tolist() == [1.0, 7.0] and last.flatten().tolist() == [5.0, 7.0]
    output.sum().backward()
    assert x.grad.flatten().tolist() == [1 + 2 + 2, 1.0]


def test_lengths(device):
    """Two sequences, 1 3 and 1 3 5; behind the end of the first stands a number that must not be seen."""
    x = double([[[1.0], [1.0]], [[3.0], [3.0]], [[99.0], [5.0]]], device, requires_grad=True)
    layer = doubling(device, bidirectional=True)
    output, last = layer(x, lengths=[2, 3])
    assert output.tolist() == [[[1.0, 7.0], [1.0, 27.0]], [[5.0, 3.0], [5.0, 13.0]], [[0.0, 0.0], [15.0, 5.0]]]
    assert last.tolist() == [[[5.0], [15.0]], [[7.0], [27.0]]]
    last.sum().backward()
    assert x.grad.tolist() == [[[3.0], [5.0]], [[3.0], [4.0]], [[0.0], [5.0]]]
    assert layer.weight_hh_l0.grad.item() == 1 + (2 * 1 + 5)
    assert layer.weight_hh_l0_reverse.grad.item() == 3 + (2 * 5 + 13)


@pytest.mark.parametrize("kind", ["output", "state"])
def test_gradients_from_steps_beyond_the_end_are_dropped(kind, device):
    """The output there is 0 whatever the weights are."""
    layer = doubling(device)
    x = double([[[1.0], [1.0]], [[3.0], [3.0]]], device, requires_grad=True)
    output, last = layer(x, lengths=mg.tensor([1, 2], device=device))
    (output[1, 0] if kind == "output" else last[0, 0]).sum().backward()
    assert x.grad.tolist() == [[[0.0 if kind == "output" else 1.0], [0.0]], [[0.0], [0.0]]]
