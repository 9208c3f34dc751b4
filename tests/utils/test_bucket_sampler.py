"""Batches of sequences of similar length."""

import itertools

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.utils.data import BucketSampler, DataLoader

LENGTHS = st.lists(st.integers(0, 12), min_size=1, max_size=60)


def seeded(seed=0):
    return minigrad.Generator().manual_seed(seed)


def spread(sampler):
    """How many steps of a pass are padding."""
    lengths = sampler.lengths
    return sum(max(lengths[i] for i in batch) * len(batch) - sum(lengths[i] for i in batch) for batch in sampler)


@given(LENGTHS, st.integers(1, 9), st.booleans(), st.booleans(), st.integers(1, 4))
def test_every_sample_comes_once(lengths, size, drop_last, shuffle, bucket_batches):
    sampler = BucketSampler(lengths, size, drop_last, shuffle, bucket_batches=bucket_batches)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    indices = list(itertools.chain(*batches))
    assert len(set(indices)) == len(indices) == (len(lengths) - len(lengths) % size if drop_last else len(lengths))
    assert set(indices) <= set(range(len(lengths)))
    sizes = sorted(map(len, batches))
    assert sizes[1:] == [size] * (len(sizes) - 1)


@given(LENGTHS, st.integers(1, 9), st.booleans(), st.booleans())
def test_the_lengths_of_batches_of_one_bucket_do_not_overlap(lengths, size, drop_last, shuffle):
    ranges = [
        (min(lengths[i] for i in batch), max(lengths[i] for i in batch))
        for batch in BucketSampler(lengths, size, drop_last, shuffle)
    ]
    if shuffle:
        ranges.sort()
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))


def test_without_shuffling_short_ones_come_first():
    lengths = [5, 1, 4, 1, 3, 2, 2]
    assert list(BucketSampler(lengths, 2, shuffle=False)) == [[1, 3], [5, 6], [4, 2], [0]]
    assert list(BucketSampler(lengths, 2, drop_last=True, shuffle=False)) == [[1, 3], [5, 6], [4, 2]]
    assert list(BucketSampler(lengths, 2, shuffle=False, bucket_batches=1)) == [[1, 3], [5, 6], [4, 2], [0]]


def test_a_pass_follows_from_the_generator_and_passes_differ():
    lengths = list(range(40))
    sampler = BucketSampler(lengths, 4, generator=seeded())
    first, second = list(sampler), list(sampler)
    assert first != second and sorted(map(sorted, first)) == sorted(map(sorted, second))
    again = BucketSampler(lengths, 4, generator=seeded())
    assert [list(again), list(again)] == [first, second]
    starts = [batch[0] for batch in first]
    assert starts != sorted(starts)


def test_a_pass_follows_from_the_default_seed():
    sampler = BucketSampler([1] * 20, 4)
    minigrad.manual_seed(5)
    first, second = list(sampler), list(sampler)
    minigrad.manual_seed(5)
    assert first != second and first == list(sampler)


def test_equal_lengths_are_mixed_anew():
    sampler = BucketSampler([3] * 40, 4, generator=seeded())
    assert sorted(map(sorted, sampler)) != sorted(map(sorted, sampler))


@pytest.mark.parametrize("drop_last", [False, True])
def test_the_odd_samples_are_not_always_the_longest(drop_last):
    sampler = BucketSampler(range(11), 4, drop_last, generator=seeded())
    odd = set()
    for _ in range(60):
        batches = list(sampler)
        chosen = (
            [set(range(11)) - set(itertools.chain(*batches))] if drop_last else [set(b) for b in batches if len(b) < 4]
        )
        assert [len(samples) for samples in chosen] == [3]
        odd |= chosen[0]
    assert odd == set(range(11)) - (set() if drop_last else {3, 7})


def test_smaller_buckets_are_less_alike_and_mix_more():
    lengths = numpy.random.default_rng(0).integers(1, 100, 640)
    padding = [spread(BucketSampler(lengths, 8, generator=seeded(), bucket_batches=n)) for n in (1, 2, 8, 80)]
    assert padding == sorted(padding, reverse=True) and padding[-1] < 0.1 * padding[0]
    sampler = BucketSampler(list(range(640)), 8, generator=seeded(), bucket_batches=20)
    assert sorted(map(sorted, sampler)) != sorted(map(sorted, sampler))


@pytest.mark.parametrize("lengths", [(3, 1, 2), iter([3, 1, 2]), numpy.array([3, 1, 2]), minigrad.tensor([3, 1, 2])])
def test_lengths_of_any_kind(lengths):
    sampler = BucketSampler(lengths, 2, shuffle=False)
    assert list(sampler) == [[1, 2], [0]] and sampler.lengths == [3, 1, 2]


def test_in_a_loader():
    rows = [[n] * n for n in (4, 1, 3, 1)]
    loader = DataLoader(rows, batch_sampler=BucketSampler(map(len, rows), 2), collate_fn=list)
    assert len(loader) == 2 and sorted(loader) == [[[1], [1]], [[3] * 3, [4] * 4]]


def test_a_loader_saves_the_generators_it_draws_from_and_no_others():
    for generator, names in ((None, {"default cpu"}), (seeded(), {"default cpu", "batch_sampler.generator"})):
        loader = DataLoader(range(9), batch_sampler=BucketSampler(range(9), 2, generator=generator))
        batches = iter(loader)
        next(batches)
        saved = {name for _, states in loader.state_dict()["pass"]["marks"] for name in states}
        assert {name for name in saved if "cuda" not in name} == names  # other tests may have drawn on a GPU


BAD = {
    "one length for each sample.*; got \\[\\]": lambda: BucketSampler([], 2),
    r"whole numbers of 0 or more; got \[1, -1\]": lambda: BucketSampler([1, -1], 2),
    r"whole numbers of 0 or more; got \[1.5, 2\]": lambda: BucketSampler([1.5, 2], 2),
    r"whole numbers of 0 or more; got \[True, False\]": lambda: BucketSampler([True, False], 2),
    r"whole numbers of 0 or more; got \['ab'\]": lambda: BucketSampler(["ab"], 2),
    r"whole numbers of 0 or more; got \[\[1\], \[2, 3\]\]": lambda: BucketSampler([[1], [2, 3]], 2),
    r"whole numbers of 0 or more; got \[\[1, 2\]\]": lambda: BucketSampler([[1, 2]], 2),
    "whole numbers of 0 or more; got 7": lambda: BucketSampler(7, 2),
    r"got \[0, -1, -2, .*\.\.\.$": lambda: BucketSampler(list(range(0, -99, -1)), 2),
    "batch_size should be a positive integer value, but got batch_size=0": lambda: BucketSampler([1], 0),
    "batch_size=True": lambda: BucketSampler([1], True),
    "bucket_batches=0.5": lambda: BucketSampler([1], 1, bucket_batches=0.5),
    "drop_last should be a boolean value, but got drop_last=1": lambda: BucketSampler([1], 1, 1),
    "shuffle=None": lambda: BucketSampler([1], 1, shuffle=None),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()
