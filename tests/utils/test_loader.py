"""Batches in this process: order, collating, and the short way for tensors in memory."""

import itertools

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split
from minigrad.utils.data.fetch import batch_reader


class Pairs(Dataset):
    """A dataset that is not in memory, of NumPy rows and integers."""

    def __init__(self, n=10):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        return numpy.full(3, i, dtype="float32"), i


class Stream(IterableDataset):
    def __init__(self, n, length=None):
        self.n, self.length = n, length

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        if self.length is None:
            raise TypeError("this stream does not know its length")
        return self.length


def lists(loader):
    return [batch.tolist() for batch in loader]


def test_batches_of_a_dataset_of_ones_own():
    loader = DataLoader(Pairs(), batch_size=4)
    batches = list(loader)
    assert len(loader) == 3 and [len(y) for _, y in batches] == [4, 4, 2]
    x, y = batches[1]
    assert x.dtype is minigrad.float32 and x.shape == (4, 3) and y.dtype is minigrad.int64
    assert x[:, 0].tolist() == [4.0, 5.0, 6.0, 7.0] and y.tolist() == [4, 5, 6, 7]
    full = DataLoader(Pairs(), batch_size=4, drop_last=True)
    assert len(full) == len(list(full)) == 2


def test_items_without_batches():
    loader = DataLoader(Pairs(2), batch_size=None)
    x, y = next(iter(loader))
    assert len(loader) == 2 and x.tolist() == [0.0, 0.0, 0.0] and y == 0 and isinstance(y, int)


def test_shuffling_is_new_each_pass_and_follows_from_the_seed():
    minigrad.manual_seed(1)
    loader = DataLoader(minigrad.arange(40), batch_size=8, shuffle=True)
    first, second = lists(loader), lists(loader)
    assert first != second and sorted(itertools.chain(*first)) == list(range(40))
    minigrad.manual_seed(1)
    assert lists(loader) == first

    def with_generator():
        generator = minigrad.Generator().manual_seed(2)
        return lists(DataLoader(minigrad.arange(40), batch_size=8, shuffle=True, generator=generator))

    assert with_generator() == with_generator()


def test_order_given_by_samplers():
    data = minigrad.arange(6)
    assert lists(DataLoader(data, 2, sampler=[5, 0, 3])) == [[5, 0], [3]]
    assert lists(DataLoader(data, batch_sampler=[[5], [0, 3, 3]])) == [[5], [0, 3, 3]]
    assert lists(DataLoader(data, batch_sampler=[minigrad.tensor([1, 2])])) == [[1, 2]]
    assert lists(DataLoader(data, batch_sampler=[(1, -1)])) == [[1, 5]]


def test_own_collate():
    assert list(DataLoader("abcd", 2, collate_fn="".join)) == ["ab", "cd"]


def test_streams():
    assert lists(DataLoader(Stream(5), 2)) == [[0, 1], [2, 3], [4]]
    assert lists(DataLoader(Stream(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(3), None)) == [0, 1, 2]
    assert lists(DataLoader(Stream(4), 2)) == [[0, 1], [2, 3]]
    assert len(DataLoader(Stream(5, 5), 2)) == 3 and len(DataLoader(Stream(5, 5), 2, drop_last=True)) == 2
    with pytest.raises(TypeError):
        len(DataLoader(Stream(5), 2))


def test_a_stream_longer_than_it_said():
    loader = DataLoader(Stream(3, length=2), batch_size=None)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="reported to be 2, but 3"):
        assert list(loader) == [0, 1, 2]


# -- the short way: whole batches at a time ------------------------------------------------------------------


