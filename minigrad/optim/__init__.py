"""Optimizers, one file per algorithm, each with its formula and source in the docstring."""

from . import lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .base.groups import by_name
from .lbfgs import LBFGS
from .lion import Lion
from .momentum import Momentum
from .nadam import NAdam
from .nag import NAG
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rmsprop_graves import RMSpropGraves
from .rprop import Rprop
from .sgd import SGD
from .smorms3 import SMORMS3

__all__ = [
    "ASGD", "LBFGS", "NAG", "SGD", "SMORMS3", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Momentum",
    "NAdam", "Optimizer", "RAdam", "RMSprop", "RMSpropGraves", "Rprop", "by_name", "lr_scheduler",
]  # fmt: skip
