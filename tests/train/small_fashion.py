"""A small data set in the form of Fashion-MNIST."""

import gzip
import struct

import numpy


def write(path, array):
    header = bytes([0, 0, 0x08, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = header + array.astype("u1").tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_fashion(folder, n_train=40, n_test=20, end="", size=28):
    """A small set in the form of Fashion-MNIST, whose classes differ in which rows are bright."""
    numbers = numpy.random.default_rng(0)
    for part, n in ("train", n_train), ("t10k", n_test):
        labels = numpy.arange(n) % 10
        images = numbers.integers(0, 60, (n, size, size))
        images[numpy.arange(n), 2 * labels] = 255
        write(folder / f"{part}-images-idx3-ubyte{end}", images)
        write(folder / f"{part}-labels-idx1-ubyte{end}", labels)
