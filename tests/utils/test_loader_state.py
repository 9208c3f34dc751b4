"""A loader that goes on in another process reads what the first one would have read, in this pass and the next."""

import io
import itertools
import multiprocessing
import pickle
import random
import warnings

import numpy
import pytest

import minigrad
from minigrad.train.random_states import random_states, restore_random_states
from minigrad.utils.data import (
    BatchSampler,
    BucketSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)


class Rows(Dataset):
    """Items that cannot be read as a batch."""

    def __init__(self, n=11):
        self.n = n
        self.read = []

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.read.append(i)
        return i


class Noisy(Rows):
    def __getitem__(self, i):
        return i + random.random()


class Stream(IterableDataset):
    """Shuffles in a buffer, and shares its items between workers."""

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        buffer = []
        for item in range(first, 23, step):
            buffer.append(item)
            if len(buffer) == 4:
                yield buffer.pop(random.randrange(4))
        numpy.random.shuffle(buffer)  # noqa: NPY002
        yield from buffer


class OfPython(Sampler):
    """Draws from Python's global generator at every index."""

    def __iter__(self):
        rest = list(range(11))
        while rest:
            yield rest.pop(random.randrange(len(rest)))

    def __len__(self):
        return 11


class OfNumPy(Sampler):
    def __init__(self):
        self.rng = numpy.random.default_rng(0)

    def __iter__(self):
        for _ in range(3):
            yield from self.rng.permutation(11).tolist()


class Mixed(Sampler):
    """Takes turns between samplers with generators of their own."""

    def __init__(self):
        self.parts = [SubsetRandomSampler(range(k, 11, 2), seeded(k)) for k in range(2)]

    def __iter__(self):
        for pair in zip(*self.parts):
            yield from pair


class Counting(Sampler):
    """Its order depends on a number of its own."""

    def __init__(self):
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        return iter([(i * self.passes) % 11 for i in range(11)])

    def state_dict(self):
        return {"passes": self.passes, "plain": [1, 2], "array": numpy.ones(2)}

    def load_state_dict(self, state):
        self.passes = state["passes"]


shared = minigrad.Generator()


def seeded(seed=3):
    return minigrad.Generator().manual_seed(seed)


def replacing(n, **options):
    return RandomSampler(range(n), True, generator=shared, **options)


LOADERS = {
    "in order": lambda **o: DataLoader(minigrad.arange(11), 3, **o),
    "shuffled": lambda **o: DataLoader(minigrad.arange(11), 3, shuffle=True, **o),
    "dropped": lambda **o: DataLoader(Rows(), 3, shuffle=True, drop_last=True, **o),
    "generator": lambda **o: DataLoader(TensorDataset(minigrad.arange(11)), 3, True, generator=seeded(), **o),
    "items": lambda **o: DataLoader(Rows(), None, shuffle=True, **o),
    "many passes": lambda **o: DataLoader(
        Rows(), 3, sampler=RandomSampler(range(5), num_samples=17, generator=shared), generator=seeded(), **o
    ),
    "many passes alone": lambda **o: DataLoader(
        Rows(), 3, sampler=RandomSampler(range(5), num_samples=17, generator=seeded()), **o
    ),
    "replacement": lambda **o: DataLoader(Rows(3000), 200, sampler=replacing(3000), **o),
    "replacement of its own": lambda **o: DataLoader(Rows(), 3, sampler=RandomSampler(range(11), True), **o),
    "weighted": lambda **o: DataLoader(Rows(), 3, sampler=WeightedRandomSampler([1.0, 2, 3, 4], 10), **o),
    "weighted items": lambda **o: DataLoader(Rows(), None, sampler=WeightedRandomSampler([1.0, 2, 3], 7), **o),
    "subset": lambda **o: DataLoader(Rows(), 3, sampler=SubsetRandomSampler([2, 3, 5, 7], seeded()), **o),
    "batches": lambda **o: DataLoader(
        Rows(), batch_sampler=BatchSampler(SubsetRandomSampler(range(9), seeded()), 2, True), **o
    ),
    "buckets": lambda **o: DataLoader(Rows(), batch_sampler=BucketSampler([3, 1, 2, 2] * 2 + [9, 1, 2], 2), **o),
    "buckets with a generator": lambda **o: DataLoader(
        Rows(), batch_sampler=BucketSampler([3, 1, 2] * 3, 2, True, generator=shared, bucket_batches=2), **o
    ),
    "list": lambda **o: DataLoader(Rows(), 2, sampler=[3, 1, 4, 1, 5], **o),
    "Python": lambda **o: DataLoader(Rows(), 3, sampler=OfPython(), **o),
    "NumPy": lambda **o: DataLoader(Rows(), 4, sampler=OfNumPy(), **o),
    "mixed": lambda **o: DataLoader(Rows(), 3, sampler=Mixed(), **o),
    "state": lambda **o: DataLoader(Rows(), 3, sampler=Counting(), **o),
    "stream": lambda **o: DataLoader(Stream(), 3, **o),
    "items of a stream": lambda **o: DataLoader(Stream(), None, **o),
    "full batches of a stream": lambda **o: DataLoader(Stream(), 3, drop_last=True, **o),
}


