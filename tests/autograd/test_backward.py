"""backward() and grad(): what is computed, into what, and what is refused. Numbers are written out."""

import math
import warnings

import pytest

import minigrad
from minigrad import autograd


def leaf(*values, device="cpu"):
    return minigrad.tensor(list(values), device=device, requires_grad=True)


# --- backward -------------------------------------------------------------------------------------------------


def test_a_chain_by_hand(device):
    x = leaf(1.0, 2.0, device=device)
    w = leaf(3.0, -1.0, device=device)
    loss = ((x * w) ** 2).sum()
    loss.backward()
    assert x.grad.tolist() == [18.0, 4.0]  # 2 x w^2
    assert w.grad.tolist() == [6.0, -8.0]  # 2 w x^2
    assert x.grad.device == x.device and x.grad.dtype == x.dtype


def test_gradients_accumulate_and_are_new_arrays(device):
    x = leaf(1.0, 2.0, device=device)
    assert x.grad is None
    (x * 3).sum().backward()
    first = x.grad
    (x * 5).sum().backward()
    assert first.tolist() == [3.0, 3.0]  # what a user holds never changes
    assert x.grad.tolist() == [8.0, 8.0]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_one_tensor_used_many_times(device):
    x = leaf(2.0, device=device)
    y = x * x + x * 3 + x
    (y * y).sum().backward()
    assert x.grad.tolist() == [2 * 12.0 * 8.0]


def test_gradients_of_two_leaves_do_not_share_memory():
    a, b = leaf(1.0, 1.0), leaf(1.0, 1.0)
    ((a + b) * 2).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [2.0, 2.0]
    v = minigrad.ones(2)
    c = leaf(1.0, 1.0)
    c.backward(v)
    c.grad.zero_()
    assert v.tolist() == [1.0, 1.0]


def test_a_sum_never_goes_into_an_array_that_others_hold():
    a, b, c = leaf(1.0), leaf(1.0), leaf(1.0)
    s = a + b  # one array is the gradient of both
    t = s + c
    (t + a * 10 + a * 100).sum().backward()
    assert (a.grad.item(), b.grad.item(), c.grad.item()) == (111.0, 1.0, 1.0)


def test_non_scalar_needs_a_gradient(device):
    x = leaf(1.0, 2.0, device=device)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) needs a gradient"):
        (x * 2).backward()
    (x * 2).backward(minigrad.tensor([1.0, 10.0], device=device))
    assert x.grad.tolist() == [2.0, 20.0]
    with pytest.raises(RuntimeError, match=r"gradient of shape \(3,\) for a tensor of shape \(2,\)"):
        (x * 2).backward(minigrad.ones(3, device=device))


def test_a_gradient_on_another_device():
    x = leaf(1.0, 2.0, device="cuda")
    with pytest.raises(RuntimeError, match="gradient on cpu for a tensor on cuda"):
        (x * 2).backward(minigrad.ones(2))


def test_one_element_of_any_shape_is_a_scalar():
    x = leaf(3.0)
    (x * x).reshape(1, 1).backward()
    assert x.grad.tolist() == [6.0]


def test_second_backward_says_what_to_do():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_retain_graph():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_part_that_saved_nothing_may_be_shared_by_two_losses():
    x = leaf(1.0, 2.0)
    h = x.reshape(2, 1) + 1
    (h * h).sum().backward()
    (h * 3).sum().backward()
    assert x.grad.tolist() == [4.0 + 3.0, 6.0 + 3.0]


def test_inputs_restricts_where_gradients_go():
    x, w = leaf(1.0), leaf(5.0)
    (x * w).sum().backward(inputs=[x])
    assert x.grad.tolist() == [5.0] and w.grad is None
    (x * w).sum().backward(inputs=w)
    assert w.grad.tolist() == [1.0] and x.grad.tolist() == [5.0]
    with pytest.raises(RuntimeError, match="empty list"):
        (x * w).sum().backward(inputs=[])


def test_autograd_backward_of_several():
    x = leaf(1.0, 2.0)
    autograd.backward([x.sum(), (x * 2)], [None, minigrad.ones(2)])
    assert x.grad.tolist() == [3.0, 3.0]


def test_backward_without_a_graph():
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        minigrad.ones(1).sum().backward()
    x = leaf(1.0)
    with minigrad.no_grad():
        y = x * 2
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()


