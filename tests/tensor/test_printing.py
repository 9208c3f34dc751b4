"""The text of tensors, written out as PyTorch prints them."""

import numpy as np
import pytest

from minigrad._tensor.printing import format_tensor, get_printoptions, printoptions, set_printoptions

inf, nan = float("inf"), float("nan")


def f32(values):
    return np.array(values, dtype="float32")


VALUES = [
    # scalars
    (f32(1.0), "tensor(1.)"),
    (f32(0.0), "tensor(0.)"),
    (f32(1e-5), "tensor(1.0000e-05)"),
    (f32(-2.5), "tensor(-2.5000)"),
    (f32(nan), "tensor(nan)"),
    (np.array(3), "tensor(3)"),
    (np.array(True), "tensor(True)"),
    # whole numbers, signs and zeros
    (f32([1, 2, 3]), "tensor([1., 2., 3.])"),
    (f32([-1, 2]), "tensor([-1.,  2.])"),
    (f32([100.5, -2]), "tensor([100.5000,  -2.0000])"),
    (f32([0.0, -0.0]), "tensor([0., -0.])"),
    (f32([1, 1000]), "tensor([   1., 1000.])"),
    # scientific notation: above 1e8, below 1e-4, or a ratio above 1000
    (f32([1, 1001]), "tensor([1.0000e+00, 1.0010e+03])"),
    (f32([0.001, 1.0]), "tensor([0.0010, 1.0000])"),
    (f32([1e-10]), "tensor([1.0000e-10])"),
    (f32([2e9, -1, inf]), "tensor([ 2.0000e+09, -1.0000e+00,         inf])"),
    (np.array([1e-4]), "tensor([0.0001], dtype=minigrad.float64)"),
    # no finite number sets the width
    (f32([1, nan]), "tensor([1., nan])"),
    (f32([0, nan, -inf]), "tensor([0., nan, -inf])"),
    (f32([1.5, nan, -inf]), "tensor([1.5000,    nan,   -inf])"),
    # dtypes
    (np.array([1, -10]), "tensor([  1, -10])"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.ones(2, "int32"), "tensor([1, 1], dtype=minigrad.int32)"),
    (np.ones(2, "uint8"), "tensor([1, 1], dtype=minigrad.uint8)"),
    (np.ones((2, 2), "float16"), "tensor([[1., 1.],\n        [1., 1.]], dtype=minigrad.float16)"),
    # empty
    (f32([]), "tensor([])"),
    (np.zeros((0, 3), "float32"), "tensor([], size=(0, 3))"),
    (np.zeros((2, 0), "int64"), "tensor([], size=(2, 0), dtype=minigrad.int64)"),
    (np.zeros(0, "bool"), "tensor([], dtype=minigrad.bool)"),
    # more dimensions
    (
        np.arange(12).reshape(2, 3, 2).transpose(0, 2, 1),
        "tensor([[[ 0,  2,  4],\n         [ 1,  3,  5]],\n\n        [[ 6,  8, 10],\n         [ 7,  9, 11]]])",
    ),
    (np.zeros((1, 2, 1, 1), "float32"), "tensor([[[[0.]],\n\n         [[0.]]]])"),
    # lines and summaries
    (
        np.arange(-20, 0),
        "tensor([-20, -19, -18, -17, -16, -15, -14, -13, -12, -11, -10,  -9,  -8,  -7,\n"
        "         -6,  -5,  -4,  -3,  -2,  -1])",
    ),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        np.arange(10000).reshape(100, 100),
        "tensor([[   0,    1,    2,  ...,   97,   98,   99],\n"
        "        [ 100,  101,  102,  ...,  197,  198,  199],\n"
        "        [ 200,  201,  202,  ...,  297,  298,  299],\n"
        "        ...,\n"
        "        [9700, 9701, 9702,  ..., 9797, 9798, 9799],\n"
        "        [9800, 9801, 9802,  ..., 9897, 9898, 9899],\n"
        "        [9900, 9901, 9902,  ..., 9997, 9998, 9999]])",
    ),
    (
        np.zeros((1001, 1, 2), "bool"),
        "tensor([[[False, False]],\n\n        [[False, False]],\n\n        [[False, False]],\n\n"
        "        ...,\n\n        [[False, False]],\n\n"
        "        [[False, False]],\n\n        [[False, False]]])",
    ),
]


