"""`select` gives what np.where gives, whichever way it takes."""

import numpy as np
import pytest

from minigrad.backend.selection import select

random = np.random.default_rng(5)


def odd(shape, dtype):
    x = np.asarray(random.standard_normal(shape)).astype(dtype)
    x.reshape(-1)[::7] = np.inf
    x.reshape(-1)[::5] = np.nan
    return x


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(), (5,), (40, 50), (0, 3)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_as_where(dtype, shape):
    mask = np.asarray(random.random(shape) < 0.5)
    a, b = odd(shape, dtype) if dtype[0] == "f" else np.ones(shape, dtype), np.full(shape, 3, dtype)
    for chosen, other in ((a, b), (b, a), (a, 0), (0, a), (a, 0.0), (a, 2), (2, a)):
        if isinstance(other, float) and dtype[0] != "f":
            continue
        have = select(np, mask, chosen, other)
        assert have.dtype == dtype
        np.testing.assert_array_equal(have, np.where(mask, chosen, other))


def test_broadcasting_and_layouts():
    a = odd((60, 40), "float32").T
    mask = random.random((40, 1)) < 0.5
    row = odd((60,), "float32")
    np.testing.assert_array_equal(select(np, mask, a, row), np.where(mask, a, row))
    np.testing.assert_array_equal(select(np, mask, row, 0), np.where(mask, row, 0))
    np.testing.assert_array_equal(
        select(np, np.asarray(a > 0)[::2, ::3], a[::2, ::3], 1.5), np.where(a > 0, a, 1.5)[::2, ::3]
    )
    single = np.asarray(2.0, dtype="float32")
    np.testing.assert_array_equal(select(np, a > 0, single, a), np.where(a > 0, single, a))
