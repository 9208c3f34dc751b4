"""The functions of `nn.functional` in a few lines of NumPy each, for rows_nn.py to compare with."""

from __future__ import annotations

import functools

import numpy as np


def softmax(x, dim):
    if not x.size:
        return x
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def log_softmax(x, dim):
    if not x.size:
        return x
    x = x - x.max(dim, keepdims=True)
    return x - np.log(np.exp(x).sum(dim, keepdims=True))


def reduced(function):
    """A loss with PyTorch's `reduction`, of a function that gives the losses of the elements."""

    @functools.wraps(function)
    def reference(*args, reduction="mean", **keywords):
        losses = function(*args, **keywords)
        return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()

    return reference


def linear(x, weight, bias=0):
    return np.matmul(x, weight.T) + bias


def bilinear(first, second, weight, bias=0):
    return np.einsum("...i,kij,...j->...k", first, weight, second) + bias


def standardized(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    out = standardized(x, tuple(range(-len(shape), 0)), eps)
    return out * (1 if weight is None else weight) + (0 if bias is None else bias)


def rms_norm(x, shape, weight=None, eps=1e-5):
    axes = tuple(range(-len(shape), 0))
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + eps) * (1 if weight is None else weight)


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    column = (-1,) + (1,) * (x.ndim - 2)
    if training:
        out = standardized(x, (0, *range(2, x.ndim)), eps)
    else:
        out = (x - mean.reshape(column)) / np.sqrt(var.reshape(column) + eps)
    weight, bias = (None if a is None else a.reshape(column) for a in (weight, bias))
    return out * (1 if weight is None else weight) + (0 if bias is None else bias)


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / np.maximum((np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p), eps)


def cross_entropy(x, target, weight=None, reduction="mean", ignore_index=-100, label_smoothing=0.0):
    log_p = log_softmax(x, 1)
    n = x.shape[1]
    weight = np.ones(n) if weight is None else weight
    if target.shape == x.shape:
        target = target * (1 - label_smoothing) + label_smoothing / n
        losses = -(log_p * target * weight.reshape((-1,) + (1,) * (x.ndim - 2))).sum(1)
        return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()
    counts = target != ignore_index
    target = np.where(counts, target, 0)
    picked = -np.take_along_axis(log_p, np.expand_dims(target, 1), 1).squeeze(1) * weight[target]
    spread = -(log_p * weight.reshape((-1,) + (1,) * (x.ndim - 2))).mean(1)
    losses = (picked * (1 - label_smoothing) + spread * label_smoothing) * counts
    if reduction == "mean":
        return losses.sum() / (weight[target] * counts).sum()
    return losses if reduction == "none" else losses.sum()


def nll_loss(x, target, weight=None, reduction="mean"):
    weight = np.ones(x.shape[1]) if weight is None else weight
    losses = -np.take_along_axis(x, np.expand_dims(target, 1), 1).squeeze(1) * weight[target]
    return losses if reduction == "none" else losses.sum() / (weight[target].sum() if reduction == "mean" else 1)


@reduced
def mse_loss(x, y):
    return (x - y) ** 2


@reduced
def l1_loss(x, y):
    return np.abs(x - y)


@reduced
def huber_loss(x, y, delta=1.0):
    d = np.abs(x - y)
    return np.where(d < delta, d * d / 2, delta * (d - delta / 2))


@reduced
def smooth_l1_loss(x, y, beta=1.0):
    d = np.abs(x - y)
    return np.where(d < beta, d * d / 2 / beta, d - beta / 2)


@reduced
def binary_cross_entropy(x, y):
    return -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))


@reduced
def binary_cross_entropy_with_logits(x, y, weight=1, pos_weight=1):
    return weight * (pos_weight * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x))


def kl_div(x, y, reduction="mean", log_target=False):
    losses = np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)
    if reduction == "batchmean":
        return losses.sum() / x.shape[0]
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


@reduced
def poisson_nll_loss(x, y, log_input=True, full=False):
    losses = np.exp(x) - y * x if log_input else x - y * np.log(x + 1e-8)
    return losses + np.where(y > 1, y * np.log(y) - y + 0.5 * np.log(2 * np.pi * y), 0) * full


@reduced
def gaussian_nll_loss(x, y, var, full=False):
    return 0.5 * (np.log(var) + (x - y) ** 2 / var) + full * 0.5 * np.log(2 * np.pi)


@reduced
def soft_margin_loss(x, y):
    return np.logaddexp(0, -x * y)


@reduced
def hinge_embedding_loss(x, y, margin=1.0):
    return np.where(y == 1, x, np.maximum(margin - x, 0))


@reduced
def margin_ranking_loss(x1, x2, y, margin=0.0):
    return np.maximum(-y * (x1 - x2) + margin, 0)


@reduced
def multi_margin_loss(x, target, p=1, margin=1.0):
    right = x[np.arange(len(x)), target][:, None]
    over = np.maximum(margin - right + x, 0) ** p
    return np.where(np.arange(x.shape[1]) == target[:, None], 0, over).mean(1)


@reduced
def multilabel_margin_loss(x, target):
    losses = []
    for row, labels in zip(x, target):
        right = list(labels[: list(labels).index(-1)]) if -1 in labels else list(labels)
        wrong = [k for k in range(len(row)) if k not in right]
        losses.append(sum(max(0, 1 - row[i] + row[j]) for i in right for j in wrong) / len(row))
    return np.array(losses)


@reduced
def multilabel_soft_margin_loss(x, y):
    return (y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)).mean(-1)


def cosine_similarity(x, y, dim=1, eps=1e-8):
    sizes = [np.maximum(np.sqrt((a * a).sum(dim)), eps) for a in (x, y)]
    return (x * y).sum(dim) / sizes[0] / sizes[1]


@reduced
def cosine_embedding_loss(x1, x2, y, margin=0.0):
    cosine = cosine_similarity(x1, x2, -1)
    return np.where(y == 1, 1 - cosine, np.maximum(cosine - margin, 0))


def pairwise_distance(x, y, p=2.0, eps=1e-6, keepdim=False):
    return (np.abs(x - y + eps) ** p).sum(-1, keepdims=keepdim) ** (1 / p)


@reduced
def triplet_margin_loss(a, p, n, margin=1.0, swap=False):
    far = pairwise_distance(a, n)
    far = np.minimum(far, pairwise_distance(p, n)) if swap else far
    return np.maximum(pairwise_distance(a, p) - far + margin, 0)


def pad(x, widths, mode="constant", value=0):
    pairs = list(zip(widths[::2], widths[1::2]))[::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    names = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    return np.pad(x, pairs, names[mode], **({"constant_values": value} if mode == "constant" else {}))
