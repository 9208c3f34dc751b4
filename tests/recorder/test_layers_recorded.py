"""Every layer and loss of `minigrad.nn` in a recorded training step: results, gradients, parameters, buffers and the
random stream are those of the eager run, in training and after `eval()`, with other values at every call.
"""

from __future__ import annotations

import warnings
from functools import partial

import pytest
from recorded_helpers import both_ways

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


def floats(*shape, dtype=mg.float32):
    return lambda: mg.randn(*shape, dtype=dtype)


def positive(*shape):
    return lambda: mg.rand(*shape) + 0.1


def shares(*shape):
    return lambda: mg.softmax(mg.randn(*shape), -1)


def classes(n, *shape):
    return lambda: mg.randint(0, n, shape)


def signs(*shape):
    return lambda: mg.randint(0, 2, shape) * 2.0 - 1


def rows_of_classes(rows, n):
    """Some classes, each once, then -1."""
    return lambda: mg.stack([mg.where(mg.arange(n) < 2, mg.randperm(n), -1) for _ in range(rows)])


def offsets(n, largest):
    """Where n bags begin."""
    return lambda: mg.cat([mg.zeros(1, dtype=mg.int64), mg.randint(0, largest, (n - 1,)).sort().values])


X = floats(6, 4)
OFFSETS = offsets(4, 10)

#: what makes the layer, and what makes its inputs
LAYERS = {
    "Linear": (lambda: nn.Linear(4, 3), X),
    "Linear of a sequence": (lambda: nn.Linear(4, 3, bias=False), floats(2, 5, 4)),
    "Linear of one example": (lambda: nn.Linear(4, 3), floats(4)),
    "Linear in float64": (lambda: nn.Linear(4, 3, dtype=mg.float64), floats(6, 4, dtype=mg.float64)),
    "LazyLinear": (lambda: nn.LazyLinear(3), X),
    "Bilinear": (lambda: nn.Bilinear(4, 2, 3), X, floats(6, 2)),
    "Identity": (nn.Identity, X),
    "Flatten": (nn.Flatten, floats(3, 2, 4)),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), X),
    "Embedding": (lambda: nn.Embedding(7, 3), classes(7, 5, 2)),
    "Embedding of long sequences": (lambda: nn.Embedding(7, 3), classes(7, 40, 5)),
    "Embedding with a padding": (lambda: nn.Embedding(7, 3, padding_idx=2), classes(7, 5, 2)),
    "Embedding with a largest norm": (lambda: nn.Embedding(7, 3, max_norm=1.0), classes(7, 5, 2)),
    "Embedding with a largest 1-norm": (lambda: nn.Embedding(7, 3, max_norm=1.0, norm_type=1.0), classes(7, 9)),
    "Embedding by frequency": (lambda: nn.Embedding(7, 3, scale_grad_by_freq=True, padding_idx=0), classes(7, 9)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(7, 3), classes(7, 9), OFFSETS),
    "EmbeddingBag of sums": (lambda: nn.EmbeddingBag(7, 3, mode="sum", padding_idx=2), classes(7, 9), OFFSETS),
    "EmbeddingBag of maxima": (lambda: nn.EmbeddingBag(7, 3, mode="max", padding_idx=2), classes(7, 9), OFFSETS),
    "EmbeddingBag of one length": (lambda: nn.EmbeddingBag(7, 3, padding_idx=0, max_norm=1.0), classes(7, 4, 5)),
    "EmbeddingBag with a last offset": (
        lambda: nn.EmbeddingBag(7, 3, include_last_offset=True, scale_grad_by_freq=True), classes(7, 9), OFFSETS,
    ),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), X),
    "BatchNorm1d of sequences": (lambda: nn.BatchNorm1d(4, eps=0.1, momentum=0.3), floats(3, 4, 5)),
    "BatchNorm1d with a plain mean": (lambda: nn.BatchNorm1d(4, momentum=None), X),
    "BatchNorm1d without statistics": (lambda: nn.BatchNorm1d(4, track_running_stats=False), X),
    "BatchNorm1d without weights": (lambda: nn.BatchNorm1d(4, affine=False), X),
    "BatchNorm1d without a bias": (lambda: nn.BatchNorm1d(4, bias=False), X),
    "LazyBatchNorm1d": (nn.LazyBatchNorm1d, X),
    "LayerNorm": (lambda: nn.LayerNorm(4), X),
    "LayerNorm over two dimensions": (lambda: nn.LayerNorm((2, 4), bias=False), floats(3, 2, 4)),
    "LayerNorm without weights": (lambda: nn.LayerNorm(4, elementwise_affine=False), X),
    "RMSNorm": (lambda: nn.RMSNorm(4), X),
    "Dropout": (lambda: nn.Dropout(0.3), X),
    "Dropout in place": (lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.3, inplace=True)), X),
    "Dropout of everything": (lambda: nn.Dropout(1.0), X),
    "Dropout1d": (nn.Dropout1d, floats(3, 4, 5)),
    "Dropout2d": (nn.Dropout2d, floats(3, 4, 2, 2)),
    "Dropout3d": (nn.Dropout3d, floats(3, 4, 2, 2, 1)),
    "AlphaDropout": (nn.AlphaDropout, X),
    "FeatureAlphaDropout": (nn.FeatureAlphaDropout, floats(3, 4, 5)),
    "CELU": (lambda: nn.CELU(0.7), X),
    "ELU": (nn.ELU, X),
    "GELU": (nn.GELU, X),
    "GELU by tanh": (lambda: nn.GELU("tanh"), X),
    "GLU": (nn.GLU, X),
    "SELU": (nn.SELU, X),
    "Hardshrink": (nn.Hardshrink, X),
    "Hardsigmoid": (nn.Hardsigmoid, X),
    "Hardswish": (nn.Hardswish, X),
    "Hardtanh": (nn.Hardtanh, X),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), X),
    "LogSigmoid": (nn.LogSigmoid, X),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), X),
    "Mish": (nn.Mish, X),
    "PReLU": (nn.PReLU, X),
    "PReLU of channels": (lambda: nn.PReLU(4), X),
    "ReLU": (nn.ReLU, X),
    "ReLU in place": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)), X),
    "ReLU6": (nn.ReLU6, X),
    "RReLU": (nn.RReLU, X),
    "Sigmoid": (nn.Sigmoid, X),
    "SiLU": (nn.SiLU, X),
    "Softmax": (lambda: nn.Softmax(1), X),
    "Softmax2d": (nn.Softmax2d, floats(2, 3, 2, 2)),
    "Softmin": (lambda: nn.Softmin(0), X),
    "Softplus": (lambda: nn.Softplus(2.0, 1.0), X),
    "Softshrink": (nn.Softshrink, X),
    "Softsign": (nn.Softsign, X),
    "Tanh": (nn.Tanh, X),
    "Tanhshrink": (nn.Tanhshrink, X),
    "Threshold": (lambda: nn.Threshold(0.1, 2.0), X),
    "CosineSimilarity": (nn.CosineSimilarity, X, X),
    "PairwiseDistance": (nn.PairwiseDistance, X, X),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.2), nn.Tanh()), X),
    "ModuleList": (lambda: Branches(nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])), X),
    "ModuleDict": (lambda: Branches(nn.ModuleDict({"a": nn.Linear(4, 3), "b": nn.Linear(4, 3)}).values()), X),
    "ParameterList": (lambda: Weighted(nn.ParameterList([mg.ones(4), mg.full((4,), 0.5)])), X),
    "ParameterDict": (lambda: Weighted(nn.ParameterDict({"a": mg.ones(4), "b": mg.zeros(4)}).values()), X),
}

