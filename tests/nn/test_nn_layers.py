"""Layers with numbers written out, and the errors that they give for bad input."""

import copy
import math
import pickle

import pytest
from nets import same

import minigrad as mg
from minigrad import nn


def close(t, values, tolerance=1e-5):
    expected = mg.tensor(values)
    assert tuple(t.shape) == tuple(expected.shape)
    return (t.detach().cpu() - expected).abs().max().item() < tolerance


def test_linear(device):
    layer = nn.Linear(2, 3, device=device)
    with mg.no_grad():
        layer.weight.copy_(mg.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]))
        layer.bias.copy_(mg.tensor([0.0, 10.0, -1.0]))
    x = mg.tensor([[1.0, 2.0], [0.0, 4.0]], device=device, requires_grad=True)
    y = layer(x)
    assert y.tolist() == [[5.0, 8.0, 3.0], [8.0, 6.0, 1.0]] and y.device.type == device
    y.sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 6.0]] * 3 and layer.bias.grad.tolist() == [2.0, 2.0, 2.0]
    assert x.grad.tolist() == [[4.0, 1.5], [4.0, 1.5]]
    assert nn.Linear(2, 3, bias=False).bias is None and list(nn.Linear(2, 3, bias=False).state_dict()) == ["weight"]
    assert nn.Linear(2, 3, dtype=mg.float64).bias.dtype == mg.float64


def test_linear_starts_between_bounds():
    layer = nn.Linear(16, 1000)
    for p in (layer.weight, layer.bias):
        assert 0.24 < p.abs().max().item() <= 0.25
    mg.manual_seed(3)
    first = nn.Linear(2, 2)
    mg.manual_seed(3)
    second = nn.Linear(2, 2)
    assert same(first.weight, second.weight) and same(first.bias, second.bias)
    second.reset_parameters()
    assert not same(first.weight, second.weight)


def test_the_weight_is_drawn_before_the_bias():
    mg.manual_seed(0)
    layer = nn.Linear(3, 2)
    mg.manual_seed(0)
    bound = 1 / math.sqrt(3)
    assert same(layer.weight, mg.empty(2, 3).uniform_(-bound, bound))
    assert same(layer.bias, mg.empty(2).uniform_(-bound, bound))


def test_sizes_that_do_not_fit(device):
    with pytest.raises(RuntimeError, match=r"Linear\(in_features=3.*takes an input of shape \(\*, 3\), got \(4, 5\)"):
        nn.Linear(3, 2, device=device)(mg.ones(4, 5, device=device))
    with pytest.raises(RuntimeError, match="dtype"):
        nn.Linear(3, 2, device=device)(mg.ones(4, 3, dtype=mg.float64, device=device))
    with pytest.raises(RuntimeError, match="takes 3 features in dimension 1"):
        nn.BatchNorm1d(3, device=device)(mg.ones(4, 5, device=device))
    with pytest.raises(ValueError, match=r"\(N, C\) or \(N, C, L\)"):
        nn.BatchNorm1d(3)(mg.ones(3))
    with pytest.raises(RuntimeError, match="3"):
        nn.LayerNorm(3)(mg.ones(2, 4))
    with pytest.raises(ValueError, match="in1_features of 1 or more"):
        nn.Bilinear(0, 2, 3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.Dropout(1.5)
    with pytest.raises(TypeError, match="tuple of sizes"):
        nn.Unflatten(1, 3)
    with pytest.raises(TypeError, match="by its number"):
        nn.Unflatten("x", (2, 3))
    with pytest.raises(ValueError, match="Softmax2d takes"):
        nn.Softmax2d()(mg.ones(2))


def test_bilinear(device):
    layer = nn.Bilinear(2, 2, 1, device=device)
    with mg.no_grad():
        layer.weight.copy_(mg.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
        layer.bias.fill_(0.5)
    a, b = mg.tensor([[1.0, 1.0]], device=device), mg.tensor([[1.0, 10.0]], device=device)
    assert layer(a, b).tolist() == [[64.5]]


def test_shapes(device):
    x = mg.arange(24, device=device).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12) and nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(2, (2, -1))(x).shape == (2, 3, 2, 2)
    assert nn.Identity(1, 2, key=3)(x) is x


# -- embedding


def test_embedding(device):
    layer = nn.Embedding(4, 2, padding_idx=1, device=device)
    assert layer.weight[1].tolist() == [0.0, 0.0]
    i = mg.tensor([[0, 1], [3, 3]], device=device)
    out = layer(i)
    assert out.shape == (2, 2, 2) and out[1, 0].tolist() == layer.weight[3].tolist()
    out.sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [2.0, 2.0]]
    by_count = nn.Embedding(4, 2, scale_grad_by_freq=True, device=device)
    by_count(i).sum().backward()
    assert by_count.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]


