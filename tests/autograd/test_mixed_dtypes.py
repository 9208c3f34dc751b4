"""Gradients have the dtype of the tensor that they are for, whatever it was promoted to on the way."""

import minigrad as mg


def test_first_and_second_gradients_of_promoted_inputs(device):
    x = mg.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = mg.tensor([3.0, 4.0], dtype=mg.float64, device=device, requires_grad=True)
    out = x * y * x
    of_x, of_y = mg.autograd.grad(out, [x, y], mg.ones_like(out), create_graph=True)
    assert (of_x.dtype, of_y.dtype) == (mg.float32, mg.float64)
    assert of_x.tolist() == [6.0, 16.0] and of_y.tolist() == [1.0, 4.0]
    ones = mg.ones(2, dtype=mg.float64, device=device)
    (again,) = mg.autograd.grad(of_y, x, ones, retain_graph=True)
    assert again.dtype == mg.float32 and again.tolist() == [2.0, 4.0]
    xx, xy = mg.autograd.grad(of_x, [x, y], mg.ones_like(x))
    assert (xx.dtype, xy.dtype) == (mg.float32, mg.float64)
    assert xx.tolist() == [6.0, 8.0] and xy.tolist() == [2.0, 4.0]


def test_a_result_of_an_operation_that_is_promoted(device):
    x = mg.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = mg.tensor([3.0, 4.0], dtype=mg.float64, device=device)
    out = mg.exp(x) * y  # the saved float64 copy of exp(x) belongs to a float32 node
    (first,) = mg.autograd.grad((out * out).sum(), x, create_graph=True)
    (second,) = mg.autograd.grad(first.sum(), x)
    assert first.dtype == mg.float32 and second.dtype == mg.float32
    assert mg.allclose(second, 4 * mg.exp(2 * x.detach()) * (y * y).float())