LOSSES = {
    "BCELoss": ({}, shares(6, 4), shares(6, 4)),
    "BCELoss with weights": ({"weight": mg.arange(4) + 0.5}, shares(6, 4), shares(6, 4)),
    "BCEWithLogitsLoss": ({"pos_weight": mg.arange(4) + 0.5}, X, positive(6, 4)),
    "CosineEmbeddingLoss": ({"margin": 0.2}, X, X, signs(6)),
    "CrossEntropyLoss": ({}, X, classes(4, 6)),
    "CrossEntropyLoss with weights": ({"weight": mg.arange(4) + 0.5}, X, classes(4, 6)),
    "CrossEntropyLoss that ignores": ({"ignore_index": 2}, X, classes(4, 6)),
    "CrossEntropyLoss that ignores -100": ({}, X, lambda: mg.where(mg.rand(6) < 0.4, -100, mg.randint(0, 4, (6,)))),
    "CrossEntropyLoss, smoothed": ({"label_smoothing": 0.1, "weight": mg.arange(4) + 0.5}, X, classes(4, 6)),
    "CrossEntropyLoss of probabilities": ({"label_smoothing": 0.1}, X, shares(6, 4)),
    "CrossEntropyLoss of sequences": ({}, floats(2, 4, 3), classes(4, 2, 3)),
    "GaussianNLLLoss": ({"full": True}, X, X, positive(6, 4)),
    "HingeEmbeddingLoss": ({}, X, signs(6, 4)),
    "HuberLoss": ({"delta": 0.7}, X, X),
    "KLDivLoss": ({}, lambda: mg.log_softmax(mg.randn(6, 4), -1), shares(6, 4)),
    "KLDivLoss of logarithms": ({"log_target": True}, lambda: mg.log_softmax(mg.randn(6, 4), -1), X),
    "L1Loss": ({}, X, X),
    "MarginRankingLoss": ({"margin": 0.3}, X, X, signs(6, 4)),
    "MSELoss": ({}, X, X),
    "MultiLabelMarginLoss": ({}, X, rows_of_classes(6, 4)),
    "MultiLabelSoftMarginLoss": ({"weight": mg.arange(4) + 0.5}, X, lambda: mg.randint(0, 2, (6, 4)).float()),
    "MultiMarginLoss": ({"p": 2, "weight": mg.arange(4) + 0.5}, X, classes(4, 6)),
    "NLLLoss": ({"weight": mg.arange(4) + 0.5, "ignore_index": 1}, X, classes(4, 6)),
    "PoissonNLLLoss": ({"full": True}, X, lambda: mg.randint(0, 5, (6, 4)).float()),
    "SmoothL1Loss": ({"beta": 0.4}, X, X),
    "SoftMarginLoss": ({}, X, signs(6, 4)),
    "TripletMarginLoss": ({"swap": True}, X, X, X),
    "TripletMarginWithDistanceLoss": ({"distance_function": nn.PairwiseDistance(p=1)}, X, X, X),
}

