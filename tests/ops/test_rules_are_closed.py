"""Gradient rules are written in operators and operations only, so that one text serves arrays and Tensors.

An attribute, method or subscript means different things on an array and on a Tensor (`.T`, `.size`, `.max`,
`x[i]`), and a function of NumPy takes no Tensor. This follows the arrays through the syntax tree of every
rule (the lambdas and functions given to `.vjp` and `.joint`), and through the functions of the module that
the rule calls. Shapes and keywords are no arrays and may be taken apart.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "minigrad"
FILES = [*sorted((PACKAGE / "ops").glob("*.py")), PACKAGE / "autograd" / "core_ops.py"]
LIBRARIES = {"np", "numpy", "xp", "cp", "cupy"}
PLAIN_RESULTS = {
    "len",
    "range",
    "isinstance",
    "type",
}  # calls whose result is no array, whatever they are given


class Module:
    """The functions of a module, and the rules in it."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        self.rules: list[tuple[str, ast.Lambda | ast.FunctionDef]] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("vjp", "joint"):
                    for given in [keyword.value for keyword in node.keywords] + list(node.args):
                        rule = self.functions.get(given.id) if isinstance(given, ast.Name) else given
                        if isinstance(rule, (ast.Lambda, ast.FunctionDef)):
                            self.rules.append((ast.unparse(node.func.value), rule))
            elif isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Attribute) and decorator.attr == "joint":
                        self.rules.append((ast.unparse(decorator.value), node))

    def faults(self) -> list[str]:
        found: list[str] = []
        for operation, rule in self.rules:
            arrays = {p for p in parameters(rule) if p not in ("i", "needs") and not p.startswith("shape_of_")}
            tuples: set[str] = set()
            forward = self.functions.get(operation)
            if forward is not None:
                arrays -= {p.arg for p in forward.args.kwonlyargs}
                if forward.args.vararg is not None:
                    tuples.add(forward.args.vararg.arg)
                if returns_tuple(forward):
                    tuples |= {"g", "out"}
            found += [f"{operation}: {fault}" for fault in Rule(self, arrays, tuples).check(rule)]
        return found


def parameters(function: ast.Lambda | ast.FunctionDef) -> list[str]:
    arguments = function.args
    return [p.arg for p in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def returns_tuple(function: ast.FunctionDef) -> bool:
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return any(isinstance(value, ast.Tuple) or "tuple(" in ast.unparse(value or ast.Constant(0)) for value in returned)


def plain_operation(function: ast.FunctionDef) -> bool:
    """Whether a function may be called from a rule as it is: a primitive, a public function."""
    return bool(function.decorator_list)


class Rule:
    """One rule, or a function called by one: which of its names hold arrays, and what it does with them."""

    def __init__(self, module: Module, arrays: set[str], tuples: set[str], depth: int = 0) -> None:
        self.module, self.arrays, self.tuples, self.depth = module, set(arrays), set(tuples), depth
        self.found: list[str] = []

    def check(self, function: ast.Lambda | ast.FunctionDef) -> list[str]:
        for part in [function.body] if isinstance(function, ast.Lambda) else function.body:
            self.visit(part)
        return self.found

    def fault(self, node: ast.AST) -> None:
        self.found.append(f"line {node.lineno}: {ast.unparse(node)}")

    def visit(self, node: ast.AST) -> bool:
        """Go through `node`; True if its value may be an array."""
        if isinstance(node, ast.Name):
            if node.id in LIBRARIES:
                self.fault(node)
            return node.id in self.arrays
        if isinstance(node, ast.Attribute):
            if self.visit(node.value):
                self.fault(node)
            return False
        if isinstance(node, ast.Subscript):
            self.visit(node.slice)
            is_array = self.visit(node.value)
            if is_array and not (isinstance(node.value, ast.Name) and node.value.id in self.tuples):
                self.fault(node)
            return is_array
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.For, ast.comprehension, ast.NamedExpr)):
            source = node.iter if isinstance(node, (ast.For, ast.comprehension)) else node.value
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if self.visit(source):
                for target in targets:
                    self.arrays |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            others = [child for child in ast.iter_child_nodes(node) if child is not source and child not in targets]
            return any([self.visit(child) for child in others])
        if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            for generator in node.generators:
                self.visit(generator)
        if isinstance(node, ast.Compare) and all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            return False
        return any([self.visit(child) for child in ast.iter_child_nodes(node)])

    def call(self, node: ast.Call) -> bool:
        given = [self.visit(argument) for argument in node.args]
        named = {keyword.arg: self.visit(keyword.value) for keyword in node.keywords}
        self.visit(node.func)
        if isinstance(node.func, ast.Name):
            if node.func.id in PLAIN_RESULTS:
                return False
            function = self.module.functions.get(node.func.id)
            if function is not None and not plain_operation(function) and self.depth < 5:
                names = parameters(function)
                arrays = {name for name, is_array in zip(names, given, strict=False) if is_array}
                arrays |= {name for name, is_array in named.items() if is_array}
                self.found += Rule(self.module, arrays, set(), self.depth + 1).check(function)
        return any(given) or any(named.values())


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_rules_use_operators_and_operations_only(path):
    found = Module(path.read_text()).faults()
    assert not found, f"in {path.name}\n" + "\n".join(found)


@pytest.mark.parametrize(
    "rule",
    [
        "lambda g, x: g * x.T",
        "lambda g, x: g * np.exp(x)",
        "lambda g, x: (g * x)[0]",
        "lambda g, x: helper(g, x)",
        "written_out",
    ],
)
def test_the_check_sees_what_is_wrong(rule):
    source = (
        "@primitive\ndef op(xp, x, *, dim): return x\n"
        "def helper(g, y): return g * y.sum()\n"
        "def written_out(g, x):\n    y = x * 2\n    return g * y[0]\n"
    )
    assert len(Module(f"{source}op.vjp(x={rule})").faults()) == 1


@pytest.mark.parametrize(
    "rule",
    [
        "lambda g, x: g * exp(x) * math.pi",
        "lambda g, dim, shape_of_x: other(g, dim=dim[0], n=shape_of_x[-1])",
    ],
)
def test_the_check_lets_pass_what_is_right(rule):
    assert Module(f"@primitive\ndef op(xp, x, *, dim): return x\nop.vjp(x={rule})").faults() == []


def test_there_are_rules():
    assert sum(len(Module(path.read_text()).rules) for path in FILES) > 100