def test_integers_have_no_gradient():
    with pytest.raises(RuntimeError, match="floating point"):
        minigrad.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="floating point"):
        minigrad.tensor([1, 2]).requires_grad_()
    x = leaf(1.5, 2.5)
    assert not x.argmax().requires_grad and not (x > 2).requires_grad


def test_gradients_keep_the_dtype_of_their_leaf():
    x = minigrad.tensor([1.0], dtype=minigrad.float64, requires_grad=True)
    w = minigrad.tensor([2.0], dtype=minigrad.float32, requires_grad=True)
    (x * w).sum().backward()
    assert x.grad.dtype is minigrad.float64 and w.grad.dtype is minigrad.float32


# --- grad -----------------------------------------------------------------------------------------------------


def test_grad_leaves_dot_grad_alone(device):
    x, w = leaf(2.0, device=device), leaf(3.0, device=device)
    gx, gw = autograd.grad((x * w).sum(), [x, w])
    assert gx.tolist() == [3.0] and gw.tolist() == [2.0]
    assert x.grad is None and w.grad is None and not gx.requires_grad


def test_grad_takes_the_old_only_inputs():
    x = leaf(3.0)
    (g,) = autograd.grad(x**2, x, minigrad.ones(1), only_inputs=True)
    assert g.tolist() == [6]
    with pytest.raises(NotImplementedError, match="only_inputs"):
        autograd.grad(x**2, x, minigrad.ones(1), only_inputs=False)


def test_grad_of_an_intermediate():
    x = leaf(2.0)
    h = x * x
    y = h * 3
    gh, gx = autograd.grad(y.sum(), (h, x))
    assert gh.tolist() == [3.0] and gx.tolist() == [12.0]


def test_unused_inputs():
    x, w = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match=r"input 1 was not used.*allow_unused"):
        autograd.grad((x * 2).sum(), [x, w])
    gx, gw = autograd.grad((x * 2).sum(), [x, w], allow_unused=True)
    assert gx.tolist() == [2.0] and gw is None
    gx, gw = autograd.grad((x * 2).sum(), [x, w], materialize_grads=True)
    assert gw.tolist() == [0.0]


def test_grad_outputs():
    x = leaf(1.0, 2.0)
    (g,) = autograd.grad([x * 2, x.sum()], x, grad_outputs=[minigrad.tensor([1.0, 10.0]), None])
    assert g.tolist() == [3.0, 21.0]


def test_create_graph_to_the_third_order():
    x = leaf(2.0)
    (first,) = autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x, create_graph=True)
    (third,) = autograd.grad(second.sum(), x)
    assert (first.item(), second.item(), third.item()) == (32.0, 48.0, 48.0)


def test_gradient_penalty():
    """A gradient norm in the loss reaches the parameters (WGAN-GP's pattern)."""
    w, x = leaf(2.0, -1.0), leaf(3.0, 4.0)
    (g,) = autograd.grad((w * x).sum() ** 2, x, create_graph=True)  # 2 (w.x) w
    ((g**2).sum()).backward()  # 4 (w.x)^2 |w|^2
    s = 2 * 3 - 4
    assert w.grad.tolist() == [8 * s * 3 * 5 + 8 * s**2 * 2, 8 * s * 4 * 5 - 8 * s**2]


def test_a_number_on_the_cpu_gets_its_gradient_there(device):
    x = minigrad.tensor([1.0, 2.0], device=device)
    scale = minigrad.tensor(2.0, requires_grad=True)
    ((x * scale.exp()).sum() + (x * scale).sum() + minigrad.where(x > 1, x, scale).sum()).backward()
    assert scale.grad.device == scale.device
    assert scale.grad.item() == pytest.approx(3 * math.exp(2.0) + 3 + 1)
    (g,) = autograd.grad((x * scale**3).sum(), scale, create_graph=True)
    (gg,) = autograd.grad(g, scale)
    assert gg.device == scale.device and (g.item(), gg.item()) == (36.0, 36.0)  # 3 * 3 s^2, 3 * 6 s


