"""Lazy modules: their parameters get shapes from the first input."""

from __future__ import annotations

from typing import Any

from ..backend.door import unsettle
from .parameter import is_uninitialized


class LazyModuleMixin:
    """Makes a module lazy: put it before the module's class, and define `initialize_parameters(*args)`.

    On its first call the module initializes its parameters, and becomes one of the class `cls_to_become`.
    """

    cls_to_become: type | None = None
    _parameters: Any
    _buffers: Any

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters and buffers that lack it a shape that fits the arguments of `forward`."""
        raise NotImplementedError(f"{type(self).__name__} has no initialize_parameters(): define it in the class")

    def has_uninitialized_params(self) -> bool:
        """True until the first call: parameters or buffers have no shape yet."""
        return any(map(is_uninitialized, (*self._parameters.values(), *self._buffers.values())))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.has_uninitialized_params() or self.cls_to_become is not None:
            unsettle("a lazy layer takes its shape from its first input")
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(f"{type(self).__name__}.initialize_parameters() left parameters without a shape")
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become  # type: ignore[assignment]
            return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)  # type: ignore[misc]
