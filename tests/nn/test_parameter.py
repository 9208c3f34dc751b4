"""`Parameter`, `Buffer`, and their forms without a shape."""

import copy
import pickle

import pytest

import minigrad as mg
from minigrad import nn


def test_a_parameter_is_a_leaf_that_shares_memory(device):
    values = mg.ones(2, 3, device=device)
    p = nn.Parameter(values)
    assert isinstance(p, mg.Tensor) and p.requires_grad and p.is_leaf and p.device.type == device
    values[0, 0] = 5.0
    assert p[0, 0].item() == 5.0
    assert type(p * 2) is mg.Tensor and type(p.data) is mg.Tensor and type(p.detach()) is mg.Tensor
    assert not nn.Parameter(values, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)


def test_a_parameter_of_a_result_is_cut_from_its_graph():
    x = mg.ones(2, requires_grad=True)
    p = nn.Parameter(x * 2)
    assert p.is_leaf
    p.sum().backward()
    assert x.grad is None and p.grad.tolist() == [1.0, 1.0]


def test_updates_by_hand(device):
    p = nn.Parameter(mg.ones(2, device=device))
    (p * 3).sum().backward()
    with mg.no_grad():
        p -= 0.5 * p.grad
    assert isinstance(p, nn.Parameter) and p.tolist() == [-0.5, -0.5]
    p.data += 1
    assert p.tolist() == [0.5, 0.5]
    p.data = mg.zeros(2, device=device)
    assert p.tolist() == [0.0, 0.0] and p.requires_grad


def test_what_a_parameter_is_made_from():
    with pytest.raises(TypeError, match="Parameter takes a Tensor, got list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(mg.tensor([1, 2]))
    assert nn.Parameter(mg.tensor([1, 2]), requires_grad=False).dtype == mg.int64


def test_repr():
    assert repr(nn.Parameter(mg.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_copies(device):
    p = nn.Parameter(mg.ones(2, device=device), requires_grad=False)
    for q in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(q) is nn.Parameter and not q.requires_grad and q.tolist() == [1.0, 1.0]
        assert q.device.type == device
    both = [p, p]
    first, second = copy.deepcopy(both)
    assert first is second


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = nn.Buffer(mg.ones(1))
        self.passing = nn.Buffer(mg.ones(1), persistent=False)


def test_buffer_as_attribute():
    layer = Layer()
    assert [name for name, _ in layer.named_buffers()] == ["kept", "passing"]
    assert list(layer.state_dict()) == ["kept"]
    assert list(pickle.loads(pickle.dumps(layer)).state_dict()) == ["kept"]
    layer.passing = mg.zeros(1)
    assert list(layer.state_dict()) == ["kept"] and layer.passing.item() == 0


def test_without_a_shape():
    for make, kind in ((nn.UninitializedParameter, nn.Parameter), (nn.UninitializedBuffer, nn.Buffer)):
        t = make(dtype=mg.float64)
        assert repr(t) == f"<{make.__name__}>" and t.dtype == mg.float64 and t.device.type == "cpu"
        with pytest.raises(RuntimeError, match="has no shape yet"):
            _ = t.shape
        for use in (lambda t=t: t + 1, lambda t=t: t.sum(), lambda t=t: t.tolist()):
            with pytest.raises(ValueError, match="has no values yet"):
                use()
        for twin in (copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
            assert type(twin) is make and twin.dtype == mg.float64 and twin is not t
        t.materialize((2, 3))
        assert type(t) is kind and t.shape == (2, 3) and t.dtype == mg.float64
