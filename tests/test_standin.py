"""The stand-in for CuPy: does it refuse what CuPy refuses, give what CuPy gives, count what leaves?

The facts about CuPy come from its 14.2 source and from the list of its names; none of this needs a GPU.
"""

from __future__ import annotations

import copy
import inspect
import pickle

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


# Nothing becomes a NumPy array unasked


def test_numpy_conversion_is_refused(x):
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(x)
    with pytest.raises(TypeError):
        np.array([x[0], x[1]])
    with pytest.raises(TypeError):
        memoryview(x)
    with pytest.raises((ValueError, BufferError, TypeError, RuntimeError)):
        np.from_dlpack(x)


def test_numpy_arrays_do_not_mix(cp, x):
    other = np.ones((2, 3), np.float32)
    for bad in (
        lambda: x + other,
        lambda: other + x,
        lambda: x + np.array(1.0),
        lambda: cp.add(x, other),
        lambda: cp.sum(other),
        lambda: cp.concatenate([x, other]),
        lambda: cp.where(x > 1, x, other),
        lambda: cp.where(other > 1, x, x),
        lambda: cp.matmul(x, other.T),
        lambda: cp.exp(x, out=other),
        lambda: np.add(other, x, out=other),
        lambda: x.sum(axis=0, out=np.zeros(3)),
        lambda: x.__iadd__(other),
        lambda: [1, 2, 3] * x,
    ):
        with pytest.raises(TypeError):
            bad()
    with pytest.raises(ValueError, match=r"non-scalar .* cannot be used for fill"):
        x[...] = other
    x[...] = np.array(2.0)
    assert host(x).tolist() == [[2.0] * 3] * 2


def test_numbers_mix_and_promote_by_nep_50(cp, x):
    assert (x * 2.0).dtype == (x * 2).dtype == (x + np.float32(1)).dtype == np.float32
    assert (np.float32(2) * x).dtype == np.float32
    assert (x + np.float64(1)).dtype == np.float64
    assert (x * cp.array(2.0)).dtype == np.float64  # a 0-d array is an array
    assert (cp.arange(3, dtype=np.int8) + 1).dtype == np.int8
    assert (cp.arange(3, dtype=np.int32) + 1.5).dtype == np.float64
    with pytest.raises(OverflowError):
        cp.arange(3, dtype=np.int8) + 1000
    assert host(cp.arange(3, dtype=np.int8) < 1000).all()


def test_results_stay_arrays(cp, x):
    for value in (x.sum(), x.max(), x[0, 0], x.mean(), cp.array_equal(x, x), cp.allclose(x, x), x.any()):
        assert isinstance(value, cp.ndarray)
        assert value.shape == ()


def test_every_way_out_is_counted(cp, x):
    one = x[0, 1]
    with standin.counter.watch() as seen:
        ways = (one.item(), float(one), int(one), complex(one), bool(one), x.tolist(), x.get(), cp.asnumpy(x))
        repr(x), f"{one:.2f}"
    assert ways[:5] == (1.0, 1.0, 1, 1, True)
    assert seen.to_host == 10
    assert seen.reasons["item"] == seen.reasons["float"] == seen.reasons["get"] == 1
    with standin.counter.watch() as seen:
        x + 1, x.sum(), x @ x.T, cp.where(x > 1, x, 0.0), x[1:], cp.zeros(3), x.argmax()
    assert (seen.to_host, seen.to_device, seen.waits) == (0, 0, 0)
    with standin.counter.watch() as seen:
        cp.asarray(np.ones(3)), cp.array([1.0, 2.0]), x[x > 1], cp.nonzero(x)
    assert (seen.to_device, seen.waits) == (2, 2)
    with pytest.raises(ValueError, match="more than one element"):
        bool(x)
    assert not hasattr(one, "__index__")
    with pytest.raises(TypeError):
        range(cp.array(3))


# Names


def test_what_cupy_lacks_is_absent(cp):
    import cupy.linalg
    import cupyx

    for place, name in (
        (cp, "nanpercentile"),
        (cp, "vecdot"),
        (cp, "setdefault"),
        (cupy.linalg, "vector_norm"),
        (cupy.linalg, "multi_dot"),
        (cp.random.Generator, "normal"),
        (cp.random, "SeedSequence"),
        (cp.zeros(1), "setflags"),
        (cp.zeros(1), "itemset"),
        (cupyx, "scatter_mul"),
    ):
        assert not hasattr(place, name), name
    with pytest.raises(AttributeError, match="has no such name"):
        _ = cp.nanpercentile
    assert cp.float32 is np.float32 and cp.newaxis is None and cp.__version__ == "14.2.0"


