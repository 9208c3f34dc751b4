"""Conventions: which options each name stands for, and who wins over them."""

from __future__ import annotations

import pytest
from convention_tables import CONVENTIONS, DEFAULTS, REQUIRED

import minigrad
from minigrad import optim

CASES = [(cls, convention) for cls, known in CONVENTIONS.items() for convention in known]


def leaf():
    return minigrad.ones(2, requires_grad=True)


def options_of(optimizer):
    (group,) = optimizer.param_groups
    return {name: value for name, value in group.items() if name != "params"}


def required(cls, convention):
    return {name: 0.5 for name, value in CONVENTIONS[cls][convention].items() if value is REQUIRED}


@pytest.mark.parametrize("cls", DEFAULTS)
def test_the_options_without_a_convention(cls):
    assert options_of(cls([leaf()])) == DEFAULTS[cls]


@pytest.mark.parametrize(("cls", "convention"), CASES)
def test_the_options_of_a_convention(cls, convention):
    given = required(cls, convention)
    expected = DEFAULTS[cls] | CONVENTIONS[cls][convention] | given
    optimizer = cls([leaf()], convention=convention, **given)
    assert options_of(optimizer) == expected
    assert optimizer.convention == convention
    optimizer.add_param_group({"params": [leaf()]})
    assert {k: v for k, v in optimizer.param_groups[1].items() if k != "params"} == expected  # groups to come, too


def test_no_class_was_forgotten():
    for name in optim.__all__:
        cls = getattr(optim, name)
        if isinstance(cls, type) and name not in ("Optimizer", "LBFGS"):
            assert cls.conventions.keys() == CONVENTIONS[cls].keys(), cls
            assert cls in DEFAULTS


@pytest.mark.parametrize(("cls", "convention"), CASES)
def test_options_that_are_named_win(cls, convention):
    """Each of them, even at the value that it has by default."""
    for name, default in DEFAULTS[cls].items():
        if name == "decoupled_weight_decay" and cls is optim.AdamW:
            continue
        optimizer = cls([leaf()], **{**required(cls, convention), name: default}, convention=convention)
        assert optimizer.param_groups[0][name] == default


def test_options_given_by_position_win():
    p = leaf()
    assert optim.RMSprop([p], 0.01, 0.99, 1e-8, convention="keras").param_groups[0]["eps"] == 1e-8
    keras = optim.RMSprop([p], 0.01, convention="keras").param_groups[0]
    assert (keras["lr"], keras["alpha"], keras["eps"]) == (0.01, 0.9, 1e-7)
    assert optim.SGD([p], 0.5, convention="optax").lr == 0.5
    assert optim.NAG([p], 0.5, 0.8, convention="tf1").momentum == 0.8


def test_options_of_a_group_win():
    optimizer = optim.RMSprop([{"params": [leaf()], "eps": 1e-8}, {"params": [leaf()]}], convention="keras")
    assert [group["eps"] for group in optimizer.param_groups] == [1e-8, 1e-7]


def test_options_of_a_subclass_win():
    class Mine(optim.SGD):
        def __init__(self, params):
            super().__init__(params, lr=0.5, convention="keras")

    optimizer = Mine([leaf()])
    assert optimizer.lr == 0.5 and optimizer.lr_in_velocity is True


@pytest.mark.parametrize("cls", [cls for cls in CONVENTIONS if cls is not optim.RMSpropGraves])
def test_an_unknown_convention_lists_those_that_exist(cls):
    with pytest.raises(ValueError) as error:
        cls([leaf()], convention="caffe")
    message = str(error.value)
    assert message.startswith(f"{cls.__name__} knows no convention 'caffe'")
    for convention in CONVENTIONS[cls]:
        assert repr(convention) in message
    others = {name for known in CONVENTIONS.values() for name in known} - CONVENTIONS[cls].keys()
    assert not any(repr(other) in message for other in others)


@pytest.mark.parametrize(("cls", "convention"), CASES)
def test_what_a_library_has_no_default_for_must_be_given(cls, convention):
    needed = required(cls, convention)
    if not needed:
        cls([leaf()], convention=convention)
    for missing in needed:
        given = {name: value for name, value in needed.items() if name != missing}
        message = rf"{cls.__name__}\(convention='{convention}'\) .* {missing}: .*{missing}="
        with pytest.raises(ValueError, match=message):
            cls([leaf()], convention=convention, **given)


def test_a_convention_is_a_matter_of_the_start():
    """It sets options; what is set later is not overruled."""
    optimizer = optim.RMSprop([leaf()], convention="keras")
    optimizer.eps = 1e-3
    p = optimizer.param_groups[0]["params"][0]
    p.grad = minigrad.ones_like(p)
    optimizer.step()
    assert optimizer.eps == 1e-3


def test_tensorflow_2_has_eps_inside_the_root_for_momentum_only():
    """Without momentum OptimizerV2's RMSprop divides by √v + ε itself; with it, it calls the kernel of TensorFlow 1."""
    assert optim.RMSprop([leaf()], convention="tf2").eps_mode == "outside"
    assert optim.RMSprop([leaf()], momentum=0.9, convention="tf2").eps_mode == "inside"
    assert optim.RMSprop([leaf()], momentum=0.9, eps_mode="outside", convention="tf2").eps_mode == "outside"


@pytest.mark.parametrize("convention", ["chainer", "sutskever2013"])
def test_nesterov_momentum_that_is_another_formula(convention):
    with pytest.raises(ValueError, match=rf"NAG\(params, convention='{convention}'\)"):
        optim.SGD([leaf()], momentum=0.9, nesterov=True, convention=convention)


def test_amsgrad_of_optax_is_not_pytorchs():
    with pytest.raises(ValueError, match="optax's amsgrad"):
        optim.Adam([leaf()], lr=0.1, amsgrad=True, convention="optax")


@pytest.mark.parametrize("options", [{"centered": True}, {"initial_accumulator_value": 0.1}])
def test_a_corrected_average_has_no_start_of_its_own(options):
    with pytest.raises(ValueError, match="bias_correction makes the first gradient the whole average"):
        optim.RMSprop([leaf()], bias_correction=True, **options)


def test_the_label_of_a_convention_lasts_as_long_as_its_options():
    optimizer = optim.RMSprop([leaf()], lr=0.1, convention="keras")
    optimizer.lr = 0.2
    assert optimizer.describe().startswith("RMSprop, convention 'keras'\n")
    optimizer.eps_mode = "outside"
    assert optimizer.describe().startswith("RMSprop, begun with convention 'keras'\n")
