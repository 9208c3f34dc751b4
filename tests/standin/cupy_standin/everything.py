"""Imports every file that declares names, so that each module of the stand-in finds them all."""

from . import creation, cuda, extras, functions, generator, kernels, linalg, ndarray, random_state, special  # noqa: F401
