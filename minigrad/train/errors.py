"""What the user can put right: one sentence on the command line instead of a traceback."""

from __future__ import annotations

import importlib
from types import ModuleType

#: what `pip install` calls this project; the import name is `minigrad`
DISTRIBUTION = "minigrad-dl"


class UserError(Exception):
    """Something outside the program is in the way; the message says what, and what to do about it."""


class NonFiniteError(FloatingPointError):
    """A loss, a gradient or a weight is NaN or infinite; the message says where it comes from, if that is known."""


def extra(module: str, package: str, purpose: str, install: str = f"'{DISTRIBUTION}[train]'") -> ModuleType:
    """Import `module` of the optional `package`, or say in one sentence how to get it.

    >>> extra("nowhere.at_all", "nowhere", "this example")
    Traceback (most recent call last):
    minigrad.train.errors.UserError: this example needs nowhere: pip install 'minigrad-dl[train]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(f"{purpose} needs {package}: pip install {install}") from None
