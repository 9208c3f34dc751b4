"""Automatic differentiation: `minigrad.autograd.grad`, `Function`, `functional`, `gradcheck`, ...

The package holds two layers. The engine (`node`, `primitive`, `walk`, ...) stands below `Tensor`, which
imports it; most of what is public stands above. So importing the package imports nothing: a public name is
looked up in its module when it is first used, and by then `Tensor` exists. (PEP 562; `dir()` and `import *`
know the names.)
"""

from importlib import import_module
from typing import Any

#: public name -> the module that has it; the public modules have their own
PUBLIC = {
    "Function": "function",
    "GradcheckError": "gradient_check",
    "RowSparse": "row_sparse",
    "Variable": "variable",
    "backward": "gradients",
    "detect_anomaly": "anomaly",
    "enable_grad": "modes",
    "function": "function",
    "functional": "functional",
    "grad": "gradients",
    "gradcheck": "gradient_check",
    "gradgradcheck": "gradient_check",
    "graph": "graph",
    "inference_mode": "modes",
    "no_grad": "modes",
    "profiler": "profiler",
    "set_detect_anomaly": "anomaly",
    "set_grad_enabled": "modes",
}

__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{PUBLIC[name]}", __name__)
    found = module if PUBLIC[name] == name else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
