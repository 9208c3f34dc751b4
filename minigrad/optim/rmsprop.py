"""RMSprop: each number's step divided by the recent size of its gradient."""

from __future__ import annotations

from typing import Any, ClassVar

from .base.describing import averaged, root, times, total
from .base.hyperparameters import Group, Hyperparameter, Slots
from .normalizing import EPS, EPS_MODE, eps_numbers, normalized
from .optimizer import Optimizer
from .velocity import LR_IN_VELOCITY, or_one

#: TensorFlow's kernels, which Keras and optax follow
_INSIDE = {"alpha": 0.9, "eps_mode": "inside", "lr_in_velocity": True, "centered_mode": "textbook"}


class RMSprop(Optimizer):
    """Gradient descent scaled by a running average of squared gradients.

        g ← g + λ p                      weight decay, coupled
        v ← α v + (1 - α) g²
        d ← g / (√v + ε)                 with eps_mode="outside"; g / √(v + ε) with "inside", g / √v with "none"
        p ← p - lr d                     without momentum
        b ← μ b + d;  p ← p - lr b       with momentum; b ← μ b + lr d, p ← p - b with lr_in_velocity

    centered=True divides by the standard deviation instead. PyTorch computes it as √(v - m²), which goes below zero
    in float32; here mean m and variance c are kept by a recurrence that is equal in exact arithmetic, and cannot
    (centered_mode="textbook" is PyTorch's way):

        d ← g - m;  c ← α (c + (1 - α) d²);  m ← m + (1 - α) d

    [Hinton 2012, lecture 6; centered: Graves 2013, eq. 38-41; defaults and formula as PyTorch's. Keras, TensorFlow
    and optax have ε inside the root and lr inside the buffer; TensorFlow 1 starts v at 1, TensorFlow 2 has ε outside
    where there is no momentum]

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: α.
        eps: ε.
        weight_decay: λ.
        momentum: μ.
        centered: see above.
        capturable, foreach, differentiable: accepted for PyTorch's sake.
        maximize: climb instead of descend.
        eps_mode, lr_in_velocity, centered_mode: see above. Without ε a number whose gradient is exactly 0 from the
            start becomes NaN.
        initial_accumulator_value: where v (or c) starts.
        bias_correction: averages as if nothing had been before the first step: v / (1 - α^t), which
            α_t = α (1 - α^(t-1)) / (1 - α^t) in place of α gives. Without it the first steps are 1/√(1 - α) times
            as large as later ones.
        decoupled_weight_decay: p ← (1 - lr λ) p before the step instead.
        sparse: how row-sparse gradients are used, "exact" or "lazy": see `minigrad/optim/base/sparse_rows.py`.
        convention: sets the options above to what a library, a paper or an article does.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RMSprop([p], lr=0.1, alpha=0.9)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.6838, 1.6838], requires_grad=True)
    """

    conventions: ClassVar = {
        "pytorch": {"centered_mode": "textbook"},
        "keras": {**_INSIDE, "lr": 0.001, "eps": 1e-7, "decoupled_weight_decay": True},
        "tf1": {**_INSIDE, "lr": None, "eps": 1e-10, "initial_accumulator_value": 1.0},
        "tf2": {**_INSIDE, "lr": 0.001, "eps": 1e-7},
        "chainer": {},
        "optax": {**_INSIDE, "lr": None, "eps": 1e-8},
        "mlx": {"lr": None},
        "graves2013": {
            "lr": 1e-4, "alpha": 0.95, "eps": 1e-4, "eps_mode": "inside", "momentum": 0.9, "lr_in_velocity": True,
            "centered": True,
        },
        "hinton2012": {"alpha": 0.9, "eps_mode": "none"},
        "seed000": {"lr": 0.1, "alpha": 0.9},
        "seed001": {"lr": 0.1, "alpha": 0.9, "eps": 1e-6, "eps_mode": "inside"},
        "seed002": {"lr": 0.001, "eps_mode": "inside"},
        "seed003": {"lr": 3.0, "alpha": 0.9, "eps": 1e-6},
    }  # fmt: skip

    counts_steps = True
    fades_by = "alpha"

    alpha = Hyperparameter(low=0, below=1)
    momentum = Hyperparameter("momentum value", low=0)
    centered = Hyperparameter("centered", choices=(True, False))
    centered_mode = Hyperparameter("centered_mode", choices=("recurrence", "textbook"))
    initial_accumulator_value = Hyperparameter(low=0, schedule=False)
    bias_correction = Hyperparameter("bias_correction", choices=(True, False))
    lr_in_velocity = LR_IN_VELOCITY
    eps = EPS
    eps_mode = EPS_MODE

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: Any = 0.99, eps: Any = 1e-8, weight_decay: Any = 0.0,
        momentum: Any = 0.0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, *, eps_mode: str = "outside",
        lr_in_velocity: bool = False, centered_mode: str = "recurrence", initial_accumulator_value: float = 0.0,
        bias_correction: bool = False, decoupled_weight_decay: bool = False, sparse: str = "exact",
        convention: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "maximize": maximize, "eps_mode": eps_mode,
            "lr_in_velocity": lr_in_velocity, "centered_mode": centered_mode,
            "initial_accumulator_value": initial_accumulator_value, "bias_correction": bias_correction,
            "decoupled_weight_decay": decoupled_weight_decay, "sparse": sparse,
        }, convention)  # fmt: skip

    def _conventional(self, convention: str | None, given: dict[str, Any]) -> dict[str, Any]:
        options = super()._conventional(convention, given)
        if convention == "tf2" and "eps_mode" in options and not given["momentum"]:
            options["eps_mode"] = "outside"  # TensorFlow 2 calls the kernel, with ε inside, for momentum only
        return options

    def check(self, group: Group) -> None:
        super().check(group)
        if group["bias_correction"] and (group["centered"] or group["initial_accumulator_value"]):
            raise ValueError(
                "bias_correction makes the first gradient the whole average: with centered=True its variance would be "
                "0, and an initial_accumulator_value would be forgotten. Choose one of them"
            )

    def slots(self, group: Group) -> dict[str, float]:
        recurrence = group["centered"] and group["centered_mode"] == "recurrence"
        slots = {"variance" if recurrence else "square_avg": group["initial_accumulator_value"]}
        if group["centered"]:
            slots["grad_avg"] = 0.0
        if group["momentum"]:
            slots["momentum_buffer"] = 0.0
        return slots

    def moves_untouched(self, group: Group) -> str:
        return "momentum" if group["momentum"] else "centered=True" if group["centered"] else ""

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        alpha, lr = float(group["alpha"]), float(group["lr"])
        if group["bias_correction"]:
            alpha *= (1 - alpha ** (t - 1)) / (1 - alpha**t)
        within = group["lr_in_velocity"]
        return {
            "alpha": alpha, "mu": float(group["momentum"]), **eps_numbers(group),
            "gain": lr if within else None, "rate": None if within else lr,
        }  # fmt: skip

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any,
        alpha: float, mu: float, eps: float | None, inside: bool, gain: float | None, rate: float | None,
    ) -> None:  # fmt: skip
        if "variance" in state:
            m, v = state["grad_avg"], state["variance"]
            d = g - m
            v += (1 - alpha) * d * d
            v *= alpha
            m += (1 - alpha) * d
        else:
            v = state["square_avg"]
            v *= alpha
            v += (1 - alpha) * g * g
            if "grad_avg" in state:
                m = state["grad_avg"]
                m += (1 - alpha) * (g - m)
                v = v - m * m
        step = normalized(xp, g, v, eps, inside)
        if gain is not None:
            step *= gain
        if "momentum_buffer" in state:
            b = state["momentum_buffer"]
            b *= mu
            b += step
            step = b
        p -= step if rate is None else rate * step

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        numbers, mode = self.scalars(group, t), group["eps_mode"]
        alpha, gain, rate = numbers["alpha"], or_one(numbers["gain"]), or_one(numbers["rate"])
        lines, variance = [averaged("v", alpha, "g²")], "v"
        if group["centered"] and group["centered_mode"] == "textbook":
            lines, variance = [*lines, averaged("m", alpha, "g")], "(v - m²)"
        elif group["centered"]:
            spread = total((1, "c"), (1 - alpha, "(g - m)²"))
            lines, variance = [f"c ← {times(alpha, f'({spread})')}", averaged("m", alpha, "g")], "c"
        step = f"{times(gain, 'g')} / {root(variance, group['eps'], mode)}"
        if "momentum_buffer" in slots:
            return [*lines, f"b ← {total((numbers['mu'], 'b'), (1, step))}", f"p ← p - {times(rate, 'b')}"]
        return [*lines, f"p ← p - {times(rate, step)}"]

    def saved(self, entries: dict[str, Any]) -> dict[str, Any]:
        """With the average of squares that PyTorch keeps for centered=True. The variance is saved as it is, too:
        read back as a difference it would have lost its digits."""
        if "variance" not in entries:
            return entries
        mean = entries["grad_avg"]
        return {**entries, "square_avg": entries["variance"] + mean * mean}

    def restored(self, entries: dict[str, Any], slots: Slots) -> dict[str, Any]:
        """The average of squares as variance, which is what PyTorch saves, or the other way. No mean stands for 0."""
        kept, mean = dict(entries), entries.get("grad_avg", 0.0)
        variance, squares = kept.pop("variance", None), kept.pop("square_avg", None)
        if "variance" in slots and (variance is not None or squares is not None):
            return {"variance": (squares - mean * mean).clamp(min=0) if variance is None else variance, **kept}
        if "square_avg" in slots and (variance is not None or squares is not None):
            return {"square_avg": variance + mean * mean if squares is None else squares, **kept}
        return kept
