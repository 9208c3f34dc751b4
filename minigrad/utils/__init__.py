"""Utilities around training: `utils.data` reads data, `utils.checkpoint` trades time for memory."""

from . import data

__all__ = ["data"]
