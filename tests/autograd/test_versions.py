"""In-place changes of saved arrays are noticed, and the error names both operations."""

import pytest

import minigrad


def leaf(*values):
    return minigrad.tensor(list(values), requires_grad=True)


def test_a_saved_input_changed(device):
    x = minigrad.tensor([1.0, 2.0], device=device, requires_grad=True)
    h = x * 1
    y = h * h
    h.add_(1)
    with pytest.raises(RuntimeError, match=r"MulBackward0.*changed in place.*add_.*clone"):
        y.sum().backward()


def test_a_saved_output_changed():
    y = leaf(1.0).exp()
    z = y * 1
    y.zero_()
    with pytest.raises(RuntimeError, match=r"ExpBackward0.*zero_"):
        z.sum().backward()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda h: h.mul_(2), "mul_"),
        (lambda h: h.copy_(minigrad.ones(2)), "copy_"),
        (lambda h: h.__setitem__(0, 5.0), "= value"),
        (lambda h: h.__iadd__(1), "add_"),
        (lambda h: h.fill_(0.0), "fill_"),
        (lambda h: h.normal_(), "normal_"),
        (lambda h: h[0:1].mul_(2), "mul_"),  # through a view
        (lambda h: h.view(2, 1).zero_(), "zero_"),
        (lambda h: h.detach().mul_(2), "mul_"),  # detach shares the count
    ],
)
def test_every_way_of_changing(change, name):
    h = leaf(1.0, 2.0) * 1
    y = (h * h).sum()
    change(h)
    with pytest.raises(RuntimeError, match=rf"MulBackward0.*{name}"):
        y.backward()


def test_a_weight_changed_between_forward_and_backward():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = (w * x).sum()
    with minigrad.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match=r"MulBackward0.*sub_"):
        y.backward()


def test_a_base_changed_after_a_view_was_saved():
    h = leaf(1.0, 2.0, 3.0) * 1
    v = h[0:2]
    y = (v * v).sum()
    h[2] = 0.0  # not even the same elements: as in PyTorch, a tensor and its views have one count
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_what_nobody_saved_may_change():
    x = leaf(1.0, 2.0)
    h = x * 3
    y = h + 1  # saves nothing
    h.mul_(100)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_change_before_saving_is_none():
    x = leaf(1.0, 2.0)
    h = x * 1
    h.mul_(2)
    (h * h).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0]


def test_data_is_not_counted():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    version = x._version
    x.data.mul_(10)
    assert x._version == version
    y.backward()  # as in PyTorch: computed from what is there now
    assert x.grad.tolist() == [20.0, 40.0]


def test_versions_are_counted_and_shared():
    x = minigrad.zeros(4)
    v, d = x[1:3], x.detach()
    assert (x._version, v._version, d._version) == (0, 0, 0)
    x.add_(1)
    v[0] = 7.0
    assert (x._version, v._version, d._version) == (2, 2, 2)
    assert x.tolist() == [1.0, 7.0, 1.0, 1.0] and d.tolist() == x.tolist()
    assert x.clone()._version == 0 and (x * 1)._version == 0


def test_two_parameters_of_one_buffer_keep_two_counters():
    buffer = minigrad.arange(4.0).numpy()
    a, b = minigrad.from_numpy(buffer[:2]), minigrad.from_numpy(buffer[2:])
    a.requires_grad_(), b.requires_grad_()
    y = (a * a).sum()
    with minigrad.no_grad():
        b.add_(1)
    y.backward()
    assert a.grad.tolist() == [0.0, 2.0]


def test_a_saved_index_changed():
    x = leaf(1.0, 2.0, 3.0)
    index = minigrad.tensor([0, 2])
    y = x[index]
    index[0] = 1
    try:
        y.sum().backward()
    except RuntimeError as error:
        assert "changed in place" in str(error)
    else:
        assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_several_outputs_are_guarded():
    x = leaf(1.0, 3.0, 2.0)
    values, order = x.sort()
    order[0] = 2
    try:
        (values * minigrad.tensor([1.0, 10.0, 100.0])).sum().backward()
    except RuntimeError as error:
        assert "changed in place" in str(error)
    else:
        assert x.grad.tolist() == [1.0, 100.0, 10.0]


def test_increment_version():
    x = leaf(1.0)
    y = x * x
    minigrad.autograd.graph.increment_version(x)
    with pytest.raises(RuntimeError, match="increment_version"):
        y.sum().backward()
