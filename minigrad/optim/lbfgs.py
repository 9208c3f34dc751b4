"""L-BFGS: Newton's method with a curvature that is learned from the last steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..autograd.modes import enable_grad
from ..autograd.node import TensorBase
from ..autograd.primitive import wrap
from ..autograd.versions import change_together
from ..backend.devices import activate, device_of, to_device
from ..backend.door import refuse
from ..backend.host import host_array
from ..backend.library import Array, library
from .base.hyperparameters import Group, Hyperparameter, at_step
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer


class LBFGS(Optimizer):
    """The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno, with a closure.

    All parameters together are one vector x. A step makes up to `max_iter` iterations:

        s ← x - x₋₁;   y ← g - g₋₁               kept, with the last pairs, if y·s > 1e-10
        d ← -H g                                  H from the pairs, starting at γ = y·s / y·y: see `direction`
        t ← lr                                    the very first: lr min(1, 1 / Σ|g|)
        t ← a step that satisfies the strong Wolfe conditions      with line_search_fn="strong_wolfe"
        x ← x + t d

    and ends early after `max_eval` evaluations, where max|g| ≤ tolerance_grad, where the slope g·d, the change
    max|t d| or the change of the loss is below tolerance_change, or where the loss is not finite: a step that begins
    there changes nothing, and a line search turns back from it.

    [Nocedal, Wright 2006, Numerical Optimization: algorithm 7.4 (two-loop recursion), eq. 7.20 (γ), algorithms 3.5 and
    3.6 (line search); the pairs' threshold, the first step and the ends are minFunc's (Schmidt 2005) as in PyTorch,
    whose iterates these are. PyTorch goes on from a loss that is not finite]

    Args:
        params: parameters, one group, of one dtype on one device.
        lr: learning rate, may be a schedule of the iteration.
        max_iter: most iterations of one step.
        max_eval: most evaluations of the closure in one step, 5/4 of max_iter unless given.
        tolerance_grad, tolerance_change: see above.
        history_size: how many pairs are kept, each twice as large as the parameters.
        line_search_fn: "strong_wolfe", or None.

    The state lies under the first parameter, under PyTorch's names: `old_stps` holds s, `old_dirs` y, `ro` 1 / y·s.
    A parameter without a gradient does not move.

    >>> import minigrad
    >>> x = minigrad.tensor([-1.2, 1.0], dtype=minigrad.float64, requires_grad=True)
    >>> optimizer = LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item(), x
    (24.199999999999996, tensor([1.0000, 1.0000], dtype=minigrad.float64, requires_grad=True))
    """

    max_iter = Hyperparameter("max_iter", low=1)
    max_eval = Hyperparameter("max_eval", low=1)
    tolerance_grad = Hyperparameter("tolerance_grad", low=0)
    tolerance_change = Hyperparameter("tolerance_change", low=0)
    history_size = Hyperparameter("history_size", low=1)
    line_search_fn = Hyperparameter("line_search_fn", choices=(None, "strong_wolfe"))

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })  # fmt: skip

    def add_param_group(self, param_group: Group) -> None:
        """Only the constructor may: LBFGS has one group, without weight decay, which minimises."""
        for name in ("weight_decay", "maximize"):
            if param_group.get(name):
                raise ValueError(f"LBFGS has no option {name!r}: put it into the loss of the closure")
        if self.param_groups:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        super().add_param_group(param_group)

    @property
    def needs_closure(self) -> bool:
        return True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimise.

        Args:
            closure: sets the gradients to zero, computes the loss, calls backward() and returns the loss.

        Returns:
            the loss before the step, as the closure returned it.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS.step() takes a closure, a function that sets the gradients to zero, computes the loss, calls "
                f"backward() and returns the loss; got {type(closure).__name__}"
            )
        refuse(
            "LBFGS.step(), which evaluates the model as often as the values ask for",
            "call it without minigrad.jit, or record the closure",
        )
        closure = self._before_step(closure)
        group = self.param_groups[0]
        vector = Vector(group["params"], closure)
        with activate(device_of(group["params"][0].array)):
            begin = vector.values()
            try:
                loss = self._minimise(vector, group)
            except BaseException:  # of the closure, at a point on trial
                vector.write_all(begin)
                raise
        self._after_step(closure)
        return loss

    def _minimise(self, vector: Vector, group: Group) -> Any:
        state = self.state[group["params"][0]]
        memory = Memory(state, vector)
        loss, f, g = vector.evaluate()
        memory.evaluations += (evaluations := 1)
        turn = 0
        while math.isfinite(f) and largest(g) > group["tolerance_grad"]:
            turn += 1
            memory.iterations += 1
            now = at_step(group, memory.iterations, self._hyperparameters)
            most, tolerance = now["max_iter"], now["tolerance_change"]
            if memory.iterations == 1:
                t = float(now["lr"]) * min(1.0, 1 / float(library(g).abs(g).sum()))
            else:
                t = float(now["lr"])
                memory.learn(g, int(now["history_size"]))
            d = vector.masked(direction(g, memory.pairs, memory.gamma))
            slope = dot(g, d)
            memory.d, memory.t, memory.g, memory.f = d, 0.0, g, f
            if not slope <= -tolerance:
                break
            x, count = vector.values(), 0
            if now["line_search_fn"] is not None:
                left = int(now["max_eval"]) - evaluations
                start = Point(0.0, f, slope, g)
                (t, f, _, g), count = strong_wolfe(vector.line(x, d), start, t, largest(d), left)
            memory.t = t
            vector.write(x + t * d)
            if now["line_search_fn"] is None and turn < most:
                (_, f, g), count = vector.evaluate(), 1
            evaluations += count
            memory.evaluations += count
            if turn >= most or evaluations >= now["max_eval"]:
                break
            if t * largest(d) <= tolerance or abs(f - memory.f) < tolerance:
                break
        state.update(memory.entries())
        state.steps = memory.iterations
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As every optimizer's; its steps are iterations, which are counted under PyTorch's name."""
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state.steps = state.get("n_iter", 0)

    def restored(self, entries: dict[str, Any], *_: Any) -> dict[str, Any]:
        """Numbers as numbers and lists as lists of Tensors, from what PyTorch's class has saved, too."""
        found = {name: value for name, value in entries.items() if name != "al"}  # PyTorch's working space
        for name in ("H_diag", "t", "prev_loss"):
            if name in found:
                found[name] = float(found[name])
        if "ro" in found:
            found["ro"] = [*map(float, found["ro"])]
        for name in ("old_dirs", "old_stps"):
            if name in found:
                found[name] = [v if isinstance(v, TensorBase) else wrap(host_array(v).copy()) for v in found[name]]
        return found

    def formula(self, group: Group, t: int, slots: Mapping[str, float], **carried: float) -> list[str]:
        search = ", t by strong Wolfe conditions" if group["line_search_fn"] else f" with t = {group['lr']}"
        return [f"d ← -H g with H from the last {group['history_size']} pairs", "p ← p + t d" + search]


