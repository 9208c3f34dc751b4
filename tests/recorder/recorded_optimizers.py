"""Every optimizer, in the forms that have code of their own: for the thousand recorded steps of each."""

from __future__ import annotations

from minigrad import optim

OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.05),
    "sgd with decay": lambda params: optim.SGD(params, lr=0.05, weight_decay=0.01),
    "sgd with momentum": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, dampening=0.1),
    "sgd, nesterov": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True),
    "sgd, climbing": lambda params: optim.SGD(params, lr=1e-4, momentum=0.5, maximize=True),
    "momentum": lambda params: optim.Momentum(params, lr=0.02),
    "momentum with decay": lambda params: optim.Momentum(params, lr=0.02, weight_decay=0.01),
    "nag": lambda params: optim.NAG(params, lr=0.02),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.05),
    "adagrad with decays": lambda params: optim.Adagrad(params, lr=0.05, lr_decay=1e-3, weight_decay=0.01),
    "adagrad, eps inside": lambda params: optim.Adagrad(
        params, lr=0.05, initial_accumulator_value=0.1, eps_mode="inside", eps=1e-6
    ),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.005),
    "rmsprop with momentum": lambda params: optim.RMSprop(params, lr=0.002, momentum=0.9, weight_decay=0.01),
    "rmsprop, centered": lambda params: optim.RMSprop(params, lr=0.002, centered=True),
    "rmsprop, centered with momentum": lambda params: optim.RMSprop(params, lr=0.002, centered=True, momentum=0.5),
    "rmsprop, eps inside": lambda params: optim.RMSprop(params, lr=0.002, alpha=0.9, eps=1e-6, eps_mode="inside"),
    "rmsprop as tensorflow 1 has it": lambda params: optim.RMSprop(params, lr=0.002, momentum=0.5, convention="tf1"),
    "rmsprop, bias corrected": lambda params: optim.RMSprop(params, lr=0.002, bias_correction=True),
    "rmsprop of graves": lambda params: optim.RMSpropGraves(params, lr=0.001),
    "sgd as keras has it": lambda params: optim.SGD(params, momentum=0.9, weight_decay=0.01, convention="keras"),
    "nag as chainer has it": lambda params: optim.NAG(params, convention="chainer"),
    "adam": lambda params: optim.Adam(params, lr=0.005),
    "adam, amsgrad": lambda params: optim.Adam(params, lr=0.005, amsgrad=True, weight_decay=0.01),
    "adam as keras has it": lambda params: optim.Adam(params, lr=0.005, weight_decay=0.01, convention="keras"),
    "adamw": lambda params: optim.AdamW(params, lr=0.005),
    "adamax": lambda params: optim.Adamax(params, lr=0.005),
    "nadam": lambda params: optim.NAdam(params, lr=0.005),
    "radam": lambda params: optim.RAdam(params, lr=0.005, betas=(0.9, 0.99)),
    "adadelta": lambda params: optim.Adadelta(params),
    "rprop": lambda params: optim.Rprop(params, lr=0.001),
    "asgd": lambda params: optim.ASGD(params, lr=0.05, t0=100),
    "lion": lambda params: optim.Lion(params, lr=0.001, weight_decay=0.01),
    "smorms3": lambda params: optim.SMORMS3(params, lr=0.005),
}
