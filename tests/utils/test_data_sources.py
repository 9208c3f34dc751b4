"""Datasets, and ways to combine and split them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Count(IterableDataset):
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)


def test_tensors_side_by_side():
    data = TensorDataset(minigrad.arange(6).reshape(3, 2), minigrad.tensor([7.0, 8.0, 9.0]))
    x, y = data[1]
    assert len(data) == 3 and x.tolist() == [2, 3] and y.item() == 8.0
    assert [x.shape for x in data[0:2]] == [(2, 2), (2,)]
    with pytest.raises(IndexError):
        data[3]


def test_tensors_of_unequal_length():
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\[2, 3\]"):
        TensorDataset(minigrad.zeros(2), minigrad.zeros(3))


def test_datasets_side_by_side():
    assert StackDataset([1, 2], "ab")[1] == (2, "b")
    assert StackDataset(n=[1, 2], s="ab")[0] == {"n": 1, "s": "a"}
    assert len(StackDataset([1, 2])) == 2
    with pytest.raises(ValueError, match=r"Size mismatch.*\[2, 3\]"):
        StackDataset([1, 2], "abc")
    for wrong in (lambda: StackDataset(), lambda: StackDataset([1], s="a")):
        with pytest.raises(ValueError, match="by position or all by name"):
            wrong()


@given(st.lists(st.lists(st.integers(), max_size=4), min_size=1, max_size=5))
def test_concatenation_is_that_of_lists(parts):
    together = list(itertools.chain(*parts))
    data = ConcatDataset(parts)
    assert len(data) == len(together)
    assert [data[i] for i in range(len(data))] == together
    assert [data[i - len(data)] for i in range(len(data))] == together
    with pytest.raises(IndexError):
        data[len(data)]
    with pytest.raises(ValueError, match="should not exceed dataset length"):
        data[-len(data) - 1]


def test_concatenation_wants_map_style_datasets():
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="ChainDataset"):
        ConcatDataset([Count(1)])


def test_streams_are_chained():
    both = Count(1, 2) + Count(3)
    assert isinstance(both, ChainDataset) and list(both) == [1, 2, 3] and len(both) == 3
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([[1]]))


def test_addition_of_datasets():
    data = TensorDataset(minigrad.arange(2))
    assert len(data + data) == 4 and isinstance(data + data, ConcatDataset)


def test_base_classes_say_what_is_missing():
    class Mine(Dataset):
        pass

    class Stream(IterableDataset):
        pass

    with pytest.raises(NotImplementedError, match=r"Mine must define __getitem__"):
        Mine()[0]
    with pytest.raises(TypeError):
        len(Mine())
    with pytest.raises(NotImplementedError, match=r"Stream must define __iter__"):
        iter(Stream())


def test_subset_reads_in_its_own_order():
    data = Subset("abcdef", [5, 0, 0])
    assert list(data) == ["f", "a", "a"] and len(data) == 3
    assert data.__getitems__([2, 0]) == ["a", "f"]
    rows = Subset(TensorDataset(minigrad.arange(4)), [3, 1])
    assert rows[[1, 0]][0].tolist() == [1, 3]


def test_subset_of_a_dataset_that_reads_in_batches():
    class Batched(Dataset):
        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert Subset(Subset(Batched(), [3, 4, 5]), [2, 0]).__getitems__([0, 1]) == [50, 30]


def test_subset_subclass_with_its_own_items():
    class Shouting(Subset):
        def __getitem__(self, index):
            return super().__getitem__(index).upper()

    assert Shouting("abc", [2, 1]).__getitems__([0, 1]) == ["C", "B"]


@given(n=st.integers(2, 40), data=st.data())
def test_split_is_a_partition(n, data):
    cut = data.draw(st.integers(0, n))
    seed = minigrad.Generator().manual_seed(3)
    parts = random_split(range(n), [cut, n - cut], generator=seed)
    assert [len(part) for part in parts] == [cut, n - cut]
    assert sorted(i for part in parts for i in part) == list(range(n))
    again = random_split(range(n), [cut, n - cut], generator=minigrad.Generator().manual_seed(3))
    assert [list(part) for part in parts] == [list(part) for part in again]


def test_split_by_fractions_deals_out_the_rest():
    assert [len(part) for part in random_split(range(10), [0.25, 0.25, 0.5])] == [3, 2, 5]
    assert [len(part) for part in random_split(range(7), [0.5, 0.5])] == [4, 3]
    with pytest.warns(UserWarning, match="index 1 is 0"):
        random_split(range(3), [1.0, 0.0])


def test_split_refuses_other_lengths():
    with pytest.raises(ValueError, match=r"does not equal the length .* \(9 and 10\)"):
        random_split(range(10), [4, 5])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        random_split(range(10), [1.5, -0.5])