def test_create_graph_gives_each_leaf_a_gradient_of_its_own(device):
    x, y, start = leaf(1.0, 2.0, device=device), leaf(1.0, 2.0, device=device), leaf(1.0, 1.0, device=device).detach()
    h = x + y
    h.retain_grad()
    h.backward(start, create_graph=True)
    with minigrad.no_grad():
        x.grad.mul_(5.0)  # as clip_grad_norm_ does
    assert [t.tolist() for t in (x.grad, y.grad, h.grad, start)] == [[5.0, 5.0]] + 3 * [[1.0, 1.0]]
    x.grad = y.grad = None


def test_create_graph_in_backward():
    x = leaf(3.0)
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    assert g.requires_grad
    x.grad = None
    g.backward()
    assert x.grad.tolist() == [18.0]
    x.grad = None


def test_grad_of_what_needs_none():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        autograd.grad((x * 2).sum(), minigrad.ones(1))
    with pytest.raises(NotImplementedError):
        autograd.grad(x.sum(), x, is_grads_batched=True)


# --- what a leaf is -------------------------------------------------------------------------------------------


def test_leaves():
    x = leaf(1.0)
    y = x * 2
    assert x.is_leaf and x.requires_grad and x.grad_fn is None
    assert not y.is_leaf and y.requires_grad
    plain = minigrad.ones(1)
    assert plain.is_leaf and not plain.requires_grad and (plain * 2).is_leaf
    assert y.detach().is_leaf and not y.detach().requires_grad
    with minigrad.no_grad():
        assert (x * 2).is_leaf
    with pytest.raises(RuntimeError, match="only leaves"):
        y.requires_grad = False
    y.requires_grad = True  # it does already
    x.requires_grad_(False)
    assert not (x * 2).requires_grad
    y.detach_()
    assert y.is_leaf and not y.requires_grad


def test_grad_of_a_non_leaf_warns():
    y = leaf(1.0) * 2
    with pytest.warns(UserWarning, match="retain_grad"):
        assert y.grad is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.retain_grad()
        y.sum().backward()
        assert y.grad.tolist() == [1.0]


def test_grad_can_be_assigned_and_is_checked():
    x = leaf(1.0, 2.0)
    x.grad = minigrad.ones(2)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="shape"):
        x.grad = minigrad.ones(3)
    with pytest.raises(TypeError):
        x.grad = 3


# --- the graph ------------------------------------------------------------------------------------------------


def test_walking_the_graph():
    x = leaf(1.0, 2.0)
    y = (x * 2).sum()
    node = y.grad_fn
    assert node.name() == "SumBackward0" and repr(node) == "<SumBackward0>"
    ((mul, position),) = node.next_functions
    assert mul.name() == "MulBackward0" and position == 0
    accumulate = mul.next_functions[0][0]
    assert accumulate.name() == "AccumulateGrad" and accumulate.variable is x


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x + 1, "AddBackward0"),
        (lambda x: x @ x, "MatmulBackward0"),
        (lambda x: x.exp(), "ExpBackward0"),
        (lambda x: x.log_softmax(0), "LogSoftmaxBackward0"),
        (lambda x: x.mean(), "MeanBackward0"),
        (lambda x: -x, "NegBackward0"),
        (lambda x: x.view(2, 1), "ViewBackward0"),
    ],
)
def test_names_are_readable(function, name):
    assert function(leaf(1.0, 2.0)).grad_fn.name() == name


def test_the_name_is_printed():
    assert repr(leaf(1.0) * 2) == "tensor([2.], grad_fn=<MulBackward0>)"


# --- depth ----------------------------------------------------------------------------------------------------


def test_two_hundred_thousand_operations_deep():
    x = leaf(1.0, 1.0)
    y = x
    for _ in range(200_000):
        y = y + x
    y.sum().backward()
    assert x.grad.tolist() == [200_001.0, 200_001.0]
    del y  # freeing the chain must not recurse either


def test_a_deep_graph_that_is_never_walked_is_freed():
    y = leaf(1.0)
    for _ in range(200_000):
        y = y * 1.0
    del y


def test_a_deep_graph_can_be_differentiated_twice():
    x = leaf(1.0)
    y = x
    for _ in range(3_000):
        y = y * x
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    (gg,) = autograd.grad(g.sum(), x)
    assert gg.item() == 3001.0 * 3000.0


def test_a_wide_graph_of_shared_parts_is_walked_once_per_node():
    y = x = leaf(1.0)
    for _ in range(60):
        y = y + y  # 2^60 paths
    y.sum().backward()
    assert x.grad.item() == 2.0**60
