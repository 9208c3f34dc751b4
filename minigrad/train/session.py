"""`Session`: a whole training run in one file, and back.

    session = Session(model=model, optimizer=optimizer, scheduler=scheduler, loader=loader)
    report = session.resume("run.session") if os.path.exists("run.session") else None
    start = report.extra["epoch"] if report else 0
    for epoch in range(start, 10):
        for inputs, targets in loader:      # goes on in the middle of the pass
            ...
            session.save("run.session", epoch=epoch)
        scheduler.step()
        session.save("run.session", epoch=epoch + 1)

A run that is killed at any moment, and resumed, comes to the same bits as one that was not (on the CPU).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import minigrad
from minigrad import nn

from .parts import OptimizerPart, Part, SchedulerPart, Undo, is_optimizer, part_of
from .random_states import random_states, restore_random_states
from .rates import check_rates, set_rates
from .report import PartReport, Report, ResumeError

FORMAT = 1
KEY = "minigrad.session"  # of the version, in the file


class Session:
    """What a training run consists of, to be saved and resumed as a whole.

    Args:
        parts: by names of your own: modules, optimizers, schedulers, loaders, generators, anything else with
            `state_dict` and `load_state_dict`, and lists of such.

    The state of an optimizer is saved by the names of its parameters: the dotted names that they have in the session's
    modules ("model.0.weight"); for others those that their group was given; else their number. It so finds them
    again in another order and in other groups' order. Every random generator is saved too: minigrad's default ones of
    every device, Python's `random`, NumPy's global one, and those of loaders and their samplers.

    >>> import os, tempfile
    >>> from minigrad import arange, nn, optim, utils
    >>> def run(path, epochs):
    ...     model = nn.Linear(1, 1)
    ...     optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    ...     loader = utils.data.DataLoader(arange(6.0).reshape(6, 1), batch_size=2, shuffle=True)
    ...     session = Session(model=model, optimizer=optimizer, loader=loader)
    ...     start = session.resume(path).extra["epoch"] if os.path.exists(path) else 0
    ...     for epoch in range(start, epochs):
    ...         for x in loader:
    ...             optimizer.zero_grad()
    ...             ((model(x) - 2 * x) ** 2).mean().backward()
    ...             optimizer.step()
    ...             session.save(path, epoch=epoch)
    ...         session.save(path, epoch=epoch + 1)
    ...     return model.weight.item()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = minigrad.manual_seed(0)
    ...     whole = run(os.path.join(folder, "a"), 4)
    ...     _ = minigrad.manual_seed(0)
    ...     parts = [run(os.path.join(folder, "b"), epochs) for epochs in (1, 3, 4)]
    >>> parts[-1] == whole
    True
    """

    def __init__(self, **parts: Any) -> None:
        if not parts:
            raise TypeError("a session needs something to save: Session(model=model, optimizer=optimizer)")
        self.things = parts
        self._parts()  # says what cannot be a part

    def save(self, path: Any, /, **extra: Any) -> None:
        """Write everything to the file `path`, which is replaced as a whole or not at all.

        Args:
            extra: plain data, such as the epoch, the step and metrics; `resume` gives them back.

        Raises:
            TypeError: some of it is no data that a file can hold; the message says where it is.
        """
        parts = {name: {"kind": part.kind, "state": part.save()} for name, part in self._parts().items()}
        minigrad.save({KEY: FORMAT, "parts": parts, "random": random_states(), "extra": extra}, path)

    def resume(self, path: Any, lr_scale: float | None = None, lr: float | None = None, strict: bool = True) -> Report:
        """Go on from what `save` wrote: all of it or nothing.

        Args:
            lr_scale: go on with every group's rate times this, and with what schedulers start from (`initial_lr`,
                `base_lrs`), so that the schedule goes on at the scaled rate.
            lr: go on with this rate in every group; what schedulers start from is scaled in proportion.
            strict: refuse what does not fit in every part. Otherwise what fits is taken over, and the report says
                what was not.

        Returns:
            the report; `report.extra` is what was passed to `save`, `print(report)` says what matched.

        Raises:
            FileNotFoundError: there is no such file; IsADirectoryError: it is a folder.
            RuntimeError: its structure is damaged (the bytes of its tensors are taken as they are), or it is no saved
                session, or of a newer minigrad.
            ResumeError: (a RuntimeError) the file is of another run; `error.report` has what matched. Nothing is
                changed then, unless a part does not even take back its own state: the error names such a part.
        """
        optimizers = {name: thing for name, thing in self._named() if is_optimizer(thing)}
        data = read(path)
        report = Report(os.fsdecode(path), data["extra"])
        parts = self._parts()
        check_rates(lr, lr_scale, optimizers)
        undo = {name: part.remember() for name, part in parts.items()}
        before = random_states()
        try:
            self._load(parts, data, report, undo)
            if strict and not report.fits():
                raise ResumeError(report, f"{report.path} does not fit this session, and nothing of it was taken over:")
            if lr is not None or lr_scale is not None:
                report.notes += set_rates(lr, lr_scale, optimizers, dict(self._named()))
        except BaseException as error:
            for name, function in undo.items():
                problem = _undone(function)
                if problem:
                    error.add_note(f"{name} could not be put back: {problem}")
            restore_random_states(before)
            raise
        return report

    def _load(self, parts: dict[str, Part], data: dict[str, Any], report: Report, undo: dict[str, Undo]) -> None:
        """Load everything, and write down what does not fit. A part that fails is put back."""
        saved = data["parts"]
        for name in [*parts, *(name for name in saved if name not in parts)]:
            report.parts[name] = PartReport(parts[name].kind if name in parts else saved[name]["kind"])
        for name, part in sorted(parts.items(), key=lambda item: item[1].rank):
            entry = report.parts[name]
            if name not in saved:
                entry.missing.append("all of it")
                continue
            kind = saved[name]["kind"]
            if kind != part.kind and not isinstance(part.thing, nn.Module):
                entry.left.append(f"it is a {kind} in the file, and a {part.kind} here")
                continue
            try:
                part.load(saved[name]["state"], entry)
            except Exception as error:
                entry = report.parts[name] = PartReport(part.kind, left=[f"{type(error).__name__}: {error}"])
                problem = _undone(undo[name])
                if problem:
                    entry.left.append(f"it could not be put back: {problem}")
        for name in saved:
            if name not in parts:
                report.parts[name].unexpected.append("all of it")
        entry = report.parts["random generators"] = PartReport("of all devices, Python and NumPy")
        left = restore_random_states(data["random"])
        entry.matched += [name for name in data["random"] if name not in left]
        entry.notes += [f"{name} is left as it is: {why}" for name, why in left.items()]

    def _named(self) -> Iterator[tuple[str, Any]]:
        """The things of the session with their names; those of lists are called "optimizer[0]"."""
        for name, thing in self.things.items():
            if isinstance(thing, (list, tuple)):
                yield from ((f"{name}[{k}]", part) for k, part in enumerate(thing))
            elif thing is not None:
                yield name, thing

    def _parts(self) -> dict[str, Part]:
        things = dict(self._named())
        names: dict[int, list[str]] = {}
        for place, thing in things.items():
            if isinstance(thing, nn.Module):
                for name, p in thing.named_parameters(prefix=place, remove_duplicate=False):
                    names.setdefault(id(p), []).append(name)
        parts = {name: part_of(thing, name, names) for name, thing in things.items()}
        for part in parts.values():
            if isinstance(part, SchedulerPart):
                own = part.thing.optimizer
                part.optimizer = next(
                    (p for p in parts.values() if isinstance(p, OptimizerPart) and p.thing is own), None
                )
        return parts


def read(path: Any) -> dict[str, Any]:
    """The content of a saved session, on the CPU.

    Raises:
        RuntimeError: the file is something else, or of a newer minigrad.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fsdecode(path)!r} is a folder: give the name of a file in it")
    data = minigrad.load(path, map_location="cpu")
    if not isinstance(data, dict) or KEY not in data:
        what = f"a dict of {', '.join(map(repr, data))}" if isinstance(data, dict) else f"a {type(data).__name__}"
        raise RuntimeError(
            f"{os.fsdecode(path)!r} is no saved session but {what}: read it with minigrad.load, and load what is in it "
            "with load_state_dict"
        )
    if data[KEY] > FORMAT:
        raise RuntimeError(
            f"{os.fsdecode(path)!r} was saved by a newer minigrad (format {data[KEY]}, this one reads {FORMAT}): "
            "update minigrad to resume from it"
        )
    return data


def _undone(undo: Undo) -> str:
    """Put a part back; what went wrong in that, if anything."""
    try:
        undo()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
