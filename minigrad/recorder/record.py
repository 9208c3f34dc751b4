"""Recording one call of a step: from its arguments to a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import modes
from ..autograd.node import TensorBase
from ..backend import devices, dtypes
from ..backend.library import find_library
from ..nn.module import Module
from .codes import line_of
from .errors import Postponed
from .guards import Guards, changed_by_step, options
from .interception import recording
from .leaves import Leaf, flatten, require_alike, sort_leaves
from .names import name_outside
from .plan import Plan
from .program import Program
from .provenance import described
from .reach import MOST_BYTES, MOST_ELEMENTS, Reach
from .recorder import Recorder
from .results import Collector, Results, release, settle_escapes
from .watch import Watch
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
        Postponed: it can, but only after it has run eagerly. Nothing has been changed.
        Exception: what the step itself raises; what it has done until then stays, as in an eager run.
    """
    recorder = Recorder()
    watch = Watch(recorder)
    found = sort_leaves(recorder, leaves, names, static)
    static_things = [leaf.given for leaf in found if leaf.kind == "same"]
    reach = Reach(function, (), static_things, find_functions=False)
    before = reach.snapshot()
    for tensor in reach.tensors:
        recorder.undo.attribute(tensor, "node")
    rates = {id(optimizer): options(optimizer) for optimizer in reach.optimizers}
    for name, thing in reach.named:
        if isinstance(thing, Module):
            recorder.provenance.name(name, thing)
    default, where = dtypes.default_float(), devices.get_default_device()
    try:
        result, results = _run(recorder, watch, function, leaves, found, rebuild)
        if recorder.refused is not None:
            raise recorder.refused  # the step has caught it
        reach = _reached(function, watch, static_things)
        _refuse(recorder, watch, reach, before, rates, again)
        settle_escapes(recorder, again)
        release(recorder)
    except BaseException as error:
        if recorder.refused is not None or isinstance(error, Postponed):
            recorder.undo.run()
        release(recorder)
        recorder.discard()
        if recorder.refused is not None and error is not recorder.refused:
            raise recorder.refused from error  # what came of it
        raise
    tensors = {name: thing for name, thing in reach.named if isinstance(thing, TensorBase)}
    paths = name_outside(recorder.recording, results, recorder.provenance, tensors)
    plan = Plan(recorder.recording, results, _all_on_host(recorder))
    writer = Writer(plan, names, found, paths)
    writer.write()
    guards = _guards(recorder, leaves, found, names, reach, plan.moving, [tensor for tensor, _ in results.arrays])
    guards.same(f"{guards.thing(modes)}.node_type", modes.node_type)
    guards.require(f"{guards.thing(dtypes.default_float)}() is {guards.thing(default)}")
    guards.require(f"{guards.thing(devices.get_default_device)}() == {guards.thing(where)}")
    program = Program(plan, writer, list(guards.conditions), guards.objects, list(recorder.cleared))
    recorder.discard()
    return result, program


def _guards(
    recorder: Recorder,
    leaves: list[Any],
    found: list[Leaf],
    names: list[str],
    reach: Reach,
    moving: set[int],
    replaced: list[Any],
) -> Guards:
    """The conditions under which the program may be replayed; the step gives the tensors in `replaced` other arrays."""
    guards = Guards()
    require_alike(guards, leaves, found, names, reach)
    inputs = {id(leaf.value): name for leaf, name in zip(found, names) if leaf.value is not None}
    guards.tensors(recorder.recording, moving, {key: f"{name}_values" for key, name in inputs.items()})
    for sign, value, other, answer in recorder.comparisons:
        word = inputs[id(other)] if id(other) in inputs else guards.thing(other)
        guards.require(f"({inputs[id(value)]} {sign} {word}) is {answer}")
    for tensor in replaced:
        for leaf, name in zip(found, names):
            if leaf.kind == "tensor":
                guards.require(f"{name} is not {guards.thing(tensor)}")
    guards.reach(reach)
    guards.options(reach)
    guards.hooks()
    return guards


def _reached(function: Callable[..., Any], watch: Watch, things: list[Any]) -> Reach:
    """What the step and everything that ran can reach."""
    owners = [owner for reference in watch.owners.values() if (owner := reference()) is not None]
    return Reach(
        function,
        [*watch.codes.values()],
        [*things, *watch.modules, *watch.optimizers.values(), *owners],
        find_functions=True,
    )


def _refuse(
    recorder: Recorder,
    watch: Watch,
    reach: Reach,
    before: dict[Any, tuple[str, Any]],
    rates: dict[int, Any],
    again: bool,
) -> None:
    """Raise if the step depends on something in Python that a replay could not follow."""
    codes = [code for code, _ in watch.codes.values()]
    changed = changed_by_step(watch, reach, before)
    if changed is not None and isinstance(changed[1], dict) and not again:
        raise Postponed(f"the step changes {changed[0]!r}")  # a cache, perhaps, which is filled then
    for optimizer in reach.optimizers:
        if id(optimizer) in rates and options(optimizer) != rates[id(optimizer)]:
            changed = f"an option of {type(optimizer).__name__}", None
    if changed is not None:
        recorder.refuse(
            f"the step changes {changed[0]!r}, which no replay would do",
            "return what is new from the step and change it outside, or keep the number in a tensor (a buffer)",
            line_of(codes, changed[0]),
        )
    for name, iterator in reach.iterators:
        recorder.refuse(
            f"the step reads from an iterator, {name!r} ({type(iterator).__name__}), which no replay would do",
            "take the next element outside, and pass it to the step",
            line_of(codes, name),
        )
    if watch.foreign is not None:
        recorder.refuse(
            f"the step calls {watch.foreign[0]}, and no replay would",
            "pass the number as an argument; random ones come from minigrad's functions (minigrad.rand, dropout)",
            watch.foreign[1],
        )
    for name, thing in reach.deep:
        recorder.refuse(
            f"the step reads {name!r}, data in data more than 64 deep (a {type(thing).__name__})",
            "pass what it needs of it as an argument",
            line_of(codes, name),
        )
    for name, container in reach.large:
        if len(container) > MOST_ELEMENTS:
            recorder.refuse(
                f"the step mentions {name!r}, a {type(container).__name__} of {len(container)} elements from outside",
                "pass what it needs of it as an argument",
                line_of(codes, name),
            )
    for array in reach.arrays:
        if array.nbytes > MOST_BYTES and getattr(array.flags, "writeable", True):
            recorder.refuse(
                f"the step mentions an array from outside ({described(array)})",
                "pass it as an argument, keep it in a Tensor, or set its flags.writeable to False if it never changes",
            )


def _run(
    recorder: Recorder, watch: Watch, function: Callable[..., Any], leaves: list[Any], found: list[Leaf],
    rebuild: Callable[[list[Any]], tuple[Any, Any]],
) -> tuple[Any, Results]:  # fmt: skip
    """Run the step with the recorder in the door."""
    args, kwargs = rebuild([leaf.given for leaf in found])
    structure = flatten((args, kwargs), [])
    with recording(recorder):
        watch.start()
        try:
            returned = function(*args, **kwargs)
        finally:
            foreign = watch.stop()
        again: list[Any] = []
        if flatten((args, kwargs), again) != structure or any(a is not leaf.given for a, leaf in zip(again, found)):
            recorder.refuse(
                "the step changes a list or dict among its arguments, which no replay would do",
                "return what is new, and change the list or dict outside",
            )
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