def test_keywords_that_cupy_lacks_are_refused(cp, x):
    for bad in (
        lambda: cp.sum(x, where=x > 1),
        lambda: cp.sum(x, initial=0),
        lambda: cp.exp(x, where=x > 1),
        lambda: cp.exp(x, order="C"),
        lambda: cp.take(x, x.astype(int), mode="clip"),
        lambda: cp.einsum("ij->i", x, out=x),
        lambda: x.astype(int, casting="safe"),
        lambda: cp.count_nonzero(x, keepdims=True),
        lambda: cp.linalg.svd(x, hermitian=True),
        lambda: cp.random.default_rng(0).exponential(1.0, dtype=np.float32),
    ):
        with pytest.raises(TypeError):
            bad()
    with pytest.raises(ValueError, match="stable"):
        cp.sort(x, kind="quicksort")
    with pytest.raises(NotImplementedError, match="compiles no kernels"):
        cp.RawKernel("__global__ void f() {}", "f")


def test_own_functions_have_cupys_signatures():
    from cupy_standin import names, namespace

    checked = 0
    for full, value in namespace._written.items():
        entry = names.known(full)
        if not inspect.isfunction(value) or not entry.detail or value.__name__ == "call":
            continue
        parameters = inspect.signature(value).parameters.values()
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            continue
        positions = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]
        assert positions == entry.signature.positions, full
        assert entry.signature.keywords <= {p.name for p in parameters}, full
        checked += 1
    assert checked > 80


def test_methods_are_cupys(cp):
    from cupy_standin import names

    own = {n for n in dir(cp.ndarray) if not n.startswith("_")}
    assert own <= set(names.members("cupy.ndarray"))
    for name in own:
        method = getattr(cp.ndarray, name)
        entry = names.known(f"cupy.ndarray.{name}")
        if inspect.isfunction(method) and entry.detail:
            parameters = list(inspect.signature(method).parameters.values())[1:]
            positions = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
            assert positions == entry.signature.positions, name


# Types


def test_ufuncs_take_cupys_types(cp):
    from cupyx.scipy import special

    half = cp.ones(2, np.float16)
    assert special.erf(half).dtype == np.float64  # CuPy has no half-precision erf
    assert cp.exp(half).dtype == np.float16
    assert cp.exp(cp.arange(3, dtype=np.int32)).dtype == np.float64
    with pytest.raises(TypeError):
        cp.logical_and(cp.ones(2, complex), True)
    with pytest.raises(TypeError):
        cp.subtract(cp.ones(2, bool), cp.ones(2, bool))
    with pytest.raises(TypeError):
        cp.add(cp.ones(2), cp.ones(2), out=cp.ones(2, int))
    for unsupported in ("O", "U1", "M8[s]", ">f4", "g"):
        with pytest.raises((ValueError, TypeError)):
            cp.zeros(2, unsupported)
    assert host(cp.arange(1, 4) ** -1).tolist() == [1, 0, 0]  # NumPy raises


def test_methods_of_ufuncs(cp, x):
    assert host(cp.add.reduce(x)).tolist() == [3.0, 5.0, 7.0]
    for missing in (cp.maximum.reduce, cp.minimum.accumulate, cp.multiply.reduceat):
        with pytest.raises(NotImplementedError):
            missing(x, [0]) if missing.__name__ == "reduceat" else missing(x)
    with pytest.raises(NotImplementedError):
        cp.multiply.at(x, cp.array([0]), 2.0)
    total = cp.zeros(3, np.float32)
    cp.add.at(total, cp.array([0, 0, 2]), cp.array([1.0, 2.0, 3.0]))
    assert host(total).tolist() == [3.0, 0.0, 3.0]
    with pytest.raises(TypeError, match="only supports"):
        cp.add.at(cp.zeros(3, np.int16), cp.array([0]), 1)


# Indexing


