"""Reductions, shapes, joining, sorting and linear algebra against PyTorch: one expression, evaluated by both.

Each line of the lists below is an expression of `T` (the library) and of tensors `x`, `y` ...; it runs for several
shapes and dtypes. Values, dtypes, shapes, gradients of both orders and whether it is an error must agree.
"""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

from alike import assert_alike, equal_numbers, outcome, plain  # noqa: E402

inf, nan = math.inf, math.nan
_random = np.random.default_rng(5)
SHAPES = [(), (1,), (4,), (3, 4), (2, 3, 4), (0,), (0, 3), (2, 1, 3)]
FLOATS = {shape: _random.permutation(math.prod(shape)).reshape(shape) * 0.37 - 1.1 for shape in SHAPES}
TIES = np.array([[1.0, 3, 3, -2], [0, 0, 0, 0], [2, -2, 2, 2]])
ODD = np.array([[1.0, nan, inf, 0], [-inf, 2, 0, -0.0], [nan, 1, 1, -1]])

REDUCTIONS = """
x.sum() | x.sum(0) | x.sum(-1, keepdim=True) | x.sum((0, 1)) | x.sum(dim=[0, -1]) | T.sum(x, 1)
x.sum(dtype=T.float64) | x.sum(dim=()) | x.sum(0, True) | x.sum((0, 0)) | x.sum(dim=None, keepdim=True)
x.sum(axis=0, keepdims=True) | x.sum(2) | x.mean() | x.mean(0) | x.mean((0, 1), keepdim=True) | x.mean(-1)
x.mean(0, dtype=T.float64) | x.prod() | x.prod(0) | x.prod(-1, True) | T.prod(x, 1) | x.prod(dtype=T.float64)
x.var() | x.var(0) | x.var(0, True) | x.var(-1, False, True) | x.var((0, 1)) | x.var(0, correction=0) | x.var(False)
x.var(dim=0, correction=2) | x.std() | x.std(0) | x.std(unbiased=False) | x.std(0, keepdim=True)
x.std(-1, correction=9) | T.var_mean(x)[0] | T.var_mean(x, 0)[1] | T.std_mean(x, 0, keepdim=True)[0]
x.logsumexp(0) | x.logsumexp((0, 1)) | x.logsumexp(-1, keepdim=True) | T.logsumexp(x, 0) | x.all() | x.any()
x.all(0) | x.any(-1, keepdim=True) | x.all((0, 1)) | x.any(dim=(0, 1), keepdim=True) | x.count_nonzero()
x.count_nonzero(0) | T.count_nonzero(x, dim=(0, 1)) | x.nansum() | x.nansum(0) | x.nanmean() | x.nanmean(0)
x.max() | x.min() | x.amax() | x.amin() | x.amax(0) | x.amin((0, 1), keepdim=True) | x.amax(dim=-1) | x.max(0)
x.min(-1, True) | x.max(dim=1) | T.max(x, 0, keepdim=True).values | x.max(0)[0] | x.min(1).indices | T.min(x)
T.max(x, x * 0) | T.min(x, other=x * 0) | x.max(x) | T.aminmax(x) | T.aminmax(x, dim=0, keepdim=True) | x.argmax()
x.argmin() | x.argmax(0) | x.argmin(-1, keepdim=True) | x.argmax(dim=1, keepdim=True) | T.argmax(x, 0)
x.argmax(axis=0) | x.argmax((0, 1)) | x.max(5) | x.argmax(-3) | x.sum(1.5) | x.cumsum(0) | x.cumsum(-1)
T.cumsum(x, dim=0, dtype=T.float64) | x.cumprod(0) | x.cumprod(-1) | x.cumsum(3) | x.diff() | x.logcumsumexp(0)
x.diff(n=2) | x.diff(dim=0) | T.diff(x, prepend=x, append=x) | x.norm() | x.norm(1) | x.norm(2, 0) | x.norm(p="fro")
x.norm(inf) | x.norm(-inf) | x.norm(0) | x.norm(3) | x.norm(0.5) | x.norm(2, dim=(0, 1), keepdim=True)
T.linalg.vector_norm(x) | T.linalg.vector_norm(x, 1, 0) | T.linalg.norm(x) | T.norm(x, dim=0) | x.norm(1.5, -1)
T.linalg.vector_norm(x, inf, (0, 1)) | T.linalg.norm(x, 1) | T.linalg.norm(x, inf) | T.linalg.matrix_norm(x)
T.linalg.matrix_norm(x, 1) | T.linalg.norm(x, "fro") | T.dist(x, x + 1) | x.norm("nuc")
"""

