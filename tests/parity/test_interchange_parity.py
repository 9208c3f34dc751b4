"""Arrays go to PyTorch and come from it without a copy, by DLPack and by NumPy's protocol."""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

DTYPES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_dlpack_both_ways(dtype, shape):
    values = np.ones(shape, dtype=dtype)
    ours = minigrad.tensor(values)
    theirs = torch.from_dlpack(ours)
    assert str(theirs.dtype) == f"torch.{dtype}" and tuple(theirs.shape) == shape
    assert theirs.data_ptr() == ours.data_ptr() or not ours.numel()
    back = minigrad.from_dlpack(torch.ones(shape, dtype=getattr(torch, dtype)))
    assert back.dtype is getattr(minigrad, dtype) and back.shape == shape and (back.numpy() == values).all()


def test_memory_is_shared():
    theirs = torch.zeros(2, 3)
    ours = minigrad.from_dlpack(theirs.T)
    ours[0, 1] = 5
    assert theirs[1, 0].item() == 5 and ours.stride() == (1, 3)
    torch.from_dlpack(ours).add_(1)
    assert ours[0, 1].item() == 6


def test_what_dlpack_refuses():
    with pytest.raises(RuntimeError, match="detach"):
        torch.from_dlpack(minigrad.ones(2, requires_grad=True))
    with pytest.raises((RuntimeError, BufferError, TypeError)):
        minigrad.from_dlpack(torch.ones(2).bfloat16())


def test_torch_tensors_as_data():
    theirs = torch.arange(3.0)
    assert minigrad.tensor(theirs).tolist() == [0, 1, 2] and minigrad.tensor(theirs).dtype is minigrad.float32
    assert minigrad.as_tensor(theirs.double()).dtype is minigrad.float64
    assert torch.as_tensor(minigrad.arange(3)).tolist() == [0, 1, 2]
    assert torch.tensor(np.asarray(minigrad.arange(3))).dtype is torch.int64
    ours = minigrad.ones(3)
    ours[1:] = minigrad.from_numpy(theirs.numpy())[:2]
    assert ours.tolist() == [1, 0, 1]