def through_a_file(state):
    file = io.BytesIO()
    minigrad.save(state, file)
    file.seek(0)
    return minigrad.load(file)


def plain(batch):
    return (
        batch.tolist() if isinstance(batch, minigrad.Tensor) else plain(batch[0]) if isinstance(batch, list) else batch
    )


def seed_all(seed):
    minigrad.manual_seed(seed)
    random.seed(seed)
    numpy.random.seed(seed)  # noqa: NPY002
    shared.manual_seed(seed)


def distract():
    """What a training step draws from the same generators."""
    return minigrad.rand(1).item(), random.random(), numpy.random.rand(), shared.normal((), numpy.dtype("float32"))  # noqa: NPY002


def passes(loader, count, moments=None):
    """The batches of some passes, with None at the end of each; at each moment, `moments` gets the state of all."""
    read = []

    def note():
        if moments is not None:
            moments.append((len(read), through_a_file([loader.state_dict(), random_states(), shared.state_bytes()])))

    for _ in range(count):
        note()
        for batch in loader:
            read.append(plain(batch))
            distract()
            note()
        read.append(None)
    return read


@pytest.mark.parametrize("name", LOADERS)
def test_going_on_from_every_batch(name):
    check(LOADERS[name], LOADERS[name])


def check(make, make_again, chosen=lambda moments: moments, count=3):
    seed_all(1)
    moments = []
    whole = passes(make(), count, moments)
    assert whole.count(None) == count and len(whole) > 2 * count
    for k, (state, states, bytes_of_shared) in chosen(moments):
        seed_all(2)
        loader = make_again()
        loader.load_state_dict(state)
        restore_random_states(states)
        shared.restore_bytes(bytes_of_shared)
        assert passes(loader, count - whole[:k].count(None)) == whole[k:], k


WORKERS = ["shuffled", "dropped", "many passes", "replacement", "Python", "state", "stream", "items of a stream"]


@pytest.mark.parametrize("name", WORKERS)
@pytest.mark.parametrize("persistent", [False, True], ids=["", "persistent"])
def test_going_on_with_workers(name, persistent):
    def make():
        return LOADERS[name](num_workers=2, persistent_workers=persistent)

    own_numbers = persistent and "stream" in name  # in a later pass they follow from the passes before
    check(make, make, (lambda moments: moments[:4:2]) if own_numbers else some, 2)
    assert not multiprocessing.active_children()


def some(moments):
    """A few of them: before and in the first pass, after its last batch, between the two and in the second."""
    half = len(moments) // 2
    return [moments[0], moments[2], *moments[half - 1 : half + 2]]


@pytest.mark.parametrize("before, after", [(0, 2), (2, 0), (1, 2)])
def test_the_number_of_workers_may_change(before, after):
    make = LOADERS["many passes alone"]
    check(lambda: make(num_workers=before), lambda: make(num_workers=after), some, 2)
    with pytest.raises(ValueError, match="worker processes of a stream: 1 in the state, 2 here"):
        stream = LOADERS["stream"](num_workers=1)
        batches = iter(stream)
        next(batches)
        LOADERS["stream"](num_workers=2).load_state_dict(stream.state_dict())