def test_indices_out_of_bounds_wrap_around(cp, x):
    assert host(x[cp.array([2, -3])]).tolist() == host(x[cp.array([0, 1])]).tolist()
    assert host(cp.take(x, cp.array([7]))).tolist() == [1.0]
    assert host(cp.take_along_axis(x, cp.array([[4], [-1]]), 1)).tolist() == [[1.0], [5.0]]
    x[cp.array([3])] = 9.0
    assert host(x[1]).tolist() == [9.0] * 3
    with pytest.raises(IndexError):
        x[5]
    with standin.settings.changed(wrap_indices=False), pytest.raises(IndexError):
        x[cp.array([2])]


@pytest.mark.parametrize(
    "index",
    [
        0,
        slice(None, None, -1),
        (Ellipsis, None, 1),
        (slice(None), np.array([0, 2])),
        (np.array([1, 0]), np.array([2, 2])),
        np.array([True, False]),
        (np.array([True, True]), np.array([0, 1])),
        (0, slice(None), None, np.array([1])),
        [1, 1],
        (np.array(1), slice(1, None)),
        (np.array(1), 0, np.array(2)),
    ],
)
def test_indexing_agrees_with_numpy(cp, index):
    values = np.arange(24.0).reshape(2, 3, 4)
    device = cp.asarray(values)
    parts = index if isinstance(index, tuple) else (index,)
    own = tuple(cp.asarray(p) if isinstance(p, np.ndarray) else p for p in parts)
    assert np.array_equal(host(device[own]), values[index])
    assert device[own].flags.c_contiguous or device[own].base is not None
    device[own] = -1.0
    values[index] = -1.0
    assert np.array_equal(host(device), values)


def test_views_know_their_base(cp):
    a = cp.zeros((2, 3))
    wide = cp.broadcast_to(a, (4, 2, 3))
    for view in (a[1:], a.T, a.reshape(3, 2), a[0, 0], a.ravel(), wide, a.view(), a[None]):
        assert view.base is a
        assert view[...].base is a
    assert cp.split(a, 3, axis=1)[1].base is a
    assert (a + 1).base is None and a[cp.array([0])].base is None and a.T.copy().base is None
    a[1:][...] = 5.0
    assert host(a.sum()) == 15.0
    assert a.data.ptr + 24 == a[1:].data.ptr
    assert a.squeeze() is a and cp.asarray(a) is a and a.astype(float, copy=False) is a


def test_layout_is_cupys(cp):
    a = cp.zeros((2, 3)).T
    assert not a.flags.c_contiguous and a.flags.f_contiguous and not a.flags.owndata
    assert (a + 1).flags.c_contiguous  # NumPy would keep the order of the input
    assert a.sum(0, keepdims=True).flags.c_contiguous
    assert cp.zeros_like(a).flags.f_contiguous and a.copy("K").flags.f_contiguous
    assert cp.zeros_like(a, shape=()).shape == (3, 2)  # CuPy takes () for no shape given
    with pytest.raises(NotImplementedError, match="non-contiguous"):
        a.sort()
    with pytest.raises(AttributeError):
        a.colour = "red"


def test_pickle_and_copies(cp, x):
    for made in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert isinstance(made, cp.ndarray)
        assert host(cp.array_equal(made, x)) and made.base is None
    with pytest.raises(TypeError):
        pickle.dumps(cp.random.default_rng(0))
    with pytest.raises(TypeError):
        hash(x)


def test_dlpack_among_device_arrays(cp, x):
    assert x.__dlpack_device__() == (2, 0)
    other = cp.from_dlpack(x)
    other[0, 0] = 7.0
    assert host(x[0, 0]) == 7.0
    with pytest.raises(TypeError, match="CPU arrays cannot be directly imported"):
        cp.from_dlpack(np.ones(2))
    assert np.from_dlpack(x, device="cpu").tolist() == host(x).tolist()


def test_numpys_protocols(cp, x):
    assert isinstance(np.exp(x), cp.ndarray) and isinstance(np.sum(x), cp.ndarray)
    assert isinstance(np.linalg.norm(x), cp.ndarray)
    with pytest.raises(TypeError):
        np.nanpercentile(x, 50)

    class Other:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "mine"

    assert x + Other() == "mine"
    assert not host(x == None).any() and host(x != None).all()  # noqa: E711