class Curvature(NamedTuple):
    """What one iteration has shown of the curvature: s, y and 1 / y·s."""

    s: Array
    y: Array
    rho: float


def direction(g: Array, pairs: Sequence[Curvature], gamma: float) -> Array:
    """-H g, with the inverse Hessian that the pairs stand for. [Nocedal, Wright 2006, algorithm 7.4]

    q ← -g;  for the pairs from last to first: α ← ρ s·q, q ← q - α y
    r ← γ q; for the pairs from first to last: β ← ρ y·r, r ← r + (α - β) s
    """
    q = -g
    alphas = []
    for s, y, rho in reversed(pairs):
        alphas.append(rho * dot(s, q))
        q -= alphas[-1] * y
    q *= gamma
    for (s, y, rho), alpha in zip(pairs, reversed(alphas)):
        q += (alpha - rho * dot(y, q)) * s
    return q


class Memory:
    """What goes over from one iteration to the next, and through the optimizer's state from step to step."""

    def __init__(self, state: dict[str, Any], vector: Vector) -> None:
        self.evaluations: int = state.get("func_evals", 0)
        self.iterations: int = state.get("n_iter", 0)
        self.t: float = state.get("t", 0.0)
        self.f: float = state.get("prev_loss", math.nan)
        self.gamma: float = state.get("H_diag", 1.0)
        self.d: Array
        self.g: Array
        self.d, self.g = (vector.own(state[name]) if name in state else None for name in ("d", "prev_flat_grad"))
        steps, changes = ([*map(vector.own, state.get(name, []))] for name in ("old_stps", "old_dirs"))
        self.pairs = [*map(Curvature, steps, changes, state.get("ro", []))]

    def learn(self, g: Array, most: int) -> None:
        """Take in what the last iteration has shown, now that the gradient after it is known."""
        s, y = self.t * self.d, g - self.g
        product = dot(y, s)
        if product > 1e-10:
            self.pairs = [*self.pairs, Curvature(s, y, 1 / product)][-most:]
            self.gamma = product / dot(y, y)

    def entries(self) -> dict[str, Any]:
        """For the optimizer's state, under PyTorch's names."""
        counts = {"func_evals": self.evaluations, "n_iter": self.iterations}
        if self.d is None:
            return counts
        return {
            **counts, "d": wrap(self.d), "t": self.t,
            "old_dirs": [wrap(pair.y) for pair in self.pairs], "old_stps": [wrap(pair.s) for pair in self.pairs],
            "ro": [pair.rho for pair in self.pairs], "H_diag": self.gamma,
            "prev_flat_grad": wrap(self.g), "prev_loss": self.f,
        }  # fmt: skip


