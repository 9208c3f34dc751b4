"""One pass over a `DataLoader`: in its own process, or with worker processes that read ahead."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import warnings
import weakref
from collections import deque
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, NamedTuple

from .dataset import IterableDataset
from .fetch import make_fetcher
from .passes import Pass
from .worker import Job, Reply, Task, run_worker

if TYPE_CHECKING:
    from .dataloader import DataLoader

#: how long workers may take to finish what they are at before they are terminated, in seconds
_GRACE = 5.0


class LoaderIterator:
    """What both kinds of pass share: its order, and how far it has come."""

    order: Pass

    def __init__(self, loader: DataLoader) -> None:
        # Not the loader itself: with persistent workers it holds the iterator, and they would be a cycle.
        self.index_sampler = loader.index_sampler
        self.promised_length = loader.promised_length
        self.yielded = 0
        self.ended = False
        self.clock = loader.clock
        self.touch()

    def touch(self) -> None:
        """Be, of all passes over the loader, the one that is being read: whose place the loader's state holds."""
        self.clock[0] = self.touched = self.clock[0] + 1

    def __iter__(self) -> LoaderIterator:
        return self

    def __len__(self) -> int:
        return len(self.index_sampler)  # type: ignore[arg-type]

    def __next__(self) -> Any:
        self.touch()
        try:
            batch = self.next_batch()
        except StopIteration:
            self.ended = True
            raise
        self.yielded += 1
        if self.promised_length is not None and self.yielded > self.promised_length:
            warnings.warn(
                f"Length of IterableDataset was reported to be {self.promised_length}, but {self.yielded} "
                "samples have been fetched: its __len__ is wrong, or each worker reads all of it "
                "(get_worker_info() lets them share it)",
                stacklevel=2,
            )
        return batch

    def next_batch(self) -> Any:
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """The place in the pass, as plain data."""
        return {**self.order.state(), "yielded": self.yielded}

    def __reduce__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled: pickle the DataLoader")


class InProcessIterator(LoaderIterator):
    """Reads each batch when it is asked for."""

    def __init__(self, loader: DataLoader, saved: dict[str, Any] | None) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("timeout is for worker processes: it needs num_workers > 0")
        make: Any = partial(make_fetcher, loader.dataset, loader.batched, loader.collate_fn, loader.drop_last)
        if isinstance(loader.dataset, IterableDataset):  # its items are what is drawn: they come in their own order
            self.read = loader.collate_fn
            self.order = Pass(loader, lambda: map(make().take, iter(loader.index_sampler)), saved)
        else:
            self.read = make().fetch
            self.order = Pass(loader, lambda: iter(loader.index_sampler), saved)
        self.yielded = 0 if saved is None else saved["yielded"]

    def next_batch(self) -> Any:
        return self.read(self.order.draw()[1])


class Worker(NamedTuple):
    """A worker process as its owner sees it."""

    process: BaseProcess
    tasks: Connection
    replies: Connection