def test_embedding_with_a_largest_norm(device):
    table = mg.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], device=device)
    layer = nn.Embedding.from_pretrained(table.clone(), max_norm=1.0)
    assert close(layer(mg.tensor([0, 1], device=device)), [[0.6, 0.8], [0.3, 0.4]])
    assert close(layer.weight, [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]])


def test_embedding_from_a_table():
    table = mg.ones(3, 2)
    frozen, trained = nn.Embedding.from_pretrained(table), nn.Embedding.from_pretrained(table, freeze=False)
    assert not frozen.weight.requires_grad and trained.weight.requires_grad
    assert frozen.weight.array is table.array and frozen.num_embeddings == 3


def test_embedding_refuses():
    with pytest.raises(ValueError, match="padding_idx must be a row"):
        nn.Embedding(3, 2, padding_idx=3)
    with pytest.raises(ValueError, match="_weight must have shape"):
        nn.Embedding(3, 2, _weight=mg.ones(2, 2))
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.Embedding.from_pretrained(mg.ones(3))
    with pytest.raises(IndexError, match="3"):
        nn.Embedding(3, 2)(mg.tensor([3]))
    with pytest.raises(RuntimeError, match="int"):
        nn.Embedding(3, 2)(mg.tensor([0.5]))


# -- normalisation


def test_layer_and_rms_norm(device):
    x = mg.tensor([[1.0, 3.0], [2.0, 6.0]], device=device)
    assert close(nn.LayerNorm(2, eps=0.0, device=device)(x), [[-1.0, 1.0], [-1.0, 1.0]])
    rms = nn.RMSNorm(2, eps=0.0, device=device)(x)
    assert close(rms, [[1 / math.sqrt(5), 3 / math.sqrt(5)]] * 2)
    assert nn.LayerNorm(2).normalized_shape == (2,) and nn.LayerNorm([3, 2]).weight.shape == (3, 2)
    assert nn.LayerNorm(2, bias=False).bias is None and nn.RMSNorm(2, elementwise_affine=False).weight is None


def test_batch_norm_while_training_and_after(device):
    layer = nn.BatchNorm1d(2, eps=0.0, momentum=0.5, device=device)
    x = mg.tensor([[1.0, 10.0], [3.0, 30.0]], device=device)
    assert close(layer(x), [[-1.0, -1.0], [1.0, 1.0]])
    # mean 2 and 20, unbiased variance 2 and 200, half of the way from 0 and 1
    assert layer.running_mean.tolist() == [1.0, 10.0] and layer.running_var.tolist() == [1.5, 100.5]
    assert layer.num_batches_tracked.item() == 1 and layer.num_batches_tracked.dtype == mg.int64
    layer.eval()
    assert close(layer(x), [[0.0, 0.0], [2 / math.sqrt(1.5), 20 / math.sqrt(100.5)]])
    assert layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1.0, 1.0] and layer.num_batches_tracked.item() == 0


def test_batch_norm_with_the_plain_average(device):
    layer = nn.BatchNorm1d(1, momentum=None, device=device)
    for k in (1.0, 3.0, 8.0):
        layer(mg.tensor([[k - 1], [k + 1]], device=device))
    assert abs(layer.running_mean.item() - 4.0) < 1e-6 and abs(layer.running_var.item() - 2.0) < 1e-6


def test_batch_norm_without_running_statistics(device):
    layer = nn.BatchNorm1d(1, affine=False, track_running_stats=False, device=device).eval()
    assert layer.state_dict() == {} and layer.running_mean is None
    assert close(layer(mg.tensor([[1.0], [3.0]], device=device)), [[-1.0], [1.0]], 1e-4)


def test_batch_norm_loads_states_without_the_number_of_batches():
    layer, state = nn.BatchNorm1d(2), dict(nn.BatchNorm1d(2).state_dict())
    del state["num_batches_tracked"]
    layer.load_state_dict(state)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(mg.ones(1, 2))


# -- dropout


def test_dropout(device):
    layer = nn.Dropout(0.25)
    x = mg.ones(100, 100, device=device, requires_grad=True)
    y = layer(x)
    assert set(y.flatten().unique().tolist()) == {0.0, mg.tensor(4 / 3).item()}
    assert abs((y == 0).float().mean().item() - 0.25) < 0.03
    y.sum().backward()
    assert same(x.grad, y.detach())
    assert layer.eval()(x) is x