def test_batches_as_they_come():
    loader = LOADERS["shuffled"](num_workers=2, in_order=False)
    batches = iter(loader)
    read = plain(next(batches))
    again = LOADERS["shuffled"](num_workers=2, in_order=False)
    again.load_state_dict(loader.state_dict())
    rest = [plain(batch) for batch in again]
    assert sorted(itertools.chain(read, *rest)) == list(range(11))
    stream = LOADERS["stream"](num_workers=2, in_order=False)
    batches = iter(stream)
    stream_read = next(batches)
    assert len(stream_read) == 3
    with pytest.raises(RuntimeError, match="in_order=False"):
        stream.state_dict()


def test_batches_that_were_read_are_not_read_again():
    loader, again = LOADERS["dropped"](), LOADERS["dropped"]()
    batches = iter(loader)
    next(batches), next(batches)
    again.load_state_dict(loader.state_dict())
    rest = [plain(batch) for batch in again]
    assert len(rest) == 1 and again.dataset.read == rest[0]


class NotBefore:
    """Collates, unless it gets an item that has been read before."""

    def __init__(self, first):
        self.first = first

    def __call__(self, items):
        assert min(items) >= self.first
        return items


class Counted(IterableDataset):
    def __iter__(self):
        return iter(range(12))


@pytest.mark.parametrize("workers", [0, 1])
def test_streams_are_passed_over_without_collating(workers):
    loader, again = (DataLoader(Counted(), 2, num_workers=workers, collate_fn=NotBefore(first)) for first in (0, 6))
    batches = iter(loader)
    assert [next(batches), next(batches), next(batches)] == [[0, 1], [2, 3], [4, 5]]
    again.load_state_dict(loader.state_dict())
    assert list(again) == [[6, 7], [8, 9], [10, 11]]


def test_the_order_does_not_depend_on_workers():
    orders = []
    for options in ({}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}):
        seed_all(4)
        orders.append(passes(LOADERS["shuffled"](**options), 3))
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("name, marks", [("stream", 2), ("Python", 2), ("NumPy", 2), ("shuffled", 2), ("buckets", 2)])
def test_what_nobody_else_draws_from_is_marked_once(name, marks):
    loader = LOADERS[name]()
    for number, _ in enumerate(loader):
        if number == 3:
            assert len(loader.state_dict()["pass"]["marks"]) == marks
            break


def test_a_pass_left_early_is_over():
    seed_all(0)
    loader = LOADERS["shuffled"]()
    for _ in loader:
        break
    assert loader.state_dict()["pass"] is None
    batches = iter(loader)
    next(batches)
    assert loader.state_dict()["pass"]["yielded"] == 1
    del batches
    assert loader.state_dict()["pass"] is None
    persistent = LOADERS["shuffled"](num_workers=1, persistent_workers=True)
    for _ in persistent:
        assert persistent.state_dict()["pass"]["yielded"] == 1
        break
    assert persistent.state_dict()["pass"] is None


def test_the_last_batch_is_in_the_pass():
    loader, again = LOADERS["list"](), LOADERS["list"]()
    for _ in loader:
        state = loader.state_dict()
    again.load_state_dict(state)
    assert list(again) == [] and len(list(again)) == 3


def test_a_pass_within_a_pass():
    loader = LOADERS["shuffled"]()
    for number, _ in enumerate(loader):
        if number == 1:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                list(loader)
                assert loader.state_dict()["pass"] is None
            assert "still open, at batch 2, and a later one has ended" in str(said[0].message)
        if number == 2:  # it is being read again
            assert loader.state_dict()["pass"]["yielded"] == 3


def test_a_loaded_state_can_be_saved_again():
    loader = LOADERS["many passes alone"]()
    batches = iter(loader)
    next(batches), next(batches)
    state = loader.state_dict()
    again, third = LOADERS["many passes alone"](), LOADERS["many passes alone"]()
    again.load_state_dict(state)
    assert again.state_dict() == {**state, "pass": again.state_dict()["pass"]}
    third.load_state_dict(through_a_file(again.state_dict()))
    assert [plain(b) for b in third] == [plain(b) for b in batches]


def test_a_sampler_changed_in_the_middle_of_a_pass():
    loader = LOADERS["state"]()
    batches = iter(loader)
    next(batches)
    loader.sampler.passes = 7
    again = LOADERS["state"]()
    again.load_state_dict(loader.state_dict())
    assert plain(next(iter(again))) == plain(next(batches)) and again.sampler.passes == 7


