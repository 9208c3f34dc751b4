"""Losses: results and gradients are PyTorch's, for every reduction."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sides import assert_same, both  # noqa: E402

from minigrad import nn  # noqa: E402

random = np.random.default_rng(0)


def normal(*shape):
    return random.normal(size=shape)


def probabilities(*shape):
    x = random.uniform(0.05, 1, size=shape)
    return x / x.sum(1, keepdims=True)


def signs(*shape):
    return np.where(random.uniform(size=shape) < 0.5, -1.0, 1.0)


log = np.log
CLASSES = np.array([0, 2, 3, 1, 2, 0])
WEIGHT = np.array([0.5, 2.0, 1.0, 0.25])

# name, keywords (arrays become tensors), inputs: those that require a gradient, then targets
LOSSES = [
    ("MSELoss", {}, [normal(3, 4)], [normal(3, 4)]),
    ("L1Loss", {}, [normal(3, 4)], [normal(3, 4)]),
    ("SmoothL1Loss", {}, [normal(3, 4) * 2], [normal(3, 4)]),
    ("SmoothL1Loss", {"beta": 0.3}, [normal(3, 4)], [normal(3, 4)]),
    ("SmoothL1Loss", {"beta": 0.0}, [normal(3, 4)], [normal(3, 4)]),
    ("HuberLoss", {}, [normal(3, 4) * 2], [normal(3, 4)]),
    ("HuberLoss", {"delta": 0.3}, [normal(3, 4)], [normal(3, 4)]),
    ("CrossEntropyLoss", {}, [normal(6, 4)], [CLASSES]),
    ("CrossEntropyLoss", {}, [normal(4)], [np.array(2)]),
    ("CrossEntropyLoss", {}, [normal(2, 4, 3)], [CLASSES.reshape(2, 3)]),
    ("CrossEntropyLoss", {"weight": WEIGHT}, [normal(6, 4)], [CLASSES]),
    ("CrossEntropyLoss", {"ignore_index": 2}, [normal(6, 4)], [CLASSES]),
    ("CrossEntropyLoss", {}, [normal(6, 4)], [np.array([0, -100, 3, 1, -100, 0])]),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, [normal(6, 4)], [CLASSES]),
    ("CrossEntropyLoss", {"label_smoothing": 0.1, "weight": WEIGHT, "ignore_index": 0}, [normal(6, 4)], [CLASSES]),
    ("CrossEntropyLoss", {}, [normal(6, 4)], [probabilities(6, 4)]),
    ("CrossEntropyLoss", {"label_smoothing": 0.2, "weight": WEIGHT}, [normal(6, 4)], [probabilities(6, 4)]),
    ("CrossEntropyLoss", {}, [normal(2, 4, 3)], [probabilities(2, 4, 3)]),
    ("NLLLoss", {}, [log(probabilities(6, 4))], [CLASSES]),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 1}, [log(probabilities(6, 4))], [CLASSES]),
    ("NLLLoss", {}, [log(probabilities(2, 4, 3))], [CLASSES.reshape(2, 3)]),
    ("BCELoss", {}, [probabilities(3, 4)], [random.uniform(size=(3, 4))]),
    ("BCELoss", {"weight": WEIGHT}, [probabilities(3, 4)], [np.ones((3, 4))]),
    ("BCEWithLogitsLoss", {}, [normal(3, 4) * 5], [random.uniform(size=(3, 4))]),
    ("BCEWithLogitsLoss", {"weight": WEIGHT}, [normal(3, 4)], [np.ones((3, 4))]),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, [normal(3, 4)], [random.uniform(size=(3, 4))]),
    ("KLDivLoss", {}, [log(probabilities(3, 4))], [probabilities(3, 4)]),
    ("KLDivLoss", {"log_target": True}, [log(probabilities(3, 4))], [log(probabilities(3, 4))]),
    ("PoissonNLLLoss", {}, [normal(3, 4)], [random.integers(0, 5, (3, 4)).astype(float)]),
    ("PoissonNLLLoss", {"log_input": False, "full": True}, [probabilities(3, 4)], [np.array([0.0, 1, 2, 5])]),
    ("GaussianNLLLoss", {}, [normal(3, 4)], [normal(3, 4), probabilities(3, 4)]),
    ("GaussianNLLLoss", {"full": True, "eps": 0.1}, [normal(3, 4)], [normal(3, 4), probabilities(3, 4)]),
    ("HingeEmbeddingLoss", {}, [normal(3, 4)], [signs(3, 4)]),
    ("HingeEmbeddingLoss", {"margin": 0.5}, [normal(5)], [signs(5)]),
    ("MarginRankingLoss", {}, [normal(5), normal(5)], [signs(5)]),
    ("MarginRankingLoss", {"margin": 0.5}, [normal(5), normal(5)], [signs(5)]),
    ("SoftMarginLoss", {}, [normal(3, 4)], [signs(3, 4)]),
    ("MultiMarginLoss", {}, [normal(6, 4)], [CLASSES]),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": WEIGHT}, [normal(6, 4)], [CLASSES]),
    ("MultiLabelMarginLoss", {}, [normal(2, 4)], [np.array([[3, 0, -1, 1], [1, -1, 2, 2]])]),
    ("MultiLabelMarginLoss", {}, [normal(4)], [np.array([3, 0, -1, 1])]),
    ("MultiLabelSoftMarginLoss", {}, [normal(3, 4)], [(normal(3, 4) > 0).astype(float)]),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, [normal(3, 4)], [(normal(3, 4) > 0).astype(float)]),
    ("CosineEmbeddingLoss", {}, [normal(5, 3), normal(5, 3)], [signs(5)]),
    ("CosineEmbeddingLoss", {"margin": 0.3}, [normal(5, 3), normal(5, 3)], [signs(5)]),
    ("TripletMarginLoss", {}, [normal(5, 3), normal(5, 3), normal(5, 3)], []),
    ("TripletMarginLoss", {"margin": 2.0, "p": 1.0, "swap": True}, [normal(5, 3), normal(5, 3), normal(5, 3)], []),
    ("TripletMarginWithDistanceLoss", {"swap": True}, [normal(5, 3), normal(5, 3), normal(5, 3)], []),
]


def label(case):
    return f"{case[0]}({', '.join(case[1])}) of {case[2][0].shape}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("case", LOSSES, ids=label)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_losses(case, reduction, dtype):
    name, kw, inputs, targets = case
    tensors = {k: both(v.astype(dtype)) for k, v in kw.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in kw.items() if not isinstance(v, np.ndarray)} | {"reduction": reduction}
    mine = getattr(nn, name)(**plain, **{k: a for k, (a, _) in tensors.items()})
    theirs = getattr(torch.nn, name)(**plain, **{k: b for k, (_, b) in tensors.items()})
    assert repr(mine) == repr(theirs) and list(mine.state_dict()) == list(theirs.state_dict())
    given = [both(x.astype(dtype), requires_grad=True) for x in inputs]
    aims = [both(x.astype(dtype) if x.dtype.kind == "f" else x) for x in targets]
    loss = mine(*(a for a, _ in given + aims))
    expected = theirs(*(b for _, b in given + aims))
    assert_same(loss, expected, "loss")
    g, h = both(np.random.default_rng(1).normal(size=tuple(expected.shape)).astype(dtype))
    loss.backward(g)
    expected.backward(h)
    for k, (a, b) in enumerate(given):
        assert_same(a.grad, b.grad, f"gradient of input {k}", rtol=None if dtype == "float64" else 1e-4)


@pytest.mark.parametrize(
    ("size_average", "reduce"), [(True, None), (False, None), (None, True), (None, False), (True, False), (False, True)]
)
def test_old_spellings_of_the_reduction(size_average, reduce):
    a, b = both(normal(3, 4))
    with pytest.warns(UserWarning):
        mine = nn.MSELoss(size_average=size_average, reduce=reduce)
    with pytest.warns(UserWarning):
        theirs = torch.nn.MSELoss(size_average=size_average, reduce=reduce)
    assert mine.reduction == theirs.reduction
    assert_same(mine(a, a * 2), theirs(b, b * 2))


def test_batchmean():
    (a, b), (t, u) = both(log(probabilities(3, 4))), both(probabilities(3, 4))
    assert_same(nn.KLDivLoss(reduction="batchmean")(a, t), torch.nn.KLDivLoss(reduction="batchmean")(b, u))
