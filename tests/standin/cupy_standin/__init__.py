"""What the stand-in's ``cupy`` and ``cupyx`` are made of. Tests use the package ``standin``, not this one.

names.py       the list of what CuPy has
settings.py    device count, current device, the counter of transfers
core.py        the storage of an array, and the doors between it and NumPy
ndarray.py     the array class, with operators.py, methods.py, indexing.py, memory.py and dlpack.py
ufuncs.py      elementwise functions with CuPy's types
dispatch.py    the wrapper around NumPy's functions
kernels.py     kernels of the caller's, with kernel_code.py, a little of C++
creation.py, functions.py, linalg.py, random_state.py, generator.py, special.py, cuda.py, extras.py
               what behaves otherwise than NumPy's
namespace.py   how a module of the stand-in finds its names
"""
