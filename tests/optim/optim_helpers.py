"""What the tests of the optimizers share: the bowl of the golden numbers, and small models with made-up gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad
from minigrad import optim
from minigrad.optim.base import flat

#: every optimizer in the forms that have code of their own
KINDS: dict[str, Any] = {
    "sgd": lambda params, **kw: optim.SGD(params, lr=0.1, **kw),
    "sgd-momentum": lambda params, **kw: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5, **kw),
    "sgd-nesterov": lambda params, **kw: optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, **kw),
    "momentum": lambda params, **kw: optim.Momentum(params, lr=0.1, **kw),
    "nag": lambda params, **kw: optim.NAG(params, lr=0.1, **kw),
    "adagrad": lambda params, **kw: optim.Adagrad(params, lr=0.1, lr_decay=0.1, **kw),
    "rmsprop": lambda params, **kw: optim.RMSprop(params, lr=0.1, **kw),
    "rmsprop-momentum": lambda params, **kw: optim.RMSprop(params, lr=0.1, momentum=0.9, **kw),
    "rmsprop-centered": lambda params, **kw: optim.RMSprop(params, lr=0.1, centered=True, **kw),
    "sgd-inside": lambda params, **kw: optim.SGD(params, convention="keras", lr=0.1, momentum=0.9, **kw),
    "momentum-outside": lambda params, **kw: optim.Momentum(params, convention="pytorch", lr=0.1, dampening=0.5, **kw),
    "nag-new": lambda params, **kw: optim.NAG(params, lr=0.1, momentum_order="new", **kw),
    "rmsprop-inside": lambda params, **kw: optim.RMSprop(params, convention="tf1", lr=0.1, momentum=0.9, **kw),
    "rmsprop-textbook": lambda params, **kw: optim.RMSprop(
        params, convention="graves2013", centered_mode="textbook", lr=0.1, **kw
    ),
    "rmsprop-corrected": lambda params, **kw: optim.RMSprop(params, lr=0.1, bias_correction=True, **kw),
    "adam": lambda params, **kw: optim.Adam(params, lr=0.1, **kw),
    "adam-amsgrad": lambda params, **kw: optim.Adam(params, lr=0.1, amsgrad=True, eps_mode="inside", **kw),
    "adamw": lambda params, **kw: optim.AdamW(params, lr=0.1, convention="keras", **kw),
    "adamax": lambda params, **kw: optim.Adamax(params, lr=0.1, **kw),
    "adamax-outside": lambda params, **kw: optim.Adamax(params, lr=0.1, eps_mode="outside", **kw),
    "nadam": lambda params, **kw: optim.NAdam(params, lr=0.1, **kw),
    "radam": lambda params, **kw: optim.RAdam(params, lr=0.1, betas=(0.9, 0.8), **kw),
    "adadelta": lambda params, **kw: optim.Adadelta(params, lr=0.1, **kw),
    "rprop": lambda params, **kw: optim.Rprop(params, lr=0.1, **kw),
    "asgd": lambda params, **kw: optim.ASGD(params, lr=0.1, lambd=0.01, t0=2, **kw),
    "lion": lambda params, **kw: optim.Lion(params, lr=0.1, **kw),
    "smorms3": lambda params, **kw: optim.SMORMS3(params, lr=0.1, **kw),
}
CLASSES = [
    optim.SGD, optim.Momentum, optim.NAG, optim.Adagrad, optim.RMSprop, optim.RMSpropGraves, optim.Adam, optim.AdamW,
    optim.Adamax, optim.NAdam, optim.RAdam, optim.Adadelta, optim.Rprop, optim.ASGD, optim.Lion, optim.SMORMS3,
]  # fmt: skip
SHAPES = [(3, 4), (4,), (), (2, 1, 3), (0, 2), (5,)]


def leaf(device: str = "cpu") -> Any:
    """A parameter of two ones."""
    return minigrad.ones(2, device=device, requires_grad=True)


def values(p: Any) -> np.ndarray:
    """A tensor's values in a NumPy array of their own."""
    return p.detach().cpu().numpy().copy()


def bowl_track(
    make: Any, device: str, steps: int = 10, after_step: Any = None, dtype: Any = None, closure: bool = False
) -> list[Any]:
    """The points that an optimizer visits on x^2 + 10 y^2 from (40, 20), through autograd; the start is point 0.

    closure: step gets one.
    """
    p = minigrad.tensor([40.0, 20.0], dtype=dtype or minigrad.float64, device=device, requires_grad=True)
    scale = minigrad.tensor([1.0, 10.0], dtype=p.dtype, device=device)
    optimizer = make([p])
    track = [tuple(p.tolist())]

    def backward() -> Any:
        optimizer.zero_grad()
        loss = (scale * p**2).sum()
        loss.backward()
        return loss

    for t in range(1, steps + 1):
        if closure:
            optimizer.step(backward)
        else:
            backward()
            optimizer.step()
        track.append(tuple(p.tolist()))
        if after_step is not None:
            after_step(optimizer, t)
    return track


def parameters(device: str = "cpu", shapes: Any = SHAPES, dtype: Any = None, seed: int = 0) -> list[Any]:
    """Leaves of the given shapes, whose arrays nobody else refers to."""
    random = np.random.default_rng(seed)
    return [
        minigrad.tensor(random.normal(size=shape), dtype=dtype or minigrad.float32, device=device, requires_grad=True)
        for shape in shapes
    ]


def give_gradients(params: Any, seed: int, without: Any = ()) -> None:
    """A random gradient for every parameter but those in the positions `without`."""
    for k, p in enumerate(params):
        random = np.random.default_rng((seed, k))
        p.grad = None
        if k not in without:
            p.grad = minigrad.tensor(random.normal(size=tuple(p.shape)), dtype=p.dtype, device=p.device)


def same_bits(left: Any, right: Any) -> bool:
    """True if two lists of tensors agree to the last bit."""
    return all(np.array_equal(values(a), values(b), equal_nan=True) for a, b in zip(left, right, strict=True))


def in_buffer(optimizer: Any, p: Any) -> bool:
    """True if the parameter's array is its place in a flat buffer of the first group."""
    runs = optimizer._layouts[0].runs
    return any(place.parameter is p and place.array is p.array for run in runs for place in run.places)


def alone(function: Any, *args: Any) -> Any:
    """What `function` returns when every parameter is updated by itself, where it lies: no flat buffer."""
    before, flat.LARGE = flat.LARGE, 0
    try:
        return function(*args)
    finally:
        flat.LARGE = before
