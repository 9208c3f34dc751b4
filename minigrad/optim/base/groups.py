"""Parameter groups: from what a user passes to an optimizer to a list of dicts with "params" and options.

    SGD(model.parameters())                                       # one group
    SGD(model.named_parameters())                                 # one group that knows its parameters' names
    SGD([{"params": weights}, {"params": biases, "lr": 0.01}])    # options of their own
    SGD(by_name(model, {"*.bias": {"weight_decay": 0}}), weight_decay=1e-4)     # no decay on biases
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ...autograd.node import LEAF, TensorBase
from .hyperparameters import Group


def by_name(named: Any, options: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """Parameter groups by patterns of the parameters' names.

    Args:
        named: a module, or its (name, parameter) pairs.
        options: pattern -> options of the parameters that match it, in the order in which they are tried. "*" stands
            for any characters, also dots. What matches none comes first, in a group without options.

    Raises:
        ValueError: a pattern that no parameter is left for.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> optimizer = optim.SGD(optim.by_name(model, {"*.bias": {"weight_decay": 0.0}}), weight_decay=0.1)
    >>> [(group["param_names"], group["weight_decay"]) for group in optimizer.param_groups]
    [(['0.weight', '1.weight'], 0.1), (['0.bias', '1.bias'], 0.0)]
    """
    pairs = list(named.named_parameters() if hasattr(named, "named_parameters") else named)
    chosen: dict[str | None, list[Any]] = {None: [], **{pattern: [] for pattern in options}}
    for name, parameter in pairs:
        pattern = next((pattern for pattern in options if fnmatchcase(name, pattern)), None)
        chosen[pattern].append((name, parameter))
    for pattern in options:
        if not chosen[pattern]:
            left = ", ".join(name for name, _ in chosen[None]) or "none"
            raise ValueError(
                f"no parameter is left for the pattern {pattern!r}: those that no earlier pattern took are {left}"
            )
    return [{"params": some, **options.get(pattern or "", {})} for pattern, some in chosen.items() if some]


def listed(params: Any) -> list[Group]:
    """What an optimizer was given, as a list of groups."""
    if isinstance(params, TensorBase):
        raise TypeError("an optimizer takes a list of parameters, got a single Tensor: put it in a list")
    if isinstance(params, dict):
        raise TypeError("an optimizer takes a list of parameters or of groups, got a dict: put it in a list")
    if hasattr(params, "named_parameters"):
        raise TypeError(f"an optimizer takes parameters, got a {type(params).__name__}: pass its .parameters()")
    groups = _ordered(params)
    if not groups:
        raise ValueError(
            "an optimizer got an empty list of parameters: does the model have any (an iterator serves once only)?"
        )
    return groups if isinstance(groups[0], dict) else [{"params": groups}]


def checked_group(given: Any, others: Iterable[Group], options: Mapping[str, Any]) -> Group:
    """A copy of a group with its parameters in a list, and their names, if given, in "param_names".

    Raises:
        TypeError, ValueError: it is no group, or holds what cannot be changed, or a parameter twice or that one of
            the `others` has, or a key that looks like one of the optimizer's `options`, and is not.
    """
    if not isinstance(given, dict) or "params" not in given:
        what = f"one with {sorted(map(str, given))}" if isinstance(given, dict) else type(given).__name__
        raise TypeError(f'a parameter group must be a dict with "params", got {what}')
    group = dict(given)
    if "learning_rate" in group and "lr" in options:
        group["lr"] = group.pop("learning_rate")
    for name in group.keys() - options.keys() - {"params"}:
        similar = get_close_matches(str(name), options, n=1, cutoff=0.75)
        if similar:
            raise ValueError(f"a parameter group has {name!r}: did you mean the option {similar[0]!r}?")
    params = _ordered(group["params"])
    if params and all(isinstance(p, tuple) for p in params):
        group["param_names"] = [name for name, _ in params]
        params = [p for _, p in params]
    for p in params:
        if not isinstance(p, TensorBase):
            raise TypeError(f"an optimizer takes Tensors, got {type(p).__name__}")
        if p.node is not None and p.node is not LEAF:
            raise ValueError("an optimizer cannot change a tensor that is no leaf: pass the parameter itself")
    taken = {id(p) for other in others for p in other["params"]}
    if any(id(p) in taken for p in params):
        raise ValueError("some parameters appear in more than one parameter group")
    if len({id(p) for p in params}) != len(params):
        raise ValueError("a parameter group contains one parameter twice")
    group["params"] = params
    return group


def _ordered(params: Any) -> list[Any]:
    """A single tensor, or an ordered collection, as a list."""
    if isinstance(params, (set, frozenset)):
        raise TypeError("parameters must be ordered, and the order of a set changes from run to run: pass a list")
    return [params] if isinstance(params, TensorBase) else list(params)
