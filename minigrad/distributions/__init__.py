"""Probability distributions to draw from and to differentiate: `sample`, `rsample`, `log_prob`, `entropy`, ..."""

from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .kl import kl_divergence
from .multinomial import Multinomial
from .normal import Normal
from .uniform import Uniform

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Exponential", "Multinomial", "Normal", "Uniform", "kl_divergence",
]  # fmt: skip