class Vector:
    """All parameters laid end to end as one vector, and the closure as a function of it."""

    def __init__(self, parameters: Sequence[Any], closure: Callable[[], Any]) -> None:
        first = parameters[0].array
        self.xp, self.dtype, self.device = library(first), first.dtype, device_of(first)
        for p in parameters:
            if p.array.dtype != self.dtype or device_of(p.array) != self.device:
                raise ValueError(
                    "LBFGS makes one vector of its parameters, so they must agree in dtype and device; got "
                    f"{self.dtype} on {self.device} and {p.array.dtype} on {device_of(p.array)}"
                )
        self.parameters, self.closure = parameters, closure
        self.size = sum(p.array.size for p in parameters)

    def parts(self) -> Iterator[tuple[Any, slice]]:
        """Every parameter with its part of the vector."""
        start = 0
        for p in self.parameters:
            yield p, slice(start, start := start + p.array.size)

    def own(self, saved: Any) -> Array:
        """A saved vector, where the parameters are and in their dtype."""
        if saved.array.size != self.size:
            raise RuntimeError(
                f"the state of LBFGS is of {saved.array.size} numbers, its parameters have {self.size} now: forget it "
                "with optimizer.state.clear()"
            )
        return to_device(saved.array, self.device).astype(self.dtype, copy=False)

    def values(self) -> Array:
        return self.xp.concatenate([p.array.ravel() for p in self.parameters])

    def write(self, x: Array) -> None:
        """Give the parameters that have gradients their values."""
        self._give(x, [(p, part) for p, part in self.parts() if p._grad is not None])

    def write_all(self, x: Array) -> None:
        """Give all parameters their values."""
        self._give(x, [*self.parts()])

    def _give(self, x: Array, moving: list[tuple[Any, slice]]) -> None:
        for p, part in moving:
            p.array[...] = x[part].reshape(p.array.shape)
        change_together([p._storage for p, _ in moving], "LBFGS.step")

    def masked(self, d: Array) -> Array:
        """`d`, in which parameters without a gradient do not move."""
        for p, part in self.parts():
            if p._grad is None:
                d[part] = 0
        return d

    def evaluate(self) -> tuple[Any, float, Array]:
        """What the closure returns, the loss as a number, and its gradient."""
        with enable_grad():
            loss = self.closure()
        gradients = [self.gradient(p) for p in self.parameters]
        if all(p._grad is None for p in self.parameters) and any(p.requires_grad for p in self.parameters):
            raise RuntimeError("no parameter has a gradient after LBFGS called the closure: call loss.backward() in it")
        return loss, number(loss), self.xp.concatenate(gradients)

    def line(self, x: Array, d: Array) -> Callable[[float], Point]:
        """The closure as a function of the distance t from x along d."""

        def along(t: float) -> Point:
            self.write(x + t * d)
            _, f, g = self.evaluate()
            return Point(t, f, dot(g, d), g)

        return along

    def gradient(self, p: Any) -> Array:
        if p._grad is None:
            return self.xp.zeros(p.array.size, dtype=self.dtype)
        return (p._grad.to_dense() if p._grad.is_sparse else p._grad).array.ravel()


def number(loss: Any) -> float:
    """The loss that a closure returned."""
    if isinstance(loss, TensorBase) and loss.array.size == 1:
        return float(loss.array.reshape(()))
    if isinstance(loss, (int, float)):
        return float(loss)
    what = f"a tensor of shape {tuple(loss.array.shape)}" if isinstance(loss, TensorBase) else type(loss).__name__
    raise TypeError(f"the closure of LBFGS must return the loss, one number; it returned {what}")


def dot(a: Array, b: Array) -> float:
    return float(library(a).dot(a, b))


def largest(a: Array) -> float:
    """The largest size of an entry; nan if one is."""
    return float(library(a).abs(a).max()) if a.size else 0.0
