"""Recording one call of a step: from its arguments to a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import modes
from ..autograd.node import TensorBase
from ..backend import dtypes
from ..backend.library import find_library
from ..nn.module import Module
from .guards import Guards, changed_by_step, optimizers_seen, options
from .interception import recording
from .leaves import Leaf, require_alike, sort_leaves
from .names import name_outside
from .plan import Plan
from .program import Program
from .recorder import Recorder
from .results import Collector, Results, release, settle_escapes
from .watch import Scope, Watch
from .writer import Writer


def record(
    function: Callable[..., Any], leaves: list[Any], names: list[str], rebuild: Callable[[list[Any]], tuple[Any, Any]],
    static: frozenset[str], again: bool,
) -> tuple[Any, Program]:  # fmt: skip
    """Run `function` for real; its result, and the program that repeats it.

    Args:
        leaves: the tensors, arrays, numbers and other things that the arguments consist of.
        names: of the leaves, as the program's parameters.
        rebuild: puts leaves back into (args, kwargs).
        static: names of float arguments that select a program instead of being inputs of one.
        again: whether the step has been postponed before.

    Raises:
        RecordingError: the step cannot be repeated faithfully. Nothing has been changed.
        Postponed: it can, but only after it has run eagerly.
    """
    recorder, watch = Recorder(), Watch()
    scope = Scope(function, watch)
    before = scope.fingerprints()
    for name, thing in scope.things():
        if isinstance(thing, Module):
            recorder.provenance.name(name, thing)
            watch.note_below(thing)
    rates = {id(optimizer): options(optimizer) for optimizer in optimizers_seen(watch, scope)}
    found = sort_leaves(recorder, leaves, names, static)
    default = dtypes.default_float()
    try:
        result, results = _run(recorder, watch, function, leaves, found, rebuild)
        scope = Scope(function, watch)
        _refuse_changes(recorder, watch, scope, before, rates)
        settle_escapes(recorder, again)
        release(recorder)
    except BaseException:
        recorder.undo.run()
        release(recorder)
        recorder.discard()
        raise
    tensors = {name: thing for name, thing in scope.things() if isinstance(thing, TensorBase)}
    paths = name_outside(recorder.recording, results, recorder.provenance, tensors)
    plan = Plan(recorder.recording, results, _all_on_host(recorder))
    writer = Writer(plan, names, [leaf.value for leaf in found], paths)
    writer.write()
    guards = Guards()
    require_alike(guards, leaves, found, names)
    guards.same(f"{guards.thing(modes)}.node_type", modes.node_type)
    guards.same(f"{guards.thing(dtypes.default_float)}()", default)
    parameters = {id(leaf.value): f"{name}_values" for leaf, name in zip(found, names) if leaf.value is not None}
    guards.tensors(recorder.recording, plan.moving, parameters)
    guards.scope(scope)
    guards.modules(watch, scope)
    guards.owners(watch, scope)
    guards.options(watch, scope)
    program = Program(plan, writer, list(guards.conditions), guards.objects)
    recorder.discard()
    return result, program


def _refuse_changes(
    recorder: Recorder, watch: Watch, scope: Scope, before: dict[str, Any], rates: dict[int, Any]
) -> None:
    """Raise if the step has changed something in Python that it depends on."""
    changed = changed_by_step(watch, scope, before)
    for optimizer in optimizers_seen(watch, scope):
        if id(optimizer) in rates and options(optimizer) != rates[id(optimizer)]:
            changed = f"an option of {type(optimizer).__name__}"
    if changed is not None:
        recorder.refuse(
            f"the step changes {changed}, which no replay would do",
            "change it outside the step, or keep the number in a tensor (a buffer of a module)",
        )


def _run(
    recorder: Recorder, watch: Watch, function: Callable[..., Any], leaves: list[Any], found: list[Leaf],
    rebuild: Callable[[list[Any]], tuple[Any, Any]],
) -> tuple[Any, Results]:  # fmt: skip
    """Run the step with the recorder in the door."""
    args, kwargs = rebuild([leaf.given for leaf in found])
    with recording(recorder):
        watch.start()
        try:
            returned = function(*args, **kwargs)
        finally:
            foreign = watch.stop()
        if foreign:
            recorder.refuse(
                "random numbers of Python's or NumPy's own are drawn in the step, and each replay would repeat them",
                "draw with minigrad's functions (minigrad.rand, dropout), or pass them as arguments",
            )
        with recorder.pause():
            dynamic = [(k, leaf) for k, leaf in enumerate(found) if leaf.kind in ("tensor", "array", "number")]
            collector = Collector(recorder, {id(leaf.given): (k, leaves[k]) for k, leaf in dynamic})
            aliases = [(k, leaf.given) for k, leaf in dynamic if leaf.kind == "tensor"]
            result = collector.collect(returned, aliases)
    for leaf in found:
        leaf.given = None
    return result, collector.results


def _all_on_host(recorder: Recorder) -> bool:
    """True if every array of the recording is NumPy's: only those are planned."""
    libraries = {find_library(type(out.array)) for call in recorder.recording.calls for out in call.outs}
    return all(xp.__name__ == "numpy" for xp in libraries if xp is not None)