SHAPINGS = """
x.reshape(-1) | x.reshape(2, -1) | x.reshape((4, 3)) | T.reshape(x, (-1, 1)) | x.view(-1) | x.view(3, 4)
x.reshape(5) | x.t() | x.T | x.mT | x.flatten() | x.flatten(1) | x.flatten(0, 1) | x.flatten(start_dim=-2)
x.ravel() | T.flatten(x) | x.unflatten(-1, (2, 2)) | x.unflatten(0, (-1,)) | x.squeeze() | x.squeeze(0)
x.squeeze(-2) | x.squeeze((0, 1)) | x.unsqueeze(0) | x.unsqueeze(-1) | x.unsqueeze(2) | x.unsqueeze(5)
x.transpose(0, 1) | x.transpose(-1, 0) | x.swapaxes(0, 1) | x.permute(1, 0) | x.permute((2, 0, 1)) | x.permute(0)
x.permute(dims=(1, 0)) | x.flip(dims=(0,)) | T.tile(x, dims=(2,)) | x.repeat(repeats=(2, 2)) | x.view(size=(2, -1))
x.movedim(0, -1) | T.movedim(x, (0, 1), (1, 0)) | x.moveaxis(0, 1) | x.expand(3, 4) | x.expand(2, -1, -1)
x.expand(-1, 5) | x.expand(2, 3, 4) | x.expand_as(x) | T.broadcast_to(x, (2, 3, 4)) | x.repeat(2) | x.repeat(2, 3)
x.repeat((2, 1, 1)) | x.tile(2) | T.tile(x, (2, 1)) | x.repeat(2, 1, 0, 1) | x.repeat_interleave(2)
x.repeat_interleave(2, 0) | T.repeat_interleave(x, 3, dim=-1) | x.flip(0) | x.flip(0, 1) | x.flip((-1,))
x.fliplr() | x.flipud() | x.roll(1) | x.roll(1, 0) | x.roll((1, 2), (0, 1)) | x.roll((1, 2)) | T.rot90(x)
T.rot90(x, -1, (0, 1)) | x.contiguous() | x.narrow(0, 0, 1) | x.narrow(-1, 1, 2) | x.select(0, 0) | x.select(-1, -1)
x.select(1, 5) | x.unfold(0, 1, 1) | x.unfold(-1, 2, 1) | x.unfold(0, 2, 2) | x.diagonal() | x.diagonal(1)
x.diagonal(0, -1, 0) | T.diagonal(x, -1) | x.diag() | x.diag(1) | T.diag(x, -1) | T.diag_embed(x)
T.diag_embed(x, 1, 0, -1) | T.diagflat(x) | x.tril() | x.triu(1) | x.tril(-1) | x.split(2) | x.split(2, -1)
x.split([1, 2], 0) | T.split(x, 3, dim=0) | x.chunk(2) | x.chunk(3, -1) | T.chunk(x, 2, 1) | x.unbind()
x.unbind(-1) | x.tensor_split(2) | x.tensor_split((1, 2), -1) | x.tensor_split(3, 0) | x.hsplit(2) | x.vsplit(3)
T.cat((x, x)) | T.cat([x, x, x], -1) | T.cat((x, x), dim=1) | T.concat((x, x)) | T.concatenate([x, x], axis=0)
T.cat((x, x), 3) | T.stack((x, x)) | T.stack([x, x], -1) | T.stack((x, x), dim=2) | T.hstack((x, x))
T.vstack((x, x)) | T.dstack((x, x)) | T.column_stack((x, x)) | T.atleast_1d(x) | T.atleast_2d(x) | T.atleast_3d(x)
T.block_diag(x, x) | T.broadcast_tensors(x, x[None]) | T.cat([]) | x.transpose(0, 3) | x.permute(0, 0) | x.chunk(0)
x.split(0) | x.split([1, 1], 0) | x.expand(7)
"""

