"""A `Plan`: what one operation saves, and how its gradients are computed, for one set of inputs that need them.

Both are known from the names of the rules' parameters, so they are written out once as straight-line Python and
compiled: a call then costs what it must and looks nothing up (0.3 to 0.8 us per small operation less, forward and
backward, than loops over the same lists). `print(minigrad.add.rules.plan(1, 2).source)` shows the text. For `mul`,
when only the first input needs a gradient, it is:

    def record(node_type, inputs, arrays, out, kw, result):
        node = new(node_type)
        node.order = next_order()
        node.born = Clock.now
        node.plan = plan
        x0 = inputs[0]
        node.edges = (x0 if x0.node is LEAF else x0.node, )
        node.shapes = (arrays[0].shape, )
        node.frame = [None, None, arrays[1]]
        x = inputs[1]
        if isinstance(x, TensorBase):
            node.storages += (x._storage or x.shared_storage(),)
        return node

    def gradients(g, frame):
        return [rule0(g, frame[2])]
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from .node import LEAF, TensorBase, next_order
from .versions import Clock, Storage

if TYPE_CHECKING:
    from .rules import Rules

OUT, INPUTS = 0, 1  # places in a node's frame: the output, then the inputs, the keywords, the shapes asked for


@functools.cache
def _compiled(source: str, name: str) -> CodeType:
    """The text of a plan as code: `cat` of two and of two thousand tensors share it."""
    return compile(source, name, "exec")


class Plan:
    """See the module's docstring.

    Attributes:
        rules: of the operation.
        needed: positions of the inputs that need a gradient.
        record: makes the node of a call.
        gradients: the gradients of the needed inputs from that of the output and the frame.
        source: the text of both.
    """

    record: Callable[..., Any]
    gradients: Callable[..., list[Any]]

    def __init__(self, rules: Rules, wanted: int, count: int) -> None:
        self.rules = rules
        self.needed = tuple(k for k in range(count) if wanted >> k & 1)
        fixed = len(rules.inputs)
        self.few = [k for k in self.needed if k < fixed]  # these get lines of their own,
        self.many = [k for k in self.needed if k >= fixed]  # those of a variadic input share a loop
        used, computing, known = self._gradient_lines(count)
        self.source = "\n".join([*self._record_lines(count, used), "", *computing])
        scope = {
            "new": object.__new__, "next_order": next_order, "Clock": Clock, "Storage": Storage, "plan": self,
            "LEAF": LEAF, "TensorBase": TensorBase, "defaults": list(rules.defaults.values()),
            "many": self.many, **known,
        }  # fmt: skip
        exec(_compiled(self.source, f"<plan of {rules.forward.__name__}>"), scope)
        self.record, self.gradients = scope["record"], scope["gradients"]

    def _gradient_lines(self, count: int) -> tuple[set[str], list[str], dict[str, Any]]:
        """What the rules use, the lines of `gradients`, and the objects that those name."""
        rules = self.rules
        fixed = len(rules.inputs)
        lines = ["def gradients(g, frame):"]
        if rules.joint_rule is not None:
            names = list(inspect.signature(rules.joint_rule).parameters)
            lines.append(f"    every = joint({self._arguments(names)})")
            lines.append(f"    return [{', '.join(f'every[{k}]' for k in self.needed)}]")
            needs = tuple(k in self.needed for k in range(count))
            return set(names), lines, {"joint": rules.joint_rule, "needs": needs}
        used: set[str] = set()
        known: dict[str, Any] = {}
        calls = []
        for k in [*self.few, *self.many[:1]]:
            slot = rules.slots[min(k, fixed)]
            if slot not in rules.rules:
                raise NotImplementedError(
                    f"{rules.__name__}() has no gradient with respect to {slot!r}: detach that argument"
                )
            names = list(inspect.signature(rules.rules[slot]).parameters)
            used.update(names)
            known[f"rule{min(k, fixed)}"] = rules.rules[slot]
            call = f"rule{min(k, fixed)}({self._arguments(names)})"
            calls.append(call if k < fixed else f"*[{call} for k in many]")
        lines.append(f"    return [{', '.join(calls)}]")
        return used, lines, known

    def _arguments(self, names: Sequence[str]) -> str:
        """The arguments of a rule: `g`, places of the frame, and `i`, the place among the variadic inputs."""
        own = {"g": "g", "out": f"frame[{OUT}]", "i": f"k - {len(self.rules.inputs)}", "needs": "needs"}
        return ", ".join(own.get(name) or f"frame[{self.rules.place(name)}]" for name in names)

    def _record_lines(self, count: int, used: set[str]) -> list[str]:
        """The lines of `record`."""
        rules = self.rules
        fixed = len(rules.inputs)
        keep = [rules.twin_function is not None or name in used for name in rules.slots]
        more = "*[inputs[k] if inputs[k].node is LEAF else inputs[k].node for k in many], " if self.many else ""
        more_shapes = "*[arrays[k].shape for k in many], " if self.many else ""
        lines = [
            "def record(node_type, inputs, arrays, out, kw, result):",
            "    node = new(node_type)",
            "    node.order = next_order()",
            "    node.born = Clock.now",
            "    node.plan = plan",
            *(f"    x{k} = inputs[{k}]" for k in self.few),
            f"    node.edges = ({''.join(f'x{k} if x{k}.node is LEAF else x{k}.node, ' for k in self.few)}{more})",
            f"    node.shapes = ({''.join(f'arrays[{k}].shape, ' for k in self.few)}{more_shapes})",
        ]
        frame = ["out" if "out" in used else "None"]
        for k in range(fixed):
            given = f"arrays[{k}]" if k < count else f"defaults[{k - fixed}]"  # counted from the last
            frame.append(given if keep[k] else "None")
        if rules.variadic is not None:
            frame.append(f"tuple(arrays[{fixed}:])" if keep[fixed] else "None")
        frame += [f"kw.get({name!r}, {self._default(name)})" for name in rules.keywords]
        for name in rules.shape_names:
            k = rules.slots.index(name[9:])
            many = f"tuple(a.shape for a in arrays[{fixed}:])"
            one = f"getattr(arrays[{k}], 'shape', None)" if k < count else "None"
            frame.append("None" if name not in used else many if k == fixed else one)
        lines.append(f"    node.frame = [{', '.join(frame)}]")
        saved = [k for k in range(min(fixed, count)) if keep[k]]
        watched = [k for k in saved if k in self.few]
        for k in watched:
            lines += [
                f"    s{k} = x{k}._storage",
                f"    if s{k} is None:",
                f"        s{k} = x{k}._storage = Storage()",
            ]
        if watched:
            lines.append(f"    node.storages = ({''.join(f's{k}, ' for k in watched)})")
        for k in saved:
            if k not in self.few:  # a tensor, an array or a number
                lines += [
                    f"    x = inputs[{k}]",
                    "    if isinstance(x, TensorBase):",
                    "        node.storages += (x._storage or x.shared_storage(),)",
                ]
        if rules.variadic is not None and keep[fixed]:
            lines += [
                f"    for x in inputs[{fixed}:]:",
                "        if isinstance(x, TensorBase):",
                "            node.storages += (x._storage or x.shared_storage(),)",
            ]
        if "out" in used:
            lines += [
                "    if result is not None:",
                "        result._storage = storage = result._storage or Storage()",
                "        node.storages += (storage,)",
            ]
        return [*lines, "    return node"]

    def _default(self, name: str) -> str:
        """A keyword's default as source text."""
        default = self.rules.keywords[name]
        return repr(default) if default is None or isinstance(default, (bool, int, float, str)) else "None"
