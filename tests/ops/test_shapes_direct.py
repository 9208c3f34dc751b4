"""Views, joining and taking apart, with every number written out: what shares memory, and what the graph knows."""

from __future__ import annotations

import pytest

import minigrad as mg

VIEWS = [
    lambda x: x.view(2, 6),
    lambda x: x.reshape(6, 2),
    lambda x: x.flatten(),
    lambda x: x.ravel(),
    lambda x: x.unflatten(1, (2, 2)),
    lambda x: x.t(),
    lambda x: x.T,
    lambda x: x.mT,
    lambda x: x.transpose(0, 1),
    lambda x: x.permute(1, 0),
    lambda x: x.movedim(0, 1),
    lambda x: x.unsqueeze(1),
    lambda x: x.unsqueeze(0).squeeze(),
    lambda x: x.expand(3, 4),
    lambda x: x.narrow(0, 0, 2),
    lambda x: x.select(1, 0),
    lambda x: x.diagonal(),
    lambda x: x.unfold(1, 2, 1),
    lambda x: x.split(2)[0],
    lambda x: x.chunk(2, 1)[0],
    lambda x: x.unbind()[0],
    lambda x: x.tensor_split(2)[0],
    lambda x: x.detach(),
]


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_views_share_memory_and_pass_gradients_of_in_place_changes(number, device):
    x = mg.zeros(3, 4, device=device)
    VIEWS[number](x).fill_(1)
    assert x[0, 0].item() == 1
    if number == len(VIEWS) - 1:
        return
    leaf = mg.zeros(3, 4, device=device, requires_grad=True)
    y = leaf * 1
    part = VIEWS[number](y)
    part.mul_(3)
    y.sum().backward()
    want = mg.ones(3, 4, device=device)
    VIEWS[number](want).mul_(3)
    if number != 17:  # windows overlap: an element in two windows is one place in memory
        assert leaf.grad.tolist() == want.tolist()


def test_copies_do_not_share_memory(device):
    x = mg.zeros(2, 3, device=device)
    for copy in (
        lambda x: x.flip(0), lambda x: x.flip(()), lambda x: x.roll(0), lambda x: x.repeat(1, 1), lambda x: x.tile(1),
        lambda x: x.tril(9), lambda x: x.diag(), lambda x: mg.cat([x]), lambda x: x.repeat_interleave(1, 0),
        lambda x: x.T.reshape(6), lambda x: x.rot90(0), lambda x: x.T.contiguous(),
    ):  # fmt: skip
        copy(x).fill_(1)
        assert x.sum().item() == 0


def test_reshape_copies_where_view_refuses(device):
    x = mg.arange(6, device=device).reshape(2, 3).t()
    assert x.reshape(6).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError, match=r"use \.reshape"):
        x.view(6)
    assert x.view(3, 1, 2).tolist() == [[[0, 3]], [[1, 4]], [[2, 5]]]
    assert x.contiguous() is not x and x.contiguous().contiguous().is_contiguous()


def test_view_as_another_dtype(device):
    x = mg.tensor([1.0, -0.0], device=device)
    assert x.view(mg.int32).tolist() == [0x3F800000, -(2**31)]


def test_expanded_tensors_refuse_to_be_written(device):
    x = mg.zeros(3, 1, device=device)
    with pytest.raises(RuntimeError, match="clone"):
        x.expand(3, 2).add_(1)
    x.expand(1, 3, 1).add_(1)  # nothing is repeated here
    assert x.tolist() == [[1], [1], [1]]


def test_time_steps_are_one_node_and_get_one_gradient(device):
    x = mg.ones(4, 2, device=device, requires_grad=True)
    steps = list(x * 1)
    assert len({id(step.grad_fn.edges[0]) for step in steps}) == 1
    (steps[1] * 3 + steps[3] * mg.tensor([1.0, 2.0], device=device)).sum().backward()
    assert x.grad.tolist() == [[0, 0], [3, 3], [0, 0], [1, 2]]


def test_split_parts_that_nobody_used_get_zero(device):
    x = mg.ones(5, device=device, requires_grad=True)
    _, middle, _ = x.split([1, 2, 2])
    (g,) = mg.autograd.grad(middle.sum(), x)
    assert g.tolist() == [0, 1, 1, 0, 0]


def test_overlapping_parts_add_up(device):
    x = mg.ones(4, device=device, requires_grad=True)
    first, middle, last = x.tensor_split((3, 1))
    assert (len(first), len(middle), len(last)) == (3, 0, 3)
    (first.sum() + last.sum()).backward()
    assert x.grad.tolist() == [1, 2, 2, 1]


def test_windows_add_up(device):
    x = mg.arange(5, dtype=mg.float32, device=device).requires_grad_()
    windows = x.unfold(0, 3, 1)
    assert windows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    windows.sum().backward()
    assert x.grad.tolist() == [1, 2, 3, 2, 1]


def test_cat_and_stack_promote_and_split_the_gradient(device):
    a = mg.tensor([1.0, 2.0], device=device, requires_grad=True)
    joined = mg.cat([a, mg.tensor([3], device=device), a])
    assert joined.dtype == mg.float32 and joined.tolist() == [1, 2, 3, 1, 2]
    (joined * mg.arange(5, device=device)).sum().backward()
    assert a.grad.tolist() == [3, 5]
    assert mg.stack([mg.tensor(1, device=device), mg.tensor(2.5, device=device)]).tolist() == [1, 2.5]


def test_in_place_forms_of_views(device):
    x = mg.arange(6, device=device).reshape(1, 2, 3)
    assert x.squeeze_() is x and x.shape == (2, 3)
    assert x.t_().shape == (3, 2) and x.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.unsqueeze_(0).shape == (1, 3, 2) and x.transpose_(0, 2).shape == (2, 3, 1)
    leaf = mg.ones(2, 1, device=device, requires_grad=True)
    y = (leaf * 2).squeeze_()
    assert y.shape == (2,)
    (y * mg.tensor([1.0, 5.0], device=device)).sum().backward()
    assert leaf.grad.tolist() == [[2], [10]]
    with pytest.raises(RuntimeError, match="leaf"):
        leaf.squeeze_()


def test_sizes_may_be_tensors_and_shapes(device):
    x = mg.zeros(2, 3, device=device)
    assert x.reshape(mg.tensor(3, device=device), 2).shape == (3, 2)
    assert x.view(x.size()).shape == x.shape and x.reshape(x.size(1), -1).shape == (3, 2)
    assert x.expand(4, *x.shape).shape == (4, 2, 3)


def test_meshgrid_and_cartesian_product():
    a, b = mg.meshgrid(mg.tensor([1, 2]), mg.tensor([3, 4, 5]))
    assert a.tolist() == [[1, 1, 1], [2, 2, 2]] and b.tolist() == [[3, 4, 5], [3, 4, 5]]
    assert mg.cartesian_prod(mg.tensor([1, 2]), mg.tensor([3, 4])).tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]
