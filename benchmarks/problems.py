"""What the peers are given to compute, in NumPy arrays alone: every peer starts from the same numbers.

A `Training` is a network, its loss and one batch; a `Chain` is many small operations in a row; an `Update` is an
optimizer without a network, and a `SparseUpdate` one with a table of which few rows have gradients; an `Epoch` is a
`Training` fed from a data set. Which of them a run computes, and under which names, is said in `workloads/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

#: of SGD, for every network: PyTorch's conventions, v <- mu v + g; p <- p - lr v
LEARNING_RATE, MOMENTUM = 0.01, 0.9
#: of optimizers without a network, by the names of PyTorch's options, whose defaults these are (but for the momentum).
#: RMSprop: v <- alpha v + (1 - alpha) g^2; p <- p - lr g / (sqrt(v) + eps). The rate is small, since the gradient
#: stays what it is for thousands of steps.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 1e-3, "momentum": MOMENTUM}),
    "rmsprop": ("RMSprop", {"lr": 1e-3, "alpha": 0.99, "eps": 1e-8}),
    "adagrad": ("Adagrad", {"lr": 1e-3, "eps": 1e-10}),
    "adam": ("Adam", {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}),
}
#: of layer norm, inside the root
NORM_EPS = 1e-5


@dataclass(frozen=True)
class Layer:
    """One layer: what it is, and its sizes.

    "linear" (inputs, outputs); "relu", "tanh", "gelu" (the exact one) (); "layer norm" (features); "dropout"
    (features), whose mask, already divided by what it keeps, is an input of the step; "embedding" (rows, features);
    "mean", over the tokens of each example ().
    """

    kind: str
    sizes: tuple[int, ...] = ()

    def parameters(self, random: np.random.Generator) -> list[np.ndarray]:
        """Initial values in PyTorch's order and layout: a linear layer has a weight (outputs, inputs) and a bias."""
        if self.kind == "linear":
            inputs, outputs = self.sizes
            bound = inputs**-0.5
            shapes: list[tuple[int, ...]] = [(outputs, inputs), (outputs,)]
            return [random.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes]
        if self.kind == "layer norm":
            return [np.ones(self.sizes, np.float32), np.zeros(self.sizes, np.float32)]
        if self.kind == "embedding":
            return [random.normal(size=self.sizes).astype(np.float32)]
        return []


@dataclass(frozen=True)
class Training:
    """One training step on one batch: forward, loss, backward, SGD with momentum."""

    layers: tuple[Layer, ...]
    batch: int
    loss: str = "cross entropy"  # or "mse"
    tokens: int = 0  # per example, where the first layer is an embedding

    kind = "training"

    def parameters(self) -> list[np.ndarray]:
        """Initial values of all parameters, layer by layer."""
        random = np.random.default_rng(0)
        return [array for layer in self.layers for array in layer.parameters(random)]

    def inputs(self) -> list[np.ndarray]:
        """The arguments of the step: x, y, and a mask for each dropout."""
        random = np.random.default_rng(1)
        first, last = self.layers[0], self.layers[-1]
        if first.kind == "embedding":
            x = random.integers(0, first.sizes[0], (self.batch, self.tokens))
        else:
            x = random.normal(size=(self.batch, first.sizes[0])).astype(np.float32)
        classes = last.sizes[1]
        if self.loss == "mse":
            y = random.normal(size=(self.batch, classes)).astype(np.float32)
        else:
            y = random.integers(0, classes, self.batch)
        keep = 0.8
        masks = [
            (random.random((self.batch, *layer.sizes)) < keep).astype(np.float32) / np.float32(keep)
            for layer in self.layers
            if layer.kind == "dropout"
        ]
        return [x, y, *masks]


def mlp(sizes: tuple[int, ...], batch: int, activation: str = "relu", loss: str = "cross entropy") -> Training:
    """Linear layers with an activation between them."""
    layers: list[Layer] = []
    for n, m in pairwise(sizes):
        layers += [Layer("linear", (n, m)), Layer(activation)]
    return Training(tuple(layers[:-1]), batch, loss)


def mlp_with_extras(sizes: tuple[int, ...], batch: int) -> Training:
    """The same with layer norm, GELU and dropout after each hidden linear layer."""
    layers: list[Layer] = []
    for n, m in pairwise(sizes):
        layers += [Layer("linear", (n, m)), Layer("layer norm", (m,)), Layer("gelu"), Layer("dropout", (m,))]
    return Training(tuple(layers[:-3]), batch)


