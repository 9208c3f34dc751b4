"""The recorded graph as a user meets it: `tensor.grad_fn` is a `Node`, `next_functions` leads on."""

from __future__ import annotations

from typing import Any

from .node import AccumulateGrad, Node, TensorBase


def increment_version(tensor: Any) -> None:
    """Count an in-place change of a tensor (or of several) that was made behind minigrad's back.

    Gradients that need what was there before then raise, as after any in-place change.
    """
    for x in (tensor,) if isinstance(tensor, TensorBase) else tensor:
        x.shared_storage().changed("increment_version")


__all__ = ["AccumulateGrad", "Node", "increment_version"]
