"""Utilities around training: `utils.data` reads data, `utils.text` makes numbers of text, `utils.tbptt` cuts what is
too long to go back through, `utils.checkpoint` trades time for memory."""

from . import checkpoint, data, text
from .truncated import tbptt

__all__ = ["checkpoint", "data", "tbptt", "text"]
