"""Conventions: which options each name stands for, and who wins over them.

The tables were written out from the libraries' own documents and sources, and from the papers, not read from the
classes. What a row leaves out is the algorithm's default.
"""

from __future__ import annotations

import pytest

import minigrad
from minigrad import optim

# what the option is without any convention
DEFAULTS = {
    optim.SGD: {
        "lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False,
        "lr_in_velocity": False, "first_step": "copy", "decoupled_weight_decay": False, "sparse": "exact",
    },
    optim.Momentum: {
        "lr": 0.01, "momentum": 0.9, "dampening": 0, "weight_decay": 0, "maximize": False, "lr_in_velocity": True,
        "first_step": "zeros", "decoupled_weight_decay": False, "sparse": "exact",
    },
    optim.NAG: {
        "lr": 0.01, "momentum": 0.9, "dampening": 0, "weight_decay": 0, "maximize": False, "lr_in_velocity": True,
        "first_step": "zeros", "decoupled_weight_decay": False, "sparse": "exact", "form": "reformulated",
        "momentum_order": "old",
    },
    optim.Adagrad: {
        "lr": 0.01, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10,
        "maximize": False, "eps_mode": "outside", "decoupled_weight_decay": False, "sparse": "exact",
    },
    optim.RMSprop: {
        "lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False,
        "maximize": False, "eps_mode": "outside", "lr_in_velocity": False, "centered_mode": "recurrence",
        "initial_accumulator_value": 0, "bias_correction": False, "decoupled_weight_decay": False, "sparse": "exact",
    },
    optim.Adam: {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False,
        "decoupled_weight_decay": False, "eps_mode": "outside", "bias_correction": True, "sparse": "exact",
    },
    optim.AdamW: {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "amsgrad": False, "maximize": False,
        "decoupled_weight_decay": True, "eps_mode": "outside", "bias_correction": True, "sparse": "exact",
    },
    optim.Adamax: {
        "lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "maximize": False, "eps_mode": "inside",
        "decoupled_weight_decay": False,
    },
    optim.NAdam: {
        "lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "momentum_decay": 4e-3,
        "decoupled_weight_decay": False, "maximize": False,
    },
    optim.RAdam: {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "decoupled_weight_decay": False,
        "maximize": False,
    },
    optim.Adadelta: {
        "lr": 1, "rho": 0.9, "eps": 1e-6, "weight_decay": 0, "maximize": False, "decoupled_weight_decay": False,
    },
    optim.Rprop: {
        "lr": 0.01, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50), "maximize": False, "weight_decay": 0,
        "decoupled_weight_decay": False,
    },
    optim.ASGD: {
        "lr": 0.01, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0, "maximize": False,
        "decoupled_weight_decay": False,
    },
    optim.Lion: {
        "lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0, "maximize": False, "decoupled_weight_decay": True,
    },
    optim.SMORMS3: {
        "lr": 1e-3, "eps": 1e-16, "weight_decay": 0, "maximize": False, "decoupled_weight_decay": False,
    },
}  # fmt: skip

INSIDE, ZEROS, DECOUPLED = {"lr_in_velocity": True}, {"first_step": "zeros"}, {"decoupled_weight_decay": True}
OUTSIDE = {"lr_in_velocity": False}
REQUIRED = None  # the library has no default