SORTING = """
x.sort() | x.sort(0) | x.sort(-1, True) | T.sort(x, dim=0, descending=True).values | x.sort(stable=True)
x.argsort() | x.argsort(0, True) | x.topk(1) | x.topk(2, 0).values | x.topk(2, -1, False).values
T.topk(x, 2, dim=0, largest=False)[0] | x.topk(9) | x.topk(3, sorted=False).values.sort().values | x.kthvalue(1)
x.kthvalue(2, 0, True) | x.kthvalue(0) | x.median() | x.median(0) | x.median(-1, True)
T.median(x).dtype.is_floating_point | x.nanmedian() | x.nanmedian(-1) | x.msort() | x.cummax(0) | x.cummin(-1)
x.quantile(0.3) | x.quantile(0.5, 0) | T.quantile(x, 0.25, dim=-1, keepdim=True, interpolation="nearest")
x.nanquantile(0.6, -1) | x.quantile(T.tensor([0.1, 0.9], dtype=x.dtype), 0) | x.quantile(1.5) | x.unique()
T.unique(x, return_inverse=True, return_counts=True) | T.unique(x, dim=0) | T.unique(x, return_counts=True, dim=-1)
T.unique_consecutive(x) | T.unique_consecutive(x, return_inverse=True, return_counts=True) | x.histc(4)
x.histc(bins=3, min=-1, max=1) | T.histogram(x, 3) | T.bucketize(x, T.tensor([-1, 0, 1]))
T.searchsorted(T.tensor([-1.0, 0, 1]).to(x.dtype), x, right=True) | x.bincount() | T.bincount(x, minlength=5)
"""

