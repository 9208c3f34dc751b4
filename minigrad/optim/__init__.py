"""Optimizers, one file per algorithm, each with its formula and source in the docstring."""

from .adagrad import Adagrad
from .momentum import Momentum
from .nag import NAG
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["NAG", "SGD", "Adagrad", "Momentum", "Optimizer", "RMSprop"]
