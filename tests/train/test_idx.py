"""IDX files, sound and damaged."""

import gzip
import struct

import numpy
import pytest

from minigrad.train.errors import UserError
from minigrad.train.idx import TYPES, read_idx

HEADER = bytes([0, 0, 0x08, 1]) + struct.pack(">I", 3)


def idx(array, code=0x08):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


@pytest.mark.parametrize("code", sorted(TYPES))
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0,)])
def test_every_type_of_number_is_read(tmp_path, code, shape):
    array = numpy.arange(numpy.prod(shape)).reshape(shape)
    path = tmp_path / "numbers"
    for data in (idx(array, code), gzip.compress(idx(array, code), mtime=0)):
        path.write_bytes(data)
        found = read_idx(path, len(shape))
        assert found.dtype == numpy.dtype(TYPES[code]).newbyteorder("=") and found.flags.writeable
        assert (found == array).all() and found.shape == shape


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it begins with ''"),
        (b"\x00\x00", "not like an IDX file"),
        (b"PK\x03\x04 a zip file", "it begins with '50 4b 03 04'"),
        (bytes([0, 0, 0x07, 1]) + HEADER[4:] + b"abc", "not like an IDX file"),
        (bytes([0, 0, 0x08, 3]) + HEADER[4:] + b"abc", "it has 3 dimensions where 1 were expected"),
        (HEADER[:6], "ends after 6 bytes, within its header"),
        (HEADER + b"ab", "says 3 numbers, so 3 bytes, but 2 follow"),
        (HEADER + b"abcd", "says 3 numbers, so 3 bytes, but 4 follow"),
        (gzip.compress(HEADER + b"abc", mtime=0)[:-6], "gzip cannot unpack it"),
        (gzip.compress(HEADER + b"abc", mtime=0)[:12], "gzip cannot unpack it"),
        (gzip.compress(HEADER + b"abc", mtime=0)[:-8] + bytes(8), "gzip cannot unpack it"),
        (b"\x1f\x8b\x00\x00 not gzip after all", "gzip cannot unpack it"),
        (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20, "gzip cannot unpack it"),
    ],
)
def test_damage_is_named(tmp_path, data, message):
    path = tmp_path / "labels.gz"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_idx(path, 1)
    text = str(caught.value)
    assert message in text and str(path) in text and "download it again" in text and "\n" not in text


def test_a_file_that_cannot_be_read(tmp_path):
    for path, reason in [(tmp_path / "nothing", "No such file"), (tmp_path, "directory")]:
        with pytest.raises(UserError, match=f"cannot read .*: .*{reason}"):
            read_idx(path, 1)