CONVENTIONS = {
    optim.SGD: {
        "pytorch": {},
        "keras": {"lr": 0.01, **INSIDE, **ZEROS, **DECOUPLED},
        "tf1": {"lr": REQUIRED, **ZEROS},
        "tf2": {"lr": 0.01, **INSIDE, **ZEROS},
        "chainer": {"lr": 0.01, **INSIDE, **ZEROS},
        "optax": {"lr": REQUIRED, **ZEROS},
        "mlx": {"lr": REQUIRED, **ZEROS},
        "sutskever2013": {**INSIDE, **ZEROS},
        "seed003": {"lr": 0.096},
    },
    optim.Momentum: {
        "pytorch": {"lr": 1e-3, **OUTSIDE, "first_step": "copy"},
        "keras": {**DECOUPLED},
        "tf1": {"lr": REQUIRED, "momentum": REQUIRED, **OUTSIDE},
        "tf2": {},
        "chainer": {},
        "optax": {"lr": REQUIRED, **OUTSIDE},
        "mlx": {"lr": REQUIRED, **OUTSIDE},
        "sutskever2013": {},
    },
    optim.NAG: {
        "pytorch": {"lr": 1e-3, **OUTSIDE, "first_step": "copy"},
        "keras": {**DECOUPLED},
        "tf1": {"lr": REQUIRED, "momentum": REQUIRED, **OUTSIDE},
        "tf2": {},
        "chainer": {"momentum_order": "new"},
        "optax": {"lr": REQUIRED, **OUTSIDE},
        "mlx": {"lr": REQUIRED, **OUTSIDE},
        "sutskever2013": {"form": "lookahead"},
    },
    optim.Adagrad: {
        "pytorch": {},
        "keras": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_mode": "inside", **DECOUPLED},
        "tf1": {"lr": REQUIRED, "initial_accumulator_value": 0.1, "eps_mode": "none"},
        "tf2": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7},
        "chainer": {"lr": 1e-3, "eps": 1e-8},
        "optax": {"lr": REQUIRED, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_mode": "inside"},
        "mlx": {"lr": REQUIRED, "eps": 1e-8},
        "duchi2011": {},
        "seed000": {"lr": 0.1},
    },
    optim.RMSprop: {
        "pytorch": {"centered_mode": "textbook"},
        "keras": {
            "lr": 1e-3, "alpha": 0.9, "eps": 1e-7, "eps_mode": "inside", **INSIDE, "centered_mode": "textbook",
            **DECOUPLED,
        },
        "tf1": {
            "lr": REQUIRED, "alpha": 0.9, "eps": 1e-10, "eps_mode": "inside", **INSIDE, "centered_mode": "textbook",
            "initial_accumulator_value": 1,
        },
        "tf2": {  # inside with momentum only: see below
            "lr": 1e-3, "alpha": 0.9, "eps": 1e-7, "eps_mode": "outside", **INSIDE, "centered_mode": "textbook",
        },
        "chainer": {},
        "optax": {
            "lr": REQUIRED, "alpha": 0.9, "eps": 1e-8, "eps_mode": "inside", **INSIDE, "centered_mode": "textbook",
        },
        "mlx": {"lr": REQUIRED},
        "graves2013": {
            "lr": 1e-4, "alpha": 0.95, "eps": 1e-4, "eps_mode": "inside", "momentum": 0.9, **INSIDE, "centered": True,
        },
        "hinton2012": {"alpha": 0.9, "eps_mode": "none"},
        "seed000": {"lr": 0.1, "alpha": 0.9},
        "seed001": {"lr": 0.1, "alpha": 0.9, "eps": 1e-6, "eps_mode": "inside"},
        "seed002": {"lr": 1e-3, "eps_mode": "inside"},
        "seed003": {"lr": 3, "alpha": 0.9, "eps": 1e-6},
    },
    optim.Adam: {
        "pytorch": {},
        "keras": {"eps": 1e-7, "eps_mode": "uncorrected", **DECOUPLED},
        "tf1": {"eps_mode": "uncorrected"},
        "tf2": {"eps": 1e-7, "eps_mode": "uncorrected"},
        "chainer": {"eps_mode": "uncorrected"},
        "optax": {"lr": REQUIRED},
        "mlx": {"lr": REQUIRED, "bias_correction": False},
    },
    optim.Adamax: {
        "pytorch": {},
        "keras": {"lr": 1e-3, "eps": 1e-7, "eps_mode": "outside", **DECOUPLED},
        "tf2": {"lr": 1e-3, "eps": 1e-7, "eps_mode": "outside"},
        "optax": {"lr": REQUIRED},
    },
    optim.NAdam: {
        "pytorch": {},
        "tf2": {"lr": 1e-3, "eps": 1e-7},
        "keras": {"lr": 1e-3, "eps": 1e-7, "momentum_decay": 1.0, **DECOUPLED},
        "optax": {"lr": REQUIRED, "momentum_decay": 1e6},
    },
    optim.RAdam: {"pytorch": {}},
    optim.Adadelta: {
        "pytorch": {},
        "keras": {"lr": 1e-3, "rho": 0.95, "eps": 1e-7, **DECOUPLED},
        "tf1": {"lr": 1e-3, "rho": 0.95, "eps": 1e-8},
        "tf2": {"lr": 1e-3, "rho": 0.95, "eps": 1e-7},
        "chainer": {"rho": 0.95},
        "optax": {},
        "mlx": {"lr": REQUIRED},
    },
    optim.Rprop: {"pytorch": {}},
    optim.ASGD: {"pytorch": {}},
    optim.Lion: {"keras": {"lr": 1e-3}, "optax": {"lr": REQUIRED, "weight_decay": 1e-3}, "mlx": {"lr": REQUIRED}},
    optim.SMORMS3: {"chainer": {}},
}  # fmt: skip
CONVENTIONS[optim.AdamW] = {
    "pytorch": {},
    "keras": {"eps": 1e-7, "eps_mode": "uncorrected", "weight_decay": 0.004},
    "optax": {"lr": REQUIRED, "weight_decay": 1e-4},
    "mlx": {"lr": REQUIRED, "bias_correction": False},
}
CONVENTIONS[optim.RMSpropGraves] = {}
DEFAULTS[optim.RMSpropGraves] = DEFAULTS[optim.RMSprop] | CONVENTIONS[optim.RMSprop]["graves2013"]
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
