"""What the schedulers are compared on: arguments, compositions and wrong calls, for both sides alike.

`of` is one side's module of schedulers, `o` an optimizer of that side with two groups.
"""

from __future__ import annotations

import copy
import math

#: scheduler and arguments: the rates, function and momentum of both sides are made from the same row
SIMPLE = {
    "StepLR": [
        dict(step_size=7),
        dict(step_size=1, gamma=0.9),
        dict(step_size=30, gamma=0.5),
        dict(step_size=10, gamma=1.5),
    ],
    "MultiStepLR": [
        dict(milestones=[5, 9, 40]),
        dict(milestones=[3, 3, 20], gamma=0.5),
        dict(milestones=[0, 4], gamma=0.7),
    ],
    "ConstantLR": [
        {},
        dict(factor=0.1, total_iters=20),
        dict(factor=1.0, total_iters=3),
        dict(factor=0.5, total_iters=100),
    ],
    "LinearLR": [
        {},
        dict(start_factor=0.01, total_iters=30),
        dict(start_factor=1.0, end_factor=0.1, total_iters=50),
        dict(start_factor=0.5, end_factor=0.0, total_iters=10),
        dict(total_iters=1),
        dict(total_iters=200),
    ],
    "ExponentialLR": [dict(gamma=0.9), dict(gamma=1.05), dict(gamma=0.5)],
    "PolynomialLR": [
        {},
        dict(total_iters=40, power=2.0),
        dict(total_iters=59, power=0.5),
        dict(total_iters=100, power=3),
    ],
    "CosineAnnealingLR": [
        dict(T_max=10),
        dict(T_max=60, eta_min=1e-4),
        dict(T_max=7, eta_min=0.3),
        dict(T_max=1),
        dict(T_max=200),
        dict(T_max=59),
    ],
    "CosineAnnealingWarmRestarts": [
        dict(T_0=10),
        dict(T_0=3, T_mult=2),
        dict(T_0=1, T_mult=3, eta_min=0.01),
        dict(T_0=60),
    ],
    "LambdaLR": [dict(lr_lambda=lambda t: 0.95**t), dict(lr_lambda=[lambda t: 1 / (t + 1), lambda t: math.cos(t)])],
    "MultiplicativeLR": [dict(lr_lambda=lambda t: 0.9), dict(lr_lambda=[lambda t: t / (t + 1), lambda t: 1.01])],
    "CyclicLR": [
        dict(base_lr=0.01, max_lr=0.1, step_size_up=5),
        dict(base_lr=0.01, max_lr=[0.1, 0.3], step_size_up=4, step_size_down=9),
        dict(base_lr=[0.01, 0.02], max_lr=0.1, step_size_up=6, mode="triangular2"),
        dict(
            base_lr=0.01,
            max_lr=0.1,
            step_size_up=6,
            mode="exp_range",
            gamma=0.97,
            base_momentum=0.5,
            max_momentum=[0.95, 0.85],
        ),
        dict(base_lr=0.01, max_lr=0.1, step_size_up=3, scale_fn=lambda x: 1 / x),
        dict(
            base_lr=0.01,
            max_lr=0.1,
            step_size_up=3,
            scale_fn=lambda x: 0.9**x,
            scale_mode="iterations",
            cycle_momentum=False,
        ),
    ],
    "OneCycleLR": [
        dict(max_lr=0.1, total_steps=60),
        dict(max_lr=[0.1, 0.2], epochs=15, steps_per_epoch=4, anneal_strategy="linear"),
        dict(max_lr=0.1, total_steps=61, three_phase=True),
        dict(max_lr=1.0, total_steps=80, pct_start=0.45, div_factor=5.0),
        dict(max_lr=0.1, total_steps=77, three_phase=True, anneal_strategy="linear", final_div_factor=10.0),
        dict(max_lr=0.1, total_steps=60, cycle_momentum=False),
        dict(max_lr=0.1, total_steps=60, pct_start=0.0),
        dict(max_lr=0.1, total_steps=60, base_momentum=[0.8, 0.7], max_momentum=0.9),
    ],
}

