"""In which order data are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed: int) -> minigrad.Generator:
    return minigrad.Generator().manual_seed(seed)


@given(n=st.integers(1, 200), seed=st.integers(0, 2**62))
def test_a_random_pass_is_a_permutation_and_follows_from_the_seed(n, seed):
    order = list(RandomSampler(range(n), generator=seeded(seed)))
    assert sorted(order) == list(range(n))
    assert order == list(RandomSampler(range(n), generator=seeded(seed)))


@given(n=st.integers(1, 30), wanted=st.integers(1, 100))
def test_without_replacement_nothing_comes_twice_before_everything_came_once(n, wanted):
    sampler = RandomSampler(range(n), num_samples=wanted)
    order = list(sampler)
    assert len(order) == len(sampler) == wanted
    counts = [order.count(i) for i in range(n)]
    assert max(counts) - min(counts) <= 1


@given(n=st.integers(1, 30), wanted=st.integers(1, 3000))
def test_with_replacement_every_index_is_in_range(n, wanted):
    order = list(RandomSampler(range(n), replacement=True, num_samples=wanted))
    assert len(order) == wanted and set(order) <= set(range(n))


@given(n=st.integers(0, 60), size=st.integers(1, 20), drop_last=st.booleans())
def test_batches_hold_the_indices_in_order(n, size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(n)), size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert all(len(batch) == size for batch in batches[:-1])
    together = [i for batch in batches for i in batch]
    assert together == list(range(n - n % size if drop_last else n))


@given(indices=st.lists(st.integers(), max_size=30))
def test_a_subset_comes_in_random_order(indices):
    sampler = SubsetRandomSampler(indices)
    assert sorted(sampler) == sorted(indices) and len(sampler) == len(indices)


def test_passes_differ_but_follow_from_the_global_seed():
    sampler = RandomSampler(range(50))
    minigrad.manual_seed(5)
    first, second = list(sampler), list(sampler)
    minigrad.manual_seed(5)
    assert first != second and first == list(sampler)


def test_a_growing_data_source_is_followed():
    data = [1, 2]
    sampler = RandomSampler(data)
    data.append(3)
    assert len(sampler) == 3 and sorted(sampler) == [0, 1, 2]


def test_weights_are_probabilities():
    drawn = list(WeightedRandomSampler([1.0, 0.0, 3.0], 4000, generator=seeded(0)))
    assert drawn.count(1) == 0 and 0.2 < drawn.count(0) / 4000 < 0.3
    assert sorted(WeightedRandomSampler([1.0, 5.0, 3.0], 3, replacement=False)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomSampler([]), ValueError, "positive integer value, but got num_samples=0"),
        (lambda: RandomSampler([1], num_samples=-1), ValueError, "num_samples=-1"),
        (lambda: RandomSampler([1], replacement=1), TypeError, "replacement should be a boolean"),
        (lambda: WeightedRandomSampler([1.0], True), ValueError, "num_samples=True"),
        (lambda: WeightedRandomSampler([1.0], 1, replacement=None), ValueError, "replacement=None"),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, r"1d sequence but have shape \(1, 1\)"),
        (lambda: BatchSampler([0], 0, False), ValueError, "batch_size=0"),
        (lambda: BatchSampler([0], 2.0, False), ValueError, "batch_size=2.0"),
        (lambda: BatchSampler([0], True, False), ValueError, "batch_size=True"),
        (lambda: BatchSampler([0], 1, None), ValueError, "drop_last=None"),
        (lambda: iter(Sampler()), NotImplementedError, "Sampler must define __iter__"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_sampler_of_ones_own_may_pass_its_data_on():
    class Backwards(Sampler):
        def __init__(self, data):
            super().__init__(data)
            self.data = data

        def __iter__(self):
            return iter(range(len(self.data) - 1, -1, -1))

    assert list(BatchSampler(Backwards("abc"), 2, False)) == [[2, 1], [0]]
