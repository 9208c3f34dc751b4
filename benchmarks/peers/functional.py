"""Networks as functions of their parameters in NumPy's names, written once for JAX, HIPS autograd and MyGrad.

Each of these libraries has a module of NumPy's functions (`np` below) and may have better ones for single layers; a
peer gives what it has as `Functions`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problems import LEARNING_RATE, MOMENTUM, NORM_EPS, Layer, Training


@dataclass
class Functions:
    """The functions that a network is made of, on top of a module with NumPy's names."""

    np: Any
    erf: Any = None

    def relu(self, x: Any) -> Any:
        return self.np.maximum(x, 0)

    def tanh(self, x: Any) -> Any:
        return self.np.tanh(x)

    def sigmoid(self, x: Any) -> Any:
        return 1 / (1 + self.np.exp(-x))

    def gelu(self, x: Any) -> Any:
        return 0.5 * x * (1 + self.erf(x * math.sqrt(0.5)))

    def layer_norm(self, x: Any, weight: Any, bias: Any) -> Any:
        centred = x - self.np.mean(x, axis=1, keepdims=True)
        variance = self.np.mean(centred * centred, axis=1, keepdims=True)
        return centred / self.np.sqrt(variance + NORM_EPS) * weight + bias

    def log_softmax(self, x: Any) -> Any:
        shifted = x - self.np.max(x, axis=1, keepdims=True)
        return shifted - self.np.log(self.np.sum(self.np.exp(shifted), axis=1, keepdims=True))

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        return -self.np.mean(self.log_softmax(logits)[np.arange(len(labels)), labels])

    def mse(self, output: Any, target: Any) -> Any:
        difference = output - target
        return self.np.mean(difference * difference)

    def layer(self, layer: Layer, x: Any, parameters: Sequence[Any], mask: Iterator[Any]) -> Any:
        """What one layer makes of x."""
        if layer.kind == "linear":
            weight, bias = parameters
            return self.np.matmul(x, weight) + bias
        if layer.kind == "layer norm":
            return self.layer_norm(x, *parameters)
        if layer.kind == "embedding":
            return parameters[0][x]
        if layer.kind == "mean":
            return self.np.mean(x, axis=1)
        if layer.kind == "dropout":
            return x * next(mask)
        return getattr(self, layer.kind)(x)

    def loss(self, problem: Training, parameters: Sequence[Any], x: Any, y: Any, masks: Sequence[Any]) -> Any:
        """The loss of the whole network."""
        weights, mask = iter(parameters), iter(masks)
        for layer in problem.layers:
            x = self.layer(layer, x, [next(weights) for _ in range(count(layer))], mask)
        return self.mse(x, y) if problem.loss == "mse" else self.cross_entropy(x, y)


def count(layer: Layer) -> int:
    """How many parameters a layer has."""
    return {"linear": 2, "layer norm": 2, "embedding": 1}.get(layer.kind, 0)


def turned(problem: Training, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Parameters with the linear layers' weights (outputs, inputs) turned to (inputs, outputs), or back."""
    linear = [layer.kind == "linear" for layer in problem.layers for _ in range(count(layer))]
    return [np.array(a.T if flip and a.ndim == 2 else a, order="C") for a, flip in zip(arrays, linear, strict=True)]


def descend(parameters: Sequence[np.ndarray], velocities: Sequence[np.ndarray], gradients: Sequence[Any]) -> None:
    """SGD with momentum as users of a library without optimizers write it: in place, one array after another."""
    for p, v, g in zip(parameters, velocities, gradients):
        v *= MOMENTUM
        v += g
        p -= LEARNING_RATE * v
