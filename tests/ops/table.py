"""The table of operations: what a row says, and the checks that every row goes through.

A file `rows_*.py` in this folder gives its operations as rows, `ROWS = [Row(...), ...]`, and `test_table.py`
runs them all, on every device:

    Row("tanh", mg.tanh, np.tanh, [Sample(normal(3, 4)), Sample(normal())])

says that `mg.tanh` of a tensor is `np.tanh` of an array, for a matrix and for a single number. From it
follow: the forward in float16, 32 and 64, the dtype of the result, the same from transposed, strided and
reversed inputs, from plain arrays (which give plain arrays) and as a method, the gradient against finite
differences, and the gradient of the gradient. `shapes` and `broadcasts` below make the samples of elementwise
operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad as mg

FLOATS = ("float16", "float32", "float64")
#: relative and absolute tolerance of the forward: 8 to 16 units in the last place
TOLERANCE = {"float16": (8e-3, 8e-3), "float32": (2e-6, 2e-6), "float64": (1e-12, 1e-12)}


class Sample:
    """One set of arguments for a row's function.

    NumPy arrays among them (also inside lists, tuples and dicts) become tensors. Those of dtype float64 are
    the values: they run through the row's dtypes and have gradients. Integer and bool arrays (indices, masks)
    stay.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.args, self.keywords = args, keywords

    def __repr__(self) -> str:
        words = [_brief(a) for a in self.args] + [f"{k}={_brief(v)}" for k, v in self.keywords.items()]
        return f"({', '.join(words)})"


class Bad(Sample):
    """Arguments that the function must refuse, with the error it must raise."""

    def __init__(self, error: type[Exception], match: str, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.error, self.match = error, match


@dataclass
class Row:
    """One operation.

    Args:
        name: of the test; also of the method, see below.
        function: of minigrad, or any function of tensors.
        reference: the same on NumPy arrays, called with the sample's arguments; None where there is none (the
            gradients are tested all the same).
        samples: arguments at which the function is smooth (gradients are taken there).
        edges: arguments for the forward alone: kinks, inf and nan, integers, bools.
        dtypes: that the values of samples run through.
        result: dtype of the result: "same" as the values', a name ("bool", "int64"), a function from the name
        of
            the values' dtype to that of the result, or None where it is not to be checked.
        gradient: False where there is none; else which of the float64 arrays of a sample have one ("all" or
            positions, counted in the order of arguments).
        second: check gradients of gradients as well.
        method: the method's name: the row's own ("same"), another, or None where there is no method.
        inplace: whether `method_` exists and changes the tensor as the method computes.
        arrays: whether plain arrays are taken and given back.
        layouts: whether transposed, strided and reversed inputs are tried (not for views that depend on
        layout). bad: arguments that must be refused. tolerance: replaces entries of TOLERANCE, by dtype.
        grad_tolerance: relative tolerance of the gradient checks.
    """

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any] | None
    samples: Sequence[Sample]
    edges: Sequence[Sample] = ()
    dtypes: Sequence[str] = FLOATS
    result: Any = "same"
    gradient: Any = "all"
    second: bool = True
    method: str | None = "same"
    inplace: bool = False
    arrays: bool = True
    layouts: bool = True
    bad: Sequence[Bad] = ()
    tolerance: dict[str, tuple[float, float]] = field(default_factory=dict)
    grad_tolerance: float = 1e-5

    def expected(self, sample: Sample, dtype: str = "float64") -> Any:
        """What the reference says, computed in float64."""
        given = rebuild(sample, lambda a: a.astype(dtype).astype("float64") if is_value(a) else a)
        assert self.reference is not None
        with np.errstate(all="ignore"):
            return self.reference(*given.args, **given.keywords)

    def run(self, sample: Sample) -> Any:
        return self.function(*sample.args, **sample.keywords)

    def method_name(self) -> str | None:
        return self.name if self.method == "same" else self.method

    def with_gradient(self, sample: Sample) -> list[int]:
        """The positions, among the arrays of a sample, of those that have a gradient."""
        values = [k for k, a in enumerate(arrays_of(sample)) if is_value(a)]
        if self.gradient is False:
            return []
        return values if self.gradient == "all" else [values[k] for k in self.gradient if k < len(values)]


# --- samples -------------------------------------------------------------------------------------

_random = np.random.default_rng(20)


def normal(*shape: int, away: Sequence[float] = (), gap: float = 0.1) -> np.ndarray:
    """Standard normal numbers, none nearer than `gap` to a value in `away` (kinks, poles)."""
    x = np.asarray(_random.standard_normal(shape))
    for kink in away:
        x = np.where(np.abs(x - kink) < gap, kink + np.where(x < kink, -gap, gap) * (1 + np.abs(x)), x)
    return np.asarray(x)


def uniform(low: float, high: float, *shape: int) -> np.ndarray:
    """Uniform numbers between `low` and `high`."""
    return np.asarray(_random.uniform(low, high, shape))


def integers(low: int, high: int, *shape: int, dtype: str = "int64") -> np.ndarray:
    """Integers from `low` to `high` - 1."""
    return np.asarray(_random.integers(low, high, shape), dtype=dtype)


