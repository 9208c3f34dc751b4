"""Methods that reduce a tensor over dimensions, run along them, sort and count.

Each is a function of `ops/reduction.py`, `ops/maxima.py`, `ops/norms.py`, `ops/scan.py`, `ops/sorting.py`,
`ops/counting.py` or `ops/statistics.py`.
"""

from __future__ import annotations

from ..ops import counting, maxima, norms, reduction, scan, sorting, statistics
from ..ops.softmax import log_softmax, softmax
from .inplace import in_place


class ReductionMethods:
    """Reductions, running results, order and counts."""

    # -- one number, or one for each place along the other dimensions

    sum = reduction.sum
    nansum = reduction.nansum
    mean = reduction.mean
    nanmean = reduction.nanmean
    prod = reduction.prod
    var = reduction.var
    std = reduction.std
    logsumexp = reduction.logsumexp
    all = reduction.all
    any = reduction.any
    count_nonzero = reduction.count_nonzero
    max = maxima.max
    min = maxima.min
    amax = maxima.amax
    amin = maxima.amin
    aminmax = maxima.aminmax
    argmax = maxima.argmax
    argmin = maxima.argmin
    cov = statistics.cov
    corrcoef = statistics.corrcoef
    norm = norms.norm
    dist = norms.dist

    # -- shares

    softmax = softmax
    log_softmax = log_softmax

    # -- running results

    cumsum = scan.cumsum
    cumsum_ = in_place(scan.cumsum)
    cumprod = scan.cumprod
    cumprod_ = in_place(scan.cumprod)
    cummax = scan.cummax
    cummin = scan.cummin
    logcumsumexp = scan.logcumsumexp
    diff = scan.diff

    # -- order

    sort = sorting.sort
    msort = sorting.msort
    argsort = sorting.argsort
    topk = sorting.topk
    kthvalue = sorting.kthvalue
    median = sorting.median
    nanmedian = sorting.nanmedian
    mode = sorting.mode
    quantile = sorting.quantile
    nanquantile = sorting.nanquantile

    # -- counts

    unique = counting.unique
    unique_consecutive = counting.unique_consecutive
    bincount = counting.bincount
    histc = counting.histc
    histogram = counting.histogram
