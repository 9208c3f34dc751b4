"""Worker processes: the same data, errors that say what happened, and no process left behind."""

import multiprocessing
import os
import pickle
import random
import time

import numpy
import pytest

import minigrad
from minigrad.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info


class Rows(Dataset):
    def __len__(self):
        return 11

    def __getitem__(self, i):
        return numpy.full(2, i, dtype="float32"), i


class Broken(Rows):
    def __getitem__(self, i):
        if i == 5:
            raise KeyError(f"no item\n{i}")
        return super().__getitem__(i)


class Fussy(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


class FussyRows(Rows):
    def __getitem__(self, i):
        raise Fussy(1, 2)


class Stopping(Rows):
    def __getitem__(self, i):
        raise StopIteration("in a dataset")


class Dying(Rows):
    def __getitem__(self, i):
        os._exit(7)


class Sleeping(Rows):
    def __getitem__(self, i):
        time.sleep(60)


class Unsendable(Rows):
    def __getitem__(self, i):
        return lambda: i


class Draws(Rows):
    """What a dataset that draws random numbers gets in each worker."""

    def __getitem__(self, i):
        info = get_worker_info()
        drawn = (random.random(), float(numpy.random.rand()), minigrad.rand(1).item())  # noqa: NPY002
        return info.id, info.num_workers, info.seed, type(info.dataset).__name__, *drawn


class Shared(IterableDataset):
    """A stream whose workers share the items between them."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


def note_worker(worker):
    get_worker_info().dataset.special = worker


class Special(Rows):
    special = None

    def __getitem__(self, i):
        return self.special


def fail_at_start(worker):
    raise ValueError(f"worker {worker} is not ready")


def first(batch):
    return batch[0]


def plain(loader):
    return [(x.tolist(), y.tolist()) for x, y in loader]


def no_children():
    """True once all worker processes are gone."""
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_data_with_workers(workers):
    for data in (Rows(), TensorDataset(minigrad.arange(11.0), minigrad.arange(11))):

        def batches(num_workers, data=data):
            generator = minigrad.Generator().manual_seed(4)
            loader = DataLoader(data, 3, shuffle=True, num_workers=num_workers, generator=generator)
            return [plain(loader), plain(loader)]

        assert batches(workers) == batches(0)
    assert no_children()


def test_what_follows_from_the_global_seed_does_not_depend_on_workers():
    def draws(num_workers):
        minigrad.manual_seed(3)
        batches = plain(DataLoader(Rows(), 3, shuffle=True, num_workers=num_workers))
        return batches, minigrad.rand(2).tolist()

    assert draws(0) == draws(2)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    loader = DataLoader(Rows(), 4, num_workers=1, multiprocessing_context=method)
    assert plain(loader) == plain(DataLoader(Rows(), 4))


def test_batches_larger_than_a_pipe():
    data = minigrad.arange(300_000).reshape(3, 100_000)
    loader = DataLoader(data, num_workers=2, prefetch_factor=3)
    assert [batch[0, 0].item() for batch in loader] == [0, 100_000, 200_000]


def test_seeds_and_worker_info():
    def draws():
        minigrad.manual_seed(9)
        return list(DataLoader(Draws(), None, num_workers=2, sampler=range(4)))

    items = draws()
    assert items == draws()
    assert [item[0] for item in items] == [0, 1, 0, 1] and {item[1] for item in items} == {2}
    assert items[1][2] - items[0][2] == 1 and items[0][3] == "Draws"
    for kind in (4, 5, 6):
        assert len({item[kind] for item in items}) == 4
    assert get_worker_info() is None


def test_worker_init_fn_runs_in_every_worker():
    loader = DataLoader(Special(), None, num_workers=2, worker_init_fn=note_worker, sampler=range(4))
    assert list(loader) == [0, 1, 0, 1]


def test_streams_are_shared_and_end_when_all_have_ended():
    loader = DataLoader(Shared(7), 2, num_workers=2)
    assert [batch.tolist() for batch in loader] == [[0, 2], [1, 3], [4, 6], [5]]
    assert sorted(DataLoader(Shared(5), None, num_workers=2)) == [0, 1, 2, 3, 4]


def test_out_of_order():
    loader = DataLoader(Rows(), 2, num_workers=2, in_order=False)
    assert sorted(i for _, y in loader for i in y.tolist()) == list(range(11))


def test_errors_arrive_with_their_traceback():
    loader = DataLoader(Broken(), 2, num_workers=2)
    batches = iter(loader)
    next(batches), next(batches)
    with pytest.raises(KeyError) as caught:
        next(batches)
    text = str(caught.value)
    assert "Caught KeyError in DataLoader worker process 0." in text
    assert "test_workers.py" in text and "raise KeyError" in text and "\n" in text
    assert next(batches)[1].tolist() == [6, 7]  # the pass goes on
    del batches, caught  # the traceback holds the pass too
    assert no_children()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (FussyRows(), RuntimeError, "Caught Fussy in DataLoader worker process 0"),
        (Stopping(), RuntimeError, "Caught StopIteration"),
        (Dying(), RuntimeError, "exited unexpectedly with exit code 7.*num_workers=0"),
    ],
)
def test_errors_of_other_kinds(data, error, message):
    with pytest.raises(error, match=message):
        list(DataLoader(data, 2, num_workers=1))
    assert no_children()


def test_a_batch_that_cannot_be_sent():
    with pytest.raises(Exception, match=r"(?i)pickle"):
        list(DataLoader(Unsendable(), 1, num_workers=1, collate_fn=first))


def test_an_error_at_the_start_of_a_worker():
    loader = DataLoader(Rows(), 4, num_workers=1, worker_init_fn=fail_at_start)
    with pytest.raises(ValueError, match="worker 0 is not ready"):
        list(loader)


def test_an_error_whose_class_has_no_name_elsewhere():
    class Local(Exception):
        pass

    class Rows2(Rows):
        def __getitem__(self, i):
            raise Local("here")

    if multiprocessing.get_start_method() != "fork":
        pytest.skip("local datasets can be sent to forked workers only")
    with pytest.raises(RuntimeError, match="Caught Local in"):
        list(DataLoader(Rows2(), 1, num_workers=1))


def test_timeout_and_workers_that_do_not_stop_by_themselves(monkeypatch):
    monkeypatch.setattr("minigrad.utils.data.iterators._GRACE", 0.1)
    batches = iter(DataLoader(Sleeping(), 1, num_workers=1, timeout=0.2))
    with pytest.raises(RuntimeError, match=r"timed out after 0.2 seconds"):
        next(batches)
    del batches
    assert no_children()


def test_leaving_early_ends_the_workers():
    for _ in DataLoader(minigrad.zeros(50, 100_000), num_workers=2):  # more than the pipes hold
        break
    assert no_children()


def test_persistent_workers_serve_every_pass():
    loader = DataLoader(Rows(), 3, num_workers=2, persistent_workers=True)
    once = plain(DataLoader(Rows(), 3))
    assert plain(loader) == once
    processes = {child.pid for child in multiprocessing.active_children()}
    for _ in loader:  # a pass that is left, whose remains must not show in the next
        break
    assert plain(loader) == once
    assert {child.pid for child in multiprocessing.active_children()} == processes
    streams = DataLoader(Shared(4), 2, num_workers=1, persistent_workers=True)
    assert [[b.tolist() for b in streams] for _ in range(2)] == [[[0, 1], [2, 3]]] * 2
    del loader, streams
    assert no_children()


def test_an_iterator_is_not_sent_anywhere():
    with pytest.raises(NotImplementedError, match="pickle the DataLoader"):
        pickle.dumps(iter(DataLoader([1])))
    loader = DataLoader(minigrad.arange(3), 2)
    assert [b.tolist() for b in pickle.loads(pickle.dumps(loader))] == [[0, 1], [2]]
