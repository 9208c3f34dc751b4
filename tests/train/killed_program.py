"""A training run that may be killed at any moment: run it again, and it goes on.

    python killed_program.py VARIANT FOLDER [KILL_AT]

It saves the run at every step in FOLDER/run, prints a line for each thing that it does, and at the end writes
FOLDER/result. KILL_AT, such as "3:half", makes it kill itself in its third save.
"""

import math
import os
import random
import signal
import stat
import sys

import numpy

import minigrad
from minigrad import nn, optim
from minigrad.train.session import Session
from minigrad.utils.data import DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler

EPOCHS = 5


class Noisy(TensorDataset):
    """Augments in this process, with numbers of Python's and NumPy's generators."""

    def __getitem__(self, i):
        x, y = super().__getitem__(i)
        return x * (1 + 0.1 * random.random()) + 0.1 * float(numpy.random.rand()), y  # noqa: NPY002


VARIANTS = {
    "sgd": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1), {}),
    "rmsprop": (lambda p: optim.RMSprop(p, lr=0.001, momentum=0.5, centered=True), {"num_workers": 1}),
    "adagrad": (lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1), {"sampler": True}),
    "adam": (lambda p: optim.Adam(p, lr=0.001), {"noisy": True}),
}


def say(*what):
    print(*what, flush=True)


def make(variant):
    make_optimizer, options = VARIANTS[variant]
    options = dict(options)
    model = nn.Sequential(nn.Linear(100, 1000), nn.Tanh(), nn.Dropout(0.3), nn.BatchNorm1d(1000), nn.Linear(1000, 4))
    optimizer = make_optimizer(model.parameters())
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
    dataset = Noisy if options.pop("noisy", False) else TensorDataset
    data = dataset(minigrad.randn(40, 100), minigrad.randint(0, 4, (40,)))
    if options.pop("sampler", False):
        own = minigrad.Generator().manual_seed(5)
        options["sampler"] = RandomSampler(data, num_samples=56, generator=own)  # draws in the middle of a pass
    else:
        options["shuffle"] = True
    loader = DataLoader(data, 8, **options)
    weighted = DataLoader(data, 20, sampler=WeightedRandomSampler(minigrad.arange(1.0, 41.0), 20))
    return Session(model=model, optimizer=optimizer, scheduler=scheduler, loader=[loader, weighted])


def train(session, path):
    model, optimizer, scheduler = (session.things[name] for name in ("model", "optimizer", "scheduler"))
    loader, validation = session.things["loader"]

    @minigrad.jit
    def step(inputs, labels):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    state = {"epoch": 0, "losses": [], "validated": []}
    if os.path.exists(path):
        state = session.resume(path).extra
        say("resumed", len(state["losses"]))
    while state["epoch"] < EPOCHS:
        model.train()
        for inputs, labels in loader:
            state["losses"].append(step(inputs, labels).item())
            say("saving", len(state["losses"]))
            session.save(path, **state)
            say("saved", len(state["losses"]))
        model.eval()
        with minigrad.no_grad():
            losses = [nn.functional.cross_entropy(model(x), y).item() for x, y in validation]
        state["validated"].append(math.fsum(losses))
        scheduler.step()
        state["epoch"] += 1
        session.save(path, **state)
    return state


def result(session, state):
    """Everything that two runs can differ in."""
    return {
        **state,
        "model": session.things["model"].state_dict(),
        "optimizer": session.things["optimizer"].state_dict(),
        "rates": session.things["scheduler"].get_last_lr(),
        "next": [[y for _, y in loader] for loader in session.things["loader"]],
        "random": [minigrad.rand(3), random.random(), float(numpy.random.rand())],  # noqa: NPY002
    }


def kill_in_save(number, moment):
    """Kill this process in its save of this number: when "half" or "all" of the data are written, or when the new file
    has "replaced" the old one."""
    fsync, replace = os.fsync, os.replace
    saved = [0]

    def write(descriptor):
        status = os.fstat(descriptor)
        if saved[0] == number - 1 and moment in ("half", "all") and stat.S_ISREG(status.st_mode):  # no folder
            if moment == "half":
                os.truncate(descriptor, status.st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    def put(source, target):
        replace(source, target)
        saved[0] += 1
        if saved[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync, os.replace = write, put


if __name__ == "__main__":
    variant, folder, *kill_at = sys.argv[1:]
    if kill_at:
        number, moment = kill_at[0].split(":")
        kill_in_save(int(number), moment)
    minigrad.manual_seed(0)
    random.seed(0)
    numpy.random.seed(0)  # noqa: NPY002
    session = make(variant)
    state = train(session, os.path.join(folder, "run"))
    minigrad.save(result(session, state), os.path.join(folder, "result"))
    say("done")