@pytest.mark.parametrize(("array", "expected"), VALUES)
def test_values(array, expected):
    assert format_tensor(array) == expected


def test_gradient_suffixes():
    seven = f32([0.4568, 0.3473, 0.2647, 0.7747, 0.1952, 0.4091, 0.0385])
    line = "tensor([0.4568, 0.3473, 0.2647, 0.7747, 0.1952, 0.4091, 0.0385]"
    assert format_tensor(seven[:2], requires_grad=True) == "tensor([0.4568, 0.3473], requires_grad=True)"
    assert format_tensor(seven, requires_grad=True) == line + ",\n       requires_grad=True)"
    text = format_tensor(seven, requires_grad=True, grad_fn_name="MulBackward0")
    assert text == line + ",\n       grad_fn=<MulBackward0>)"
    text = format_tensor(seven.astype("float64"), grad_fn_name="MulBackward0")
    assert text == line + ",\n       dtype=minigrad.float64, grad_fn=<MulBackward0>)"
    text = format_tensor(f32(4.9729), grad_fn_name="SumBackward0")
    assert text == "tensor(4.9729, grad_fn=<SumBackward0>)"
    text = format_tensor(np.zeros((0, 3), "float32"), requires_grad=True)
    assert text == "tensor([], size=(0, 3), requires_grad=True)"


def test_parameter_prefix():
    text = format_tensor(f32([[1], [2]]), prefix="Parameter containing:\ntensor(", requires_grad=True)
    assert text == "Parameter containing:\ntensor([[1.],\n        [2.]], requires_grad=True)"


def test_device():
    assert format_tensor(f32([1]), device="cuda:0") == "tensor([1.], device='cuda:0')"
    text = format_tensor(np.zeros((0, 2)), device="cuda:0")
    assert text == "tensor([], device='cuda:0', size=(0, 2), dtype=minigrad.float64)"


def test_default_dtype():
    assert format_tensor(np.ones(2), dtype_suffix_default="float64") == "tensor([1., 1.])"
    text = format_tensor(f32([]), dtype_suffix_default=np.dtype("float64"))
    assert text == "tensor([], dtype=minigrad.float32)"


def test_options():
    with printoptions(precision=2):
        assert format_tensor(f32([1.12345])) == "tensor([1.12])"
        with printoptions(threshold=5, edgeitems=1):
            assert format_tensor(np.arange(10)) == "tensor([0,  ..., 9])"
            assert format_tensor(f32([1.12345])) == "tensor([1.12])"
    with printoptions(sci_mode=True):
        assert format_tensor(f32([1, -2])) == "tensor([ 1.0000e+00, -2.0000e+00])"
        set_printoptions(linewidth=20)  # every call decides sci_mode anew
        assert format_tensor(np.arange(7)) == "tensor([0, 1, 2, 3,\n        4, 5, 6])"
        assert get_printoptions().sci_mode is None
    with printoptions(sci_mode=False):
        assert format_tensor(f32([1e-7, -2])) == "tensor([ 0.0000, -2.0000])"
    with printoptions(profile="full"):
        assert format_tensor(np.arange(2000)).count(",") == 1999
    with printoptions(profile="short", edgeitems=0, threshold=3):
        assert format_tensor(np.arange(20)) == "tensor([...], size=(20,))"
    assert get_printoptions() == type(get_printoptions())()


def test_unknown_options():
    before = get_printoptions()
    with pytest.raises(ValueError, match="profile is 'long'; choose one of 'default', 'short', 'full'"):
        set_printoptions(profile="long")
    with pytest.raises(TypeError), printoptions(digits=3):
        pass
    assert get_printoptions() is before


def test_input_is_left_alone():
    array = np.arange(3000).reshape(2, 3, 500)[:, ::-1]
    array.flags.writeable = False
    assert format_tensor(array).startswith("tensor([[[1000, 1001, 1002,  ..., 1497, 1498, 1499],\n")