COMPOSED = {
    "warm-up, decay": lambda of, o: of.SequentialLR(
        o, [of.LinearLR(o, 0.1, 1.0, 10), of.CosineAnnealingLR(o, 40)], [10]
    ),
    "warm-up, restarts": lambda of, o: of.SequentialLR(
        o, [of.ConstantLR(o, 0.1, 10), of.CosineAnnealingWarmRestarts(o, 5, 2)], [10]
    ),
    "three": lambda of, o: of.SequentialLR(
        o, [of.LinearLR(o, 0.1, total_iters=4), of.ExponentialLR(o, 0.9), of.StepLR(o, 4, 0.5)], [4, 20]
    ),
    "milestones 0 and twice": lambda of, o: of.SequentialLR(
        o,
        [of.ConstantLR(o, 0.1), of.ExponentialLR(o, 0.9), of.ExponentialLR(o, 0.8), of.PolynomialLR(o, 20)],
        [0, 7, 7],
    ),
    "of functions": lambda of, o: of.SequentialLR(
        o,
        [of.LambdaLR(o, lambda t: 1 / (t + 1)), of.MultiplicativeLR(o, lambda t: 0.9), of.MultiStepLR(o, [2, 9])],
        [5, 15],
    ),
    "cycles": lambda of, o: of.SequentialLR(
        o, [of.LinearLR(o, 0.1, total_iters=4), of.CyclicLR(o, 0.01, 0.1, 4), of.OneCycleLR(o, 0.1, 40)], [4, 20]
    ),
    "chain": lambda of, o: of.ChainedScheduler([of.ConstantLR(o, 0.1, 4), of.ExponentialLR(o, 0.9)]),
    "chain through zero": lambda of, o: of.ChainedScheduler(
        [of.CosineAnnealingLR(o, 10, 0.001), of.StepLR(o, 7, 0.5), of.LinearLR(o, 0.5, 0.1, 30)]
    ),
    "chain with functions": lambda of, o: of.ChainedScheduler(
        [of.LambdaLR(o, lambda t: 1 / (t + 1)), of.MultiplicativeLR(o, lambda t: 0.99), of.PolynomialLR(o, 30, 0.5)], o
    ),
    "chain of sequences": lambda of, o: of.ChainedScheduler(
        [
            of.SequentialLR(o, [of.LinearLR(o, 0.1, total_iters=5), of.ExponentialLR(o, 0.95)], [5]),
            of.MultiStepLR(o, [12, 30], 0.3),
        ]
    ),
    "chain of chains": lambda of, o: of.ChainedScheduler(
        [of.ChainedScheduler([of.ConstantLR(o, 0.1, 4), of.ExponentialLR(o, 0.9)]), of.StepLR(o, 9, 0.5)]
    ),
    "sequence that begins with a chain": lambda of, o: of.SequentialLR(
        o,
        [of.ChainedScheduler([of.ConstantLR(o, 0.1, 4), of.ExponentialLR(o, 0.9)]), of.CosineAnnealingLR(o, 30)],
        [10],
    ),
    "sequence that begins with a chain of the others": lambda of, o: of.SequentialLR(
        o,
        [
            of.ChainedScheduler(
                [of.StepLR(o, 4, 0.5), of.LinearLR(o, 0.5), of.MultiStepLR(o, [3]), of.CosineAnnealingLR(o, 30)]
            ),
            of.CosineAnnealingLR(o, 30),
        ],
        [10],
    ),
    "sequence that begins with a sequence": lambda of, o: of.SequentialLR(
        o,
        [of.SequentialLR(o, [of.ExponentialLR(o, 0.9), of.StepLR(o, 2, 0.7)], [5]), of.PolynomialLR(o, 30)],
        [10],
    ),
}

PLATEAUS = [
    {},
    dict(patience=0),
    dict(patience=2, cooldown=3),
    dict(mode="max", patience=1, factor=0.5),
    dict(threshold_mode="abs", threshold=0.3, patience=2),
    dict(mode="max", threshold_mode="abs", threshold=0.3, patience=1),
    dict(patience=1, min_lr=[0.01, 0.03]),
    dict(patience=1, factor=0.9, eps=1e-2),
    dict(threshold=0.2, patience=3, cooldown=1),
    dict(patience=1, min_lr=0.002),
]