class WorkersIterator(LoaderIterator):
    """Has worker processes read ahead; tasks are dealt out in turn, and so the order of batches is kept."""

    def __init__(self, loader: DataLoader, saved: dict[str, Any] | None) -> None:
        super().__init__(loader)
        self.timeout = loader.timeout
        self.in_order = loader.in_order
        self.persistent = loader.persistent_workers
        self.stream = isinstance(loader.dataset, IterableDataset)
        self.ahead = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
        self.workers: list[Worker] = []
        self.order = Pass(loader, lambda: iter(loader.index_sampler), self._place(saved))
        # However this iterator ends (end of data, break, error, exit of the interpreter), its workers do too.
        self.shut_down = weakref.finalize(self, _shut_down, self.workers, os.getpid())
        job = Job(
            dataset=loader.dataset,
            batched=loader.batched,
            collate=loader.collate_fn,
            drop_last=loader.drop_last,
            num_workers=loader.num_workers,
            base_seed=self.order.base_seed,
            worker_init_fn=loader.worker_init_fn,
        )
        context = loader.multiprocessing_context or multiprocessing.get_context()
        for i in range(loader.num_workers):
            self.workers.append(_start(context, i, job))
        self.epoch = 0
        self._deal_first(saved)

    def restart(self, loader: DataLoader, saved: dict[str, Any] | None) -> None:
        """Begin another pass with the same workers (`persistent_workers`)."""
        self.epoch += 1
        self.order = Pass(loader, lambda: iter(loader.index_sampler), self._place(saved))
        self._deal_first(saved)

    def _place(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        """Where the order of a saved pass stands. The workers read their streams from the start again."""
        return {**saved, "drawn": 0, "unread": [], "last": None} if saved and self.stream else saved

    def _deal_first(self, saved: dict[str, Any] | None) -> None:
        self.active = deque(self.workers)  # whose streams have not ended, next in turn first
        self.pending: deque[tuple[Worker, int]] = deque()  # who owes which batch, in the order of the batches
        self.yielded = 0 if saved is None else saved["yielded"]
        self.passed_over = self.yielded if self.stream else 0  # batches of streams that are read, and not sent
        for _ in range(self.ahead):
            self._deal()
        for _ in range(self.passed_over):
            self.next_batch()

    def _deal(self) -> None:
        """Send the next indices to the next worker, if there are any of both."""
        if not self.active:
            return
        try:
            number, index = self.order.draw()
        except StopIteration:
            return
        self.order.unread.add(number)
        worker = self.active[0]
        self.active.rotate(-1)
        with contextlib.suppress(BrokenPipeError):  # it died: waiting for its answer will say so
            worker.tasks.send(Task(self.epoch, index, number < self.passed_over))
        self.pending.append((worker, number))

    def next_batch(self) -> Any:
        while self.pending:
            worker, reply = self._receive()
            if reply.ended and worker in self.active:
                self.active.remove(worker)
            self._deal()
            if reply.failure is not None:
                raise reply.failure.error()
            if not reply.ended:
                return reply.data
        if not self.persistent:
            self.shut_down()
        raise StopIteration

    def _receive(self) -> tuple[Worker, Reply]:
        """The next reply of this pass: of the worker whose turn it is, or of any if not `in_order`."""
        deadline = time.monotonic() + self.timeout
        while True:
            debtors = [worker for worker, _ in self.pending]
            candidates = debtors[:1] if self.in_order else list(dict.fromkeys(debtors))
            owners: dict[Any, Worker] = {worker.replies: worker for worker in candidates}
            sentinels: dict[Any, Worker] = {worker.process.sentinel: worker for worker in candidates}
            patience = max(0.0, deadline - time.monotonic()) if self.timeout else None
            ready = wait([*owners, *sentinels], patience)
            if not ready:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
            worker = next((owners[key] for key in ready if key in owners), None)
            if worker is None:
                raise self._death(sentinels[ready[0]])
            try:
                reply = worker.replies.recv()
            except (EOFError, ConnectionResetError):
                raise self._death(worker) from None
            if reply.epoch == self.epoch:  # what an abandoned pass still had coming is dropped
                owed = next(pair for pair in self.pending if pair[0] is worker)
                self.pending.remove(owed)
                self.order.unread.discard(owed[1])
                return worker, reply

    def _death(self, worker: Worker) -> RuntimeError:
        """The error that says how `worker` died; the others stop."""
        worker.process.join(1)
        pid, code = worker.process.pid, worker.process.exitcode
        self.pending.clear()
        self.active.clear()
        self.shut_down()
        return RuntimeError(
            f"DataLoader worker (pid {pid}) exited unexpectedly with exit code {code}; "
            "num_workers=0 reads the data in this process, where errors can be seen"
        )


class PersistentPass(LoaderIterator):
    """One pass of workers that stay: it is running as long as somebody holds it, and it has not ended."""

    def __init__(self, loader: DataLoader, workers: WorkersIterator) -> None:
        super().__init__(loader)
        self.workers, self.order, self.yielded = workers, workers.order, workers.yielded

    def next_batch(self) -> Any:
        if self.workers.order is not self.order:
            raise RuntimeError("a new pass over this loader has begun, and persistent workers serve one at a time")
        return self.workers.next_batch()


def _start(context: Any, i: int, job: Job) -> Worker:
    task_end, tasks = context.Pipe(duplex=False)
    replies, reply_end = context.Pipe(duplex=False)
    process = context.Process(target=run_worker, args=(i, job, task_end, reply_end), daemon=True)
    with warnings.catch_warnings():
        # Python warns of fork() beside BLAS's threads, which are ready for it (pthread_atfork).
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        process.start()
    task_end.close()
    reply_end.close()
    return Worker(process, tasks, replies)


def _shut_down(workers: list[Worker], owner: int) -> None:
    """Tell workers to stop, wait a moment, and terminate those that do not."""
    if os.getpid() != owner:  # a forked copy of the owner: the workers are not its own
        return
    for worker in workers:
        with contextlib.suppress(OSError):
            worker.tasks.send(None)
        worker.tasks.close()
        worker.replies.close()
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join()
        worker.process.close()
    workers.clear()
