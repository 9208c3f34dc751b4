"""Calls of `nn.functional` that minigrad and PyTorch are compared on: names, NumPy arrays and keywords.

float64 arrays are values with gradients; those wrapped in `Fixed` have none (PyTorch refuses a gradient there, or
there is none to speak of). Integer arrays are classes and indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_random = np.random.default_rng(5)


@dataclass
class Fixed:
    """An array without a gradient."""

    array: Any


@dataclass
class Case:
    name: str
    args: tuple[Any, ...]
    keywords: dict[str, Any]
    second: bool = True

    def __str__(self) -> str:
        words = [_brief(a) for a in self.args] + [f"{k}={_brief(v)}" for k, v in self.keywords.items()]
        return f"{self.name}({', '.join(words)})"


def _brief(value: Any) -> str:
    array = value.array if isinstance(value, Fixed) else value
    return f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else str(value)


def normal(*shape: int) -> np.ndarray:
    return np.asarray(_random.standard_normal(shape))


def uniform(low: float, high: float, *shape: int) -> np.ndarray:
    return np.asarray(_random.uniform(low, high, shape))


def classes(n: int, *shape: int) -> np.ndarray:
    return np.asarray(_random.integers(0, n, shape))


def signs(*shape: int) -> Fixed:
    return Fixed(np.asarray(_random.choice([-1.0, 1.0], shape)))


def simplex(*shape: int, dim: int = 1) -> np.ndarray:
    x = np.exp(normal(*shape))
    return x / x.sum(dim, keepdims=True)


REDUCTIONS = ("mean", "sum", "none")


def case(name: str, *args: Any, second: bool = True, **keywords: Any) -> Case:
    return Case(name, args, keywords, second)


def reduced(name: str, *args: Any, second: bool = True, **keywords: Any) -> list[Case]:
    return [Case(name, args, {**keywords, "reduction": r}, second) for r in REDUCTIONS]


def _layers() -> list[Case]:
    x = normal(2, 5, 3)
    return [
        case("linear", normal(4, 3), normal(5, 3), normal(5)),
        case("linear", normal(4, 3), normal(5, 3)),
        case("linear", normal(3), normal(5, 3), normal(5)),
        case("linear", normal(2, 4, 3), normal(5, 3), normal(5)),
        case("linear", normal(2, 2, 4, 3), normal(1, 3), normal(1)),
        case("linear", normal(2, 4, 3), normal(3)),
        case("linear", normal(3), normal(3)),
        case("linear", normal(2, 4, 3), normal(3), normal()),
        case("linear", normal(4, 3), normal(5, 3), normal(1)),
        case("linear", normal(4, 3), normal(5, 3), normal()),
        case("linear", normal(0, 3), normal(5, 3), normal(5)),
        case("linear", normal(4, 0), normal(5, 0), normal(5)),
        case("linear", normal(2, 0, 3), normal(5, 3), normal(5)),
        case("bilinear", normal(4, 3), normal(4, 2), normal(5, 3, 2), normal(5)),
        case("bilinear", normal(2, 4, 3), normal(2, 4, 2), normal(5, 3, 2)),
        case("bilinear", normal(3), normal(2), normal(5, 3, 2), normal(5)),
        case("embedding", classes(6, 4), normal(6, 3)),
        case("embedding", classes(6, 2, 5), normal(6, 3), padding_idx=2),
        case("embedding", classes(6, 2, 5), normal(6, 3), padding_idx=-1),
        case("embedding", classes(6), normal(6, 3)),
        case("embedding", classes(6, 0), normal(6, 3), second=False),
        case("embedding", classes(3, 9), normal(3, 2), scale_grad_by_freq=True, second=False),
        case("embedding", classes(3, 4, 2), normal(3, 2), padding_idx=0, scale_grad_by_freq=True, second=False),
        case("embedding", classes(6, 300), normal(6, 40)),
        case("one_hot", classes(4, 3)),
        case("one_hot", classes(4, 3, 2), num_classes=6),
        case("one_hot", classes(4), num_classes=4),
        case("layer_norm", normal(4, 5), (5,), normal(5), normal(5)),
        case("layer_norm", normal(4, 5), (5,)),
        case("layer_norm", normal(4, 5), (5,), normal(5)),
        case("layer_norm", normal(4, 5), (5,), None, normal(5), second=False),
        case("layer_norm", x, (5, 3), normal(5, 3), normal(5, 3), eps=1e-3),
        case("layer_norm", x, (3,), normal(3), normal(3)),
        case("layer_norm", x, (2, 5, 3)),
        case("layer_norm", normal(0, 5), (5,), normal(5), normal(5), second=False),
        case("layer_norm", normal(5), [5]),
        case("rms_norm", normal(4, 5), (5,), normal(5), 1e-5),
        case("rms_norm", normal(4, 5), (5,)),
        case("rms_norm", x, (5, 3), normal(5, 3), eps=1e-2),
        case("batch_norm", normal(6, 3), Fixed(normal(3)), Fixed(uniform(0.5, 2, 3)), normal(3), normal(3)),
        case("batch_norm", normal(6, 3), Fixed(normal(3)), Fixed(uniform(0.5, 2, 3)), None, None, True, 0.3, 1e-3),
        case("batch_norm", normal(6, 3), None, None, normal(3), normal(3), True),
        case("batch_norm", normal(4, 3, 2), None, None, normal(3), normal(3), True),
        case("batch_norm", normal(4, 3, 2), None, None, None, None, True),
        case("batch_norm", normal(4, 3, 2), Fixed(normal(3)), Fixed(uniform(0.5, 2, 3)), normal(3), None, False),
        case("batch_norm", normal(4, 3, 2, 2), None, None, normal(3), normal(3), True),
        case("batch_norm", normal(4, 3), Fixed(normal(3)), Fixed(uniform(0.5, 2, 3)), None, normal(3), second=False),
        case("normalize", normal(4, 3)),
        case("normalize", normal(4, 3), p=1.0, dim=0),
        case("normalize", normal(4, 3), 3.0, -1, 1e-3),
        case("normalize", normal(4, 3), dim=(0, 1)),
    ]


def _activations() -> list[Case]:
    x = normal(4, 6)
    found = [case(name, x) for name in (
        "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "logsigmoid", "hardtanh",
        "hardswish", "softsign", "tanhshrink", "softshrink", "hardshrink", "glu", "sigmoid", "tanh",
        "leaky_relu", "rrelu",
    )]  # fmt: skip
    found += [
        case("hardsigmoid", x, second=False),
        case("leaky_relu", x, 0.3),
        case("prelu", x, normal(1)),
        case("prelu", x, normal(6)),
        case("elu", x, 0.7),
        case("celu", x, alpha=0.7),
        case("gelu", x, approximate="tanh"),
        case("softplus", x, 2.0, 1.0),
        case("hardtanh", x, -0.3, 0.4),
        case("softshrink", x, 0.2),
        case("hardshrink", x, 0.2),
        case("threshold", x, 0.1, -7.0),
        case("rrelu", x, 0.1, 0.2),
        case("glu", x, dim=0),
        case("softmax", x, dim=1),
        case("softmax", x, 0),
        case("softmax", normal(2, 3, 4), dim=1),
        case("softmax", normal(), dim=0),
        case("softmax", normal(0, 3), dim=1),
        case("softmax", normal(3, 0), dim=1),
        case("softmax", normal(3) * 400, dim=0),
        case("log_softmax", x, dim=1),
        case("log_softmax", x, -2),
        case("log_softmax", normal(2, 3, 4), dim=1),
        case("log_softmax", normal(), dim=-1),
        case("log_softmax", normal(3) * 400, dim=0),
        case("softmin", x, dim=1),
        case("cosine_similarity", normal(4, 3), normal(4, 3)),
        case("cosine_similarity", normal(4, 3), normal(4, 3), dim=0),
        case("cosine_similarity", normal(4, 1, 3), normal(1, 5, 3), dim=-1, eps=1e-3),
        case("cosine_similarity", normal(4, 3), normal(3), dim=-1),
        case("pairwise_distance", normal(4, 3), normal(4, 3)),
        case("pairwise_distance", normal(4, 3), normal(3), keepdim=True),
        case("pairwise_distance", normal(4, 3), normal(4, 3), 1.0, 1e-3),
        case("pairwise_distance", normal(3), normal(3), p=3),
        case("pad", normal(2, 3), (1, 2)),
        case("pad", normal(2, 3), (1, 2, 0, 1), value=3.0),
        case("pad", normal(2, 3), (-1, 2)),
        case("pad", normal(2, 3, 4), (1, -2, -1, 1)),
        case("pad", normal(2, 3), (-1, -1, -1, 0)),
        case("pad", normal(2, 5), (2, 1), mode="reflect"),
        case("pad", normal(1, 2, 5), (2, 1), mode="reflect"),
        case("pad", normal(1, 2, 5), (3, 4), mode="replicate"),
        case("pad", normal(1, 2, 5), (3, 4), mode="circular"),
        case("pad", normal(1, 3, 5), (2, 1, 2, 0), mode="reflect"),
        case("pad", normal(1, 3, 5), (2, 1, 2, 0), mode="replicate"),
        case("pad", normal(1, 2, 5), (-1, 2), mode="replicate"),
        case("pad", normal(1, 2, 5), (-1, 2), mode="reflect"),
        case("pad", normal(1, 2, 5), (-1, 2), mode="circular"),
        case("pad", classes(4, 2, 3), (1, 1), value=7),
        case("dropout", x, 0.5, False),
        case("alpha_dropout", x, 0.5, False),
    ]  # fmt: skip
    return found


def _class_losses() -> list[Case]:
    found: list[Case] = []
    weight = Fixed(uniform(0.2, 2, 5))
    shapes = [((6, 5), (6,)), ((5,), ()), ((2, 5, 3), (2, 3)), ((2, 5, 3, 2), (2, 3, 2))]
    for name in ("cross_entropy", "nll_loss"):
        for shape, of_target in shapes:
            target = classes(5, *of_target)
            found += reduced(name, normal(*shape), target)
            found += reduced(name, normal(*shape), target, weight=weight)
            ignored, some = int(target.reshape(-1)[0]), target.size > 1
            found += reduced(name, normal(*shape), target, ignore_index=ignored, second=some)
            found += reduced(name, normal(*shape), target, weight, ignore_index=3, second=some)
        found += reduced(name, normal(4, 5), np.array([-100, 2, -100, 0]))
        found += reduced(name, normal(4, 5), np.array([-1, 2, -1, 0]), ignore_index=-1)
        found += reduced(name, normal(2, 5), np.array([-100, -100]), second=False)
        found += reduced(name, normal(3, 5), np.array([0, 1, 4], dtype=np.uint8))
        found += reduced(name, normal(0, 5), classes(5, 0), second=False)
    for shape, of_target in shapes:
        target = classes(5, *of_target)
        found += reduced("cross_entropy", normal(*shape), target, label_smoothing=0.1)
        found += reduced("cross_entropy", normal(*shape), target, weight, label_smoothing=0.3, ignore_index=2)
        dim = 1 if len(shape) > 1 else 0
        found += reduced("cross_entropy", normal(*shape), simplex(*shape, dim=dim))
        found += reduced("cross_entropy", normal(*shape), simplex(*shape, dim=dim), weight, label_smoothing=0.2)
    found += reduced("cross_entropy", normal(4, 5), np.array([-100, 2, -100, 0]), label_smoothing=0.2)
    found.append(case("cross_entropy", normal(3, 4) * 300, classes(4, 3)))
    found.append(case("cross_entropy", normal(3, 4), classes(4, 3), size_average=False))
    found.append(case("nll_loss", normal(3, 4), classes(4, 3), reduce=False))
    return found


def _losses() -> list[Case]:
    x, y = normal(4, 3), normal(4, 3)
    p, t = uniform(0.05, 0.95, 4, 3), uniform(0, 1, 4, 3)
    weight = Fixed(uniform(0.1, 2, 4, 3))
    listed = np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 0], [2, 1, 0]])
    certain = Fixed(np.array([1.0, 1.0, 0.0, 0.0]))
    return [
        *reduced("mse_loss", x, y),
        *reduced("mse_loss", x, y, weight=weight),
        *reduced("mse_loss", x, normal(3)),
        *reduced("mse_loss", normal(), normal()),
        *reduced("mse_loss", normal(0, 3), normal(0, 3)),
        *reduced("l1_loss", x, y),
        *reduced("l1_loss", x, y, weight=weight),
        *reduced("l1_loss", x, normal(4, 1)),
        *reduced("smooth_l1_loss", x, y),
        *reduced("smooth_l1_loss", x, y, beta=0.3),
        *reduced("smooth_l1_loss", x, y, beta=0, second=False),
        *reduced("huber_loss", x, y),
        *reduced("huber_loss", x, y, delta=0.4),
        *reduced("huber_loss", x, y, delta=0.4, weight=weight),
        *reduced("binary_cross_entropy", p, t),
        *reduced("binary_cross_entropy", p, t, weight=Fixed(uniform(0.1, 2, 3))),
        *reduced("binary_cross_entropy", np.array([0.0, 1.0, 0.0, 1.0]), certain, second=False),
        *reduced("binary_cross_entropy_with_logits", x, t),
        *reduced("binary_cross_entropy_with_logits", x, t, weight=weight),
        *reduced("binary_cross_entropy_with_logits", x, t, pos_weight=Fixed(uniform(0.1, 2, 3))),
        *reduced("binary_cross_entropy_with_logits", x * 100, Fixed(np.round(t)), second=False),
        *reduced("kl_div", np.log(simplex(4, 3)), simplex(4, 3)),
        *reduced("kl_div", np.log(simplex(4, 3)), np.log(simplex(4, 3)), log_target=True),
        case("kl_div", np.log(simplex(4, 3)), simplex(4, 3), reduction="batchmean"),
        case("kl_div", np.log(simplex(4, 3)), Fixed(np.round(simplex(4, 3))), reduction="sum"),
        *reduced("poisson_nll_loss", x, uniform(0, 5, 4, 3)),
        *reduced("poisson_nll_loss", x, uniform(0, 5, 4, 3), full=True, second=False),
        *reduced("poisson_nll_loss", uniform(0.1, 3, 4, 3), uniform(0, 5, 4, 3), log_input=False, eps=1e-3),
        *reduced("gaussian_nll_loss", x, y, uniform(0.1, 2, 4, 3)),
        *reduced("gaussian_nll_loss", x, y, uniform(0.1, 2, 4), full=True),
        *reduced("gaussian_nll_loss", x, y, uniform(0.1, 2, 4, 1), eps=0.5),
        *reduced("gaussian_nll_loss", x, y, 0.7),
        *reduced("soft_margin_loss", x, signs(4, 3)),
        *reduced("hinge_embedding_loss", x, signs(4, 3), margin=0.4),
        *reduced("hinge_embedding_loss", x, Fixed(np.array([1.0, 0.0, -1.0]))),
        *reduced("margin_ranking_loss", x, y, signs(4, 3)),
        *reduced("margin_ranking_loss", normal(5), normal(5), signs(5), margin=0.5),
        *reduced("multi_margin_loss", x, classes(3, 4), second=False),
        *reduced("multi_margin_loss", x, classes(3, 4), 2, 0.4, second=False),
        *reduced("multi_margin_loss", x, classes(3, 4), p=2, weight=Fixed(uniform(0.1, 2, 3)), second=False),
        *reduced("multi_margin_loss", normal(3), classes(3), second=False),
        *reduced("multilabel_margin_loss", x, listed, second=False),
        *reduced("multilabel_margin_loss", normal(4), np.array([3, 0, -1, 1]), second=False),
        *reduced("multilabel_margin_loss", normal(1, 3), np.array([[1, 1, -1]]), second=False),
        *reduced("multilabel_soft_margin_loss", x, Fixed(np.round(t))),
        *reduced("multilabel_soft_margin_loss", x, t, weight=Fixed(uniform(0.1, 2, 3))),
        *reduced("multilabel_soft_margin_loss", normal(3), Fixed(np.array([0.0, 1.0, 1.0]))),
        *reduced("cosine_embedding_loss", x, y, signs(4), margin=0.2),
        *reduced("cosine_embedding_loss", normal(3), normal(3), signs()),
        *reduced("cosine_embedding_loss", x, y, Fixed(np.array([0.0, 1.0, -1.0, 2.0]))),
        *reduced("triplet_margin_loss", x, y, normal(4, 3)),
        *reduced("triplet_margin_loss", x, y, normal(4, 3), margin=2.0, p=1, swap=True),
        *reduced("triplet_margin_loss", normal(3), normal(3), normal(3), p=3, eps=1e-2),
        *reduced("triplet_margin_with_distance_loss", x, y, normal(4, 3), margin=0.5, swap=True),
    ]


CASES = [*_layers(), *_activations(), *_class_losses(), *_losses()]
