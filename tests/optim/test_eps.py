"""An eps that is nothing in the parameters' dtype is refused: a gradient of 0 would be divided by 0."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import values

import minigrad
from minigrad import optim

WITH_EPS = [
    optim.Adagrad, optim.RMSprop, optim.RMSpropGraves, optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam,
    optim.Adadelta, optim.SMORMS3,
]  # fmt: skip


def half(device):
    return minigrad.ones(3, dtype=minigrad.float16, device=device, requires_grad=True)


@pytest.mark.parametrize("cls", WITH_EPS)
def test_too_small_for_float16(cls, device):
    p = half(device)
    p.grad = minigrad.zeros_like(p)
    optimizer = cls([p], eps=1e-8)
    with pytest.raises(ValueError, match=r"eps=1e-08 is 0 in float16.*give eps=\S+ or more, or .* float32"):
        optimizer.step()
    np.testing.assert_array_equal(values(p), 1)


@pytest.mark.parametrize("cls", WITH_EPS)
@pytest.mark.parametrize("gradient", [0.0, 1e-4, 1.0])
def test_what_the_error_names_is_enough(cls, gradient, device):
    p = half(device)
    p.grad = minigrad.full_like(p, gradient)
    optimizer = cls([p], eps=1e-8, lr=0.01)
    with pytest.raises(ValueError) as error:
        optimizer.step()
    optimizer.eps = float(str(error.value).partition("give eps=")[2].split()[0])
    for _ in range(5):
        optimizer.step()
    assert np.isfinite(values(p)).all()


@pytest.mark.parametrize("cls", WITH_EPS)
def test_the_defaults_are_enough_for_float32_and_float64(cls, device):
    for dtype in (minigrad.float32, minigrad.float64):
        p = minigrad.ones(3, dtype=dtype, device=device, requires_grad=True)
        optimizer = cls([p])
        for gradient in (0.0, 0.0, 1.0, 0.0):
            p.grad = minigrad.full_like(p, gradient)
            optimizer.step()
        assert np.isfinite(values(p)).all()


def test_only_parameters_in_that_dtype_matter(device):
    wide, narrow = minigrad.ones(3, device=device, requires_grad=True), half(device)
    for groups, fine in [
        ([{"params": [wide]}], True), ([{"params": [wide]}, {"params": [narrow], "eps": 1e-3}], True),
        ([{"params": [narrow], "eps_mode": "none"}], True), ([{"params": [wide, narrow]}], False),
        ([{"params": [wide], "eps": 1e-3}, {"params": [narrow]}], False),
    ]:  # fmt: skip
        for p in (wide, narrow):
            p.grad = minigrad.ones_like(p)
        optimizer = optim.RMSprop(groups)
        if fine:
            optimizer.step()
        else:
            with pytest.raises(ValueError, match="eps=1e-08 is 0 in float16"):
                optimizer.step()


def test_a_parameter_that_becomes_float16_is_looked_at_then(device):
    p = minigrad.ones(3, device=device, requires_grad=True)
    optimizer = optim.RMSprop([p])
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    p.data, p.grad = p.data.half(), None
    p.grad = minigrad.ones_like(p)
    with pytest.raises(ValueError, match="eps=1e-08 is 0 in float16"):
        optimizer.step()


@pytest.mark.parametrize("later", [1e-8, lambda t: 1e-3 if t == 1 else 1e-8])
def test_an_eps_that_becomes_too_small_is_found_then(later, device):
    p = half(device)
    optimizer = optim.RMSprop([p], eps=later if callable(later) else 1e-3)
    p.grad = minigrad.zeros_like(p)
    optimizer.step()
    optimizer.eps = later
    with pytest.raises(ValueError, match="eps=1e-08 is 0 in float16"):
        optimizer.step()
    np.testing.assert_array_equal(values(p), 1)
