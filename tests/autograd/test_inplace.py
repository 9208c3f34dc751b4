"""In-place changes and views: gradients by hand, shared memory, and what is refused."""

import pytest

import minigrad
from minigrad import autograd


def leaf(*values, device="cpu"):
    return minigrad.tensor(list(values), device=device, requires_grad=True)


def gradient(loss, x):
    (g,) = autograd.grad(loss, x, allow_unused=True)
    return None if g is None else g.tolist()


# --- assignment ---------------------------------------------------------------------------------------------------


def test_assigning_a_number(device):
    x = leaf(1.0, 2.0, 3.0, device=device)
    h = x * 2
    h[1] = 7.0
    assert h.tolist() == [2.0, 7.0, 6.0]
    assert gradient((h * h).sum(), x) == [8.0, 0.0, 24.0]


def test_assigning_a_tensor(device):
    x, w = leaf(1.0, 2.0, 3.0, device=device), leaf(5.0, device=device)
    h = x * 2
    h[1] = w[0] * x[0]
    loss = (h * minigrad.tensor([1.0, 10.0, 100.0], device=device)).sum()
    gx, gw = autograd.grad(loss, [x, w])
    assert gx.tolist() == [2.0 + 50.0, 0.0, 200.0] and gw.tolist() == [10.0]


def test_collecting_results_in_a_zeros_tensor(device):
    """outputs[t] = out: the loss reaches what the outputs were made from."""
    x = leaf(1.0, 2.0, 3.0, device=device)
    outputs = minigrad.zeros(3, 2, device=device)
    assert not outputs.requires_grad
    state = minigrad.zeros(2, device=device)
    for t in range(3):
        state = state * 0.5 + x[t]
        outputs[t] = state
    assert outputs.requires_grad and not outputs.is_leaf
    outputs.sum().backward()
    assert x.grad.tolist() == [2 * 1.75, 2 * 1.5, 2.0]


def test_assigning_through_two_indices():
    x = leaf(1.0, 2.0)
    h = minigrad.zeros(2, 2)
    h[1][0] = x[0] * 3
    h.view(-1)[3] = x[1] * 4
    assert h.tolist() == [[0.0, 0.0], [3.0, 8.0]]
    assert gradient((h**2).sum(), x) == [2 * 3.0 * 3, 2 * 8.0 * 4]


def test_augmented_assignment_of_a_part():
    x = leaf(1.0, 2.0, 3.0)
    h = x * 1
    h[0] += x[1] * 10
    h[1:] *= 3
    h[[0]] += 100.0
    assert h.tolist() == [121.0, 6.0, 9.0]
    assert gradient(h.sum(), x) == [1.0, 10.0 + 3.0, 3.0]


def test_masks_and_index_arrays(device):
    x = leaf(-1.0, 2.0, -3.0, 4.0, device=device)
    h = x * 2
    h[h < 0] = 0.0
    assert gradient(h.sum(), x) == [0.0, 2.0, 0.0, 2.0]
    values = leaf(10.0, 20.0, device=device)
    k = x * 1
    k[minigrad.tensor([3, 0], device=device)] = values * 2
    assert k.tolist() == [40.0, 2.0, -3.0, 20.0]
    loss = (k * minigrad.tensor([1.0, 2.0, 3.0, 4.0], device=device)).sum()
    gx, gv = autograd.grad(loss, [x, values])
    assert gx.tolist() == [0.0, 2.0, 3.0, 0.0] and gv.tolist() == [8.0, 2.0]


def test_row_index_beside_a_list():
    """x[range(n), y] = x.max(): from a program that blanks out the chosen class."""
    x = minigrad.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True)
    h = x * 1
    h[range(2), [1, 0]] = x.max() * 2
    assert h.tolist() == [[1.0, 8.0], [8.0, 3.0]]
    assert gradient(h.sum(), x) == [[1.0, 0.0], [4.0, 1.0]]


