"""`nn.utils`: clipping, and parameters as a vector."""

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import utils


def with_grads(*grads, device="cpu"):
    parameters = []
    for g in grads:
        p = nn.Parameter(mg.zeros(len(g), device=device))
        p.grad = mg.tensor(g, device=device)
        parameters.append(p)
    return parameters


def test_clip_grad_norm(device):
    ps = [*with_grads([3.0, 0.0], [4.0], device=device), nn.Parameter(mg.zeros(2, device=device))]
    grads = [p.grad for p in ps]
    norm = utils.clip_grad_norm_(ps, 1.0)
    assert norm.ndim == 0 and norm.device.type == device and abs(norm.item() - 5.0) < 1e-6
    assert ps[0].grad is grads[0]
    assert mg.allclose(ps[0].grad, mg.tensor([0.6, 0.0], device=device)) and abs(ps[1].grad.item() - 0.8) < 1e-6
    before = ps[0].grad.tolist()
    assert abs(utils.clip_grad_norm_(iter(ps), 2.0).item() - 1.0) < 1e-5  # below: nothing changes
    assert ps[0].grad.tolist() == before


@pytest.mark.parametrize(("norm_type", "norm"), [(1, 7.0), (float("inf"), 4.0), ("inf", 4.0), (3.0, 91 ** (1 / 3))])
def test_other_norms(norm_type, norm, device):
    ps = with_grads([3.0, 0.0], [-4.0], device=device)
    assert abs(utils.get_total_norm([p.grad for p in ps], norm_type).item() - norm) < 1e-5
    assert abs(utils.clip_grad_norm_(ps, 1.0, norm_type=norm_type).item() - norm) < 1e-5
    assert abs(utils.clip_grad_norm_(ps, 1.0, norm_type=norm_type).item() - 1) < 1e-5


def test_one_tensor_and_none(device):
    (p,) = with_grads([6.0, 8.0], device=device)
    assert utils.clip_grad_norm_(p, 5.0, foreach=True).item() == 10.0
    assert mg.allclose(p.grad, mg.tensor([3.0, 4.0], device=device))
    assert utils.clip_grad_norm_([nn.Parameter(mg.ones(1))], 1.0).item() == 0.0
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="generator of parameters is empty"):
        utils.clip_grad_norm_((p for p in []), 1.0)


def test_norms_that_are_not_finite(device):
    ps = with_grads([float("nan")], [1.0], device=device)
    with pytest.raises(RuntimeError, match="is nan, so they cannot be clipped"):
        utils.clip_grad_norm_(ps, 1.0, error_if_nonfinite=True)
    assert ps[1].grad.item() == 1.0
    utils.clip_grad_norm_(ps, 1.0)
    assert ps[1].grad.isnan().item()


def test_clip_with_a_norm_that_is_given():
    ps = with_grads([3.0], [4.0])
    utils.clip_grads_with_norm_(ps, 5.0, mg.tensor(10.0))
    assert abs(ps[0].grad.item() - 1.5) < 1e-6


def test_clip_grad_value(device):
    ps = with_grads([-3.0, 0.5, 2.0], [4.0], device=device)
    utils.clip_grad_value_(ps, 1.0)
    assert ps[0].grad.tolist() == [-1.0, 0.5, 1.0] and ps[1].grad.tolist() == [1.0]


def test_old_name_warns():
    with pytest.warns(FutureWarning, match="old name"):
        utils.clip_grad_norm(with_grads([1.0]), 1.0)


def test_parameters_as_a_vector(device):
    layer = nn.Linear(2, 3, device=device)
    vector = utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (9,) and vector.tolist() == [*layer.weight.flatten().tolist(), *layer.bias.tolist()]
    vector.sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0]] * 3
    utils.vector_to_parameters(mg.arange(9, device=device).float(), layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] and layer.bias.tolist() == [6.0, 7.0, 8.0]
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad
    with pytest.raises(TypeError, match="takes a Tensor"):
        utils.vector_to_parameters([1.0], layer.parameters())
    with pytest.raises(ValueError, match="has 5 elements"):
        utils.vector_to_parameters(mg.ones(5, device=device), layer.parameters())
