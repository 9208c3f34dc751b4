"""scikit-learn's own checks of estimators, all of them."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from minigrad.train.estimators import NetworkClassifier, NetworkRegressor

# On whole batches a weight of 2 equals a sample seen twice, as the checks want: shuffled small batches only tend to it.
ESTIMATORS = [
    NetworkClassifier(lr=0.02, epochs=20, batch_size=None),
    NetworkClassifier(lr=0.02, epochs=20, batch_size=None, patience=5, jit=False, optimizer="adam"),
    NetworkRegressor(lr=0.02, epochs=30, batch_size=None, optimizer__alpha=0.9),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_check(estimator, check):
    check(estimator)


def test_checks_are_made_with_weights_and_none_is_expected_to_fail():
    from sklearn.utils.estimator_checks import estimator_checks_generator

    for estimator in ESTIMATORS:
        names = [getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)]
        assert {"check_sample_weight_equivalence_on_dense_data", "check_fit_idempotent"} <= {*names}, names
        assert len(names) > 50