def test_a_value_is_broadcast_and_converted():
    w = leaf(2.0)
    h = minigrad.zeros(2, 3, dtype=minigrad.float64)
    h[:, 1:] = w
    assert gradient(h.sum(), w) == [4.0]
    k = minigrad.zeros(3, dtype=minigrad.int64)
    k[0] = 2.9
    assert k.tolist() == [2, 0, 0]
    with pytest.raises(RuntimeError):
        h[0] = minigrad.ones(2)
    with pytest.raises(IndexError):
        h[5] = 1.0


# --- in-place methods on results ------------------------------------------------------------------------------------


def test_augmented_operators_keep_the_object():
    x = leaf(1.0, 2.0)
    h = x * 1
    before = id(h)
    h += x
    h -= 1
    h *= x
    h /= 2
    assert id(h) == before and h.tolist() == [0.5, 3.0]  # (2x - 1) x / 2
    assert gradient(h.sum(), x) == [(4 * 1 - 1) / 2, (4 * 2 - 1) / 2]


def test_a_bias_added_in_place():
    """self.out = x @ w; self.out += self.b"""
    x, w, b = minigrad.ones(2, 3), minigrad.ones(3, 2, requires_grad=True), leaf(0.0, 1.0)
    out = x @ w
    out += b
    (out * out).sum().backward()
    assert b.grad.tolist() == [12.0, 16.0] and w.grad.tolist() == [[12.0, 16.0]] * 3


def test_an_operation_that_saved_its_own_memory():
    x = leaf(2.0)
    h = x * 1
    h *= h  # saved both operands before they were overwritten
    h.mul_(x)
    assert h.item() == 8.0 and gradient(h.sum(), x) == [12.0]


def test_one_change_after_another():
    x = leaf(0.5)
    h = x * 2
    h.exp_().add_(1).log_().mul_(3).pow_(2)
    e = minigrad.tensor(1.0).exp().item()
    value = 3 * minigrad.tensor(1 + e).log().item()
    assert h.item() == pytest.approx(value**2)
    assert gradient(h.sum(), x) == [pytest.approx(2 * value * 3 * e / (1 + e) * 2)]


def test_zero_fill_copy():
    x, w = leaf(1.0, 2.0), leaf(5.0)
    h = x * 2
    h.zero_()
    assert h.tolist() == [0.0, 0.0] and gradient((h + x).sum(), x) == [1.0, 1.0]
    h = x * 2
    h.fill_(w[0] * 3)
    assert gradient(h.sum(), w) == [6.0]
    h = x * 2
    h.copy_(w)
    assert h.tolist() == [5.0, 5.0] and gradient(h.sum(), w) == [2.0]


def test_a_clone_may_change():
    x = leaf(1.0, 2.0)
    c = x.clone()
    c += 10
    assert x.tolist() == [1.0, 2.0] and gradient((c * x).sum(), x) == [12.0, 14.0]


def test_shapes_in_place():
    x = leaf(1.0, 2.0, 3.0)
    h = x * 1
    h.unsqueeze_(0)
    assert h.shape == (1, 3)
    h.t_()
    h.squeeze_()
    assert gradient((h * minigrad.tensor([1.0, 2.0, 3.0])).sum(), x) == [1.0, 2.0, 3.0]
    with pytest.raises(RuntimeError, match="does not fit"):
        h.add_(minigrad.ones(2, 3))


def test_dtypes_do_not_change():
    h = minigrad.ones(2, dtype=minigrad.int64)
    with pytest.raises(RuntimeError, match="out-of-place"):
        h += 0.5
    h += 2
    assert h.tolist() == [3, 3] and h.dtype is minigrad.int64
    f = minigrad.ones(2)
    f += minigrad.ones(2, dtype=minigrad.float64)
    assert f.dtype is minigrad.float32


