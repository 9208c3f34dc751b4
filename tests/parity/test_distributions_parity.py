"""The distributions' values and gradients equal PyTorch's."""

import numpy as np
import pytest

import minigrad
import minigrad.distributions

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
POSITIVE = RNG.random((2, 3)) + 0.1
REAL = RNG.standard_normal((2, 3))
COUNTS = np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
BITS = (REAL > 0).astype(float)

CASES = [
    ("Normal", {"loc": REAL, "scale": POSITIVE}, REAL[:1]),
    ("Uniform", {"low": REAL, "high": REAL + POSITIVE}, REAL + POSITIVE / 3),
    ("Exponential", {"rate": POSITIVE}, POSITIVE[0]),
    ("Bernoulli", {"probs": POSITIVE / 2}, BITS),
    ("Bernoulli", {"logits": REAL * 10}, BITS),
    ("Categorical", {"probs": POSITIVE}, np.array([2.0, 0.0])),
    ("Categorical", {"logits": REAL}, np.array([[1.0], [2.0], [0.0]])),
    ("Multinomial", {"total_count": 4, "probs": POSITIVE}, COUNTS),
    ("Multinomial", {"total_count": 4, "logits": REAL}, COUNTS),
]


def measure(library, name, arguments, value):
    """Everything that a distribution tells of itself and `value`, and the gradients of log_prob."""
    tensors = {
        k: v if k == "total_count" else library.tensor(v, requires_grad=True) for k, v in arguments.items()
    }
    d = getattr(library.distributions, name)(**tensors)
    found = {}
    log_prob = found["log_prob"] = d.log_prob(library.tensor(value))
    log_prob.sum().backward()
    for k, v in tensors.items():
        if k != "total_count":
            found[f"gradient of {k}"] = v.grad
    for k in ("mean", "variance", "stddev", "mode", "probs", "logits", "param_shape", "batch_shape", "event_shape"):
        if name not in ("Uniform", "Multinomial", "Exponential") or k != "mode":
            found[k] = getattr(d, k, None)
    found["entropy"] = d.entropy()
    if name in ("Normal", "Uniform", "Exponential"):
        found["cdf"], found["icdf"] = d.cdf(library.tensor(value)), d.icdf(library.tensor(0.3))
    return found


@pytest.mark.parametrize(("name", "arguments", "value"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_values_and_gradients(name, arguments, value):
    ours, theirs = (measure(library, name, arguments, value) for library in (minigrad, torch))
    for key, expected in theirs.items():
        if expected is None or isinstance(expected, tuple):
            assert ours[key] == expected, key
        else:
            np.testing.assert_allclose(
                np.asarray(ours[key].detach()), expected.detach().numpy(), rtol=1e-7, atol=1e-12, err_msg=key
            )


@pytest.mark.parametrize("name", ["Normal", "Uniform", "Exponential", "Bernoulli", "Categorical"])
def test_divergences(name):
    first = next(arguments for n, arguments, _ in CASES if n == name)
    second = {k: v[::-1].copy() * (1 if name == "Uniform" else 0.7) for k, v in first.items()}

    def divergence(library):
        p, q = (
            getattr(library.distributions, name)(**{k: library.tensor(v) for k, v in given.items()})
            for given in (first, second)
        )
        return np.asarray(library.distributions.kl_divergence(p, q))

    np.testing.assert_allclose(divergence(minigrad), divergence(torch), rtol=1e-9, atol=1e-12)
