"""Random schedulers, composed of others at random, for both sides alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

Make = Callable[[Any, Any], Any]  # of one side's module of schedulers and an optimizer


def _whole(random: Any, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))


def _power(q: float, t: int) -> float:
    return q**t


#: the arguments of each kind. Without CyclicLR, which begins otherwise than PyTorch's behind another scheduler
LEAVES: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "StepLR": lambda r: (_whole(r, 1, 9), r.uniform(0.3, 1.2)),
    "MultiStepLR": lambda r: ([_whole(r, 0, 30) for _ in range(3)], r.uniform(0.3, 1.2)),
    "ConstantLR": lambda r: (r.uniform(0.05, 1), _whole(r, 1, 20)),
    "LinearLR": lambda r: (r.uniform(0.05, 1), r.uniform(0, 1), _whole(r, 1, 30)),
    "ExponentialLR": lambda r: (r.uniform(0.7, 1.05),),
    "PolynomialLR": lambda r: (_whole(r, 1, 60), r.uniform(0.5, 3)),
    "CosineAnnealingLR": lambda r: (_whole(r, 1, 50), r.choice([0.0, 0.01])),
    "CosineAnnealingWarmRestarts": lambda r: (_whole(r, 1, 9), _whole(r, 1, 3), 0.01),
    "LambdaLR": lambda r: (partial(_power, r.uniform(0.8, 1.0)),),
    "MultiplicativeLR": lambda r: (partial(_power, r.uniform(0.99, 1.01)),),
    "OneCycleLR": lambda r: (
        0.1,
        _whole(r, 90, 120),
        None,
        None,
        float(r.uniform(0.1, 0.5)),
        r.choice(["cos", "linear"]),
    ),
}


def leaf(random: Any) -> tuple[Make, str]:
    """A scheduler of one kind, and what it is."""
    kind = random.choice([*LEAVES])
    arguments = LEAVES[kind](random)
    return lambda of, o: getattr(of, kind)(o, *arguments), f"{kind}{arguments}"


def tree(random: Any, depth: int = 2) -> tuple[Make, str]:
    """A scheduler that may be composed, and what it is."""
    kind = random.choice(["leaf", "chain", "sequence"]) if depth else "leaf"
    if kind == "leaf":
        return leaf(random)
    if kind == "chain":
        parts = [tree(random, depth - 1) for _ in range(_whole(random, 1, 3))]
        words = ", ".join(word for _, word in parts)
        return lambda of, o: of.ChainedScheduler([make(of, o) for make, _ in parts]), f"chain[{words}]"
    # PyTorch's cannot begin a composed scheduler at a milestone
    parts = [tree(random, depth - 1), *(leaf(random) for _ in range(_whole(random, 0, 2)))]
    milestones = sorted(_whole(random, 1, 30) for _ in parts[1:])
    words = ", ".join(word for _, word in parts)
    return (
        lambda of, o: of.SequentialLR(o, [make(of, o) for make, _ in parts], [*milestones]),
        f"sequence{milestones}[{words}]",
    )