# --- views ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda h: h[1], lambda h: h[:, 1:], lambda h: h.view(-1), lambda h: h.t(), lambda h: h.transpose(0, 1),
        lambda h: h.reshape(3, 2), lambda h: h.unsqueeze(1), lambda h: h.T, lambda h: h.diagonal(),
        lambda h: h.narrow(1, 0, 2), lambda h: h.flatten(), lambda h: h[None, ..., 0], lambda h: h.view(3, 2)[1:],
        lambda h: h.permute(1, 0), lambda h: h.squeeze(), lambda h: h.expand(2, 3), lambda h: h.expand_as(h),
        lambda h: h.swapaxes(0, 1), lambda h: h[::2], lambda h: h.detach(), lambda h: h.unflatten(1, (3, 1)),
    ],
)  # fmt: skip
def test_views_share_memory_both_ways(view):
    h = minigrad.zeros(2, 3)
    v = view(h)
    v.add_(1)
    assert h.sum().item() == v.numel()
    h.mul_(5)
    assert v.tolist() == minigrad.full(v.shape, 5.0).tolist()


@pytest.mark.parametrize(
    "copy", [lambda h: h.clone(), lambda h: h * 1, lambda h: h[[0, 1]], lambda h: h.t().reshape(-1)]
)
def test_copies_do_not(copy):
    h = minigrad.zeros(2, 3)
    copy(h).add_(1)
    assert h.sum().item() == 0.0


def test_writing_into_a_view_rewrites_its_base():
    x = leaf(1.0, 2.0, 3.0)
    base = x * 2
    view = base[1:]
    view.mul_(10)
    assert base.tolist() == [2.0, 40.0, 60.0]
    assert gradient(base.sum(), x) == [2.0, 20.0, 20.0]
    assert gradient(view.sum(), x) == [0.0, 20.0, 20.0]


def test_writing_into_a_base_rewrites_its_views():
    x = leaf(1.0, 2.0, 3.0)
    base = x * 2
    view = base[1:]
    base.mul_(x)  # 2 x^2
    assert view.tolist() == [8.0, 18.0]
    assert gradient(view.sum(), x) == [0.0, 8.0, 12.0]


def test_views_of_views_and_both_written():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    base = (x * 1).view(2, 2)
    row = base[1]
    element = row[0]
    element.mul_(10)  # x2 -> 10 x2
    base.add_(x[0])  # + x0 everywhere
    row.mul_(2)
    assert element.item() == 62.0 and base.tolist() == [[2.0, 3.0], [62.0, 10.0]]
    assert gradient(element, x) == [2.0, 0.0, 20.0, 0.0]
    assert gradient(base.sum(), x) == [1 + 1 + 1 + 2 + 2, 1.0, 20.0, 2.0]


def test_a_view_taken_before_and_one_after():
    x = leaf(1.0, 2.0)
    base = x * 1
    before = base[:1]
    y = before * 3  # computed from the old value, which mul by a number does not save
    base.mul_(x)
    after = base[:1]
    assert gradient((before + after + y).sum(), x) == [2 + 2 + 3.0, 0.0]


def test_a_plain_base_takes_over_a_history():
    x = leaf(1.0, 2.0)
    base = minigrad.zeros(2, 2)
    view = base.t()
    view[0] = x * 3
    assert base.requires_grad and base.tolist() == [[3.0, 0.0], [6.0, 0.0]]
    other = base.view(-1)
    assert gradient(other.sum(), x) == [3.0, 3.0] and view.requires_grad


def test_one_of_several_outputs_is_a_view():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    base = x * 1
    first, second = base.split(2)
    second.mul_(5)
    assert base.tolist() == [1.0, 2.0, 15.0, 20.0] and gradient(base.sum(), x) == [1.0, 1.0, 5.0, 5.0]
    assert gradient(first.sum(), x) == [1.0, 1.0, 0.0, 0.0]
    for row in base.view(2, 2):
        row += x[0]
    assert gradient(base.sum(), x) == [5.0, 1.0, 5.0, 5.0]


