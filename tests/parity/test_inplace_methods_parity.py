"""Every in-place method of Tensor: value and gradient equal PyTorch's, on a result, on a view, and changed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

X = np.linspace(0.15, 0.85, 6).reshape(2, 3)
Y = np.linspace(0.9, 0.3, 6).reshape(2, 3)


def matrix(m: Any, *shape: int) -> Any:
    return m.tensor((np.arange(np.prod(shape)) * 0.1 + 0.1).reshape(shape).tolist(), dtype=m.float64)


#: method -> its arguments, from the library and a tensor of the same shape that requires a gradient; () if not here
ARGUMENTS = {
    **dict.fromkeys(
        ["add_", "sub_", "subtract_", "mul_", "multiply_", "div_", "divide_", "true_divide_", "atan2_", "arctan2_",
         "pow_", "float_power_", "fmod_", "remainder_", "copysign_", "hypot_", "xlogy_", "copy_"],
        lambda m, y: (y,),
    ),
    **dict.fromkeys(["addcmul_", "addcdiv_"], lambda m, y: (y, y)),
    **dict.fromkeys(["clamp_", "clip_"], lambda m, y: (0.3, 0.6)),
    **dict.fromkeys(["transpose_", "swapaxes_", "swapdims_"], lambda m, y: (0, 1)),
    **dict.fromkeys(["cumsum_", "cumprod_"], lambda m, y: (1,)),
    **dict.fromkeys(["index_add_", "index_copy_"], lambda m, y: (0, m.tensor([1, 0]), y)),
    **dict.fromkeys(["scatter_", "scatter_add_"], lambda m, y: (1, m.tensor([[0, 1, 2], [2, 1, 0]]), y)),
    "addbmm_": lambda m, y: (matrix(m, 5, 2, 4), matrix(m, 5, 4, 3)),
    "addmm_": lambda m, y: (matrix(m, 2, 4), matrix(m, 4, 3)),
    "addr_": lambda m, y: (matrix(m, 2), matrix(m, 3)),
    "clamp_max_": lambda m, y: (0.5,),
    "clamp_min_": lambda m, y: (0.4,),
    "fill_": lambda m, y: (y.sum(),),
    "fill_diagonal_": lambda m, y: (0.5,),
    "index_fill_": lambda m, y: (0, m.tensor([1]), 0.3),
    "index_put_": lambda m, y: ((m.tensor([1, 0]), m.tensor([2, 1])), y[0, :2]),
    "lerp_": lambda m, y: (y, 0.3),
    "masked_fill_": lambda m, y: (m.tensor([[True, False, True], [False, False, True]]), 0.2),
    "masked_scatter_": lambda m, y: (m.tensor([[True, False, True], [False, False, True]]), y),
    "scatter_reduce_": lambda m, y: (1, m.tensor([[0, 1, 0], [2, 1, 0]]), y, "sum"),
    "unsqueeze_": lambda m, y: (0,),
}  # fmt: skip
#: method -> why it is not compared
LEFT_OUT = {
    **dict.fromkeys(["normal_", "uniform_", "random_", "exponential_", "bernoulli_"], "draws random numbers"),
    **dict.fromkeys(
        ["eq_", "ne_", "not_equal_", "lt_", "less_", "le_", "less_equal_", "gt_", "greater_", "ge_", "greater_equal_"],
        "the result is constant: PyTorch gives a gradient of zeros, minigrad none",
    ),
    **dict.fromkeys(
        ["logical_and_", "logical_or_", "logical_xor_", "logical_not_"],
        "the result is constant: PyTorch passes the gradient on as if nothing had happened",
    ),
    **dict.fromkeys(["heaviside_", "floor_divide_", "baddbmm_", "addmv_"], "no gradient, or not for matrices"),
    **dict.fromkeys(
        [f"{a}{f}_" for a in ("a", "arc") for f in ("cosh", "sinh", "tanh")],
        "PyTorch has no gradient of them in place",
    ),
    **dict.fromkeys([f"bitwise_{k}_" for k in ("and", "or", "xor", "not", "left_shift", "right_shift")], "integers"),
    "detach_": "ends the graph",
    "requires_grad_": "changes no value",
    "resize_": "refused on what has a history",
    "set_": "refused on what has a history",
    "sgn_": "its gradient in PyTorch is a tensor that cannot be read",
    "share_memory_": "changes no value",
}
NAMES = sorted(
    name
    for name in dir(minigrad.Tensor)
    if name.endswith("_") and not name.startswith("_") and name not in LEFT_OUT and hasattr(torch.Tensor, name)
)


def run(m: Any, name: str, way: str) -> list[Any]:
    x = m.tensor(X.tolist(), dtype=m.float64, requires_grad=True)
    y = m.tensor(Y.tolist(), dtype=m.float64, requires_grad=True)
    base = m.cat([x, x]) if way == "view" else x * 1
    changed = base[1:3] if way == "view" else base
    result = getattr(changed, name)(*ARGUMENTS.get(name, lambda m, y: ())(m, y * 1))
    assert result is changed
    if way == "twice":
        changed.mul_(2).add_(y.sum())
    loss = (base * matrix(m, *base.shape)).sum() + (changed * changed).sum()
    gradients = m.autograd.grad(loss, [x, y], allow_unused=True)
    return [base.detach().numpy(), *(None if g is None else g.numpy() for g in gradients)]


@pytest.mark.parametrize("way", ["result", "view", "twice"])
@pytest.mark.parametrize("name", NAMES)
def test_in_place(name, way):
    try:
        expected = run(torch, name, way)
    except RuntimeError:
        pytest.skip("PyTorch refuses")
    for theirs, ours in zip(expected, run(minigrad, name, way), strict=True):
        assert (theirs is None) == (ours is None)
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs, 1e-9, 1e-12)
