"""NumPy's functions on tensors: computed by minigrad and differentiable, or by NumPy on the plain array."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

A = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def t(device):
    return minigrad.tensor(A, device=device, requires_grad=True)


def values(x):
    """The numbers of a result, however it is nested."""
    if isinstance(x, (list, tuple)):
        return [values(part) for part in x]
    return x.detach().cpu().numpy() if isinstance(x, minigrad.Tensor) else x


# name, arguments behind the tensor, keywords: NumPy's calls that come out as differentiable tensors
DIFFERENTIABLE = [
    ("sum", (), {}), ("sum", (0,), {}), ("sum", (), {"axis": (0, 1), "keepdims": True}), ("prod", (), {"axis": 1}),
    ("mean", (), {"axis": -1}), ("std", (), {}), ("std", (0,), {"ddof": 1}), ("var", (), {"axis": 1, "keepdims": True}),
    ("max", (), {}), ("max", (1,), {}), ("min", (), {"axis": 0}), ("amax", (), {"axis": (0, 1)}), ("cumsum", (), {}),
    ("cumsum", (1,), {}), ("cumprod", (0,), {}), ("diff", (), {}), ("sort", (), {"axis": 0}), ("clip", (2, 5), {}),
    ("clip", (), {"a_min": 2, "a_max": None}), ("reshape", ((3, 2),), {}), ("reshape", (-1,), {}), ("ravel", (), {}),
    ("squeeze", (), {}), ("expand_dims", (0,), {}), ("expand_dims", ((0, 3),), {}), ("transpose", (), {}),
    ("transpose", ((1, 0),), {}), ("swapaxes", (0, 1), {}), ("moveaxis", (0, -1), {}),
    ("broadcast_to", ((4, 2, 3),), {}),
    ("tile", (2,), {}), ("tile", ((2, 1),), {}), ("repeat", (2,), {}), ("repeat", (2, 1), {}),
    ("repeat", ([1, 2, 0],), {"axis": 1}), ("roll", (1,), {}), ("roll", (1,), {"axis": 0}), ("flip", (), {}),
    ("flip", (0,), {}), ("fliplr", (), {}), ("rot90", (), {}), ("split", (3, 1), {}), ("split", ([1], 1), {}),
    ("array_split", (2,), {"axis": 1}), ("vsplit", (2,), {}), ("take", ([0, 5],), {}), ("take", ([2, 0],), {"axis": 1}),
    ("diag", (), {}), ("diagonal", (1,), {}), ("tril", (), {"k": -1}), ("triu", (1,), {}), ("trace", (), {}),
    ("quantile", (0.5,), {"axis": 1}), ("nan_to_num", (), {}), ("linalg.norm", (), {}),
    ("linalg.norm", (1,), {"axis": 0}), ("exp", (), {}), ("absolute", (), {}), ("add", (A,), {}),
    ("multiply", (2,), {}), ("power", (2,), {}),
    ("rint", (), {}), ("maximum", ([2, 9, 3],), {}), ("arctan2", (1.0,), {}), ("float_power", (2,), {}),
    ("degrees", (), {}),
]  # fmt: skip


def find(name):
    found = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(("name", "args", "kw"), DIFFERENTIABLE, ids=lambda v: v if isinstance(v, str) else "")
def test_what_numpy_computes_and_a_gradient(name, args, kw, t, device):
    if device == "cuda" and any(isinstance(a, np.ndarray) for a in args):
        pytest.skip("NumPy's arrays do not mix with tensors on a GPU")
    function = find(name)
    got, expected = function(t, *args, **kw), function(A, *args, **kw)
    for g, e in zip(*((got, expected) if isinstance(expected, list) else ([got], [expected])), strict=True):
        assert isinstance(g, minigrad.Tensor) and g.device == t.device
        assert g.shape == e.shape and g.requires_grad
        np.testing.assert_allclose(values(g), e, rtol=1e-5)


def test_values_without_a_gradient(t):
    for name, args, kw in [
        ("argmax", (), {}), ("argmin", (), {"axis": 1}), ("argsort", (), {}), ("argsort", (), {"axis": None}),
        ("any", (), {}), ("all", (), {"axis": 0, "keepdims": True}), ("count_nonzero", (), {}), ("nonzero", (), {}),
        ("argwhere", (), {}), ("flatnonzero", (), {}), ("where", (), {}), ("isnan", (), {}), ("greater", (2,), {}),
        ("shape", (), {}), ("ndim", (), {}), ("size", (), {}), ("size", (1,), {}), ("zeros_like", (), {}),
        ("full_like", (3,), {}), ("ones_like", (), {"dtype": np.int64}),
    ]:  # fmt: skip
        got, expected = find(name)(t, *args, **kw), find(name)(A, *args, **kw)
        if name in ("shape", "ndim", "size"):
            assert got == expected
        for g, e in zip(*((got, expected) if isinstance(expected, tuple) else ([got], [expected])), strict=True):
            np.testing.assert_array_equal(values(g), e, err_msg=name)
    assert np.ones_like(t).device == t.device and not np.ones_like(t).requires_grad


def test_operators_with_arrays_and_numbers_on_the_left():
    t = minigrad.tensor(A, requires_grad=True)
    for got, expected in [
        (A * t, A * A), (A + t, A + A), (A - t, A - A), (A / t, A / A), (A**t, A**A), (A // t, A // A), (A % t, A % A),
        (A.T @ t, A.T @ A), (np.float64(2) * t, 2 * A), (np.float32(2) ** t, 2**A), (np.int64(7) - t, 7 - A),
        (t * A, A * A), (t - np.float64(1), A - 1), (np.array(3.0) * t, 3 * A),
    ]:  # fmt: skip
        assert isinstance(got, minigrad.Tensor) and got.requires_grad and got.dtype is minigrad.float32
        np.testing.assert_allclose(values(got), expected, rtol=1e-5)
    for got, expected in [(t > A, A < A), (t == A, A == A), (np.float64(2) >= t, A <= 2), (t != A, A != A)]:
        assert got.dtype is minigrad.bool and (values(got) == expected).all()
    counts = minigrad.tensor([1, 6])
    assert (np.array([3, 3]) & counts).tolist() == [1, 2] and (np.array([1, 1]) << counts).tolist() == [2, 64]
    assert (A.astype(np.float64) * t).dtype is minigrad.float64  # arrays of both count alike


def test_gradients_are_right():
    t = minigrad.tensor(A, requires_grad=True)
    np.sum(np.exp(t) * A + np.concatenate([t, A])[:2]).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.exp(A) * A + 1, rtol=1e-5)
    u = minigrad.tensor(A, requires_grad=True)
    np.std(u).backward()
    np.testing.assert_allclose(u.grad.numpy(), (A - A.mean()) / (A.size * A.std()), rtol=1e-4)


def test_joining(t, device):
    other = minigrad.tensor(A, device=device)
    for name in ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"):
        got, expected = find(name)([t, other]), find(name)([A, A])
        assert got.requires_grad and (values(got) == expected).all()
    assert np.concatenate((t, other), axis=None).shape == (12,)
    assert np.where(other > 2, t, 0).requires_grad
    np.testing.assert_array_equal(values(np.where(other > 2, t, 0)), np.where(A > 2, A, 0))


def test_products(t, device):
    v = minigrad.tensor(A[0], device=device)
    for got, expected in [
        (np.dot(t, v), A @ A[0]), (np.dot(t, t.T), A @ A.T), (np.dot(v, v), A[0] @ A[0]), (np.matmul(t, v), A @ A[0]),
        (np.inner(t, v), np.inner(A, A[0])), (np.outer(t, v), np.outer(A, A[0])), (np.vdot(t, t), np.vdot(A, A)),
        (np.tensordot(t, t, axes=2), np.tensordot(A, A)), (np.kron(v, t), np.kron(A[0], A)),
        (np.cross(t, v), np.cross(A, A[0])), (np.einsum("ij,kj->ik", t, t), A @ A.T),
        (np.dot(t, minigrad.tensor(2.0, device=device)), A * 2),
    ]:  # fmt: skip
        np.testing.assert_allclose(values(got), expected, rtol=1e-5)
        assert isinstance(got, minigrad.Tensor)
    big = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    x = minigrad.tensor(big, device=device)
    np.testing.assert_allclose(values(np.dot(x, x.transpose(1, 2))), np.dot(big, big.transpose(0, 2, 1)), rtol=1e-5)
    square = np.array([[2.0, 1.0], [1.0, 3.0]], dtype=np.float32)
    s = minigrad.tensor(square, device=device, requires_grad=True)
    np.testing.assert_allclose(values(np.linalg.inv(s)), np.linalg.inv(square), rtol=1e-4)
    np.testing.assert_allclose(values(np.linalg.norm(s, 2)), np.linalg.norm(square, 2), rtol=1e-5)
    assert np.linalg.det(s).requires_grad


def test_numpys_meaning_where_pytorchs_differs():
    t = minigrad.tensor(A)
    assert values(np.std(t)) == pytest.approx(A.std()) and values(np.std(t, ddof=1)) == pytest.approx(t.std().item())
    assert [part.shape for part in np.split(t, 3, axis=1)] == [(2, 1)] * 3
    with pytest.raises(ValueError, match="3 elements cannot be split into 2 equal parts"):
        np.split(t, 2, axis=1)
    assert np.repeat(t[0], 2).tolist() == [1, 1, 2, 2, 3, 3]
    assert [part.tolist() for part in np.nonzero(t > 4)] == [[1, 1], [1, 2]]
    assert [g.shape for g in np.meshgrid(t[0], t[:, 0])] == [(2, 3), (2, 3)]
    with pytest.raises(ValueError, match="cannot be squeezed"):
        np.squeeze(t, 0)
    assert isinstance(np.median(t), np.floating) and np.median(t) == 3.5
    assert np.mean(minigrad.tensor([1, 2])).item() == 1.5 and np.mean(minigrad.tensor([1, 2])).dtype is minigrad.float32
    histogram, _ = np.histogram(t, bins=2)
    assert type(histogram) is np.ndarray and histogram.tolist() == [3, 3]


def test_functions_without_a_counterpart_get_the_array():
    t = minigrad.tensor(A)
    assert type(np.cbrt(t)) is np.ndarray and type(np.gradient(t[0])) is np.ndarray
    assert np.percentile(t, 50) == 3.5 and np.ptp(t) == 5 and np.array_equal(t, A) and np.average(t, weights=t) > 4
    assert type(np.sum(t, initial=3)) is np.float32 and np.sum(t, initial=3) == 24
    assert np.pad(t, 1).shape == (4, 5) and np.interp(1.5, t[0], t[0]) == 1.5
    assert np.add.accumulate(t[0]).tolist() == [1, 3, 6] and np.multiply.outer(t[0], t[0]).shape == (3, 3)
    assert np.polyfit(t[0], 2 * t[0], 1)[0] == pytest.approx(2)
    fraction, whole = np.modf(t)
    assert type(whole) is np.ndarray and fraction.sum() == 0


def test_reductions_of_ufuncs(t):
    for name in ("add", "multiply", "maximum", "minimum"):
        for kw in ({}, {"axis": 1}, {"axis": None}, {"axis": 0, "keepdims": True}):
            got, expected = find(name).reduce(t, **kw), find(name).reduce(A, **kw)
            np.testing.assert_allclose(values(got), expected)
            assert got.requires_grad
    assert bool(np.logical_and.reduce(t > 0, axis=None))


def test_where_a_gradient_would_be_lost_the_error_says_detach():
    t = minigrad.tensor(A, requires_grad=True)
    out = np.zeros_like(A)
    for call in (
        lambda: np.cbrt(t), lambda: np.median(t), lambda: np.add(t, 1, out=out), lambda: np.array(t),
        lambda: np.asarray(t), lambda: np.sum(t, initial=1), lambda: np.add.accumulate(t), lambda: np.savetxt("x", t),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match=r"requires a gradient: call it on \.detach\(\), or inside no_grad\(\)"):
            call()
    with minigrad.no_grad():
        assert np.add(t, 1, out=out) is out and (out == A + 1).all()
        assert type(np.cbrt(t)) is np.ndarray


def test_results_into_arrays_and_tensors():
    t, out = minigrad.tensor(A), np.zeros_like(A)
    assert np.exp(t, out=out) is out and (out == np.exp(A)).all()
    out += t
    np.testing.assert_allclose(out, np.exp(A) + A)
    np.copyto(out, t)
    out[:] = t * 2
    out[0, 1:] = t[0, :2]
    assert out[0].tolist() == [2, 1, 2]
    into = minigrad.zeros(2, 3)
    assert np.exp(t, out=into) is into and np.cbrt(t, out=into) is into and into[0, 0].item() == 1
    assert np.cumsum(t[0], out=minigrad.zeros(3)).tolist() == [1, 3, 6]
    version = into._version
    np.add.at(into, ([0, 0], [0, 0]), 1)
    assert into[0, 0].item() == 3 and into._version == version + 1


def test_on_a_gpu_the_error_says_cpu(device):
    if device == "cpu":
        pytest.skip("needs a GPU, or the stand-in")
    t = minigrad.ones(2, device=device)
    assert np.exp(t).is_cuda and np.multiply(2, t).is_cuda and np.concatenate([t, t]).is_cuda
    for call in (lambda: np.asarray(t), lambda: np.cbrt(t), lambda: np.median(t)):
        with pytest.raises(TypeError, match=r"got a tensor on cuda:0: copy it to the CPU first, with \.cpu\(\)"):
            call()
    with pytest.raises(RuntimeError, match="different devices"):
        np.ones(2) * t


def test_arrays_of_tensors():
    t = minigrad.tensor(A)
    assert np.shares_memory(np.asarray(t), t.numpy()) and not np.shares_memory(np.array(t), t.numpy())
    assert np.asarray(t, dtype=np.float64).dtype == np.float64 and np.asarray(t, copy=False).dtype == np.float32
    with pytest.raises(ValueError, match="needs a copy"):
        np.asarray(t, dtype=np.int64, copy=False)
    assert np.array([t[0, 0], t[1, 2]]).tolist() == [1, 6] and np.array([t[0], t[1]]).tolist() == A.tolist()
    a = np.zeros(3)
    a[0], a[minigrad.tensor(1)], a[2] = t[0, 1], 5, minigrad.tensor(2.5, requires_grad=True)
    assert a.tolist() == [2, 5, 2.5]
    assert np.arange(5)[minigrad.tensor([1, 3])].tolist() == [1, 3] and ["a", "b"][minigrad.tensor(1)] == "b"


def test_functions_given_only_arrays_return_arrays():
    """A documented departure from PyTorch, which refuses them."""
    relu = minigrad.nn.functional.relu
    for f in (minigrad.exp, minigrad.sum, minigrad.sort, lambda a: minigrad.matmul(a, a.T), relu):
        got = f(A)
        assert type(got[0] if isinstance(got, tuple) else got) is np.ndarray
    np.testing.assert_allclose(minigrad.nn.functional.relu(A - 3), np.maximum(A - 3, 0))
    assert isinstance(minigrad.matmul(A, minigrad.tensor(A.T)), minigrad.Tensor)


# -- other libraries ---------------------------------------------------------------------------------------------


def test_numpy_dlpack(device):
    t = minigrad.tensor(A, device=device)
    back = minigrad.from_dlpack(t)
    back[0, 0] = 9
    assert t[0, 0].item() == 9 and back.device == t.device
    if device == "cpu":
        array = np.from_dlpack(t)
        assert np.shares_memory(array, t.numpy())
        source = np.arange(3)
        assert np.shares_memory(minigrad.from_dlpack(source).numpy(), source)
    with pytest.raises(RuntimeError, match=r"cannot be exported: use detach\(\)"):
        t.requires_grad_().__dlpack__()


def test_matplotlib():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    x = minigrad.linspace(0, 1, 20)
    axes.plot(x, x**2)
    axes.plot(x)
    axes.scatter(x, x, c=x)
    axes.hist(x)
    axes.bar(x, x)
    axes.fill_between(x, x, x + 1)
    axes.errorbar(x, x, yerr=x)
    axes.imshow(minigrad.tensor(A))
    axes.contourf(minigrad.tensor(A))
    axes.set_xlim(x[0], x[-1])
    axes.axhline(x.mean())
    axes.text(x[0], x[1], "here")
    figure.canvas.draw()
    plt.close(figure)


def test_sklearn():
    metrics = pytest.importorskip("sklearn.metrics")
    from sklearn.linear_model import LogisticRegression

    y, guess = minigrad.tensor([0, 1, 1, 0]), minigrad.tensor([0, 1, 0, 0])
    assert metrics.accuracy_score(y, guess) == 0.75
    assert metrics.confusion_matrix(y, guess).tolist() == [[2, 0], [1, 1]]
    assert metrics.mean_squared_error(y.float(), guess.float()) == 0.25
    assert metrics.roc_auc_score(y, guess.float()) == 0.75
    x = minigrad.tensor([[0.0], [1.0], [1.1], [0.1]])
    assert LogisticRegression().fit(x, y).predict(x).tolist() == y.tolist()


@pytest.mark.parametrize("convert", [float, int, complex])
def test_conversions_of_several_elements_raise_what_matplotlib_expects(convert):
    for several in (minigrad.ones(2, 2), minigrad.zeros(0)):
        with pytest.raises(ValueError, match="one element"):
            convert(several)
    assert convert(minigrad.ones(1, 1)) == 1
