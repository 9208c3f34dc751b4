"""The options of optimizers: what is refused, what is accepted for PyTorch's sake."""

from __future__ import annotations

import pytest
from optim_helpers import CLASSES, leaf

import minigrad
from minigrad import optim

INVALID = [
    (optim.SGD, {"lr": -0.1}, "Invalid learning rate: -0.1"),
    (optim.SGD, {"momentum": -0.5}, "Invalid momentum value: -0.5"),
    (optim.SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.SGD, {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.5}, "Nesterov momentum requires"),
    (optim.Momentum, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Momentum, {"momentum": 1.0}, "Invalid momentum value: 1.0"),
    (optim.Momentum, {"momentum": -0.1}, "Invalid momentum value: -0.1"),
    (optim.Momentum, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.NAG, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.NAG, {"momentum": 1.5}, "Invalid momentum value: 1.5"),
    (optim.NAG, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.Adagrad, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Adagrad, {"lr_decay": -0.5}, "Invalid lr_decay value: -0.5"),
    (optim.Adagrad, {"weight_decay": -0.5}, "Invalid weight_decay value: -0.5"),
    (optim.Adagrad, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    (optim.Adagrad, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.Adagrad, {"eps_mode": "between"}, "Invalid eps_mode.*between"),
    (optim.RMSprop, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.RMSprop, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.RMSprop, {"momentum": -1}, "Invalid momentum value: -1"),
    (optim.RMSprop, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.RMSprop, {"alpha": -0.1}, "Invalid alpha value: -0.1"),
    (optim.RMSprop, {"alpha": 1.0}, "Invalid alpha value: 1.0"),
    (optim.RMSprop, {"eps_mode": None}, "Invalid eps_mode"),
    (optim.RMSprop, {"centered_mode": "both"}, "Invalid centered_mode: 'both'.*'recurrence', 'textbook'"),
    (optim.RMSprop, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    (optim.RMSprop, {"sparse": "no"}, "Invalid sparse: 'no'.*'exact', 'lazy'"),
    (optim.SGD, {"first_step": "ones"}, "Invalid first_step: 'ones'.*'copy', 'zeros'"),
    (optim.SGD, {"lr_in_velocity": "yes"}, "Invalid lr_in_velocity: 'yes'.*True, False"),
    (optim.SGD, {"decoupled_weight_decay": None}, "Invalid decoupled_weight_decay"),
    (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": lambda t: 0.0}, "Nesterov momentum requires"),
    (optim.NAG, {"form": "ahead"}, "Invalid form: 'ahead'.*'reformulated', 'lookahead'"),
    (optim.NAG, {"momentum_order": "newest"}, "Invalid momentum_order: 'newest'.*'old', 'new'"),
    (optim.Adam, {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
    (optim.Adam, {"betas": (-0.1, 0.9)}, "Invalid beta parameter at index 0: -0.1"),
    (optim.Adam, {"eps": -1}, "Invalid epsilon value: -1"),
    (optim.Adam, {"eps_mode": "both"}, "Invalid eps_mode: 'both'"),
    (optim.AdamW, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (optim.Adamax, {"eps_mode": "none"}, "Invalid eps_mode: 'none'"),
    (optim.NAdam, {"momentum_decay": -1}, "Invalid momentum_decay value: -1"),
    (optim.RAdam, {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
    (optim.Adadelta, {"rho": 1.0}, "Invalid rho value: 1.0"),
    (optim.Adadelta, {"rho": -0.1}, "Invalid rho value: -0.1"),
    (optim.Rprop, {"etas": (0.5, 0.9)}, "Invalid eta values: 0.5, 0.9"),
    (optim.Rprop, {"etas": (1.1, 1.2)}, "Invalid eta values: 1.1, 1.2"),
    (optim.ASGD, {"lr": -1}, "Invalid learning rate: -1"),
    (optim.Lion, {"betas": (0.9, 1.5)}, "Invalid beta parameter at index 1: 1.5"),
    (optim.SMORMS3, {"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
    (optim.RMSpropGraves, {"momentum": -1}, "Invalid momentum value: -1"),
]


@pytest.mark.parametrize(("cls", "options", "message"), INVALID)
def test_invalid_options_are_value_errors(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls([leaf()], **options)
    with pytest.raises(ValueError, match=message):
        cls([{"params": [leaf()], **options}])
    optimizer = cls([leaf()])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [leaf()], **options})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("cls", CLASSES)
def test_nan_is_no_learning_rate(cls):
    with pytest.raises(ValueError, match="Invalid learning rate: nan"):
        cls([leaf()], lr=float("nan"))


def test_options_of_pytorch_that_change_nothing_are_accepted():
    optim.SGD([leaf()], 0.1, foreach=True, fused=None)
    optim.Adagrad([leaf()], 0.1, 0.0, 0.0, 0.0, 1e-10, None, fused=False)
    optim.RMSprop([leaf()], 0.1, 0.9, 1e-8, 0.0, 0.9, False, False, None, differentiable=False)
    optim.Adam([leaf()], 0.1, (0.9, 0.99), 1e-8, 0.0, True, foreach=False, fused=True, capturable=False)


def test_a_tensor_as_learning_rate(device):
    p = leaf(device)
    optimizer = optim.SGD([p], lr=minigrad.tensor(0.5, device=device))
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]
