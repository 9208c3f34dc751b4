"""The options of every optimizer without a convention and with each.

Written out from the libraries' own documents and sources, and from the papers, not read from the classes. What a row
leaves out is the algorithm's default.
"""

from __future__ import annotations

from typing import Any

from minigrad import optim

# what the option is without any convention
DEFAULTS: dict[Any, dict[str, Any]] = {
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

CONVENTIONS: dict[Any, dict[str, dict[str, Any]]] = {
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
