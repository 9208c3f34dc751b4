"""Row-sparse gradients: the rule of an optimizer on the rows that a step has touched.

`nn.Embedding(sparse=True)` gives its table a gradient of rows (`minigrad/autograd/row_sparse.py`). A step then costs
what the touched rows cost: they are taken out of the table and its state, the rule runs on them, and they are put back.

    "lazy"   only touched rows and their state change. For Adam this is PyTorch's SparseAdam.
    "exact"  the result is that of the dense gradient. Where untouched rows would move by themselves (momentum, weight
             decay, Adam, centered RMSprop) it raises and names "lazy". SGD and Adagrad leave untouched rows and their
             state alone anyway. RMSprop's average of squares decays meanwhile: a row catches up when it is touched
             again, by the product of the α of all steps since.

Several gradients of one row are added up before the rule sees them. A saved state has the rows as they were when they
were last touched, with what they need to catch up, so that a resumed run comes to the same bits.
"""

from __future__ import annotations

import math
from typing import Any

from ...autograd.primitive import wrap
from ...backend.devices import activate, device_of, to_device
from ...backend.door import kept, whole
from ...backend.kernels import sum_rows
from ...backend.library import Array, library
from .flat import CLOCK, Run
from .hyperparameters import Group

#: in the state of a parameter whose rows decay between touches, beside CLOCK: what it was when each was last touched
TOUCHED = "decay_log_of_rows"


def make_clocks(run: Run) -> None:
    """Give the parameter of a run what its rows need to catch up: float64 of shapes () and (rows,)."""
    (place,) = run.places
    state, zeros = place.state, run.xp.zeros
    with activate(run.device):
        if CLOCK not in state:
            state[CLOCK], state[TOUCHED] = (wrap(zeros(shape, dtype="float64")) for shape in ((), place.shape[:1]))
        for name in (CLOCK, TOUCHED):
            if device_of(state[name].array) != run.device:
                state[name] = wrap(to_device(state[name].array, run.device))


def advance_rows(optimizer: Any, run: Run, numbers: dict[str, Any]) -> None:
    """One call of the rule on the rows that the gradient of the only parameter in `run` names.

    Args:
        numbers: of the step, by name.
    """
    (place,) = run.places
    table, gradient = place.parameter.array, place.parameter._grad
    fading = optimizer.fades_by if run.group["sparse"] == "exact" else None
    names = list(run.slots)
    kept_arrays = [kept(run.slots[name], name) for name in names]
    if fading is not None:
        kept_arrays += [place.state[name].array for name in (CLOCK, TOUCHED)]
    arrays = [table, *kept_arrays]
    first = 6 + len(numbers)
    whole(
        _advance_rows, optimizer._rule, tuple(names), tuple(numbers), fading, gradient.rows.array,
        gradient.row_values.array, *numbers.values(), *arrays, writes=tuple(range(first, first + len(arrays))),
    )  # fmt: skip


def catch_up(run: Run) -> None:
    """Let all rows have decayed as often as the parameter has been stepped: before a step with a dense gradient."""
    (place,) = run.places
    if CLOCK in place.state:
        clock, *written = (place.state[name].array for name in (CLOCK, TOUCHED))
        written += [kept(flat, name) for name, flat in run.slots.items()]
        whole(_catch_up, clock, *written, writes=tuple(range(1, 1 + len(written))))


def _catch_up(clock: Array, touched: Array, *arrays: Array) -> None:
    behind = library(touched).exp(clock - touched).reshape(-1, 1)
    for array in arrays:
        array.reshape(len(touched), -1)[...] *= behind
    touched[...] = clock


def require_rows(optimizer: Any, group: Group) -> None:
    """Raise TypeError if an optimizer takes no row-sparse gradients, ValueError if a group asks for "exact" where
    untouched rows would move by themselves."""
    name = type(optimizer).__name__
    if "sparse" not in group:
        raise TypeError(
            f"{name} does not take row-sparse gradients (SGD, Momentum, NAG, Adagrad, RMSprop and Adam do): "
            "use Embedding(sparse=False)"
        )
    reason = "weight decay" if group["weight_decay"] else optimizer.moves_untouched(group)
    if reason and group["sparse"] == "exact":
        raise ValueError(
            f"{name} with {reason} moves rows that have no gradient, which a row-sparse step does not: "
            f'pass {name}(..., sparse="lazy") to move only the rows that were looked up, or use '
            "Embedding(sparse=False)"
        )


def _advance_rows(
    rule: Any, slots: tuple[str, ...], numbers: tuple[str, ...], fading: str | None, rows: Array, values: Array,
    *rest: Any,
) -> None:  # fmt: skip
    given, (table, *arrays) = dict(zip(numbers, rest)), rest[len(numbers) :]
    xp = library(table)
    rows, g = sum_rows(rows, values, len(table))
    arrays, clocks = [array.reshape(table.shape) for array in arrays[: len(slots)]], arrays[len(slots) :]
    state = {name: array[rows] for name, array in zip(slots, arrays)}
    if fading is not None:
        clock, touched = clocks
        behind = xp.exp(clock - touched[rows]).reshape(-1, *(1,) * (table.ndim - 1))
        for part in state.values():
            part *= behind
        clock += math.log(max(given[fading], 1e-300))  # a decay of 0 leaves nothing, as does this one
        touched[rows] = clock
    p = table[rows]
    rule(p, g, state, **given)
    table[rows] = p
    for name, array in zip(slots, arrays):
        array[rows] = state[name]