def booleans(*shape: int) -> np.ndarray:
    """Random bools."""
    return np.asarray(_random.random(shape) < 0.5)


def off(*kinks: float, gap: float = 0.1) -> Callable[..., np.ndarray]:
    """Makes normal numbers that keep away from `kinks`."""
    return lambda *shape: normal(*shape, away=kinks, gap=gap)


def between(low: float, high: float) -> Callable[..., np.ndarray]:
    """Makes uniform numbers."""
    return lambda *shape: uniform(low, high, *shape)


def distinct(*shape: int) -> np.ndarray:
    """Numbers no two of which are near each other (for sorting and maxima)."""
    n = int(np.prod(shape))
    return np.asarray(_random.permutation(n).reshape(shape) * 0.37 - 0.17 * n)


#: numbers at which formulas go wrong; and all pairs of them
SPECIAL = np.array([-np.inf, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan])
SPECIAL_PAIRS = tuple(side.ravel().copy() for side in np.meshgrid(SPECIAL, SPECIAL))
TIES = np.array([-1.0, 0.0, 0.0, 2.0])


def shapes(make: Callable[..., np.ndarray] = normal, **keywords: Any) -> list[Sample]:
    """Samples for an operation on one array: single numbers, vectors, matrices, empty ones."""
    return [Sample(make(*shape), **keywords) for shape in ((3, 4), (), (5,), (2, 1, 3), (0,), (2, 0, 3))]


def broadcasts(
    first: Callable[..., np.ndarray] = normal,
    second: Callable[..., np.ndarray] | None = None,
    **keywords: Any,
) -> list[Sample]:
    """Samples for an operation on two arrays that broadcasts."""
    second = second or first
    pairs = (((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((), (3,)), ((2, 3), ()), ((), ()),
             ((0, 3), (3,)), ((2, 0), (2, 1)))  # fmt: skip
    return [Sample(first(*a), second(*b), **keywords) for a, b in pairs]


#: integers beside floating point numbers, integers of 32 bits, numbers beside tensors (for functions of two)
MIXED = [
    Sample(integers(-5, 6, 3, 4), integers(1, 6, 4)),
    Sample(integers(-5, 6, 4, dtype="int32"), integers(1, 6, 4, dtype="int32")),
    Sample(integers(-5, 6, 3, 4), normal(4)),
    Sample(normal(3), 2),
    Sample(normal(3), 2.5),
    Sample(integers(-5, 6, 3), 2),
]


# --- arrays inside samples -----------------------------------------------------------------------


def is_value(array: Any) -> bool:
    """True for the arrays that run through the dtypes."""
    return isinstance(array, np.ndarray) and array.dtype == np.float64


def convert(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """`value` with every array in it replaced by `change(array)`."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(convert(v, change) for v in value)
    if isinstance(value, dict):
        return {k: convert(v, change) for k, v in value.items()}
    return value


def rebuild(sample: Sample, change: Callable[[np.ndarray], Any]) -> Sample:
    """The sample with its arrays replaced, in the order of the arguments."""
    args = [convert(a, change) for a in sample.args]
    keywords = {k: convert(v, change) for k, v in sample.keywords.items()}
    return Sample(*args, **keywords)


def arrays_of(sample: Sample) -> list[np.ndarray]:
    """All arrays of a sample, in the order of the arguments."""
    found: list[np.ndarray] = []
    rebuild(sample, lambda a: found.append(a) or a)  # type: ignore[func-returns-value]
    return found


def tensors(
    sample: Sample, device: str, dtype: str = "float64", requires_grad: Iterable[int] = ()
) -> tuple[Sample, list]:
    """The sample with tensors for its arrays, and the list of them."""
    wanted, made = set(requires_grad), []

    def change(a: np.ndarray) -> Any:
        kept = a.astype(dtype) if is_value(a) else a
        made.append(mg.tensor(kept, device=device, requires_grad=len(made) in wanted))
        return made[-1]

    return rebuild(sample, change), made


def flat(result: Any) -> list[Any]:
    """The arrays or tensors in a result that may be nested (a list of pairs, a named result)."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in flat(part)]
    return [result]


def host(result: Any) -> Any:
    """A tensor, or an array of a GPU, as a NumPy array; anything else as it is."""
    if isinstance(result, mg.Tensor):
        return result.detach().cpu().numpy()
    return result.get() if hasattr(result, "get") else result


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    return f"[{', '.join(map(_brief, value))}]" if isinstance(value, list) else repr(value)


# --- layouts -------------------------------------------------------------------------------------


def transposed(tensor: Any) -> Any:
    """The same values in reversed memory order."""
    n = tensor.ndim
    return tensor.permute(*range(n - 1, -1, -1)).contiguous().permute(*range(n - 1, -1, -1)) if n > 1 else tensor


def strided(tensor: Any) -> Any:
    """The same values with gaps between them, starting behind the beginning of the memory."""
    if not tensor.ndim:
        return mg.stack([tensor, tensor, tensor])[1]
    return mg.stack([tensor, tensor, tensor], -1)[..., 1]


LAYOUTS = (transposed, strided)
