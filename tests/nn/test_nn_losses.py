"""Losses with numbers written out."""

import math

import pytest

import minigrad as mg
from minigrad import nn

log2 = math.log(2)


@pytest.mark.parametrize(
    ("loss", "inputs", "expected"),
    [
        (nn.MSELoss(), ([1.0, 2.0], [1.0, 4.0]), 2.0),
        (nn.MSELoss(reduction="sum"), ([1.0, 2.0], [0.0, 4.0]), 5.0),
        (nn.MSELoss(reduction="none"), ([1.0, 2.0], [0.0, 4.0]), [1.0, 4.0]),
        (nn.L1Loss(), ([1.0, 2.0], [0.0, 4.0]), 1.5),
        (nn.SmoothL1Loss(), ([0.5, 3.0], [0.0, 0.0]), (0.125 + 2.5) / 2),
        (nn.HuberLoss(delta=2.0), ([1.0, 3.0], [0.0, 0.0]), (0.5 + 4.0) / 2),
        (nn.CrossEntropyLoss(), ([[0.0, 0.0], [0.0, math.log(3.0)]], [0, 1]), (log2 + math.log(4 / 3)) / 2),
        (nn.CrossEntropyLoss(ignore_index=1), ([[0.0, 0.0], [0.0, 9.0]], [0, 1]), log2),
        (nn.CrossEntropyLoss(), ([[0.0, 0.0]], [[0.25, 0.75]]), log2),
        (nn.CrossEntropyLoss(label_smoothing=0.5), ([[0.0, math.log(3.0)]], [1]),
         -0.75 * math.log(0.75) + 0.25 * math.log(4)),
        (nn.NLLLoss(), ([[-1.0, -2.0], [-3.0, -4.0]], [0, 1]), 2.5),
        (nn.NLLLoss(weight=mg.tensor([1.0, 3.0])), ([[-1.0, -2.0], [-3.0, -4.0]], [0, 1]), 13 / 4),
        (nn.BCELoss(), ([0.5, 0.25], [1.0, 0.0]), (log2 - math.log(0.75)) / 2),
        (nn.BCEWithLogitsLoss(), ([0.0, 0.0], [1.0, 0.5]), log2),
        (nn.BCEWithLogitsLoss(pos_weight=mg.tensor([3.0])), ([0.0], [1.0]), 3 * log2),
        (nn.KLDivLoss(reduction="batchmean"), ([[math.log(0.5)] * 2], [[0.25, 0.75]]),
         0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
        (nn.PoissonNLLLoss(), ([0.0, 1.0], [2.0, 3.0]), (1 + math.e - 3) / 2),
        (nn.GaussianNLLLoss(), ([1.0], [3.0], [4.0]), 0.5 * (math.log(4) + 1)),
        (nn.HingeEmbeddingLoss(), ([0.25, 0.25], [1.0, -1.0]), 0.5),
        (nn.MarginRankingLoss(margin=1.0), ([1.0, 5.0], [2.0, 1.0], [1.0, 1.0]), 1.0),
        (nn.SoftMarginLoss(), ([0.0], [1.0]), log2),
        (nn.MultiMarginLoss(), ([[0.1, 0.2, 0.4, 0.8]], [3]), (0.3 + 0.4 + 0.6) / 4),
        (nn.MultiLabelMarginLoss(), ([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]]), 0.85),
        (nn.MultiLabelSoftMarginLoss(), ([[0.0, 0.0]], [[1.0, 0.0]]), log2),
        (nn.CosineEmbeddingLoss(), ([[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]], [1.0, -1.0]), 1.0),
        (nn.TripletMarginLoss(eps=0.0), ([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 2.0]]), 4.0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)  # fmt: skip
def test_losses(loss, inputs, expected, device):
    loss = pickled(loss).to(device)
    result = loss(*(mg.tensor(x, device=device) for x in inputs))
    assert (result.cpu() - mg.tensor(expected)).abs().max().item() < 1e-6


def pickled(module):
    """A copy, so that the modules of the table stay on the CPU."""
    import pickle

    return pickle.loads(pickle.dumps(module))


def test_weights_are_buffers_that_move(device):
    loss = nn.CrossEntropyLoss(weight=mg.tensor([1.0, 3.0])).to(device)
    assert loss.weight.device.type == device and list(loss.state_dict()) == ["weight"]
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    x = mg.zeros(2, 2, device=device, requires_grad=True)
    assert abs(loss(x, mg.tensor([0, 1], device=device)).item() - log2) < 1e-6


def test_cross_entropy_gradient(device):
    x = mg.zeros(2, 2, device=device, requires_grad=True)
    nn.CrossEntropyLoss()(x, mg.tensor([0, 1], device=device)).backward()
    assert x.grad.tolist() == [[-0.25, 0.25], [0.25, -0.25]]


def test_old_spellings():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning):
        assert nn.MSELoss(reduce=False).reduction == "none"


def test_any_distance():
    def manhattan(a, b):
        return (a - b).abs().sum(-1)

    a, p, n = mg.zeros(1, 2), mg.tensor([[1.0, 2.0]]), mg.tensor([[0.5, 0.5]])
    assert nn.TripletMarginWithDistanceLoss(distance_function=manhattan)(a, p, n).item() == 3.0


def test_bad_settings():
    with pytest.raises(ValueError, match="p = 1 or 2"):
        nn.MultiMarginLoss(p=3)
    with pytest.raises(ValueError, match="margin above 0"):
        nn.TripletMarginLoss(margin=0.0)
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        nn.MSELoss(reduction="average")(mg.ones(1), mg.ones(1))
    with pytest.raises(IndexError, match="out of bounds"):
        nn.CrossEntropyLoss()(mg.ones(1, 2), mg.tensor([2]))


def test_distances(device):
    a, b = mg.tensor([[3.0, 0.0]], device=device), mg.tensor([[0.0, 4.0]], device=device)
    assert nn.CosineSimilarity()(a, a).item() == 1.0 and nn.CosineSimilarity()(a, b).item() == 0.0
    assert abs(nn.PairwiseDistance(eps=0.0)(a, b).item() - 5.0) < 1e-6