FUNCTIONS = {
    "dropout": partial(F.dropout, p=0.3),
    "dropout of a float argument": lambda x: F.dropout(x, 0.25, training=True),
    "alpha_dropout": partial(F.alpha_dropout, training=True),
    "feature_alpha_dropout": lambda x: F.feature_alpha_dropout(x.unsqueeze(-1), 0.4, True),
    "dropout1d": lambda x: F.dropout1d(x.unsqueeze(-1).expand(-1, -1, 3), 0.4),
    "gumbel_softmax": F.gumbel_softmax,
    "gumbel_softmax, hard": partial(F.gumbel_softmax, tau=0.5, hard=True),
    "rrelu": partial(F.rrelu, training=True),
    "relu_": lambda x: F.relu_(x * 2),
    "celu_": lambda x: F.celu_(x * 2),
    "elu_": lambda x: F.elu_(x * 2),
    "hardtanh_": lambda x: F.hardtanh_(x * 2),
    "leaky_relu_": lambda x: F.leaky_relu_(x * 2),
    "rrelu_": lambda x: F.rrelu_(x * 2, training=True),
    "selu_": lambda x: F.selu_(x * 2),
    "threshold_": lambda x: F.threshold_(x * 2, 0.1, 3.0),
    "normalize": F.normalize,
    "pad": partial(F.pad, pad=(1, 2), mode="reflect"),
    "embedding": lambda x: F.embedding(x.argmax(1), x[:4], padding_idx=1, scale_grad_by_freq=True),
    "one_hot": lambda x: F.one_hot(x.argmax(1), 4) * x,
}


class Branches(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return sum(mg.tanh(layer(x)) for layer in self.layers)


class Weighted(nn.Module):
    def __init__(self, parameters):
        super().__init__()
        self.factors = nn.ParameterList(parameters)

    def forward(self, x):
        for factor in self.factors:
            x = mg.tanh(x * factor)
        return x


def trained(module, inputs, jit, calls=4):
    """A scenario for `both_ways`: the module in a training step, after `eval()`, and in training again."""
    inputs_at_each_call = [[make() for make in inputs] for _ in range(3 * calls)]
    waiting = iter(inputs_at_each_call)
    params = [p for p in module.parameters()]
    optimizer = (
        optim.SGD(params, lr=0.1) if params and not any(nn.parameter.is_uninitialized(p) for p in params) else None
    )

    @jit
    def step(*given):
        given = [x.detach().requires_grad_() if x.dtype.is_floating_point else x for x in given]
        module.zero_grad()
        out = module(*given)
        loss = (out * mg.cos(out.detach())).sum()
        if loss.requires_grad:
            loss.backward()
        if optimizer is not None and module.training:
            optimizer.step()
        return out, loss, [x.grad for x in given]

    for training in (True, False, True):
        module.train(training)
        for _ in range(calls):
            yield step(*next(waiting))
            yield module
            yield [None if p.grad is None else p.grad.clone() for p in module.parameters()]


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    make, *inputs = LAYERS[name]
    (jitted,) = both_ways(lambda jit: trained(make(), inputs, jit), at_least=7)
    assert jitted._recordings <= 2 + name.startswith("Lazy")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction):
    options, *inputs = LOSSES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of KLDivLoss, that "mean" is not the mathematical one
        loss = getattr(nn, name.split()[0].strip(","))(reduction=reduction, **options)
        (jitted,) = both_ways(lambda jit: trained(loss, inputs, jit, calls=3), at_least=6)
    assert jitted._recordings <= 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    def scenario(jit):
        @jit
        def step(x):
            x = x.detach().requires_grad_()
            out = FUNCTIONS[name](x)
            (out * mg.cos(out.detach())).sum().backward()
            return out, x.grad

        for _ in range(4):
            yield step(mg.randn(6, 4))

    both_ways(scenario, at_least=3)


#: they have a file of their own, test_recurrent_recorded.py
RECURRENT = ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell", "RNNBase", "RNNCellBase")


def test_no_layer_is_missing():
    kinds = {
        name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    }
    tried = {name.split()[0].strip(",") for name in (*LAYERS, *LOSSES)}
    assert kinds - tried <= {"Module", *RECURRENT}
    assert tried <= kinds
