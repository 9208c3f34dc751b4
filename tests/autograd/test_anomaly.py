"""detect_anomaly names the forward operation that made a NaN, with the user's line."""

import threading

import pytest

import minigrad
from minigrad import autograd
from minigrad.autograd.modes import modes
from minigrad.autograd.node import Node


def leaf(*values):
    return minigrad.tensor(list(values), requires_grad=True)


def root(x):
    return x.sqrt()  # here it goes wrong


def network(x):
    h = x * 0.0
    return root(h).sum() * 0.0


class BadFunction(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * float("nan")


def test_it_names_operation_file_and_line(device):
    x = minigrad.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pytest.raises(RuntimeError) as error, autograd.detect_anomaly():
        network(x).backward()
    text = str(error.value)
    assert text.startswith("SqrtBackward0 returned nan in the gradient of its input 0")
    lines = text.splitlines()
    line = root.__code__.co_firstlineno + 1
    assert lines[1].endswith(f'test_anomaly.py", line {line}, in root')
    assert lines[2].strip() == "return x.sqrt()  # here it goes wrong"
    assert "in network" in lines[3]  # and how it was reached
    assert minigrad.is_grad_enabled()


def test_without_it_nan_is_just_a_number():
    x = leaf(1.0)
    network(x).backward()
    assert x.grad.isnan().all()


def test_custom_functions():
    pattern = r"BadFunctionBackward returned nan[\s\S]*BadFunction.apply\(leaf"
    with pytest.raises(RuntimeError, match=pattern), autograd.detect_anomaly():
        BadFunction.apply(leaf(1.0)).sum().backward()


def test_several_outputs():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"returned nan[\s\S]*b = x\.unbind\(\)"), autograd.detect_anomaly():
        a, b = x.unbind()
        autograd.backward([a, b], [None, minigrad.tensor(float("nan"))])


def test_errors_in_backward_get_the_line():
    with pytest.raises(RuntimeError, match="changed in place") as error, autograd.detect_anomaly(check_nan=False):
        h = leaf(1.0) * 1
        y = h * h
        h.add_(1)
        y.sum().backward()
    assert any("y = h * h" in note for note in error.value.__notes__)


def test_check_nan_false_lets_nan_pass():
    x = leaf(1.0)
    with autograd.detect_anomaly(check_nan=False):
        network(x).backward()
    assert x.grad.isnan().all()


def test_a_graph_from_outside():
    y = network(leaf(1.0))
    with pytest.raises(RuntimeError, match="recorded outside detect_anomaly"), autograd.detect_anomaly():
        y.backward()


def test_good_gradients_are_unchanged_also_of_higher_order():
    x = leaf(1.0, 2.0)
    with autograd.detect_anomaly():
        y = (x**3).sum()
        (g,) = autograd.grad(y, x, create_graph=True)
        g.sum().backward()
        h = x * 1
        h[0] = h[1] * 3
        h.mul_(2)
        h.sum().backward()
    assert g.tolist() == [3.0, 12.0] and x.grad.tolist() == [6.0 + 0.0, 12.0 + 8.0]


def test_it_is_switched_off_again():
    with autograd.detect_anomaly():
        assert modes.recording_type is not Node
        with minigrad.no_grad():
            assert not (leaf(1.0) * 2).requires_grad
        assert type((leaf(1.0) * 2).grad_fn) is not Node
        with autograd.set_detect_anomaly(False):
            assert type((leaf(1.0) * 2).grad_fn) is Node
        assert modes.recording_type is not Node
    assert modes.recording_type is Node and type((leaf(1.0) * 2).grad_fn) is Node
    with minigrad.no_grad(), autograd.detect_anomaly():
        assert not minigrad.is_grad_enabled()


def test_set_detect_anomaly_as_a_call():
    autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="SqrtBackward0"):
            network(leaf(1.0)).backward()
    finally:
        autograd.set_detect_anomaly(False)
    network(leaf(1.0)).backward()


def test_as_a_decorator():
    @autograd.detect_anomaly()
    def train():
        network(leaf(1.0)).backward()

    with pytest.raises(RuntimeError, match="SqrtBackward0"):
        train()
    assert modes.recording_type is Node


def test_it_belongs_to_its_thread():
    seen = []
    with autograd.detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(modes.recording_type))
        thread.start()
        thread.join()
    assert seen == [Node]


def test_in_place_and_views_name_the_users_line():
    x = leaf(0.0, 1.0)
    with pytest.raises(RuntimeError, match=r"SqrtBackward0[\s\S]*h\[0\]\.sqrt_\(\)"), autograd.detect_anomaly():
        h = x * 1
        h[0].sqrt_()
        (h * 0.0).sum().backward()
