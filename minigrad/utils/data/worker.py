"""What runs in a worker process of a `DataLoader`, and what it sends back.

A worker answers tasks in the order in which they come. It computes in one thread and sends in another, so
that it gets ahead of a reader who is busy training.
"""

from __future__ import annotations

import os
import pickle
import queue
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ...backend.library import numpy
from ...backend.random import manual_seed
from .dataset import IterableDataset
from .fetch import make_fetcher

#: how often an idle worker looks whether the process that started it is still there, in seconds
_PATIENCE = 5.0


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker this is: `id` of `num_workers`, the `seed` it was given, and its copy of the `dataset`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here:
    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process, what it knows of itself; None in every other process.

    >>> get_worker_info() is None
    True
    """
    return _Here.info


@dataclass(frozen=True)
class Job:
    """What the workers of a loader are told at their start."""

    dataset: Any
    batched: bool
    collate: Callable[[Any], Any]
    drop_last: bool
    num_workers: int
    base_seed: int
    worker_init_fn: Callable[[int], None] | None


@dataclass(frozen=True)
class Task:
    """What to read, and in which pass over the data: a new pass starts an iterable dataset anew.

    Items that are `passed_over` are taken from the stream, and nothing is sent of them.
    """

    epoch: int
    index: Any
    passed_over: bool = False


@dataclass(frozen=True)
class Reply:
    """The answer to one task: a batch, a failure, or the end of this worker's stream."""

    epoch: int
    data: Any = None
    failure: Failure | None = None
    ended: bool = False


@dataclass(frozen=True)
class Failure:
    """An exception on its way to another process: its type, and the text of its traceback."""

    kind: type[BaseException]
    text: str

    @staticmethod
    def of(error: Exception, worker: int) -> Failure:
        trace = "".join(traceback.format_exception(error))
        text = f"Caught {type(error).__name__} in DataLoader worker process {worker}.\nOriginal {trace}"
        kind: type[BaseException] = type(error)
        try:
            pickle.dumps(kind)
        except Exception:  # the other process cannot find this class by its name
            kind = RuntimeError
        return Failure(kind, text)

    def error(self) -> BaseException:
        """An error of the same type, or a RuntimeError where that type wants other arguments.

        StopIteration becomes a RuntimeError too: raised as such it would end the reader's loop in silence.
        """
        if issubclass(self.kind, StopIteration):
            return RuntimeError(self.text)
        try:
            return self.kind(_Verbatim(self.text) if issubclass(self.kind, KeyError) else self.text)
        except Exception:
            return RuntimeError(self.text)


class _Verbatim(str):
    """A message whose line breaks survive KeyError, which shows the repr of what it is given."""

    def __repr__(self) -> str:
        return str(self)


def run_worker(worker: int, job: Job, tasks: Connection, replies: Connection) -> None:
    """Answer the tasks that come until None comes or the process that started this one is gone."""
    parent = os.getppid()
    outbox: queue.SimpleQueue[Reply] = queue.SimpleQueue()
    # A daemon: once the reader has stopped reading, nothing may wait for what is left to send.
    threading.Thread(target=_send_all, args=(worker, outbox, replies), daemon=True).start()
    try:
        failure = _prepare(worker, job)
        epoch, fetcher = None, None
        while (task := _next_task(tasks, parent)) is not None:
            if failure is not None:
                outbox.put(Reply(task.epoch, failure=failure))
                continue
            try:
                if fetcher is None or task.epoch != epoch:
                    fetcher = make_fetcher(job.dataset, job.batched, job.collate, job.drop_last)
                    epoch = task.epoch
                if task.passed_over:
                    fetcher.take(task.index)
                    reply = Reply(task.epoch)
                else:
                    reply = Reply(task.epoch, fetcher.fetch(task.index))
            except Exception as error:
                if isinstance(error, StopIteration) and isinstance(job.dataset, IterableDataset):
                    reply = Reply(task.epoch, ended=True)
                else:
                    reply = Reply(task.epoch, failure=Failure.of(error, worker))
            outbox.put(reply)
    except KeyboardInterrupt:
        pass  # the process that reads is interrupted too, and says so


def _prepare(worker: int, job: Job) -> Failure | None:
    """Seed every generator that a dataset may draw from, then run the user's own preparation."""
    seed = job.base_seed + worker
    random.seed(seed)
    manual_seed(seed)
    numpy.random.seed(numpy.random.SeedSequence([job.base_seed, worker]).generate_state(4))
    _Here.info = WorkerInfo(worker, job.num_workers, seed, job.dataset)
    try:
        if job.worker_init_fn is not None:
            job.worker_init_fn(worker)
    except Exception as error:
        return Failure.of(error, worker)
    return None


def _next_task(tasks: Connection, parent: int) -> Task | None:
    """The next task; None to stop. A killed parent closes no pipe that other workers inherited: so look."""
    try:
        while not tasks.poll(_PATIENCE):
            if os.getppid() != parent:
                return None
        return tasks.recv()
    except (EOFError, OSError):
        return None


def _send_all(worker: int, outbox: queue.SimpleQueue[Reply], replies: Connection) -> None:
    while True:
        reply = outbox.get()
        try:
            replies.send(reply)
        except OSError:  # nobody reads any more
            return
        except Exception as error:  # this batch cannot be pickled; nothing of it was sent
            replies.send(Reply(reply.epoch, failure=Failure.of(error, worker)))
