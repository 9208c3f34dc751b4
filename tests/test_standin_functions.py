"""The stand-in for CuPy computes what NumPy computes: functions, random numbers, devices, memory."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import standin


@pytest.fixture(autouse=True)
def cp():
    """The stand-in for the length of one test; whatever was installed before is there again afterwards."""
    was_installed = standin.installed()
    yield standin.install()
    if not was_installed:
        standin.uninstall()


@pytest.fixture
def x(cp):
    return cp.arange(6, dtype=np.float32).reshape(2, 3)


def host(value):
    """NumPy's view of a result, whatever it is made of."""
    if isinstance(value, (tuple, list)):
        return [host(v) for v in value]
    return value.get() if hasattr(value, "get") else value


# Functions: the same numbers as NumPy's

A = np.array([[3.0, -1.0, 2.5], [0.5, 4.0, -2.0]], np.float32)
B = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
N = np.array([3, 1, 2, 1, 0])
S = np.array([[4.0, 1.0], [2.0, 3.0]])

CALLS = {
    "argpartition": lambda xp, a: xp.take_along_axis(a(A), xp.argpartition(a(A), 1, axis=1), 1)[:, 1],
    "argsort": lambda xp, a: xp.argsort(a(A), axis=0),
    "around": lambda xp, a: xp.around(a(A), 0),
    "bincount": lambda xp, a: xp.bincount(a(N), minlength=6),
    "clip": lambda xp, a: xp.clip(a(A), 0, None),
    "concatenate": lambda xp, a: xp.concatenate([a(A), a(B)], axis=1),
    "cumsum": lambda xp, a: xp.cumsum(a(A), axis=1),
    "cumsum of integers": lambda xp, a: xp.cumsum(a(N.astype(np.int8))),
    "diff": lambda xp, a: xp.diff(a(A), axis=1),
    "dot": lambda xp, a: xp.dot(a(A), a(B).T),
    "einsum": lambda xp, a: xp.einsum("ij,kj->ik", a(A), a(B)),
    "eye": lambda xp, a: xp.eye(3, 4, 1, dtype="f"),
    "flip": lambda xp, a: xp.flip(a(A), 1),
    "full": lambda xp, a: xp.full((2, 2), 7.0, "f"),
    "inner": lambda xp, a: xp.inner(a(A), a(B)),
    "isclose": lambda xp, a: xp.isclose(a(A), a(A) + 1e-9),
    "isin": lambda xp, a: xp.isin(a(N), a(np.array([1, 2]))),
    "kron": lambda xp, a: xp.kron(a(S), a(S)),
    "lexsort": lambda xp, a: xp.lexsort(a(np.stack([N, N[::-1]]))),
    "linspace": lambda xp, a: xp.linspace(0, 1, 5),
    "log_and_division": lambda xp, a: xp.divide(a(A), 0),
    "logspace": lambda xp, a: xp.logspace(0, 2, 3),
    "matmul": lambda xp, a: xp.matmul(a(A), a(B).T),
    "max": lambda xp, a: xp.max(a(A), axis=1, keepdims=True),
    "mean of integers": lambda xp, a: xp.mean(a(N)),
    "median": lambda xp, a: xp.median(a(A), axis=1),
    "meshgrid": lambda xp, a: xp.meshgrid(a(N), a(N), indexing="ij"),
    "moveaxis": lambda xp, a: xp.moveaxis(a(A), 0, 1),
    "nan_to_num": lambda xp, a: xp.nan_to_num(a(np.array([np.nan, 1.0])), nan=2.0),
    "nansum": lambda xp, a: xp.nansum(a(np.array([np.nan, 1.0]))),
    "nonzero": lambda xp, a: xp.nonzero(a(N)),
    "outer": lambda xp, a: xp.outer(a(N), a(N)),
    "pad": lambda xp, a: xp.pad(a(A), ((1, 0), (0, 2)), constant_values=1),
    "prod": lambda xp, a: xp.prod(a(A), axis=0),
    "quantile": lambda xp, a: xp.quantile(a(S), 0.3, axis=0),
    "repeat": lambda xp, a: xp.repeat(a(A), 2, axis=1),
    "roll": lambda xp, a: xp.roll(a(A), 1, axis=1),
    "searchsorted": lambda xp, a: xp.searchsorted(xp.sort(a(N)), a(N), "right"),
    "solve": lambda xp, a: xp.linalg.solve(a(S), a(np.ones(2))),
    "stack": lambda xp, a: xp.stack([a(A), a(B)], axis=1),
    "std": lambda xp, a: xp.std(a(A), axis=1, ddof=1),
    "svd": lambda xp, a: xp.linalg.svd(a(S), compute_uv=False),
    "swapaxes": lambda xp, a: xp.swapaxes(a(A), 0, 1),
    "tensordot": lambda xp, a: xp.tensordot(a(A), a(B), axes=([1], [1])),
    "tile": lambda xp, a: xp.tile(a(A), (2, 1)),
    "trace": lambda xp, a: xp.trace(a(S)),
    "tril": lambda xp, a: xp.tril(a(S)),
    "unique": lambda xp, a: xp.unique(a(N), return_inverse=True, return_counts=True),
    "var": lambda xp, a: xp.var(a(A)),
    "vstack": lambda xp, a: xp.vstack([a(N), a(N)]),
    "where": lambda xp, a: xp.where(a(A) > 0, a(A), 0.0),
    "norm": lambda xp, a: xp.linalg.norm(a(A), axis=1),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_agree_with_numpy(cp, name):
    with np.errstate(all="ignore"):
        expected = CALLS[name](np, lambda v: v)
    found = CALLS[name](cp, cp.asarray)
    pairs = zip(found, expected, strict=True) if isinstance(expected, (tuple, list)) else [(found, expected)]
    for own, numpys in pairs:
        assert isinstance(own, cp.ndarray)
        assert own.dtype == np.asarray(numpys).dtype
        np.testing.assert_allclose(host(own), numpys, rtol=1e-6)


def test_out_arguments(cp, x):
    out = cp.empty((2, 3), np.float32)
    assert cp.add(x, 1, out=out) is out and cp.exp(x, out) is out and host(out[0, 0]) == 1
    assert cp.concatenate([x, x], out=cp.empty((4, 3), np.float32)).shape == (4, 3)
    assert cp.matmul(x, x.T, out=cp.empty((2, 2), np.float32)).dtype == np.float32
    assert x.sum(axis=1, out=cp.empty(2, np.float32)).shape == (2,)
    with pytest.raises(ValueError):
        cp.add(x, 1, out=cp.empty(3, np.float32))


def test_nothing_warns_on_a_gpu(cp):
    empty = cp.zeros(0)
    assert np.isnan(host(empty.mean())) and np.isnan(host(cp.zeros(1).var(ddof=1)))
    assert np.isnan(host(cp.nanmean(cp.array([np.nan])))) and np.isinf(host(cp.exp(cp.array(1e9))))
    assert np.isnan(host(cp.linalg.inv(cp.zeros((2, 2))))).all()  # no error: it would cost a wait
    with pytest.raises(np.linalg.LinAlgError):
        import cupyx

        with cupyx.errstate(linalg="raise"):
            cp.linalg.inv(cp.zeros((2, 2)))
    assert np.isnan(host(cp.empty(3))).all()  # new memory is not zero


# Random numbers, special functions


def test_random_numbers(cp):
    cp.random.seed(3)
    first = host(cp.random.rand(4))
    cp.random.seed(3)
    assert host(cp.random.rand(4)).tolist() == first.tolist()
    assert cp.random.normal(size=(2, 3), dtype=np.float32).dtype == np.float32
    assert cp.random.random_sample().shape == ()
    assert sorted(host(cp.random.permutation(5)).tolist()) == [0, 1, 2, 3, 4]
    with pytest.raises(TypeError):
        cp.random.rand(2, dtype=np.float16)
    with pytest.raises(NotImplementedError):
        cp.random.choice(5)
    made = cp.random.default_rng(0).standard_normal(10000, dtype=np.float32)
    assert made.dtype == np.float32 and abs(float(made.mean())) < 0.05
    assert set(host(cp.random.default_rng(0).integers(0, 3, 50)).tolist()) == {0, 1, 2}


def test_special_functions(cp):
    from cupyx.scipy import special

    y = cp.array([-0.999999, -0.3, 1e-9, 0.5, 0.97])
    np.testing.assert_allclose(host(special.erf(special.erfinv(y))), host(y), rtol=1e-14)
    known = {
        "erfc": (2.0, 0.004677734981047266),
        "gammaln": (4.5, 2.453736570842442),
        "digamma": (0.25, -4.227453533376265),
        "logit": (0.2, -1.3862943611198906),
        "expit": (-800.0, 0.0),
        "ndtri": (0.025, -1.959963984540054),
        "log_ndtr": (-30.0, -454.3212439563432),
    }
    for name, (at, value) in known.items():
        np.testing.assert_allclose(host(getattr(special, name)(cp.array([at])))[0], value, rtol=1e-12)
    for basel in (special.polygamma(1, cp.array([1.0])), special.zeta(cp.array([2.0]), cp.array([1.0]))):
        np.testing.assert_allclose(host(basel)[0], np.pi**2 / 6, rtol=1e-12)


# Devices


def test_devices(cp):
    runtime = cp.cuda.runtime
    assert runtime.getDeviceCount() == 1 and cp.cuda.is_available() and runtime.getDevice() == 0
    assert isinstance(runtime.getDeviceProperties(0)["name"], bytes)
    with pytest.raises(runtime.CUDARuntimeError, match="invalid device ordinal"):
        cp.cuda.Device(1).use()
    cp.cuda.Stream.null.synchronize()
    cp.cuda.get_current_stream().synchronize()
    with standin.settings.changed(device_count=0):
        assert not cp.cuda.is_available()
        with pytest.raises(runtime.CUDARuntimeError, match="no CUDA-capable device"):
            cp.zeros(3)
    with standin.settings.changed(device_count=2):
        with cp.cuda.Device(1):
            there = cp.ones(3)
            seen = []
            thread = threading.Thread(target=lambda: seen.append(runtime.getDevice()))
            thread.start()
            thread.join()
        assert there.device == cp.cuda.Device(1) and there.device.id == 1 and seen == [0]
        with pytest.raises(ValueError, match="different from the current device"):
            there + cp.ones(3)
        assert cp.asarray(there).device.id == 0


def test_memory_is_freed(cp):
    pool = cp.get_default_memory_pool()
    before = pool.used_bytes()
    a = cp.zeros(1000)
    b = a[10:]
    assert pool.used_bytes() - before == 8000
    del a, b
    assert pool.used_bytes() == before
    pool.free_all_blocks()


def test_memory_pointers(cp):
    a = cp.arange(6.0)
    b = cp.ndarray((2,), float, memptr=a.data + 16)
    b[0] = 9.0
    assert host(a[2]) == 9.0
    same = cp.asarray(type("Tensor", (), {"__cuda_array_interface__": a.__cuda_array_interface__})())
    assert host(same).tolist() == host(a).tolist()


def test_install_and_uninstall():
    import sys

    import cupy

    assert standin.install() is cupy and standin.install() is cupy
    standin.uninstall()
    assert not standin.installed() and standin.FOLDER not in sys.path
    again = standin.install()
    assert again.ndarray is cupy.ndarray  # arrays made before stay arrays