PAIRS = [
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((3,), (3, 4)),
    ((3, 4), (4, 2)),
    ((2, 3, 4), (4, 2)),
    ((2, 3, 4), (2, 4, 2)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((3, 4), (2, 4, 2)),
    ((2, 1, 3, 4), (2, 4, 2)),
    ((0, 4), (4, 2)),
    ((3, 0), (0, 2)),
    ((3,), (4,)),
    ((3, 4), (3, 4)),
    ((), (3,)),
    ((1, 4), (4, 1)),
    ((3, 3), (3, 3)),
]

PRODUCTS = """
x @ y | T.matmul(x, y) | x.matmul(y) | T.mm(x, y) | T.bmm(x, y) | T.mv(x, y) | T.dot(x, y) | T.inner(x, y)
T.outer(x, y) | T.ger(x, y) | T.kron(x, y) | T.tensordot(x, y, 1) | T.tensordot(x, y, dims=([-1], [0])) | x.vdot(y)
T.linalg.vecdot(x, y) | T.addmm(x[:1, :1], x, y) | T.addmm(x.sum(), x, y, beta=0.5, alpha=2)
T.addmv(x.sum(), x, y) | T.baddbmm(x.sum(), x, y) | T.addbmm(x.sum(), x, y) | T.einsum("ij,jk->ik", x, y)
T.einsum("ij,jk", x, y) | T.einsum("...i,i->...", x, y) | T.einsum("i,j", x, y)
T.einsum("...ij,...jk->...ik", x, y) | T.einsum("ij,ij->", x, y) | T.einsum("ii,jj->ij", x, y)
T.einsum("bij,bjk->ki", [x, y]) | T.einsum("i,i", x, y) | T.einsum("ij,kj->ik", x, y) | T.cross(x, y, dim=-1)
T.cdist(x, y) | T.linalg.multi_dot((x, y)) | T.chain_matmul(x, y)
"""

SQUARE = """
x.inverse() | T.linalg.inv(x) | x.det() | T.linalg.det(x) | T.linalg.slogdet(x) | T.slogdet(x)[1]
T.logdet(x @ x.mT) | T.trace(x) | x.trace() | T.linalg.solve(x, x + 1) | T.linalg.solve(x, x[..., 0])
T.linalg.cholesky(x @ x.mT) | T.linalg.eigvalsh(x + x.mT) | T.linalg.svdvals(x) | T.linalg.svd(x).S
T.linalg.svd(x, full_matrices=False)[0].abs() | T.linalg.qr(x).R.abs() | T.linalg.eigh(x + x.mT)[1].abs()
T.linalg.matrix_power(x, 3) | x.matrix_power(-2) | x.matrix_power(0) | T.linalg.matrix_norm(x, "nuc")
T.linalg.matrix_norm(x, 2) | T.linalg.matrix_rank(x) | T.linalg.solve(x, x, left=False) | T.linalg.diagonal(x)
T.einsum("...ii->...i", x) | T.einsum("...ii", x) | T.cholesky(x @ x.mT)
"""


def expressions(text):
    return [e.strip() for e in re.split(r"\||\n", text) if e.strip()]


#: where minigrad gives a result and PyTorch, for reasons of its own, none
LENIENT = re.compile(
    r"keepdims=True|dtype=None|nanmean|cdist|chain_matmul|multi_dot|quantile|unique|kthvalue|topk|sort|mode|hist"
    r"|addmm|addmv|mv|addbmm|baddbmm|cross|repeat_interleave|diff|\bprod|argmax\(axis|einsum|median|norm"
    r"|logsumexp|trace|roll"
)

#: (expression, array) that differ, and why
DIFFERENT = {
    (r"(var|std|var_mean)\(.*correction=[29]", "any"): "PyTorch's gradient without degrees of freedom is not a limit",
    (r"x\.var\(|var_mean", "x0"): "the same, of second order, for one element",
    (r"linalg.norm\(x, (inf|1)", "(0, 3)"): "PyTorch has 0 for some norms of no elements",
    (r"x\.mT", "()"): "PyTorch deprecates mT of a number",
    (r"roll|cat", "(0,)"): "PyTorch does not look at dims where there are no elements",
    (r"x\.norm\((0.5|1.5)", "ties"): "PyTorch's second derivative of a row of zeros is nan, here it is 0",
    (r"mean|quantile|unique\(x, dim|nuc", "odd"): "inf - inf on the way, and the order of nan among rows",
}


def differs(expression, *words):
    return any(re.search(e, expression) and ("any" in what or what in words) for e, what in DIFFERENT)


def flat(result):
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in flat(part)]
    return [result]


def run(library, expression, arrays, requires_grad):
    made = [library.tensor(a, requires_grad=requires_grad and a.dtype.kind == "f") for a in arrays]
    names = dict(zip("xyz", made))
    return made, outcome(eval, expression, {"T": library, "inf": inf, **names})


def compare(expression, *arrays, gradient=True, lenient=False):
    words = f"{expression} for " + ", ".join(f"{a.dtype}{list(a.shape)}" for a in arrays)
    mine, ours = run(mg, expression, arrays, gradient)
    other, theirs = run(torch, expression, arrays, gradient)
    if isinstance(theirs, Exception):
        assert lenient or isinstance(ours, Exception), f"{words}: PyTorch refuses ({theirs}), minigrad gave {ours}"
        if isinstance(ours, Exception) and not lenient:
            for kind in (IndexError, TypeError, ValueError):
                assert isinstance(ours, kind) == isinstance(theirs, kind), f"{words}: {ours!r}, PyTorch: {theirs!r}"
            assert not isinstance(ours, (AttributeError, ZeroDivisionError)), f"{words}: {ours!r}"
        return
    assert not isinstance(ours, Exception), f"{words}: {ours!r}, PyTorch gave {theirs}"
    a, b = flat(ours), flat(theirs)
    assert len(a) == len(b), f"{words}: {len(a)} results instead of {len(b)}"
    for p, q in zip(a, b):
        if not isinstance(q, torch.Tensor):
            assert p == q
            continue
        assert_alike(p, q, words)
        if not re.search("unique|histogram", expression):  # PyTorch's say so, but have no gradient either
            assert p.requires_grad == q.requires_grad, f"{words}: requires_grad {p.requires_grad}"
    gradients(expression, a, b, mine, other, words)