def test_a_loader_with_a_running_pass_is_pickled():
    loader = LOADERS["shuffled"]()
    batches = iter(loader)
    next(batches)
    assert len(list(pickle.loads(pickle.dumps(loader)))) == 4


WRONG = {
    "length of the dataset: 11 in the state, 12 here": lambda: DataLoader(minigrad.arange(12), 3, shuffle=True),
    "batch size: 3 in the state, 4 here": lambda: DataLoader(minigrad.arange(11), 4, shuffle=True),
    "'RandomSampler.*'SequentialSampler'": lambda: DataLoader(minigrad.arange(11), 3),
    "drop_last: False in the state, True here": lambda: DataLoader(
        minigrad.arange(11), 3, shuffle=True, drop_last=True
    ),
    r"generators: \{\} in the state, \{'generator'": lambda: DataLoader(
        minigrad.arange(11), 3, shuffle=True, generator=seeded()
    ),
    "RandomSampler.replacement=False": lambda: DataLoader(minigrad.arange(11), 3, sampler=replacing(11)),
}


@pytest.mark.parametrize("message", WRONG)
def test_the_state_of_another_loader(message):
    loader = LOADERS["shuffled"]()
    batches = iter(loader)
    next(batches)
    state, other = loader.state_dict(), WRONG[message]()
    seed_all(5)
    expected = passes(WRONG[message](), 1)
    seed_all(5)
    with pytest.raises(ValueError, match=message):
        other.load_state_dict(state)
    assert passes(other, 1) == expected


@pytest.mark.parametrize("other", [*WRONG.values(), lambda: DataLoader(minigrad.arange(30), 5)])
def test_between_two_passes_data_batches_and_order_may_change(other):
    loader, here, same = LOADERS["shuffled"](), other(), other()
    if loader.differences(here.state_dict(), ["generators"]):  # its random numbers would not go on
        with pytest.raises(ValueError, match=r"generators: \{\} in the state, .*: make these as before"):
            here.load_state_dict(loader.state_dict())
        return
    here.load_state_dict(loader.state_dict())
    seed_all(5)
    expected = passes(same, 2)
    seed_all(5)
    assert passes(here, 2) == expected


class Turning(Counting):
    """Stateful, with a generator of its own."""

    def __init__(self, n):
        super().__init__()
        self.n, self.generator = n, seeded()

    def __iter__(self):
        self.passes += 1
        return iter(minigrad.randperm(self.n, generator=self.generator).roll(self.passes).tolist())


class Others(Turning):
    pass


def test_generators_and_samplers_go_on_with_other_data():
    before, here = (DataLoader(minigrad.arange(n), 3, sampler=Turning(n)) for n in (11, 20))
    list(before)
    here.load_state_dict(through_a_file(before.state_dict()))
    assert here.sampler.passes == 1
    assert here.sampler.generator.state_bytes() == before.sampler.generator.state_bytes() != seeded().state_bytes()
    with pytest.raises(ValueError, match=r"states of samplers: .*'Turning'} in the state, .*'Others'} here: make"):
        DataLoader(minigrad.arange(11), 3, sampler=Others(11)).load_state_dict(before.state_dict())


def test_what_is_no_state():
    loader = LOADERS["shuffled"]()
    for wrong in ({}, None, {"state": 1}):
        with pytest.raises(ValueError, match="this is no state of a DataLoader"):
            loader.load_state_dict(wrong)
    with pytest.raises(ValueError, match="newer minigrad"):
        loader.load_state_dict({**loader.state_dict(), "format": 99})


class Fickle(Sampler):
    """Its order depends on what no state holds."""

    order = (0, 1, 2, 3)

    def __iter__(self):
        return iter(self.order)


def test_an_order_that_does_not_come_again_is_noticed():
    loader, again = (DataLoader(Rows(), 2, sampler=Fickle()) for _ in range(2))
    batches = iter(loader)
    next(batches)
    again.sampler.order = (4, 5, 6, 7)
    again.load_state_dict(loader.state_dict())
    with pytest.raises(RuntimeError, match="the sampler gave another order"):
        iter(again)
    assert [plain(batch) for batch in again] == [[4, 5], [6, 7]]
    next(batches)
    again.sampler.order = (0, 1)
    again.load_state_dict(loader.state_dict())
    with pytest.raises(RuntimeError, match="it had read 2 batches, and now the data end after 1"):
        iter(again)