def test_dropout_of_channels(device):
    for layer, shape in ((nn.Dropout1d(0.5), (20, 10, 4)), (nn.Dropout2d(0.5), (20, 10, 2, 2))):
        y = layer(mg.ones(*shape, device=device)).reshape(200, 4)
        assert ((y == 0).all(1) | (y == 2).all(1)).all().item() and 0.3 < (y == 0).float().mean().item() < 0.7


def test_alpha_dropout_keeps_mean_and_variance(device):
    x = mg.randn(200, 200, device=device)
    y = nn.AlphaDropout(0.2)(x)
    assert abs(y.mean().item()) < 0.03 and abs(y.std().item() - 1) < 0.03


# -- activations


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.ReLU(), [0.0, 0.0, 2.0]),
        (nn.LeakyReLU(0.1), [-0.1, 0.0, 2.0]),
        (nn.ELU(), [math.exp(-1) - 1, 0.0, 2.0]),
        (nn.Sigmoid(), [1 / (1 + math.e), 0.5, 1 / (1 + math.exp(-2))]),
        (nn.Tanh(), [math.tanh(-1), 0.0, math.tanh(2)]),
        (nn.Hardtanh(), [-1.0, 0.0, 1.0]),
        (nn.SiLU(), [-1 / (1 + math.e), 0.0, 2 / (1 + math.exp(-2))]),
        (nn.Softplus(), [math.log1p(math.exp(-1)), math.log(2), math.log1p(math.exp(2))]),
        (nn.Softsign(), [-0.5, 0.0, 2 / 3]),
        (nn.PReLU(), [-0.25, 0.0, 2.0]),
        (nn.Threshold(0.5, 7.0), [7.0, 7.0, 2.0]),
        (nn.Hardshrink(1.5), [0.0, 0.0, 2.0]),
        (nn.Softshrink(), [-0.5, 0.0, 1.5]),
        (nn.GELU(), [-0.15865525, 0.0, 1.9544997]),
        (nn.Softmax(0), [0.04201007, 0.11419519, 0.84379473]),
        (nn.LogSoftmax(0), [-3.1698461, -2.1698461, -0.16984603]),
    ],
    ids=lambda value: str(value) if isinstance(value, nn.Module) else "",
)
def test_activations(layer, expected, device):
    layer = copy.deepcopy(layer).to(device)
    assert close(layer(mg.tensor([-1.0, 0.0, 2.0], device=device)), expected, 1e-6)


def test_activations_in_place(device):
    x = mg.tensor([-1.0, 2.0], device=device)
    assert nn.ReLU(inplace=True)(x) is x and x.tolist() == [0.0, 2.0]


def test_hardtanh_old_names():
    with pytest.warns(FutureWarning, match="old names"):
        assert nn.Hardtanh(min_value=-2.0).min_val == -2.0
    with pytest.raises(ValueError, match="min_val < max_val"):
        nn.Hardtanh(1.0, 1.0)


# -- lazy layers


def test_lazy_linear(device):
    layer = nn.LazyLinear(3, device=device)
    weight, bias = layer.weight, layer.bias
    assert layer.has_uninitialized_params() and repr(weight) == "<UninitializedParameter>"
    assert layer.double() is layer and weight.dtype == mg.float64
    layer.float()
    mg.manual_seed(1)
    assert layer(mg.ones(2, 5, device=device)).shape == (2, 3)
    assert type(layer) is nn.Linear and layer.in_features == 5
    assert layer.weight is weight and layer.bias is bias and isinstance(weight, nn.Parameter)
    mg.manual_seed(1)
    assert same(nn.Linear(5, 3, device=device).weight, weight)
    layer(mg.ones(2, 5, device=device)).sum().backward()
    assert weight.grad.tolist() == [[2.0] * 5] * 3


def test_lazy_layers_may_be_copied_and_saved_before_their_first_call():
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin(mg.ones(2, 4)).shape == (2, 3) and net[0].has_uninitialized_params()
    fresh = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    fresh.load_state_dict(net.state_dict())  # nothing to load yet
    fresh.load_state_dict(twin.state_dict())
    assert same(fresh[0].weight, twin[0].weight) and fresh(mg.ones(2, 4)).shape == (2, 3)
    assert type(fresh[1]) is nn.BatchNorm1d and fresh[1].num_batches_tracked.item() == 2
    with pytest.raises(RuntimeError, match="lazy module without a shape"):
        twin.load_state_dict(net.state_dict())


def test_apply_before_the_first_call_finds_no_values():
    net = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises((ValueError, RuntimeError), match="call its module once"):
        net.apply(lambda m: nn.init.normal_(m.weight) if isinstance(m, nn.Linear) else None)
