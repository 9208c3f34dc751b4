"""Networks as scikit-learn estimators: `NetworkClassifier`, `NetworkRegressor`.

    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from minigrad.train.estimators import NetworkClassifier

    network = make_pipeline(StandardScaler(), NetworkClassifier(optimizer="rmsprop", epochs=20, random_state=0))
    search = GridSearchCV(network, {
        "networkclassifier__lr": [1e-3, 1e-2],
        "networkclassifier__optimizer__alpha": [0.9, 0.99],
        "networkclassifier__optimizer__eps": [1e-8, 1e-6],
    }, n_jobs=2)
    search.fit(X, y)

`minigrad.train` does not import this file: it needs scikit-learn (1.6 or later). Where a search runs is up to joblib:
`with joblib.parallel_config(backend="dask"): search.fit(X, y)` spreads it over a cluster, and nothing here changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.functional import cross_entropy, log_softmax, mse_loss, softmax

from .network import FLOATS, Network  # first: it says in one sentence that scikit-learn is missing

# isort: split
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data


class NetworkClassifier(ClassifierMixin, Network):
    """A network that tells classes apart. Its parameters and attributes are those of `Network`.

    Labels may be of any type; `classes_` holds them in order. There is an output for each of them, softmax makes
    probabilities of the outputs, and cross entropy is the loss. The score is the accuracy: `history_` has it as
    training_accuracy and validation_accuracy. The samples held back for validation have their share of each class.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = NetworkClassifier(lr=0.003, optimizer__alpha=0.9, epochs=30, random_state=0).fit(X, y)
    >>> network.score(X, y) > 0.9, network.predict_proba(X[:2]).shape
    (True, (2, 3))
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetworkClassifier:
        """Train on X (n, features) and labels y (n,), with weights (n,) of at least 0."""
        X, y = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self._train(X, numbers, len(self.classes_), cross_entropy, sample_weight, numbers)
        return self

    def predict(self, X: Any) -> Any:
        """The most probable label of each row, (n,)."""
        best = self._outputs(X).argmax(dim=1).numpy()
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, in the order of `classes_`: (n, classes)."""
        return softmax(self._outputs(X), dim=1).numpy()

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithm of `predict_proba`."""
        return log_softmax(self._outputs(X), dim=1).numpy()


class NetworkRegressor(RegressorMixin, Network):
    """A network that predicts numbers, one or several for each row, by the least squared error. Its parameters and
    attributes are those of `Network`.

    Targets are learnt as they are. Where they are far from 0 or from a spread of 1, scale them:
    `TransformedTargetRegressor(NetworkRegressor(), transformer=StandardScaler())` of scikit-learn.

    >>> X = np.linspace(-2, 2, 100).reshape(-1, 1)
    >>> y = np.sin(X[:, 0])
    >>> NetworkRegressor(activation="tanh", lr=0.01, random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetworkRegressor:
        """Train on X (n, features) and targets y, (n,) or (n, targets), with weights (n,) of at least 0."""
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        target = y.reshape(len(y), -1).astype(X.dtype)
        self._shape = y.shape[1:]
        self._train(X, target, target.shape[1], mse_loss, sample_weight)
        return self

    def predict(self, X: Any) -> Any:
        """The numbers for each row: (n,) or (n, targets), as y was."""
        outputs = self._outputs(X).numpy()
        return outputs.reshape(len(outputs), *self._shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
