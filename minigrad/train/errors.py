"""What the user can put right: one sentence on the command line instead of a traceback."""

from __future__ import annotations

import importlib
from types import ModuleType

#: what `pip install` calls this project; the import name is `minigrad`
DISTRIBUTION = "minigrad-dl"


class UserError(Exception):
    """Something outside the program is in the way; the message says what, and what to do about it."""


def extra(module: str, package: str, purpose: str) -> ModuleType:
    """Import `module` of the optional `package`, or say in one sentence how to get it.

    >>> extra("nowhere.at_all", "nowhere", "this example")
    Traceback (most recent call last):
    minigrad.train.errors.UserError: this example needs nowhere: pip install 'minigrad-dl[train]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(f"{purpose} needs {package}: pip install '{DISTRIBUTION}[train]'") from None
