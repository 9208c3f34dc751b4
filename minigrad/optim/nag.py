"""Nesterov's accelerated gradient: in the form that needs one gradient per step, and with a true look ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .base.describing import times, total
from .base.hyperparameters import Group, Hyperparameter, Slots, at_step
from .momentum import Momentum
from .optimizer import Optimizer
from .velocity import factors, or_one


class NAG(Momentum):
    """Nesterov momentum: step as if the velocity had been applied once more.

        v ← μ v - lr g
        p ← p + μ v - lr g

    [Bengio et al. 2012, arXiv 1212.0901, eq. 7: the parameters are Sutskever's look-ahead points p + μ v. Keras has
    the same; PyTorch's SGD(nesterov=True) has lr outside, which differs once lr changes. Chainer's NesterovAG is
    another method: with the new velocity where the paper has the old one it computes
    p ← p + μ² v - (1 + μ) lr g]

    form="lookahead" is Sutskever's own (2013, eq. 3-4): the gradient is taken at p + μ v, so step needs a closure.

        v ← μ v - lr ∇f(p + μ v)
        p ← p + v

    Coupled weight decay is λ p there too, not λ (p + μ v).

    Args: as `Momentum`, and
        form: "reformulated" or "lookahead".
        momentum_order: "old", the paper's, or "new", Chainer's.

    >>> import minigrad
    >>> p = minigrad.tensor([1.0], requires_grad=True)
    >>> optimizer = NAG([p], lr=0.1, momentum=0.9)
    >>> (p ** 2).sum().backward(); optimizer.step(); p
    tensor([0.6200], requires_grad=True)
    """

    conventions: ClassVar = {
        **Momentum.conventions,
        "chainer": {"momentum_order": "new"},
        "sutskever2013": {"form": "lookahead"},
    }

    form = Hyperparameter("form", choices=("reformulated", "lookahead"))
    momentum_order = Hyperparameter("momentum_order", choices=("old", "new"))

    def __init__(
        self, params: Any, lr: Any = 0.01, momentum: Any = 0.9, weight_decay: Any = 0.0, *, dampening: Any = 0.0,
        maximize: bool = False, form: str = "reformulated", momentum_order: str = "old", lr_in_velocity: bool = True,
        first_step: str = "zeros", decoupled_weight_decay: bool = False, sparse: str = "exact",
        convention: str | None = None,
    ) -> None:  # fmt: skip
        Optimizer.__init__(self, params, {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay, "dampening": dampening,
            "maximize": maximize, "form": form, "momentum_order": momentum_order, "lr_in_velocity": lr_in_velocity,
            "first_step": first_step, "decoupled_weight_decay": decoupled_weight_decay, "sparse": sparse,
        }, convention)  # fmt: skip

    @property
    def needs_closure(self) -> bool:
        return any(group["form"] == "lookahead" for group in self.param_groups)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients anew; form="lookahead" needs it, and it is called with the
                parameters at p + μ v.
        """
        ahead = [group for group in self.param_groups if group["form"] == "lookahead"]
        if not ahead:
            return super().step(closure)
        if closure is None:
            raise ValueError(
                'NAG(form="lookahead") takes the gradient at p + μ v: pass step() a closure that computes the loss, '
                'calls backward() and returns the loss, or choose form="reformulated"'
            )
        return super().step(lambda: self._ahead(closure, ahead))

    def _ahead(self, closure: Callable[[], Any], groups: list[Group]) -> Any:
        """Call `closure` while the parameters of `groups` are at p + μ v."""
        before = []
        for group in groups:
            for p in group["params"]:
                if p.requires_grad and (state := self.state.get(p)) and "velocity" in state:
                    t = state.steps + 1
                    numbers = factors(at_step(group, t, self._hyperparameters), t)
                    reach = numbers["mu"] * or_one(numbers["rate"])
                    before.append((p, p.array.copy()))
                    p.array[...] += reach * state["velocity"].array
                    p._storage.changed("NAG.step")
        try:
            return closure()
        finally:
            for p, array in before:
                p.array[...] = array
                p._storage.changed("NAG.step")

    def scalars(self, group: Group, t: int) -> dict[str, Any]:
        return {**factors(group, t), "order": group["momentum_order"], "ahead": group["form"] == "lookahead"}

    def update(  # type: ignore[override]
        self, xp: Any, p: Any, g: Any, state: Any,
        gain: float | None, rate: float | None, mu: float, order: str, ahead: bool,
    ) -> None:  # fmt: skip
        v = state["velocity"]
        step = g if gain is None else gain * g
        v *= mu
        v -= step
        if ahead:
            change = v
        elif order == "old":
            change = mu * v - step
        else:
            change = (mu * mu) * v - (1 + mu) * step
        p += change if rate is None else rate * change

    def point(self, group: Group, t: int) -> str:
        if group["form"] != "lookahead":
            return "p"
        numbers = factors(group, t)
        return f"p + {times(numbers['mu'] * or_one(numbers['rate']), 'v')}"

    def formula(self, group: Group, t: int, slots: Slots, **carried: float) -> list[str]:
        numbers = factors(group, t)
        gain, rate, mu = or_one(numbers["gain"]), or_one(numbers["rate"]), numbers["mu"]
        velocity = f"v ← {total((mu, 'v'), (-gain, 'g'))}"
        if group["form"] == "lookahead":
            return [velocity, f"p ← p + {times(rate, 'v')}"]
        old = group["momentum_order"] == "old"
        change = total((mu, "v"), (-gain, "g")) if old else total((mu * mu, "v"), (-(1 + mu) * gain, "g"))
        return [velocity, f"p ← p + {times(rate, f'({change})')}"]
