"""The layers of the package hold: each part imports only what is below it, and `import minigrad` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import minigrad

PACKAGE = Path(minigrad.__file__).parent

#: from the ground up; a module belongs to the first row that names it or a folder above it
ENGINE = (
    "__init__ versions node modes operands views plan rules public primitive core_ops row_sparse second_order hooks"
    " walk gradients"
)
LAYERS = [
    ["backend"],
    [f"autograd/{name}" for name in ENGINE.split()],
    ["ops"],
    ["_tensor"],
    ["autograd"],  # what needs a whole Tensor: function, functional, gradcheck, anomaly
    ["nn", "optim", "serialization", "distributions"],
    ["cuda", "accelerator", "backends", "linalg", "special", "queries"],
    ["utils"],
    ["recorder"],
    ["__init__"],
    ["train", "study", "__main__"],
]  # fmt: skip


def layer_of(module: str) -> int:
    """The row of a module given as a path without suffix, relative to the package."""
    for k, row in enumerate(LAYERS):
        if any(module == name or module.startswith(name + "/") for name in row):
            return k
    raise AssertionError(f"{module} has no place in the layers of tests/test_layers.py")


def module_files() -> dict[str, Path]:
    return {str(p.relative_to(PACKAGE).with_suffix("")): p for p in sorted(PACKAGE.rglob("*.py"))}


def imported(module: str, path: Path, top_only: bool = True) -> set[str]:
    """The minigrad modules that a file imports when it is loaded."""
    found = set()
    tree = ast.parse(path.read_text())
    folder = module.split("/")[:-1]
    nodes = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    skipped = {id(n) for block in ast.walk(tree) if _is_type_checking(block) for n in ast.walk(block)}
    files = module_files()
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names if a.name.split(".")[0] == "minigrad"]
            found |= {"/".join(n[1:]) or "__init__" for n in names}
            continue
        if node.level:
            base = folder[: len(folder) - node.level + 1]
        elif node.module and node.module.split(".")[0] == "minigrad":
            base = []
        else:
            continue
        inside = (node.module or "").removeprefix("minigrad").strip(".") if not node.level else (node.module or "")
        parts = [*base, *(p for p in inside.split(".") if p)]
        for alias in node.names:
            whole = "/".join([*parts, alias.name])
            if whole in files or f"{whole}/__init__" in files:
                found.add(whole if whole in files else f"{whole}/__init__")
            elif "/".join(parts) in files:
                found.add("/".join(parts))
            else:
                found.add("/".join([*parts, "__init__"]) if parts else "__init__")
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_each_module_imports_only_its_layer_and_those_below():
    wrong = []
    for module, path in module_files().items():
        for other in imported(module, path):
            if layer_of(other) > layer_of(module):
                wrong.append(f"{module} imports {other}")
    assert not wrong, wrong


def test_optim_does_not_know_nn():
    for module, path in module_files().items():
        if module.startswith("optim/"):
            assert not any(other.startswith("nn") for other in imported(module, path)), module


def test_there_are_no_cycles_between_modules():
    files = module_files()
    graph = {m: {o for o in imported(m, p) if o in files and o != m} for m, p in files.items() if m != "__init__"}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module in done or module not in graph:
            return
        for other in graph[module]:
            visit(other, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_array_libraries_are_imported_in_the_backend_only():
    for module, path in module_files().items():
        if module.startswith("backend/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                assert name.split(".")[0] not in ("cupy", "cupyx"), f"{module} imports {name}"
                if not module.startswith("train/"):  # the training program reads data sets with NumPy
                    assert name.split(".")[0] != "numpy", f"{module} imports {name}"


def test_no_submodule_bears_the_name_of_a_public_function():
    names = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or p.is_dir()}
    clashes = [n for n in names if n in minigrad.__all__ and not isinstance(getattr(minigrad, n), type(ast))]
    assert not clashes


def test_importing_minigrad_loads_numpy_and_nothing_heavy():
    heavy = ["cupy", "torch", "jax", "matplotlib", "sklearn", "scipy", "tqdm", "safetensors", "pandas"]
    code = f"import sys, minigrad; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def lines_of_code(path: Path) -> int:
    """The lines of a file that are neither blank, nor comments, nor docstrings."""
    text = path.read_text()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    skipped = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            skipped |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for n, line in lines if n not in skipped and line.strip() and not line.strip().startswith("#"))


#: backend, engine, one file of operations, Tensor's core, Linear and SGD; what can wait for another evening (random
#: generators, host data, unusual operands, hooks, gradients of gradients, flat buffers) is not on it
EVENING = [
    "backend/library", "backend/dtypes", "backend/devices",
    "autograd/versions", "autograd/node", "autograd/modes", "autograd/rules", "autograd/plan", "autograd/primitive",
    "autograd/views", "autograd/core_ops", "autograd/walk", "autograd/gradients",
    "ops/arithmetic", "_tensor/tensor", "nn/linear", "optim/optimizer", "optim/sgd",
]  # fmt: skip


def test_the_evening_path_stays_short():
    lines = {module: lines_of_code(PACKAGE / f"{module}.py") for module in EVENING}
    assert sum(lines.values()) < 2000, (sum(lines.values()), lines)


def test_no_file_is_a_god():
    long = {m: n for m, p in module_files().items() if (n := len(p.read_text().splitlines())) > 400}
    assert not long
