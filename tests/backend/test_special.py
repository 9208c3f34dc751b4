"""Special functions against Python's math module and against values computed with 30 digits (mpmath)."""

import math
import sys
import types
import warnings

import numpy as np
import pytest

from minigrad.backend import special

inf, nan = math.inf, math.nan
UNARY = [special.erf, special.erfc, special.erfinv, special.lgamma, special.digamma]
names = dict(ids=lambda function: function.__name__)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def relative_error(got, expected):
    got, expected = np.asarray(got, "float64"), np.asarray(expected, "float64")
    return np.max(abs(got - expected) / np.maximum(abs(expected), np.finfo("float64").tiny))


def reference(function, x):
    return np.array([function(value) for value in x.tolist()])


def sweep():
    rng = np.random.default_rng(0)
    tiny = 10.0 ** rng.uniform(-300, 0, 500)
    edges = np.array([0.46875, np.nextafter(0.46875, 1), 4.0, np.nextafter(4.0, 5), 6.0, 26.0])
    wide, near = rng.uniform(-7, 7, 9000), rng.uniform(-0.6, 0.6, 2000)
    return np.concatenate([wide, near, tiny, -tiny, edges, -edges])


# --- accuracy ---------------------------------------------------------------------------------------------


def test_erf_float64():
    x = sweep()
    assert relative_error(special.erf(np, x), reference(math.erf, x)) < 6e-16


def test_erfc_float64():
    x = np.concatenate([sweep(), np.linspace(5, 26.5, 2000)])
    assert relative_error(special.erfc(np, x), reference(math.erfc, x)) < 2e-15


def test_erf_float32():
    """2.1e-7 with the tanh of the NumPy that it was tuned on; another tanh may differ by an ulp."""
    x = np.concatenate([sweep(), np.linspace(-4.5, 4.5, 200_001)]).astype("float32")
    got = special.erf(np, x)
    normal = abs(x) > np.finfo("float32").tiny
    assert relative_error(got[normal], reference(math.erf, x[normal])) < 3e-7
    assert np.all(abs(got) <= 1) and np.all(got[abs(x) > 4.5] == np.sign(x[abs(x) > 4.5]))


@pytest.mark.parametrize("function", [special.erfc, special.erfinv, special.lgamma, special.digamma], **names)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_lower_precision_is_the_rounded_float64_result(function, dtype):
    x = np.linspace(-0.99, 0.99, 500).astype(dtype)
    np.testing.assert_array_equal(function(np, x), function(np, x.astype("float64")).astype(dtype))


def test_erf_float16_is_the_rounded_float32_result():
    x = np.linspace(-4, 4, 500).astype("float16")
    np.testing.assert_array_equal(special.erf(np, x), special.erf(np, x.astype("float32")).astype("float16"))


ERFINV = {
    1e-10: 8.86226925452758046e-11,
    0.1: 0.088855990494257692,
    0.25: 0.225312055012178105,
    -0.5: -0.476936276204469873,
    0.75: 0.813419847597618542,
    0.9: 1.16308715367667416,
    0.99: 1.82138636771844946,
    1 - 2.0**-24: 3.83250685690071091,
    1 - 2.0**-53: 5.86358474875516793,
}


def test_erfinv():
    x = np.array(list(ERFINV))
    assert relative_error(special.erfinv(np, x), list(ERFINV.values())) < 6e-16
    y = np.linspace(-0.5, 5, 500)
    assert relative_error(special.erfinv(np, special.erf(np, y[y < 1])), y[y < 1]) < 2e-15
    tail = 10.0 ** -np.linspace(0.3, 15, 100)
    assert relative_error(special.erfc(np, special.erfinv(np, 1 - tail)), 1 - (1 - tail)) < 1e-13


def test_lgamma():
    rng = np.random.default_rng(0)
    wide, edges = 10.0 ** rng.uniform(-300, 300, 300), [3, np.nextafter(3, 2)]
    x = np.concatenate([rng.uniform(0, 30, 3000), wide, edges])
    expected = reference(math.lgamma, x)
    got = special.lgamma(np, x)
    # math.lgamma itself loses digits near its zeros at 1 and 2
    assert np.max(abs(got - expected) / np.maximum(abs(expected), 1)) < 2e-15
    x = -np.concatenate([rng.uniform(0, 100, 3000), 10.0 ** rng.uniform(-300, 0, 300)])
    expected = reference(math.lgamma, x)
    assert np.max(abs(special.lgamma(np, x) - expected) / np.maximum(abs(expected), 1)) < 5e-14