def gradients(expression, a, b, mine, other, words):
    """First and second order, of a weighted sum of the outputs."""
    first, second = [], []
    for library, results, leaves, into in ((mg, a, mine, first), (torch, b, other, second)):
        results = [r for r in results if isinstance(r, library.Tensor) and r.requires_grad]
        if not results:
            return
        weights = [
            library.tensor(np.linspace(0.5, 1.5, r.numel()).reshape(tuple(r.shape))).to(r.dtype) for r in results
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grads = library.autograd.grad(results, leaves, weights, create_graph=True, allow_unused=True)
            into.append([library.zeros_like(leaf) if g is None else g for g, leaf in zip(grads, leaves)])
            again = [(g * g).sum() for g in into[0] if g.requires_grad]
            if again and "cdist" not in expression:  # PyTorch has no second derivative of that
                grads = library.autograd.grad(sum(again), leaves, allow_unused=True)
                into.append([library.zeros_like(leaf) if g is None else g for g, leaf in zip(grads, leaves)])
    orders = min(len(first), len(second))
    if len(first) != len(second):  # one of the two knows that the second derivative is zero
        longer = first if len(first) > len(second) else second
        assert all(not plain(g).any() for g in longer[-1]), f"{words}: only one has a second derivative"
    for order in range(orders):
        for p, q in zip(first[order], second[order]):
            assert p.dtype == mine[0].dtype
            equal_numbers(p, q, f"{words}, gradient of order {order + 1}")


def tried(text):
    return pytest.mark.parametrize("expression", expressions(text))


@tried(REDUCTIONS + SHAPINGS + SORTING)
def test_floats(expression):
    for shape, array in FLOATS.items():
        if not differs(expression, str(shape), "x0" if array.size == 1 else ""):
            compare(expression, array, lenient=bool(LENIENT.search(expression)))


@tried(REDUCTIONS + SHAPINGS + SORTING)
def test_other_dtypes(expression):
    for dtype in ("float32", "int64", "int32", "uint8", "bool"):
        for shape in ((3, 4), (4,), ()):
            array = np.asarray(np.abs(FLOATS[shape] * 3).astype(dtype))
            if differs(expression, str(shape)):
                continue
            compare(expression, array, gradient=False, lenient=bool(LENIENT.search(expression)) or dtype != "float32")


@tried(REDUCTIONS)
def test_ties_and_zeros(expression):
    if not differs(expression, "ties"):
        compare(expression, TIES)


@tried(REDUCTIONS + SORTING)
def test_inf_and_nan(expression):
    if not differs(expression, "odd"):
        compare(expression, ODD, gradient=False)


@tried(PRODUCTS)
def test_products(expression):
    for a, b in PAIRS:
        compare(
            expression, _random.standard_normal(a), _random.standard_normal(b), lenient=bool(LENIENT.search(expression))
        )


@tried(SQUARE)
def test_square_matrices(expression):
    for shape in ((3, 3), (2, 3, 3), (1, 1)):
        compare(expression, _random.standard_normal(shape) + 3 * np.eye(shape[-1]), lenient=True)


@pytest.mark.parametrize("expression", expressions("x @ y | T.dot(x, y) | T.einsum('i,i', x, y)"))
def test_products_do_not_promote(expression):
    compare(expression, np.ones(3, "float32"), np.ones(3), gradient=False)
    compare(expression, np.ones(3, "float32"), np.ones(3, "int64"), gradient=False)
    compare(expression, np.ones(3, "int64"), np.ones(3, "int64"), gradient=False)
