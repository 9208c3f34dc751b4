"""Utilities around training: `utils.data` reads data, `utils.checkpoint` trades time for memory."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
