"""`Network`: what the estimators share: parameters by scikit-learn's rules, and training by `Trainer`."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor, as_tensor, cat, no_grad, optim
from minigrad.backend.random import default_states, restored
from minigrad.nn import Linear, Module, Sequential
from minigrad.nn import activation as activations
from minigrad.utils.data import DataLoader, TensorDataset

from .early_stopping import EarlyStopping
from .errors import extra
from .metrics import accuracy
from .monitor import usual_monitor
from .trainer import Trainer

extra("sklearn", "scikit-learn", "minigrad.train.estimators")  # one sentence where it is missing

from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.utils import check_array, check_consistent_length, check_random_state  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

#: what begins the name of an option that is handed to the optimizer
OPTION = "optimizer__"

#: dtypes that are computed with; others become the first one
FLOATS = (np.float64, np.float32)

#: rows that are predicted at once
_BLOCK = 4096

#: minigrad's default generators belong to the whole process: fits in several threads take turns
_turn = threading.RLock()


class Network(BaseEstimator):
    """What both estimators share: the parameters, the training and the outputs of the network.

    Args:
        hidden: widths of the hidden layers; () for none.
        activation: a name ("relu", "tanh", "gelu", ...), a class of `minigrad.nn`, or a function that makes a module.
        optimizer: a name ("rmsprop", "adam", ...), a class of `minigrad.optim`, or a function (parameters, **options).
        lr, weight_decay: as of the optimizer; None for its own default.
        epochs: passes over the training samples, at most.
        batch_size: samples in a step; None for all.
        validation_fraction: the part of the samples that is not trained on, but measured after each epoch.
        patience: end the training when the validation loss (without validation the training loss) has not got better
            for so many epochs, with the weights of the best one; None never does.
        module: function (inputs, outputs) -> a module with that many features and outputs, in place of `hidden` and
            `activation`. A search with n_jobs takes a lambda, too; `pickle` does not.
        device: "cpu" or "cuda".
        jit: record the training step and replay it.
        random_state: as in scikit-learn. Weights, dropout, the order of samples and the validation part follow from it;
            minigrad's own generators are left as they were.
        verbose: show a bar and a line for each epoch.
        optimizer__NAME: any option of the optimizer: optimizer__alpha=0.9, optimizer__convention="keras".

    Attributes:
        network_: the trained module. history_: a list of `Epoch`, the losses among them. n_iter_: epochs done.
        n_features_in_, and feature_names_in_ if X has had names.

    Features of float32 are computed with in float32, all others in float64, as by scikit-learn's own networks. A loss
    that becomes NaN raises `NonFiniteError`; in a search such a point scores NaN. `sample_weight` multiplies the loss
    of each sample, after it has been scaled to a mean of 1.
    """

    def __init__(
        self,
        hidden: Any = (32,),
        activation: Any = "relu",
        optimizer: Any = "rmsprop",
        lr: Any = None,
        weight_decay: Any = None,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        module: Any = None,
        device: Any = "cpu",
        jit: bool = True,
        random_state: Any = None,
        verbose: bool = False,
        **optimizer__options: Any,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.module = module
        self.device = device
        self.jit = jit
        self.random_state = random_state
        self.verbose = verbose
        for name in optimizer__options:
            if not name.startswith(OPTION):
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}; options of the optimizer are {OPTION}{name}=..."
                )
        self._options = optimizer__options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, the optimizer's options among them."""
        return {**super().get_params(deep), **self._options}

    def set_params(self, **params: Any) -> Any:
        """Set parameters, and any option of the optimizer."""
        options = {name: params.pop(name) for name in [*params] if name.startswith(OPTION)}
        self._options = {**self._options, **options}
        return super().set_params(**params)

    # -- training ------------------------------------------------------------------------------------------------

    def _train(self, X: Any, target: Any, outputs: int, loss: Any, sample_weight: Any, labels: Any = None) -> None:
        """Train a new network with `outputs` outputs on X (n, features) and the target of `loss` (n, ...)."""
        if not isinstance(self.epochs, int | np.integer) or self.epochs < 1:
            raise ValueError(f"epochs must be a whole number of at least 1, got {self.epochs!r}")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must be at least 0 and less than 1, got {self.validation_fraction}")
        random = check_random_state(self.random_state)
        seed = random.randint(np.iinfo(np.int32).max)
        parts = [X, target] if sample_weight is None else [X, target, _checked_weights(sample_weight, X)]
        held = []
        if self.validation_fraction:
            splits = train_test_split(*parts, test_size=self.validation_fraction, stratify=labels, random_state=random)
            parts, held = splits[::2], splits[1::2]
        with _turn, restored(default_states()):
            minigrad.manual_seed(seed)
            network = self._make_network(X.shape[1], outputs).to(device=self.device, dtype=X.dtype)
            trainer = Trainer(
                network,
                self._make_optimizer(network),
                callbacks=self._callbacks(),
                step_function=_measuring(loss, {} if labels is None else {"accuracy": accuracy}),
                jit=self.jit,
                progress=bool(self.verbose),
            )
            trainer.fit(
                self._loader(parts, shuffle=True),
                self.epochs,
                validation=self._loader(held) if held else None,
            )
        self.network_, self.history_, self.n_iter_ = network.eval(), trainer.history, len(trainer.history)

    def _make_network(self, inputs: int, outputs: int) -> Module:
        if self.module is not None:
            return self.module(inputs, outputs)
        make = _named("activation", self.activation, Module, activations)
        layers: list[Module] = []
        widths = np.atleast_1d(np.asarray(self.hidden, dtype=object)).tolist()
        if not all(isinstance(width, int | np.integer) and width > 0 for width in widths):
            raise ValueError(f"hidden holds the widths of layers, such as (64, 32), got {self.hidden!r}")
        for width in widths:
            layers += [Linear(inputs, width), make()]
            inputs = width
        return Sequential(*layers, Linear(inputs, outputs))

    def _make_optimizer(self, network: Module) -> Any:
        make = _named("optimizer", self.optimizer, optim.Optimizer, optim)
        options = {name.removeprefix(OPTION): value for name, value in self._options.items()}
        for name in "lr", "weight_decay":
            if getattr(self, name) is not None:
                if name in options:
                    raise ValueError(f"{name} is given twice: as {name} and as {OPTION}{name}")
                options[name] = getattr(self, name)
        known = inspect.signature(make.__init__ if isinstance(make, type) else make).parameters  # type: ignore[misc]
        unknown = [name for name in options if name not in known]
        if unknown and all(p.kind is not p.VAR_KEYWORD for p in known.values()):
            names = ", ".join([*known][2 if isinstance(make, type) else 1 :])
            raise ValueError(f"the optimizer {make.__name__} has no option {unknown[0]!r}, but {names}")
        return make(network.parameters(), **options)

    def _callbacks(self) -> list[EarlyStopping]:
        if self.patience is None:
            return []
        return [EarlyStopping(usual_monitor(bool(self.validation_fraction)), self.patience)]

    def _loader(self, parts: list[Any], **options: Any) -> DataLoader:
        size = len(parts[0]) if self.batch_size is None else self.batch_size
        return DataLoader(TensorDataset(*(as_tensor(part, device=self.device) for part in parts)), size, **options)

    # -- using it ------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Tensor:
        """What the network makes of X (n, features): a tensor (n, outputs), on the CPU."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        dtype = next(self.network_.parameters()).dtype
        network = self.network_.eval()
        with no_grad():
            blocks = as_tensor(X, dtype=dtype, device=self.device).split(_BLOCK)
            return cat([network(block) for block in blocks]).cpu()


def _measuring(loss: Callable[..., Tensor], metrics: dict[str, Callable[..., Tensor]]) -> Callable[..., Any]:
    """What a step measures on a batch (x, target), or (x, target, weights)."""

    def measure(network: Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        x, target, *weights = batch
        output = network(x)
        values = {name: metric(output, target) for name, metric in metrics.items()}
        if not weights:
            return loss(output, target), values
        losses = loss(output, target, reduction="none").reshape(len(x), -1).mean(dim=1)
        return (losses * weights[0]).mean(), values

    return measure


def _checked_weights(weights: Any, X: Any) -> Any:
    """Weights of the samples, scaled to a mean of 1."""
    weights = check_array(weights, ensure_2d=False, dtype=X.dtype, input_name="sample_weight")
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must have one number for each sample, got an array of shape {weights.shape}")
    check_consistent_length(X, weights)
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative, got {weights.min()}")
    if not weights.any():
        raise ValueError("sample_weight is zero for all samples: there is nothing to learn from")
    return weights / weights.mean()


def _named(parameter: str, given: Any, family: type, place: Any) -> Any:
    """The class of `place` that a name means; what is no name is returned as it is."""
    if not isinstance(given, str):
        return given
    classes = [c for c in vars(place).values() if isinstance(c, type) and issubclass(c, family) and c is not family]
    known = {c.__name__.lower(): c for c in classes if not c.__name__.startswith("_")}
    if given.lower() not in known:
        raise ValueError(f"{parameter}={given!r} is unknown: choose one of {', '.join(known)}, or give a class")
    return known[given.lower()]