def test_lgamma_near_its_zeros():
    t = 10.0 ** np.linspace(-14, -4, 200)
    near_one, near_two = 1 + t, 2 - t
    t = near_one - 1
    euler, zeta2 = 0.5772156649015329, math.pi**2 / 6
    assert np.allclose(special.lgamma(np, near_one), t * (zeta2 / 2 * t - euler), rtol=1e-8, atol=0)
    t = near_two - 2
    series = t * ((1 - euler) + (zeta2 - 1) / 2 * t)
    assert np.allclose(special.lgamma(np, near_two), series, rtol=1e-8, atol=0)


# x: derivatives 0 to 3 of digamma
POLYGAMMA = {
    0.001: (-1000.57557193181028, 1000001.64253319583, -2000000002.39763216, 6000000000006.46861),
    0.25: (-4.22745353337626541, 17.1973291545071107, -129.32773993753692, 1538.7821440091884),
    0.5: (-1.96351002602142348, 4.93480220054467931, -16.82879664423432, 97.4090910340024372),
    1.0: (-0.577215664901532861, 1.64493406684822644, -2.40411380631918857, 6.49393940226682915),
    1.5: (0.0364899739785765206, 0.934802200544679309, -0.828796644234319996, 1.40909103400243724),
    2.0: (0.422784335098467139, 0.644934066848226436, -0.404113806319188571, 0.493939402266829149),
    5.0: (1.50611766843180047, 0.221322955737115325, -0.0487897322451144967, 0.021427828192755075),
    10.25: (2.27770479068672397, 0.102474521517991867, -0.0104918985340152828, 0.0021465780199769066),
    1000.0: (6.90725519564881205, 0.00100050016666663333, -1.00100049999983333e-6, 2.003001999999e-9),
    1e10: (23.0258509298904568, 1.00000000005e-10, -1.0000000001e-20, 2.0000000003e-30),
    -0.25: (2.91413912021352783, 18.5418796476716065, 122.69736678366236, 1555.7633125348506),
    -0.5: (0.0364899739785765206, 8.93480220054467931, -0.828796644234319996, 193.409091034002437),
    -3.75: (-1.69238859831133034, 19.5049800605995753, -124.079727133789254, 1558.52009202403434),
    -20.125: (10.6110774329125935, 67.3453990447309608, 1022.29204148358881, 24591.0020968727319),
}