def test_higher_orders_through_in_place_histories():
    x = leaf(2.0, 3.0)
    base = x * 1
    base[0] = x[1] ** 2 * x[0]
    base[1:].mul_(x[:1])
    (g,) = autograd.grad(base.sum(), x, create_graph=True)
    assert g.tolist() == [9.0 + 3.0, 12.0 + 2.0]  # x1^2 x0 + x1 x0
    assert gradient(g.sum(), x) == [6.0 + 1.0, 6.0 + 1.0 + 4.0]


def test_hooks_and_retained_gradients_of_what_changed():
    x = leaf(1.0, 2.0)
    h = x * 1
    h.mul_(3)
    h.retain_grad()
    (h * h).sum().backward()
    assert h.grad.tolist() == [6.0, 12.0] and x.grad.tolist() == [18.0, 36.0]


# --- updates by hand ------------------------------------------------------------------------------------------------


def test_hand_written_updates():
    w = leaf(1.0, 2.0)
    w.grad = minigrad.tensor([10.0, 20.0])
    w.data += -0.1 * w.grad
    w.data = w.data - 0.1 * w.grad
    with minigrad.no_grad():
        w -= 0.1 * w.grad
        w[0] = 5.0
        w.add_(1)
    w.grad.zero_()
    w.grad.data.zero_()
    assert w.tolist() == pytest.approx([6.0, -3.0]) and w.is_leaf and w.requires_grad
    assert w.grad.tolist() == [0.0, 0.0]
    w.data[1:] = 7.0
    w.data.mul_(2)
    w.data.fill_(3.0)
    assert w.tolist() == [3.0, 3.0]
    (w * w).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.add_(1), lambda x: x.__setitem__(0, 1.0), lambda x: x.zero_(), lambda x: x[0:1].mul_(2),
        lambda x: x.view(-1).exp_(), lambda x: x.copy_(minigrad.ones(2)), lambda x: x.unsqueeze_(0),
        lambda x: x.normal_(), lambda x: x.relu_(), lambda x: x[:1].__setitem__(0, 2.0),
    ],
)  # fmt: skip
def test_leaves_do_not_change_in_place(change):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="leaf"):
        change(x)
    assert x.tolist() == [1.0, 2.0] and x.shape == (2,)


def test_expanded_memory_is_not_written():
    x = minigrad.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="clone"):
        x[0] = 2.0
    with pytest.raises(RuntimeError, match="clone"):
        x.add_(1)
    c = x.clone()
    c[0] = 2.0
    assert c.tolist() == [2.0, 1.0, 1.0]


def test_views_made_inside_no_grad():
    h = leaf(1.0, 2.0) * 1
    with minigrad.no_grad():
        v = h[:1]
        v.mul_(3)  # here it may change
    with pytest.raises(RuntimeError, match="no_grad"):
        v.mul_(2)
    base = minigrad.zeros(2)
    with minigrad.no_grad():
        v = base[:1]
    with pytest.raises(RuntimeError, match="would not reach"):
        v.mul_(leaf(2.0))
    with pytest.raises(RuntimeError, match="would not reach"):
        v[0] = leaf(2.0)[0]
    v.mul_(2)  # without a gradient it may
    assert base.tolist() == [0.0, 0.0]


def test_a_detached_base_takes_the_history_of_its_views_along():
    x = leaf(1.0, 2.0)
    h = x * 1
    v = h[:1]
    h.detach_()
    assert gradient((v * 2).sum() + x.sum(), x) == [3.0, 1.0]
    h.mul_(5)  # now v holds what no longer depends on x
    assert gradient(v.sum() + x.sum(), x) == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="view"):
        v.detach_()


def test_changing_through_detach_keeps_the_history():
    x = leaf(1.0, 2.0)
    h = x * 3
    h.detach().add_(100)
    assert h.tolist() == [103.0, 106.0] and gradient(h.sum(), x) == [3.0, 3.0]
    with minigrad.no_grad():
        h.zero_()
    assert gradient(h.sum(), x) == [3.0, 3.0]  # as in PyTorch: values without their history
