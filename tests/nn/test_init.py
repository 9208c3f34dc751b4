"""`nn.init`: what each function fills a tensor with."""

import math

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import init


def spread(t):
    """Mean, standard deviation, minimum and maximum."""
    t = t.detach().double()
    return t.mean().item(), t.std().item(), t.min().item(), t.max().item()


def test_constants(device):
    w = nn.Parameter(mg.empty(2, 3, device=device))
    assert init.constant_(w, 0.5) is w and w.tolist() == [[0.5] * 3] * 2 and w.requires_grad
    assert init.ones_(w).tolist() == [[1.0] * 3] * 2 and init.zeros_(w).sum().item() == 0
    assert init.eye_(w).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="2 dimensions"):
        init.eye_(mg.empty(3))


def test_uniform_and_normal(device):
    w = mg.empty(200, 100, device=device)
    mean, std, low, high = spread(init.uniform_(w, -2.0, 4.0))
    assert abs(mean - 1) < 0.05 and abs(std - 6 / math.sqrt(12)) < 0.05 and -2 <= low < -1.9 and 3.9 < high < 4
    mean, std, _, _ = spread(init.normal_(w, 3.0, 0.5))
    assert abs(mean - 3) < 0.02 and abs(std - 0.5) < 0.02


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (init.xavier_uniform_, {}, math.sqrt(2 / 300)),
        (init.xavier_uniform_, {"gain": 2.0}, 2 * math.sqrt(2 / 300)),
        (init.xavier_normal_, {}, math.sqrt(2 / 300)),
        (init.kaiming_uniform_, {}, math.sqrt(2 / 100)),
        (init.kaiming_uniform_, {"a": math.sqrt(5)}, 1 / math.sqrt(3 * 100)),
        (init.kaiming_uniform_, {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 200)),
        (init.kaiming_normal_, {"nonlinearity": "linear"}, 0.1),
        (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "tanh"}, 5 / 3 / math.sqrt(200)),
    ],
)
def test_scaled_by_the_fans(function, arguments, expected, device):
    mean, std, low, high = spread(function(mg.empty(200, 100, device=device), **arguments))
    assert abs(std / expected - 1) < 0.02 and abs(mean) < 0.03 * expected
    if "uniform" in function.__name__:
        assert max(-low, high) <= math.sqrt(3) * expected * (1 + 1e-6)
    else:
        assert max(-low, high) > 3 * expected


def test_fans_count_the_receptive_field():
    assert init.fans(mg.empty(8, 4, 3, 3)) == (36, 72)
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.xavier_uniform_(mg.empty(3))
    with pytest.raises(ValueError, match="fan_in"):
        init.kaiming_normal_(mg.empty(3, 3), mode="fan")


def test_truncated_normal(device):
    mean, std, low, high = spread(init.trunc_normal_(mg.empty(300, 100, device=device)))
    assert abs(mean) < 0.02 and abs(std - 0.8796) < 0.01 and -2 <= low < -1.95 and 1.95 < high <= 2
    # a tail: the mean of a standard normal beyond 3 is 3.2831
    mean, _, low, high = spread(init.trunc_normal_(mg.empty(300, 100, device=device), std=1.0, a=1.5, b=50.0))
    assert abs(mean - 1.9386) < 0.01 and low >= 1.5
    with pytest.warns(UserWarning, match="more than 2 std"):
        _, _, low, high = spread(init.trunc_normal_(mg.empty(50, 50, device=device), std=1.0, a=4.0, b=5.0))
    assert low >= 4 and high <= 5


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (4, 2, 3)])
def test_orthogonal(shape, device):
    w = init.orthogonal_(mg.empty(*shape, device=device), gain=2.0).reshape(shape[0], -1)
    product = w @ w.t() if w.shape[0] <= w.shape[1] else w.t() @ w
    assert mg.allclose(product, 4 * mg.eye(product.shape[0], device=device), atol=1e-5)
    with pytest.raises(ValueError):
        init.orthogonal_(mg.empty(3))


def test_orthogonal_is_uniform():
    # of a uniform rotation of the plane every entry has mean 0 and mean square 1/2
    drawn = mg.stack([init.orthogonal_(mg.empty(2, 2)) for _ in range(400)])
    assert drawn.mean(0).abs().max().item() < 0.12 and ((drawn**2).mean(0) - 0.5).abs().max().item() < 0.08


def test_sparse(device):
    w = init.sparse_(mg.empty(10, 50, device=device), sparsity=0.25, std=0.1)
    assert (w == 0).sum(0).tolist() == [3] * 50
    rows = (w == 0).sum(1).tolist()
    assert min(rows) >= 5 and max(rows) <= 28  # spread over the rows
    with pytest.raises(ValueError):
        init.sparse_(mg.empty(3), 0.1)


@pytest.mark.parametrize(
    "name",
    ["uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_",
     "orthogonal_", "trunc_normal_"],
)  # fmt: skip
def test_generators(name, device):
    function = getattr(init, name)
    first, second = (
        function(mg.empty(4, 3, device=device), generator=mg.Generator(device).manual_seed(5)) for _ in range(2)
    )
    assert first.tolist() == second.tolist() != function(mg.empty(4, 3, device=device)).tolist()


def test_gains():
    gain = init.calculate_gain
    assert gain("linear") == gain("sigmoid") == gain("conv2d") == 1.0 and gain("tanh") == 5 / 3
    assert gain("relu") == math.sqrt(2) and gain("selu") == 0.75
    assert gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2)) and gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)
    with pytest.raises(ValueError, match="no gain is known"):
        gain("elu")
    with pytest.raises(ValueError, match="must be a number"):
        gain("leaky_relu", "x")


def test_nothing_to_initialize():
    for function in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="nothing to initialize"):
            function(mg.empty(0, 3))


def test_old_names_warn():
    with pytest.warns(FutureWarning, match="old name"):
        assert init.constant(mg.empty(2), 3.0).tolist() == [3.0, 3.0]