def test_digamma():
    x = np.array(list(POLYGAMMA))
    np.testing.assert_array_equal(special.digamma(np, x), special.polygamma(np, 0, x))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma(n):
    x, expected = np.array(list(POLYGAMMA)), np.array([row[n] for row in POLYGAMMA.values()])
    got = special.polygamma(np, n, x)
    np.testing.assert_allclose(got[x > 0], expected[x > 0], rtol=3e-15, atol=3e-15 if n == 0 else 0)
    np.testing.assert_allclose(got[x < 0], expected[x < 0], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("x", [0.3, 2.5, 17.0, -0.7, -5.2])
def test_polygamma_is_the_derivative_of_the_order_below(n, x):
    h = 1e-5
    below = special.polygamma(np, n, np.array([x - h, x + h]))
    slope = (below[1] - below[0]) / (2 * h)
    np.testing.assert_allclose(special.polygamma(np, n + 1, np.array([x]))[0], slope, rtol=3e-7)


def test_polygamma_order():
    for order in (-1, 0.5):
        with pytest.raises(ValueError, match=f"order is {order}; it must be an integer, 0 or more"):
            special.polygamma(np, order, np.ones(1))


# --- special values, as PyTorch gives them ----------------------------------------------------------------

POINTS = [0.0, -0.0, 1.0, -1.0, -2.0, 2.0, inf, -inf, nan]
SPECIAL = [
    (special.erf, [0.0, -0.0, None, None, None, None, 1.0, -1.0, nan]),
    (special.erfc, [1.0, 1.0, None, None, None, None, 0.0, 2.0, nan]),
    (special.erfinv, [0.0, -0.0, inf, -inf, nan, nan, nan, nan, nan]),
    (special.lgamma, [inf, inf, 0.0, inf, inf, 0.0, inf, inf, nan]),
    (special.digamma, [-inf, inf, None, nan, nan, None, inf, nan, nan]),
]


@pytest.mark.parametrize(("function", "expected"), SPECIAL)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_special_values(function, expected, dtype):
    for x, value in zip(POINTS, expected, strict=True):
        got = function(np, np.array(x, dtype))
        if value is not None:
            np.testing.assert_array_equal(got, np.array(value, dtype))
            assert np.isnan(value) or np.signbit(got) == np.signbit(value)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_polygamma_poles(n):
    pole = inf if n % 2 else -inf
    got = special.polygamma(np, n, np.array([0.0, -0.0, -1.0, -7.0, inf, -inf, nan]))
    np.testing.assert_array_equal(got, [pole, pole, pole, pole, 0.0, nan, nan])


@pytest.mark.parametrize("function", UNARY, **names)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_extreme_values_pass_in_silence(function, dtype):
    info = np.finfo(dtype)
    x = np.array([info.max, info.min, info.tiny, -info.tiny, info.smallest_subnormal, 27.5, 1e4], dtype)
    got = function(np, x)
    if function is special.erf:
        np.testing.assert_array_equal(got[[0, 1, 5, 6]], [1, -1, 1, 1])


# --- arrays -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", UNARY, **names)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (3, 4)])
def test_shapes_and_dtypes(function, dtype, shape):
    got = function(np, np.full(shape, 0.25, dtype))
    assert type(got) is np.ndarray and got.shape == shape and got.dtype == dtype and got.flags.writeable


@pytest.mark.parametrize("function", UNARY, **names)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_strided_read_only_input_of_many_blocks(function, dtype):
    x = np.linspace(0.01, 0.99, 90_000).astype(dtype).reshape(300, 300)
    view = x.T[::-1]
    view.flags.writeable = False
    before = view.copy()
    expected = function(np, np.ascontiguousarray(view[5, 7:9]))
    got = function(np, view)
    # NumPy's vectorised loops and their scalar remainders may differ in the last place
    np.testing.assert_allclose(got[5, 7:9], expected, rtol=4e-7 if dtype == "float32" else 1e-15)
    np.testing.assert_allclose(got, function(np, x).T[::-1], rtol=4e-7 if dtype == "float32" else 1e-15)
    np.testing.assert_array_equal(view, before)
    assert not np.shares_memory(got, x)


# --- CuPy -------------------------------------------------------------------------------------------------


def test_cupy_arrays_go_to_cupyx(monkeypatch):
    """Each function calls the kernel of this name and gives the input's dtype back."""
    called = []

    def kernel(name):
        def call(*arguments):
            called.append((name, arguments[:-1]))
            return arguments[-1].astype("float64") + 1

        return call

    kernels = {name: kernel(name) for name in ("erf", "erfc", "erfinv", "gammaln", "digamma", "zeta")}
    module = types.SimpleNamespace(special=types.SimpleNamespace(**kernels))
    monkeypatch.setitem(sys.modules, "cupyx.scipy", module)
    xp, x = types.SimpleNamespace(__name__="cupy"), np.ones(2, "float16")
    for function in UNARY:
        result = function(xp, x)
        assert result.dtype == "float16" and result.tolist() == [2.0, 2.0]
    assert special.polygamma(xp, 2, x).tolist() == [-4.0, -4.0]  # -2! zeta(3, x)
    assert special.polygamma(xp, 0, x).dtype == "float16"
    names = ["erf", "erfc", "erfinv", "gammaln", "digamma", "zeta", "digamma"]
    assert called == [(name, (3.0,) if name == "zeta" else ()) for name in names]


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_cupy_agrees_with_numpy(dtype):
    cupy = pytest.importorskip("cupy")
    inside = np.linspace(-0.95, 0.95, 200).astype(dtype)
    wide = np.linspace(-5.3, 9, 200).astype(dtype)
    calls = [(function, inside if function is special.erfinv else wide) for function in UNARY]
    calls += [(lambda xp, x, n=n: special.polygamma(xp, n, x), wide) for n in (1, 2)]
    tolerance = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-12}[dtype]
    for function, x in calls:
        got = function(cupy, cupy.asarray(x))
        assert got.dtype == dtype
        np.testing.assert_allclose(got.get(), function(np, x), rtol=tolerance, atol=tolerance)
