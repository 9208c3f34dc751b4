"""What modules do as PyTorch's: state dicts both ways, printing, hooks, starting values, clipping."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sides import assert_same, assert_same_gradients, both, copy_parameters  # noqa: E402

import minigrad as mg  # noqa: E402
from minigrad import nn  # noqa: E402


def model(lib, nn):
    """The same model written once, with either library."""

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)] + [nn.ReLU()])
            self.gates = nn.ParameterList([nn.Parameter(lib.ones(width)) for _ in range(2)])
            self.scales = nn.ParameterDict({"a": nn.Parameter(lib.ones(1)), "b": nn.Parameter(lib.zeros(1))})
            self.register_buffer("steps", lib.zeros(1))
            self.register_buffer("scratch", lib.zeros(1), persistent=False)
            self.register_parameter("none", None)

        def forward(self, x):
            x = self.norm(x)
            for layer, gate in zip(self.layers, [*self.gates, *self.gates], strict=True):
                x = layer(x) * gate
            return x * self.scales["a"] + self.scales["b"] + self.steps

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(7, 6, padding_idx=0)
            self.blocks = nn.Sequential(Block(6), nn.Dropout(0.0), Block(6))
            self.choice = nn.ModuleDict({"tanh": nn.Tanh(), "elu": nn.ELU()})
            self.out = nn.Linear(6, 7, bias=False)
            self.out.weight = self.embed.weight
            self.last = self.blocks[2]

        def forward(self, x):
            return self.out(self.choice["tanh"](self.blocks(self.embed(x))))

    return Model()


def models():
    mine, theirs = model(mg, nn), model(torch, torch.nn)
    copy_parameters(mine, theirs)
    return mine, theirs


def test_a_model():
    mine, theirs = models()
    for kind in ("parameters", "buffers", "modules"):
        for keep in (True, False):
            ours, other = (getattr(m, f"named_{kind}")(remove_duplicate=keep) for m in (mine, theirs))
            assert [name for name, _ in ours] == [name for name, _ in other]
    assert [name for name, _ in mine.named_children()] == [name for name, _ in theirs.named_children()]
    assert mine.state_dict()._metadata == theirs.state_dict()._metadata
    i, j = both(np.array([[1, 0, 3], [6, 6, 2]]))
    for a, b in ((mine, theirs), (copy.deepcopy(mine), copy.deepcopy(theirs))):
        out, expected = a(i), b(j)
        assert_same(out, expected)
        (out * out).sum().backward()
        (expected * expected).sum().backward()
        assert_same_gradients(a, b, atol=2e-5)


def test_repr():
    mine, theirs = models()
    assert repr(mine).replace("minigrad.", "torch.") == repr(theirs)


def test_state_dicts_go_both_ways():
    mine, theirs = models()
    fresh = model(torch, torch.nn)
    fresh.load_state_dict({key: torch.from_numpy(v.numpy()) for key, v in mine.state_dict().items()})
    for key, value in theirs.state_dict().items():
        assert_same(mg.tensor(fresh.state_dict()[key].numpy()), value)


def test_loading_finds_the_same_keys_missing():
    mine, theirs = models()
    strange = ["foo", "blocks.0.foo", "blocks.1.bar.baz", "embed.weight.x", "blocks.0.scratch", "out"]
    keys = [*list(mine.state_dict())[::2], *strange]
    state = {key: mine.state_dict().get(key, mg.ones(1)) for key in keys}
    result = mine.load_state_dict(state, strict=False)
    expected = theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in state.items()}, strict=False)
    assert result.missing_keys == expected.missing_keys
    assert sorted(result.unexpected_keys) == sorted(expected.unexpected_keys)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks():
    """All hooks on all modules, in PyTorch's order, with PyTorch's gradients."""

    def watched(lib, model, log):
        for name, module in model.named_modules():
            if isinstance(module, (nn.ModuleList, torch.nn.ModuleList, nn.ModuleDict, torch.nn.ModuleDict)):
                continue
            module.register_forward_pre_hook(lambda m, args, name=name: log.append(("pre", name, len(args))))
            module.register_forward_hook(lambda m, args, out, name=name: log.append(("out", name, tuple(out.shape))))
            module.register_full_backward_pre_hook(
                lambda m, go, name=name: log.append(("backward pre", name, summed(go)))
            )
            module.register_full_backward_hook(
                lambda m, gi, go, name=name: log.append(("backward", name, summed(gi), summed(go)))
            )
        return model

    def summed(grads):
        return [None if g is None else round(g.sum().item(), 3) + 0.0 for g in grads]

    mine, theirs = models()
    i, j = both(np.array([1, 2, 5]))
    logs = [], []
    watched(mg, mine, logs[0])(i).sum().backward()
    watched(torch, theirs, logs[1])(j).sum().backward()
    assert sorted(map(repr, logs[0])) == sorted(map(repr, logs[1]))
    assert [entry[:2] for entry in logs[0]] == [entry[:2] for entry in logs[1]]


INITIAL = [
    ("Linear", (50, 40), {}),
    ("Bilinear", (20, 30, 10), {}),
    ("Embedding", (60, 30), {}),
    ("PReLU", (5,), {}),
    ("LayerNorm", (5,), {}),
    ("RMSNorm", (5,), {}),
    ("BatchNorm1d", (5,), {}),
]


@pytest.mark.parametrize(("name", "args", "kw"), INITIAL)
def test_starting_values(name, args, kw):
    """Mean, deviation and bounds over several layers are those of PyTorch."""
    mine = [getattr(nn, name)(*args, **kw) for _ in range(20)]
    theirs = [getattr(torch.nn, name)(*args, **kw) for _ in range(20)]
    for key in dict(theirs[0].named_parameters()):
        a, b = (
            np.concatenate([m.get_parameter(key).detach().numpy().ravel() for m in side]) for side in (mine, theirs)
        )
        scale = b.std() + 1e-9
        assert abs(a.mean() - b.mean()) < 6 * scale / math.sqrt(len(a)) + 1e-9
        assert abs(a.std() - b.std()) < 6 * scale / math.sqrt(len(a)) + 1e-9
        uniform = abs(np.abs(b).max() - math.sqrt(3) * scale) < 0.1 * scale
        assert not uniform or abs(np.abs(a).max() - math.sqrt(3) * scale) < 0.1 * scale


@pytest.mark.parametrize(
    ("name", "kw"),
    [
        ("uniform_", {"a": -1.0, "b": 3.0}),
        ("normal_", {"mean": 1.0, "std": 2.0}),
        ("trunc_normal_", {}),
        ("trunc_normal_", {"mean": 1.0, "std": 0.5, "a": 0.5, "b": 1.2}),
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {"a": 0.5}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal_", {}),
        ("kaiming_normal_", {"nonlinearity": "selu"}),
        ("orthogonal_", {"gain": 2.0}),
        ("sparse_", {"sparsity": 0.3}),
    ],
)
def test_init(name, kw):
    """The quantiles of 80,000 numbers agree; the extremes where they are bounds."""
    torch.manual_seed(0)
    a = getattr(nn.init, name)(mg.empty(400, 200), **kw).numpy()
    b = getattr(torch.nn.init, name)(torch.empty(400, 200), **kw).numpy()
    bounded = "uniform" in name or "trunc" in name
    for quantile in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0) if bounded else (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs(np.quantile(a, quantile) - np.quantile(b, quantile)) < 0.03 * b.std(), quantile


def test_gains():
    for name in ("linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, float("inf"), 0.5])
@pytest.mark.parametrize("max_norm", [0.1, 100.0])
def test_clipping(norm_type, max_norm):
    mine, theirs = nn.Linear(3, 4), torch.nn.Linear(3, 4)
    copy_parameters(mine, theirs)
    a, b = both(np.random.default_rng(0).normal(size=(5, 3)).astype("float32"))
    mine(a).pow(2).sum().backward()
    theirs(b).pow(2).sum().backward()
    for function in ("clip_grad_norm_", "clip_grad_value_"):
        args = (max_norm, norm_type) if function == "clip_grad_norm_" else (max_norm,)
        total = getattr(nn.utils, function)(mine.parameters(), *args)
        expected = getattr(torch.nn.utils, function)(theirs.parameters(), *args)
        assert_same(total, expected)
        assert_same_gradients(mine, theirs)
    vector = nn.utils.parameters_to_vector(mine.parameters())
    assert_same(vector, torch.nn.utils.parameters_to_vector(theirs.parameters()))