def embedding_model(rows: int, features: int, tokens: int, hidden: int, classes: int, batch: int) -> Training:
    """A bag of words: the mean of the tokens' embeddings, then two linear layers. Its gradients are dense."""
    layers = [Layer("embedding", (rows, features)), Layer("mean"), Layer("linear", (features, hidden)), Layer("relu")]
    return Training((*layers, Layer("linear", (hidden, classes))), batch, tokens=tokens)


@dataclass(frozen=True)
class Chain:
    """`length` operations in a row on a vector of `width` numbers, their sum, and its gradients.

    `operation` is one of `CHAINS`: it begins with y, which needs a gradient, and may use a, a constant, and w, which
    needs a gradient too if the operation is named in `USE_W`.
    """

    operation: str
    length: int = 200
    width: int = 4

    kind = "chain"

    def vectors(self) -> dict[str, np.ndarray]:
        start = np.linspace(0.5, 1.0, self.width, dtype=np.float32)
        return {"y": start, "a": 1.005 - np.float32(0.01) * start, "w": 1.01 - np.float32(0.01) * start}

    def leaves(self) -> tuple[str, ...]:
        """The names of the vectors that need gradients."""
        return ("y", "w") if self.operation in USE_W else ("y",)

    def compute(self, y: Any, a: Any, w: Any, tanh: Any, sigmoid: Any) -> Any:
        """The end of the chain, with the two functions of whoever computes it."""
        step = CHAINS[self.operation]
        for _ in range(self.length // OPERATIONS.get(self.operation, 1)):
            y = step(y, a, w, tanh, sigmoid)
        return y


def _gate(y: Any, a: Any, w: Any, tanh: Any, sigmoid: Any) -> Any:
    return sigmoid(tanh(y * a + a) - y * w) * a + w


CHAINS = {
    "y * a": lambda y, a, w, tanh, sigmoid: y * a,
    "y + a": lambda y, a, w, tanh, sigmoid: y + a,
    "y * w": lambda y, a, w, tanh, sigmoid: y * w,
    "y * 1.001": lambda y, a, w, tanh, sigmoid: y * 1.001,
    "tanh(y)": lambda y, a, w, tanh, sigmoid: tanh(y),
    "mix": _gate,
}
#: operations in one turn of a chain, where that is not 1
OPERATIONS = {"mix": 8}
USE_W = ("y * w", "mix")


@dataclass(frozen=True)
class Update:
    """One step of an optimizer (of `OPTIMIZERS`) over tensors of `size` numbers each, with given gradients."""

    optimizer: str
    tensors: int
    size: int = 1000

    kind = "update"

    def arrays(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Parameters and their gradients."""
        random = np.random.default_rng(2)
        parameters, gradients = (
            [random.standard_normal(self.size, np.float32) for _ in range(self.tensors)] for _ in range(2)
        )
        return parameters, gradients


@dataclass(frozen=True)
class SparseUpdate:
    """A step on an embedding table (rows, features) of which `touched` rows have gradients: lookup, backward, update.

    optimizer: "sgd", here without momentum, or "adagrad". A dense gradient would lead to the same values.
    mode: what an optimizer with a choice makes of the other rows, "lazy" (nothing, ever) or "exact".
    """

    optimizer: str
    rows: int
    touched: int
    mode: str
    features: int = 16

    kind = "sparse"

    def options(self) -> dict[str, Any]:
        """Of the optimizer, by PyTorch's names."""
        return {name: value for name, value in OPTIMIZERS[self.optimizer][1].items() if name != "momentum"}

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The table, the rows that are looked up, each of them twice, and the gradients of what was found."""
        random = np.random.default_rng(5)
        table = random.random((self.rows, self.features), np.float32)
        found = np.tile(random.choice(self.rows, self.touched, replace=False), 2)
        return table, found, random.standard_normal((2 * self.touched, self.features), np.float32)

    def seen(self, table: np.ndarray) -> list[np.ndarray]:
        """What is compared: the touched rows, and the sum of all."""
        return [table[self.arrays()[1]], table.sum(0, np.float64)]


#: what a training step consists of, in this order
PARTS = ("zero_grad", "forward", "loss", "backward", "optimizer")


@dataclass(frozen=True)
class Part:
    """One of the `PARTS` of a training step, timed by itself while the whole step runs."""

    training: Training
    part: str

    kind = "part"


@dataclass(frozen=True)
class Epoch:
    """One pass over images in a given order, batches drawn as the peer's users draw them; the rest is dropped."""

    training: Training
    images: Any = field(repr=False, compare=False)  # () -> (x, y), called in the process that needs them

    kind = "epoch"

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images (n, features), labels (n,) and the order (n,) in which they come, cut to whole batches."""
        x, y = self.images()
        whole = len(x) // self.training.batch * self.training.batch
        return x, y, np.random.default_rng(3).permutation(len(x))[:whole]
