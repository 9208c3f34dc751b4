"""`NetworkClassifier` and `NetworkRegressor`: parameters, training, labels and targets, weights, files, devices."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

import minigrad
from minigrad import nn, optim
from minigrad.backend.random import default_states
from minigrad.train import NonFiniteError
from minigrad.train.estimators import NetworkClassifier, NetworkRegressor

X, Y = make_classification(120, 6, n_informative=4, n_classes=3, class_sep=1.5, random_state=0)
X_R, Y_R = make_regression(120, 4, n_informative=3, random_state=0)
Y_R = Y_R / Y_R.std()


def classifier(**parameters):
    return NetworkClassifier(**{"epochs": 8, "lr": 0.01, "random_state": 0, **parameters})


def outputs(**parameters):
    """The probabilities of a classifier that has been trained on X and Y."""
    return classifier(**parameters).fit(X, Y).predict_proba(X)


# -- parameters ----------------------------------------------------------------------------------------------------


def test_options_of_the_optimizer_are_parameters():
    network = NetworkClassifier(lr=0.1, optimizer__alpha=0.9)
    assert network.get_params()["optimizer__alpha"] == 0.9
    assert clone(network).get_params() == network.get_params()
    assert repr(network) == "NetworkClassifier(lr=0.1, optimizer__alpha=0.9)"
    again = clone(network).set_params(optimizer__eps=1e-6, epochs=3)
    assert again.get_params() == {**network.get_params(), "optimizer__eps": 1e-6, "epochs": 3}
    assert again.set_params(optimizer__alpha=0.5).get_params()["optimizer__alpha"] == 0.5
    assert network.get_params()["optimizer__alpha"] == 0.9


def test_options_reach_the_optimizer():
    made = []

    class Noted(optim.RMSprop):
        def __init__(self, params, **options):
            made.append(options)
            super().__init__(params, **options)

    classifier(optimizer=Noted, optimizer__alpha=0.9, lr=0.5, weight_decay=0.1, epochs=1).fit(X, Y)
    classifier(optimizer=Noted, lr=None, epochs=1).fit(X, Y)
    assert made == [{"alpha": 0.9, "lr": 0.5, "weight_decay": 0.1}, {}]


@pytest.mark.parametrize("same", [optim.RMSprop, "RMSprop", lambda params, lr: optim.RMSprop(params, lr=lr)])
def test_an_optimizer_is_a_name_a_class_or_a_function(same):
    assert (outputs(optimizer=same) == outputs(optimizer="rmsprop")).all()
    assert (outputs(optimizer="adam") != outputs(optimizer="rmsprop")).any()


@pytest.mark.parametrize("same", [nn.LeakyReLU, "LeakyReLU", lambda: nn.LeakyReLU(0.01)])
def test_an_activation_is_a_name_a_class_or_a_function(same):
    assert (outputs(activation=same) == outputs(activation="leakyrelu")).all()
    assert (outputs(activation="relu") != outputs(activation="leakyrelu")).any()


def test_hidden_layers():
    def widths(hidden):
        network = classifier(hidden=hidden, epochs=1).fit(X, Y).network_
        return [tuple(layer.weight.shape) for layer in network if isinstance(layer, nn.Linear)]

    assert widths((7, 5)) == [(7, 6), (5, 7), (3, 5)]
    assert widths(np.array([4])) == widths(4) == [(4, 6), (3, 4)]
    assert widths(()) == [(3, 6)]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"optimizer": "rmsporp"}, ValueError, r"optimizer='rmsporp' is unknown: choose one of .*rmsprop"),
        ({"activation": "optimizer"}, ValueError, r"activation='optimizer' is unknown: choose one of relu, .*tanh"),
        ({"optimizer__alhpa": 0.9}, ValueError, "RMSprop has no option 'alhpa', but lr, alpha, eps"),
        ({"optimizer__lr": 0.9}, ValueError, "lr is given twice: as lr and as optimizer__lr"),
        ({"optimizer": "sgd", "optimizer__alpha": 0.9}, ValueError, "SGD has no option 'alpha', but lr, momentum"),
        ({"optimizer__alpha": 2}, ValueError, "alpha"),
        ({"hidden": (8, 0)}, ValueError, r"hidden holds the widths of layers, such as \(64, 32\), got \(8, 0\)"),
        ({"hidden": "8"}, ValueError, "hidden holds the widths of layers"),
        ({"hidden": 2.5}, ValueError, "hidden holds the widths of layers"),
        ({"patience": 0}, ValueError, "patience"),
        ({"epochs": 0}, ValueError, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, ValueError, "epochs must be a whole number of at least 1, got 2.5"),
        ({"batch_size": 0}, ValueError, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"validation_fraction": 1.5}, ValueError, "validation_fraction must be at least 0 and less than 1, got 1.5"),
    ],
)
def test_a_wrong_parameter_is_an_error_of_fit(parameters, error, message):
    network = classifier(**parameters)
    with pytest.raises(error, match=message):
        network.fit(X, Y)


def test_an_unknown_parameter_is_an_error_at_once():
    with pytest.raises(TypeError, match=r"NetworkClassifier has no parameter 'alpha'; .* optimizer__alpha=\.\.\."):
        NetworkClassifier(alpha=0.9)
    with pytest.raises(ValueError, match="Invalid parameter 'alpha'"):
        NetworkClassifier().set_params(alpha=0.9)


# -- training ------------------------------------------------------------------------------------------------------


def start(inputs, hidden, outputs):
    """A network whose weights need no random generator."""
    network = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs)).double()
    for p in network.parameters():
        p.data = minigrad.arange(p.numel(), dtype=minigrad.float64).reshape(p.shape).sin() / 3
    return network


@pytest.mark.parametrize("weighted", [False, True])
def test_training_equals_a_loop_written_out(weighted):
    weights = np.linspace(0, 3, len(X)) if weighted else None
    network = start(6, 5, 3)
    optimizer = optim.RMSprop(network.parameters(), lr=0.02, alpha=0.9, eps=1e-4)
    x, y = minigrad.tensor(X), minigrad.tensor(Y)
    w = minigrad.tensor(np.ones(len(X)) if weights is None else weights / weights.mean())
    for _ in range(10):
        optimizer.zero_grad()
        (nn.functional.cross_entropy(network(x), y, reduction="none") * w).mean().backward()
        optimizer.step()
    options = {"lr": 0.02, "optimizer__alpha": 0.9, "optimizer__eps": 1e-4, "epochs": 10, "batch_size": None}
    made = classifier(module=lambda inputs, outputs: start(inputs, 5, outputs), **options).fit(X, Y, weights)
    np.testing.assert_allclose(made.predict_proba(X), nn.functional.softmax(network(x), dim=1).detach(), rtol=1e-9)


def test_history():
    network = classifier(validation_fraction=0.25, batch_size=30).fit(X, Y)
    assert network.n_iter_ == len(network.history_) == 8
    assert [row.step for row in network.history_] == list(range(3, 27, 3))
    first, last = network.history_[0], network.history_[-1]
    assert last.training_loss < first.training_loss and last.validation_loss < first.validation_loss
    assert last.validation_accuracy > first.validation_accuracy - 0.1 and last.training_accuracy <= 1
    assert "validation_loss" not in classifier().fit(X, Y).history_[0]


def test_patience_ends_the_training_with_the_best_weights():
    labels = np.random.default_rng(0).integers(0, 2, len(X))  # nothing to be learnt: the validation loss soon grows
    network = classifier(epochs=200, lr=0.02, validation_fraction=0.3, patience=3).fit(X, labels)
    losses = [row.validation_loss for row in network.history_]
    best = int(np.argmin(losses))
    assert network.n_iter_ == best + 1 + 3 < 200
    until = classifier(epochs=best + 1, lr=0.02, validation_fraction=0.3).fit(X, labels)
    assert (network.predict_proba(X) == until.predict_proba(X)).all()


def test_patience_without_validation_looks_at_the_training_loss():
    network = classifier(epochs=50, optimizer="sgd", lr=0.0, patience=2).fit(X, Y)
    assert network.n_iter_ < 50


def samples_seen(features, labels, **parameters):
    """What a network sees in turn: arrays of samples."""
    seen = []

    def module(inputs, outputs):
        network = nn.Linear(inputs, outputs)
        network.register_forward_pre_hook(lambda module, args: seen.append(args[0].numpy().copy()))
        return network

    classifier(module=module, jit=False, batch_size=None, **parameters).fit(features, labels)
    return seen


def test_each_class_has_its_share_of_the_validation_part():
    labels = np.repeat([0, 1], [100, 20])
    features = np.column_stack([labels, np.arange(120.0)])
    training, validation = samples_seen(features, labels, epochs=1, validation_fraction=0.25)
    assert (len(training), training[:, 0].sum()) == (90, 15) and (len(validation), validation[:, 0].sum()) == (30, 5)
    assert {*training[:, 1]} | {*validation[:, 1]} == {*range(120)}
    _, other = samples_seen(features, labels, epochs=1, validation_fraction=0.25, random_state=1)
    assert {*other[:, 1]} != {*validation[:, 1]}


def dropping(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, outputs))


def test_random_state_decides_everything_and_leaves_the_generators_alone():
    minigrad.manual_seed(3)
    before, numpys = default_states(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = outputs(module=dropping, validation_fraction=0.2)
    assert default_states() == before and (np.random.get_state()[1] == numpys).all()  # noqa: NPY002
    minigrad.rand(5)
    assert (outputs(module=dropping, validation_fraction=0.2) == first).all()
    assert (outputs(module=dropping, validation_fraction=0.2, random_state=1) != first).any()


def test_without_a_random_state_each_fit_is_another_one_by_numpys_seed():
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(0)  # noqa: NPY002
        one, two = outputs(random_state=None), outputs(random_state=None)
        np.random.seed(0)  # noqa: NPY002
        assert (outputs(random_state=None) == one).all() and (one != two).any()
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_fits_in_several_threads_do_not_disturb_each_other():
    seeds = [0, 1, 2, 3] * 2
    alone = [outputs(module=dropping, random_state=seed, epochs=20) for seed in seeds]
    with ThreadPoolExecutor(4) as threads:
        together = [*threads.map(lambda seed: outputs(module=dropping, random_state=seed, epochs=20), seeds)]
    assert all((a == b).all() for a, b in zip(alone, together))


def test_the_order_of_samples_changes_with_each_epoch():
    first, second = samples_seen(X, Y, epochs=2)
    assert sorted(first[:, 0]) == sorted(second[:, 0]) == sorted(X[:, 0]) and (first != second).any()


def test_recorded_steps_give_the_same_bits():
    assert (outputs(jit=True, module=dropping) == outputs(jit=False, module=dropping)).all()


def test_a_loss_that_becomes_nan_is_an_error():
    with pytest.raises(NonFiniteError, match="try a smaller learning rate"):
        NetworkRegressor(optimizer="sgd", lr=1e6, random_state=0).fit(X_R, Y_R)


def test_verbose_prints_a_line_for_each_epoch(capsys):
    classifier(epochs=2).fit(X, Y)
    assert capsys.readouterr().out == ""
    classifier(epochs=2, verbose=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("epoch") for line in lines] == [True, True]


# -- what goes in, and what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["c", "a", "b"], [True, False], [-1, 5, 2**40], np.array(["é", 1.5], dtype=object)])
def test_labels_of_any_type(names):
    names = np.asarray(names)
    if names.dtype == object:
        names = np.array([str(name) for name in names], dtype=object)
    labels = names[Y % len(names)]
    network = classifier(epochs=40).fit(X, labels)
    assert network.classes_.tolist() == sorted(names.tolist())
    assert network.predict(X).dtype == labels.dtype and network.score(X, labels) > 0.85
    probabilities = network.predict_proba(X)
    assert probabilities.shape == (120, len(names))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(network.predict_log_proba(X)), probabilities)
    assert (network.classes_[probabilities.argmax(axis=1)] == network.predict(X)).all()


@pytest.mark.parametrize("targets", [1, 3])
def test_targets_have_the_shape_that_they_were_given_in(targets):
    wide = Y_R[:, None] * np.arange(1, targets + 1)
    network = NetworkRegressor(epochs=60, lr=0.01, random_state=0)
    assert network.fit(X_R, wide).predict(X_R).shape == (120, targets)
    assert network.score(X_R, wide) > 0.9
    assert network.fit(X_R, Y_R).predict(X_R).shape == (120,)


def test_targets_far_from_zero_are_scaled_by_scikit_learn():
    network = TransformedTargetRegressor(NetworkRegressor(epochs=60, random_state=0), transformer=StandardScaler())
    assert network.fit(X_R, 1000 * Y_R + 5000).score(X_R, 1000 * Y_R + 5000) > 0.9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_computed_with_is_the_features_dtype(dtype):
    network = classifier().fit(X.astype(dtype), Y)
    assert {str(p.dtype) for p in network.network_.parameters()} == {f"minigrad.{dtype}"}
    assert network.predict_proba(X).dtype == dtype
    regressor = NetworkRegressor(epochs=2).fit(X_R.astype(dtype), Y_R)
    assert regressor.predict(X_R.astype("float32")).dtype == dtype


def test_whole_numbers_become_float64():
    assert classifier().fit(X.astype(int), Y).predict_proba(X).dtype == "float64"


def test_samples_of_weight_zero_teach_nothing():
    wrong = np.where(np.arange(120) % 2, Y, (Y + 1) % 3)
    network = classifier(epochs=40).fit(X, wrong, sample_weight=np.arange(120) % 2)
    assert network.score(X[1::2], Y[1::2]) > 0.9 > 0.4 > network.score(X[::2], wrong[::2])
    half = classifier(epochs=1, batch_size=None).fit(X, Y, np.full(120, 0.5))
    assert (half.predict_proba(X) == outputs(epochs=1, batch_size=None)).all()


def test_the_losses_of_several_targets_have_one_weight_per_sample():
    wide = np.column_stack([Y_R, -Y_R])
    weights = np.random.default_rng(0).integers(0, 3, 120)
    network = NetworkRegressor(epochs=5, batch_size=None, random_state=0)
    repeated = clone(network).fit(X_R.repeat(weights, axis=0), wide.repeat(weights, axis=0))
    weighted = network.fit(X_R, wide, weights)
    np.testing.assert_allclose(weighted.predict(X_R), repeated.predict(X_R), rtol=1e-6)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((120, 1)), r"one number for each sample, got an array of shape \(120, 1\)"),
        (np.ones(119), "inconsistent numbers of samples"),
        (-np.ones(120), "must not be negative, got -1.0"),
        (np.zeros(120), "zero for all samples"),
        (np.full(120, np.nan), "NaN"),
    ],
)
def test_wrong_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, Y, sample_weight=weights)


def test_a_fit_that_failed_leaves_an_estimator_that_is_not_fitted():
    network = classifier(optimizer="rmsporp")
    with pytest.raises(ValueError, match="rmsporp"):
        network.fit(X, Y)
    with pytest.raises(NotFittedError):
        network.predict(X)


def test_sparse_features_are_refused_as_by_scikit_learn():
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        classifier().fit(sparse.csr_array(X), Y)


def test_predicting_many_rows_is_done_in_blocks(monkeypatch):
    network = classifier().fit(X, Y)
    whole = network.predict_proba(X)
    sizes = []
    network.network_.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    monkeypatch.setattr("minigrad.train.network._BLOCK", 50)
    np.testing.assert_allclose(network.predict_proba(X), whole, rtol=1e-12)
    assert sizes == [50, 50, 20]


def test_predicting_is_done_in_eval_mode():
    network = classifier(module=dropping).fit(X, Y)
    network.network_.train()
    assert (network.predict_proba(X) == network.predict_proba(X)).all()


@pytest.mark.parametrize("made", [classifier(optimizer__alpha=0.9), NetworkRegressor(epochs=2)])
def test_a_pickle_predicts_the_same(made):
    made.fit(X, Y)
    again = pickle.loads(pickle.dumps(made))
    assert (again.predict(X) == made.predict(X)).all()
    assert again.get_params() == made.get_params()
    assert [row.training_loss for row in again.history_] == [row.training_loss for row in made.history_]
    again.set_params(epochs=1).fit(X, Y)
    assert (again.n_iter_, made.n_iter_) == (1, made.epochs)


def test_on_a_device(device):
    network = classifier(device=device, validation_fraction=0.2, epochs=30).fit(X, Y)
    assert next(network.network_.parameters()).device.type == device
    assert isinstance(network.predict_proba(X), np.ndarray)
    assert network.score(X, Y) > 0.8
    regressor = NetworkRegressor(device=device, epochs=2).fit(X_R, Y_R, sample_weight=np.ones(120))
    assert isinstance(regressor.predict(X_R), np.ndarray)


# -- the extra -----------------------------------------------------------------------------------------------------


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_scikit_learn_is_imported_by_the_estimators_alone():
    done = run("import sys, minigrad, minigrad.train; print([m for m in ('sklearn', 'scipy') if m in sys.modules])")
    assert done.stdout == "[]\n", done.stderr


def test_without_scikit_learn_one_sentence_says_what_to_install():
    done = run("import sys; sys.modules['sklearn'] = None; import minigrad.train.estimators")
    assert done.stderr.endswith("estimators needs scikit-learn: pip install 'minigrad-dl[train]'\n")
