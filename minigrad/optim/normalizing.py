"""A gradient divided by its own size: the step that Adagrad, RMSprop and Adam share, and where ε stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend.library import numpy
from .hyperparameters import Group, Hyperparameter

EPS = Hyperparameter("epsilon value", low=0, name="eps")
EPS_MODE = Hyperparameter("eps_mode", choices=("outside", "inside", "none"))


def require_eps(group: Group, numbers: Mapping[str, Any], dtype: Any) -> None:
    """Raise ValueError if ε is 0 in the dtype of the parameters: a gradient of 0 would then give 0 / 0.

    Args:
        numbers: of the first step; "eps" is what stands in the denominator.

    >>> import numpy
    >>> require_eps({"eps": 1e-8}, {"eps": 1e-8}, numpy.dtype("float16"))
    Traceback (most recent call last):
    ValueError: eps=1e-08 is 0 in float16, the dtype of the parameters: give eps=1e-07 or more, or keep them in float32
    """
    used = numbers.get("eps")
    if used and dtype.kind == "f" and not dtype.type(used):
        given = group["eps"](1) if callable(group["eps"]) else group["eps"]
        enough = 2 * float(numpy.finfo(dtype).smallest_subnormal) * given / used
        raise ValueError(
            f"eps={given} is 0 in {dtype}, the dtype of the parameters: give eps={enough:.1g} or more, or keep them "
            "in float32"
        )


def eps_numbers(group: Group) -> dict[str, Any]:
    """The numbers that `normalized` needs: ε (None for none), and whether it stands inside of the root."""
    mode = group["eps_mode"]
    return {"eps": None if mode == "none" else float(group["eps"]), "inside": mode == "inside"}


def normalized(xp: Any, g: Any, v: Any, eps: float | None, inside: bool) -> Any:
    """g / √(v + ε) or g / (√v + ε): libraries differ, and for small gradients it decides everything."""
    root = xp.sqrt(v if eps is None or not inside else v + eps)
    if eps is not None and not inside:
        root += eps
    return xp.divide(g, root, out=root)
