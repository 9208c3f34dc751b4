"""IDX files, the format of MNIST and its kin: `read_idx(path, ndim)` gives the array or says what is wrong.

A file is, big-endian: two zero bytes, a byte for the type of the numbers, a byte for the number of
dimensions, four bytes for each dimension, and the numbers in row-major order
(http://yann.lecun.com/exdb/mnist). It may be packed by gzip, whatever its name.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from os import PathLike, fspath
from typing import Any

from ..backend.library import numpy
from .errors import UserError

#: the third byte of a file: the type of its numbers
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | PathLike[str], ndim: int) -> Any:
    """The NumPy array in the IDX file at `path`, which must have `ndim` dimensions (3: images, 1: labels).

    Raises `UserError`, one sentence that names the file and what is wrong with it.
    """
    name = fspath(path)
    data = _contents(name)
    if len(data) < 4 or data[0] or data[1] or data[2] not in TYPES:
        raise _damaged(name, f"it begins with '{data[:4].hex(' ')}', not like an IDX file")
    if data[3] != ndim:
        raise _damaged(name, f"it has {data[3]} dimensions where {ndim} were expected")
    start = 4 + 4 * ndim
    if len(data) < start:
        raise _damaged(name, f"it ends after {len(data)} bytes, within its header")
    shape = struct.unpack(f">{ndim}I", data[4:start])
    dtype = numpy.dtype(TYPES[data[2]])
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - start
    if found != expected:
        sizes = " x ".join(map(str, shape))
        raise _damaged(name, f"its header says {sizes} numbers, so {expected} bytes, but {found} follow")
    return numpy.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _contents(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from None
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(name, f"gzip cannot unpack it ({error})") from None


def _damaged(name: str, what: str) -> UserError:
    return UserError(f"{name} is damaged or not what it should be: {what}; download it again")
