"""minigrad: a deep learning framework on NumPy or CuPy, with PyTorch's names.

>>> import minigrad
>>> x = minigrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x ** 2).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from . import (
    accelerator, autograd, backends, cuda, distributions, linalg, nn, optim, special, utils,
)  # fmt: skip
from ._tensor.conversion_methods import (
    clone,
)  # fmt: skip
from ._tensor.creation import (
    arange, as_tensor, asarray, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like,
    linspace, logspace, ones, ones_like, tensor, tril_indices, triu_indices, zeros, zeros_like,
)  # fmt: skip
from ._tensor.creation import range_ as range
from ._tensor.legacy import (
    BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor,
    ShortTensor, set_default_tensor_type,
)  # fmt: skip
from ._tensor.inplace_functions import (
    abs_, acos_, acosh_, addmv_, arccos_, arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, asin_, asinh_,
    atan_, atanh_, ceil_, clamp_, clamp_max_, clamp_min_, clip_, cos_, cosh_, deg2rad_, detach_, erf_,
    erfc_, exp2_, exp_, expm1_, fill_, fix_, floor_, frac_, index_put_, log10_, log1p_, log2_, log_,
    logit_, nan_to_num_, neg_, negative_, rad2deg_, reciprocal_, relu_, round_, rsqrt_, sigmoid_, sin_,
    sinc_, sinh_, sqrt_, square_, tan_, tanh_, trunc_, xlogy_, zero_,
)  # fmt: skip
from ._tensor.inplace import fill
from .ops import return_types
from ._tensor.printing import (
    get_printoptions, printoptions, set_printoptions,
)  # fmt: skip
from ._tensor.sampling import (
    Generator, bernoulli, get_rng_state, initial_seed, manual_seed, multinomial, normal, rand, rand_like,
    randint, randint_like, randn, randn_like, randperm, seed, set_rng_state,
)  # fmt: skip
from ._tensor.size import Size
from ._tensor.tensor import Tensor
from .autograd.modes import (
    enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)  # fmt: skip
from .backend.devices import (
    device, get_default_device, set_default_device,
)  # fmt: skip
from .backend.dtypes import (
    double, dtype, float16, float32, float64, get_default_dtype, half, int16, int32, int64, int8, long,
    set_default_dtype, short, uint16, uint32, uint64, uint8,
)  # fmt: skip
from .backend.dtypes import bool_ as bool
from .backend.dtypes import float_ as float
from .backend.dtypes import int_ as int
from .ops import (
    abs, absolute, acos, acosh, add, addbmm, addcdiv, addcmul, addmm, addmv, addr, adjoint, all, allclose,
    amax, amin, aminmax, any, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, argmax, argmin,
    argsort, argwhere, asin, asinh, atan, atan2, atanh, atleast_1d, atleast_2d, atleast_3d, baddbmm,
    bincount, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor,
    block_diag, bmm, broadcast_shapes, broadcast_tensors, broadcast_to, bucketize, cartesian_prod, cat,
    cdist, ceil, chain_matmul, cholesky, chunk, clamp, clamp_max, clamp_min, clip, column_stack, concat,
    concatenate, contiguous, copysign, corrcoef, cos, cosh, count_nonzero, cov, cross, cummax, cummin,
    cumprod, cumsum, cumulative_trapezoid, deg2rad, det, diag, diag_embed, diagflat, diagonal,
    diagonal_scatter, diff, digamma, dist, div, divide, dot, dsplit, dstack, einsum, eq, equal, erf, erfc,
    erfinv, exp, exp2, expand, expand_as, expm1, fix, flatten, flip, fliplr, flipud, float_power, floor,
    floor_divide, fmax, fmin, fmod, frac, gather, ge, ger, greater, greater_equal, gt, heaviside, histc,
    histogram, hsplit, hstack, hypot, index_add, index_copy, index_fill, index_put, index_select, inner,
    inverse, isclose, isfinite, isin, isinf, isnan, isneginf, isposinf, kron, kthvalue, le, lerp, less,
    less_equal, lgamma, log, log10, log1p, log2, logaddexp, logaddexp2, logcumsumexp, logdet, logical_and,
    logical_not, logical_or, logical_xor, logit, logsumexp, lt, masked_fill, masked_scatter,
    masked_select, matmul, matrix_power, max, maximum, mean, median, meshgrid, min, minimum, mm, mode,
    moveaxis, movedim, msort, mul, multiply, mv, nan_to_num, nanmean, nanmedian, nanquantile, nansum,
    narrow, ne, neg, negative, nonzero, norm, not_equal, outer, permute, pinverse, polygamma, positive,
    pow, prod, qr, quantile, rad2deg, ravel, reciprocal, remainder, repeat, repeat_interleave, reshape,
    reshape_as, roll, rot90, round, row_stack, rsqrt, rsub, scatter, scatter_add, scatter_reduce,
    searchsorted, select, select_scatter, sgn, sigmoid, sign, signbit, sin, sinc, sinh, slice_scatter,
    slogdet, sort, split, split_with_sizes, sqrt, square, squeeze, stack, std, std_mean, sub, subtract,
    sum, svd, swapaxes, swapdims, t, take, take_along_dim, tan, tanh, tensor_split, tensordot, tile, topk,
    trace, transpose, trapezoid, trapz, tril, triu, true_divide, trunc, unbind, unflatten, unfold, unique,
    unique_consecutive, unsqueeze, var, var_mean, vdot, vecdot, view, view_as, vsplit, vstack, where,
    xlogy,
)  # fmt: skip
from .ops.activation import (
    celu, hardshrink, prelu, relu, rrelu, selu, threshold,
)  # fmt: skip
from .ops.softmax import log_softmax, softmax
from .queries import (
    can_cast, e, finfo, iinfo, inf, is_floating_point, is_nonzero, is_tensor, nan, newaxis, numel, pi,
    promote_types, result_type, typename,
)  # fmt: skip
from .recorder import RecordingError, jit
from .serialization import load, save

__version__ = "0.1.0"

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "Generator", "HalfTensor",
    "IntTensor", "LongTensor", "RecordingError", "ShortTensor", "Size", "Tensor", "__version__", "abs", "abs_",
    "absolute",
    "accelerator", "acos", "acos_", "acosh", "acosh_", "add", "addbmm", "addcdiv", "addcmul", "addmm",
    "addmv", "addmv_", "addr", "adjoint", "all", "allclose", "amax", "amin", "aminmax", "any", "arange",
    "arccos", "arccos_", "arccosh", "arccosh_", "arcsin", "arcsin_", "arcsinh", "arcsinh_", "arctan",
    "arctan2", "arctan_", "arctanh", "arctanh_", "argmax", "argmin", "argsort", "argwhere", "as_tensor",
    "asarray", "asin", "asin_", "asinh", "asinh_", "atan", "atan2", "atan_", "atanh", "atanh_",
    "atleast_1d", "atleast_2d", "atleast_3d", "autograd", "backends", "baddbmm", "bernoulli", "bincount",
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "block_diag", "bmm", "bool", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "bucketize", "can_cast", "cartesian_prod", "cat", "cdist", "ceil", "ceil_", "celu", "chain_matmul",
    "cholesky", "chunk", "clamp", "clamp_", "clamp_max", "clamp_max_", "clamp_min", "clamp_min_", "clip",
    "clip_", "clone", "column_stack", "concat", "concatenate", "contiguous", "copysign", "corrcoef",
    "cos", "cos_", "cosh", "cosh_", "count_nonzero", "cov", "cross", "cuda", "cummax", "cummin",
    "cumprod", "cumsum", "cumulative_trapezoid", "deg2rad", "deg2rad_", "det", "detach_", "device",
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff", "digamma", "dist",
    "distributions", "div", "divide", "dot", "double", "dsplit", "dstack", "dtype", "e", "einsum",
    "empty", "empty_like", "enable_grad", "eq", "equal", "erf", "erf_", "erfc", "erfc_", "erfinv", "exp",
    "exp2", "exp2_", "exp_", "expand", "expand_as", "expm1", "expm1_", "eye", "fill", "fill_", "finfo",
    "fix", "fix_", "flatten", "flip", "fliplr", "flipud", "float", "float16", "float32", "float64",
    "float_power", "floor", "floor_", "floor_divide", "fmax", "fmin", "fmod", "frac", "frac_",
    "from_dlpack", "from_numpy", "full", "full_like", "gather", "ge", "ger", "get_default_device",
    "get_default_dtype", "get_printoptions", "get_rng_state", "greater", "greater_equal", "gt", "half",
    "hardshrink", "heaviside", "histc", "histogram", "hsplit", "hstack", "hypot", "iinfo", "index_add",
    "index_copy", "index_fill", "index_put", "index_put_", "index_select", "inf", "inference_mode",
    "initial_seed", "inner", "int", "int16", "int32", "int64", "int8", "inverse", "is_floating_point",
    "is_grad_enabled", "is_inference_mode_enabled", "is_nonzero", "is_tensor", "isclose", "isfinite",
    "isin", "isinf", "isnan", "isneginf", "isposinf", "jit", "kron", "kthvalue", "le", "lerp", "less",
    "less_equal", "lgamma", "linalg", "linspace", "load", "log", "log10", "log10_", "log1p", "log1p_",
    "log2", "log2_", "log_", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logdet",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logit_", "logspace", "logsumexp",
    "long", "lt", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul",
    "matrix_power", "max", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mm", "mode",
    "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv", "nan", "nan_to_num",
    "nan_to_num_", "nanmean", "nanmedian", "nanquantile", "nansum", "narrow", "ne", "neg", "neg_",
    "negative", "negative_", "newaxis", "nn", "no_grad", "nonzero", "norm", "normal", "not_equal",
    "numel", "ones", "ones_like", "optim", "outer", "permute", "pi", "pinverse", "polygamma", "positive",
    "pow", "prelu", "printoptions", "prod", "promote_types", "qr", "quantile", "rad2deg", "rad2deg_",
    "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "range", "ravel",
    "reciprocal", "reciprocal_", "relu", "relu_", "remainder", "repeat", "repeat_interleave", "reshape",
    "reshape_as", "result_type", "return_types", "roll", "rot90", "round", "round_", "row_stack", "rrelu",
    "rsqrt", "rsqrt_", "rsub", "save", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "seed",
    "select", "select_scatter", "selu", "set_default_device", "set_default_dtype",
    "set_default_tensor_type", "set_grad_enabled", "set_printoptions", "set_rng_state", "sgn", "short",
    "sigmoid", "sigmoid_", "sign", "signbit", "sin", "sin_", "sinc", "sinc_", "sinh", "sinh_",
    "slice_scatter", "slogdet", "softmax", "sort", "special", "split", "split_with_sizes", "sqrt",
    "sqrt_", "square", "square_", "squeeze", "stack", "std", "std_mean", "sub", "subtract", "sum", "svd",
    "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tan_", "tanh", "tanh_", "tensor",
    "tensor_split", "tensordot", "threshold", "tile", "topk", "trace", "transpose", "trapezoid", "trapz",
    "tril", "tril_indices", "triu", "triu_indices", "true_divide", "trunc", "trunc_", "typename",
    "uint16", "uint32", "uint64", "uint8", "unbind", "unflatten", "unfold", "unique",
    "unique_consecutive", "unsqueeze", "utils", "var", "var_mean", "vdot", "vecdot", "view", "view_as",
    "vsplit", "vstack", "where", "xlogy", "xlogy_", "zero_", "zeros", "zeros_like",
]  # fmt: skip
