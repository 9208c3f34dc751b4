"""The old tensor types: constructors, dtypes and classes."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

TYPES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
}  # fmt: skip


@pytest.fixture
def types(device):
    """The namespace of a device's old types."""
    return minigrad if device == "cpu" else minigrad.cuda


@pytest.mark.parametrize("name", TYPES)
def test_from_data_and_sizes(name, types, device):
    kind = getattr(types, name)
    for data in ([0, 1], (0, 1), range(2), np.array([0, 1]), np.array([0.0, 1.0])):
        x = kind(data)
        assert x.tolist() == [0, 1] and str(x.dtype) == f"minigrad.{TYPES[name]}" and x.device.type == device
    for sizes in [(2, 3), (minigrad.Size((2, 3)),), (np.int64(2), 3)]:
        assert kind(*sizes).shape == (2, 3)
    assert kind().shape == (0,) and kind(3).shape == (3,) and kind([]).shape == (0,)
    assert kind([[1], [1]]).shape == (2, 1)


@pytest.mark.parametrize("name", TYPES)
def test_as_dtype_and_class(name, types, device):
    kind = getattr(types, name)
    x = minigrad.ones(2, device=device)
    got = x.type(kind)
    assert isinstance(got, kind) and isinstance(got, minigrad.Tensor) and got.tolist() == [1, 1]
    assert got.type() == f"minigrad.{'' if device == 'cpu' else 'cuda.'}{name}" and got.type(got.type()) is got
    assert got.type(f"torch.{'' if device == 'cpu' else 'cuda.'}{name}") is got
    assert minigrad.zeros(2, dtype=kind).dtype is kind.dtype and x.to(kind).dtype is kind.dtype
    assert not isinstance(got, minigrad.IntTensor if name != "IntTensor" else minigrad.LongTensor)
    assert not isinstance(np.ones(2), kind) and not isinstance(3, kind)
    assert repr(kind) == f"<class '{got.type()}'>"


def test_truncation_and_wrapping():
    assert minigrad.LongTensor([1.7, -1.7]).tolist() == [1, -1]
    assert minigrad.LongTensor(np.array([1.7])).tolist() == [1]
    assert minigrad.BoolTensor([0, 2]).tolist() == [False, True]
    assert minigrad.FloatTensor([minigrad.tensor(1.0), 2]).tolist() == [1, 2]


def test_of_a_tensor_shares_its_memory():
    x = minigrad.ones(2)
    y = minigrad.FloatTensor(x)
    y[0] = 5
    assert x.tolist() == [5, 1] and x._version == 1
    with pytest.raises(TypeError, match=r"takes a tensor of minigrad\.float32 on cpu, got one of minigrad\.int64"):
        minigrad.FloatTensor(minigrad.arange(2))


def test_moving_between_devices(device):
    x = minigrad.ones(2, device=device)
    assert x.type(minigrad.DoubleTensor).device.type == "cpu"
    assert x.type("torch.LongTensor").device.type == "cpu"
    assert x.type(minigrad.float64).device == x.device
    if device == "cuda":
        assert x.cpu().type(minigrad.cuda.LongTensor).type() == "minigrad.cuda.LongTensor"
        assert not isinstance(x, minigrad.FloatTensor) and isinstance(x, minigrad.cuda.FloatTensor)


def test_what_is_refused():
    for data in (2.5, "text", None, {1: 2}, map(float, [1])):
        with pytest.raises(TypeError, match=r"FloatTensor\(\) takes sizes \(integers\), a sequence of numbers"):
            minigrad.FloatTensor(data)
    with pytest.raises(ValueError, match="lengths or contents that do not fit together"):
        minigrad.FloatTensor([[1, 2], [3]])
    with pytest.raises(ValueError, match="unknown type"):
        minigrad.ones(1).type("torch.QuaternionTensor")


def test_default_tensor_type(device):
    if device == "cpu":
        minigrad.set_default_tensor_type(minigrad.DoubleTensor)
    else:
        minigrad.set_default_tensor_type("torch.cuda.DoubleTensor")
    x = minigrad.zeros(1)
    minigrad.set_default_tensor_type("torch.FloatTensor")
    assert x.dtype is minigrad.float64 and x.device.type == device
    assert minigrad.zeros(1).type() == "minigrad.FloatTensor"


def test_tensor_itself():
    """`Tensor(2, 3)` is uninitialised, `Tensor(data)` float32."""
    assert minigrad.Tensor(2, 3).shape == (2, 3) and minigrad.Tensor().shape == (0,)
    assert minigrad.Tensor([1, 2]).dtype is minigrad.float32 and minigrad.Tensor([1, 2]).tolist() == [1, 2]
    assert minigrad.Tensor(np.array([1, 2])).type() == "minigrad.FloatTensor"
    assert minigrad.Tensor(minigrad.Size((3,))).shape == (3,)
    x = minigrad.ones(1)
    assert minigrad.Tensor(x).data_ptr() == x.data_ptr()