WRONG = {
    "no optimizer": lambda of, o: of.StepLR(object(), 3),
    "factor above 1": lambda of, o: of.ConstantLR(o, 1.5),
    "factor below 0": lambda of, o: of.ConstantLR(o, -0.5),
    "start 0": lambda of, o: of.LinearLR(o, 0.0),
    "start above 1": lambda of, o: of.LinearLR(o, 1.1),
    "end above 1": lambda of, o: of.LinearLR(o, 0.1, 1.1),
    "end below 0": lambda of, o: of.LinearLR(o, 0.1, -0.1),
    "T_0 0": lambda of, o: of.CosineAnnealingWarmRestarts(o, 0),
    "T_0 a float": lambda of, o: of.CosineAnnealingWarmRestarts(o, 2.0),
    "T_mult 0": lambda of, o: of.CosineAnnealingWarmRestarts(o, 2, 0),
    "T_mult a float": lambda of, o: of.CosineAnnealingWarmRestarts(o, 2, 1.5),
    "eta_min a string": lambda of, o: of.CosineAnnealingWarmRestarts(o, 2, eta_min="0"),
    "epoch below 0": lambda of, o: of.CosineAnnealingWarmRestarts(o, 2).step(-1),
    "one lambda for two groups": lambda of, o: of.LambdaLR(o, [lambda t: 1.0]),
    "three factors for two groups": lambda of, o: of.MultiplicativeLR(o, [lambda t: 1.0] * 3),
    "lambda a number": lambda of, o: of.LambdaLR(o, 0.5),
    "factor a number": lambda of, o: of.MultiplicativeLR(o, 0.5),
    "one base_lr for two groups": lambda of, o: of.CyclicLR(o, [0.1], 0.2),
    "max_lr of three": lambda of, o: of.CyclicLR(o, 0.1, [0.2] * 3),
    "unknown mode": lambda of, o: of.CyclicLR(o, 0.1, 0.2, mode="square"),
    "cyclic without optimizer": lambda of, o: of.CyclicLR(None, 0.1, 0.2),
    "momenta of three": lambda of, o: of.CyclicLR(o, 0.1, 0.2, base_momentum=[0.8] * 3),
    "no total": lambda of, o: of.OneCycleLR(o, 0.1),
    "no steps per epoch": lambda of, o: of.OneCycleLR(o, 0.1, epochs=3),
    "total 0": lambda of, o: of.OneCycleLR(o, 0.1, 0),
    "total a float": lambda of, o: of.OneCycleLR(o, 0.1, 10.0),
    "epochs below 0": lambda of, o: of.OneCycleLR(o, 0.1, epochs=-1, steps_per_epoch=3),
    "batches a float": lambda of, o: of.OneCycleLR(o, 0.1, epochs=1, steps_per_epoch=3.5),
    "pct_start above 1": lambda of, o: of.OneCycleLR(o, 0.1, 10, pct_start=1.1),
    "pct_start an integer": lambda of, o: of.OneCycleLR(o, 0.1, 10, pct_start=1),
    "unknown strategy": lambda of, o: of.OneCycleLR(o, 0.1, 10, anneal_strategy="sin"),
    "max_lr of one": lambda of, o: of.OneCycleLR(o, [0.1], 10),
    "too many steps": lambda of, o: [o.step(), s := of.OneCycleLR(o, 0.1, 10), [s.step() for _ in range(11)]],
    "factor 1": lambda of, o: of.ReduceLROnPlateau(o, factor=1.0),
    "plateau without optimizer": lambda of, o: of.ReduceLROnPlateau(3),
    "min_lr of one": lambda of, o: of.ReduceLROnPlateau(o, min_lr=[0.1]),
    "unknown plateau mode": lambda of, o: of.ReduceLROnPlateau(o, mode="least"),
    "unknown threshold_mode": lambda of, o: of.ReduceLROnPlateau(o, threshold_mode="half"),
    "no metric": lambda of, o: of.ReduceLROnPlateau(o).step(),
    "min_lr of two, groups three": lambda of, o: [
        s := of.ReduceLROnPlateau(o, min_lr=[0.0, 0.1], patience=0),
        o.add_param_group({"params": [type(o.param_groups[0]["params"][0])([1.0])]}),
        [s.step(1.0) for _ in range(2)],
    ],
    "sequence of none": lambda of, o: of.SequentialLR(o, [], []),
    "sequence of numbers": lambda of, o: of.SequentialLR(o, [1, 2], [3]),
    "too few milestones": lambda of, o: of.SequentialLR(o, [of.StepLR(o, 3), of.StepLR(o, 3)], []),
    "plateau in a sequence": lambda of, o: of.SequentialLR(o, [of.StepLR(o, 3), of.ReduceLROnPlateau(o)], [3]),
    "sequence of two optimizers": lambda of, o: of.SequentialLR(o, [of.StepLR(copy.deepcopy(o), 3)], []),
    "chain of none": lambda of, o: of.ChainedScheduler([]),
    "chain of numbers": lambda of, o: of.ChainedScheduler([1], o),
    "plateau in a chain": lambda of, o: of.ChainedScheduler([of.ReduceLROnPlateau(o)]),
    "chain of two optimizers": lambda of, o: of.ChainedScheduler([of.StepLR(o, 3), of.StepLR(copy.deepcopy(o), 3)]),
    "lambda after a new group": lambda of, o: [
        o.step(),
        s := of.LambdaLR(o, lambda t: 1.0),
        o.add_param_group({"params": [type(o.param_groups[0]["params"][0])([1.0])]}),
        s.step(),
    ],
}