class Slow(Dataset):
    """The same items, but nothing tells that they are in memory."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.data[i]


@given(
    n=st.integers(2, 12),
    tail=st.sampled_from([(), (1,), (3,), (2, 2), (0,)]),
    dtype=st.sampled_from(["float32", "float64", "int64", "int32", "uint8", "bool"]),
    batch=st.integers(1, 5),
    seed=st.integers(0, 100),
)
def test_the_short_way_gives_the_same(n, tail, dtype, batch, seed):
    values = numpy.random.default_rng(seed).integers(0, 2, (n, *tail)).astype(dtype)
    tensors = TensorDataset(minigrad.from_numpy(values), minigrad.arange(n))
    halves = random_split(tensors, [n // 2, n - n // 2], generator=minigrad.Generator().manual_seed(seed))
    for data in (tensors, halves[1], Subset(halves[1], [0])):
        assert batch_reader(data) is not None and batch_reader(Slow(data)) is None

        def batches(data, seed=seed):
            generator = minigrad.Generator().manual_seed(seed)
            return list(DataLoader(data, batch, shuffle=True, generator=generator))

        for fast, slow in zip(batches(data), batches(Slow(data)), strict=True):
            assert type(fast) is type(slow) is list
            for a, b in zip(fast, slow, strict=True):
                assert a.dtype is b.dtype and a.shape == b.shape and a.tolist() == b.tolist()


def test_arrays_and_tensors_as_datasets(device):
    tensor = minigrad.arange(6, device=device).reshape(3, 2)
    batches = list(DataLoader(tensor, 2))
    assert batches[0].tolist() == [[0, 1], [2, 3]] and batches[0].device.type == device
    batches[0].zero_()
    assert tensor[0].tolist() == [0, 1]  # batches are copies
    array = numpy.arange(4.0)
    assert batch_reader(array) is not None
    assert [b.tolist() for b in DataLoader(array, 3)] == [[0.0, 1.0, 2.0], [3.0]]
    assert DataLoader(numpy.array(["a", "b"]), 2, collate_fn=list).dataset[0] == "a"


def test_tensors_and_labels_stay_on_their_device(device):
    data = TensorDataset(minigrad.arange(4.0, device=device), minigrad.arange(4, device=device))
    for x, y in DataLoader(data, 2, shuffle=True):
        assert x.device.type == y.device.type == device and x.tolist() == y.tolist()


def test_overridden_items_are_respected():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    class Tripled(Subset):
        def __getitem__(self, index):
            return tuple(3 * t for t in super().__getitem__(index))

    class InBatches(TensorDataset):
        def __getitems__(self, indices):
            return [len(indices)] * len(indices)

    x = minigrad.arange(3)
    assert next(iter(DataLoader(Doubled(x), 3)))[0].tolist() == [0, 2, 4]
    assert next(iter(DataLoader(Tripled(TensorDataset(x), [2, 1]), 2)))[0].tolist() == [6, 3]
    assert next(iter(DataLoader(InBatches(x), 3))).tolist() == [3, 3, 3]
    assert next(iter(DataLoader(TensorDataset(x), 3, collate_fn=len))) == 3


def test_gradients_flow_through_a_batch():
    x = minigrad.ones(4, requires_grad=True)
    (batch,) = next(iter(DataLoader(TensorDataset(x), 2)))
    batch.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_a_tuple_of_tensors_is_a_list_of_items():
    """As in PyTorch: TensorDataset is what puts tensors side by side."""
    x, y = minigrad.zeros(3), minigrad.ones(3)
    assert next(iter(DataLoader((x, y), 2))).tolist() == [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]


def test_an_index_out_of_range():
    for data in (TensorDataset(minigrad.arange(3)), Pairs(3)):
        with pytest.raises(IndexError):
            list(DataLoader(data, batch_sampler=[[0, 3]]))


# -- arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
        ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, ValueError, "needs num_workers > 0"),
        ({"prefetch_factor": -2, "num_workers": 1}, ValueError, "prefetch_factor option should be non-neg"),
        ({"persistent_workers": True}, ValueError, "needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, ValueError, "needs num_workers > 0"),
        ({"multiprocessing_context": "x", "num_workers": 1}, ValueError, "start method .*got 'x'"),
        ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "a start method or a context, got 3"),
        ({"sampler": [0], "shuffle": True}, ValueError, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "batch_sampler option is mutually"),
        ({"batch_sampler": [[0]], "sampler": [0]}, ValueError, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, ValueError, "mutually exclusive with drop_last"),
        ({"batch_size": 0}, ValueError, "batch_size=0"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        DataLoader([1, 2], **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_a_stream_has_its_own_order(options):
    with pytest.raises(ValueError, match="expected unspecified"):
        DataLoader(Stream(3), **options)
    assert DataLoader(Stream(3), shuffle=False).batch_size == 1


def test_timeout_is_for_workers():
    with pytest.raises(AssertionError, match="num_workers > 0"):
        iter(DataLoader([1], timeout=3))


def test_more_workers_than_processors():
    with pytest.warns(UserWarning, match="will create 1000 worker processes"):
        DataLoader([1], num_workers=1000)


def test_what_a_loader_was_made_of_is_fixed():
    loader = DataLoader([1, 2], pin_memory=True)
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 3
    loader.collate_fn = list
    assert next(iter(loader)) == [1]


def test_iterators():
    loader = DataLoader([1, 2, 3])
    one, two = iter(loader), iter(loader)
    assert next(one).item() == next(two).item() == 1  # passes are independent of each other
    assert len(one) == 3 and iter(one) is one
