"""What goes wrong while a step is recorded, and what it is called."""

from __future__ import annotations


class RecordingError(RuntimeError):
    """A step does something that a recorded program could not repeat faithfully. Nothing has been changed."""


class Postponed(Exception):
    """The step has to run eagerly once before it can be recorded: an optimizer lays its parameters out anew."""
