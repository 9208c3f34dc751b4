"""Indices out of range are errors on the CPU. (On a GPU they are not checked: that would wait for it at every call.)"""

import pytest

import minigrad as mg


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: x[i],
        lambda x, i: mg.gather(x, 0, i),
        lambda x, i: mg.index_select(x, 0, i),
        lambda x, i: mg.index_add(x, 0, i, mg.ones(1)),
        lambda x, i: mg.scatter(x, 0, i, 1.0),
        lambda x, i: mg.take(x, i),
        lambda x, i: x.__setitem__(i, 1.0),
    ],
)
def test_an_index_out_of_range_is_refused(call):
    for bad in (5, -6):
        with pytest.raises(IndexError, match="out of bounds"):
            call(mg.zeros(5), mg.tensor([bad]))
