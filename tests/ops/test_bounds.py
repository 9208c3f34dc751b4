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


def test_a_single_index_without_dimension_picks_from_a_row(device):
    one = mg.tensor(1, device=device)
    x = mg.tensor([3.0, 4.0, 5.0], device=device, requires_grad=True)
    s = mg.tensor(2.0, device=device, requires_grad=True)
    picked = mg.gather(x, 0, one)
    assert picked.shape == () and picked.item() == 4
    picked.backward()
    assert x.grad.tolist() == [0, 1, 0]
    assert mg.zeros(3, device=device).scatter_(0, one, value=1).tolist() == [0, 1, 0]
    assert mg.scatter(x, 0, one, mg.tensor([7.0, 8.0], device=device)).tolist() == [3, 7, 5]
    assert mg.scatter_reduce(x, 0, one, s, "amax").tolist() == [3, 4, 5]
    x.grad = None
    (mg.scatter(x, 0, one, s) + mg.scatter_add(x, 0, one, s)).sum().backward()
    assert x.grad.tolist() == [2, 1, 2] and s.grad.item() == 2


def test_histogram_has_a_hundred_bins_by_default():
    hist, edges = mg.histogram(mg.linspace(0, 1, 50))
    assert hist.shape == (100,) and edges.shape == (101,) and hist.sum().item() == 50
