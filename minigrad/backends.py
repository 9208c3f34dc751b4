"""`minigrad.backends`: the switches of PyTorch's libraries, so that programs that set them run as they are.

minigrad has no such choices to make: what is set here is kept and has no effect.
"""

from __future__ import annotations

from .backend.devices import cuda_is_available


class _MPS:
    """Apple's GPUs, which minigrad does not use."""

    def is_available(self) -> bool:
        """False."""
        return False

    is_built = is_available


class _CuDNN:
    """NVIDIA's library of kernels, which minigrad does not use."""

    enabled = False
    deterministic = False
    benchmark = False
    allow_tf32 = False

    def is_available(self) -> bool:
        """False."""
        return False

    def version(self) -> None:
        """None: there is none."""


class _MatMul:
    """Matrix products on a GPU are computed in the dtype of their operands."""

    allow_tf32 = False


class _CUDA:
    """NVIDIA's GPUs."""

    matmul = _MatMul()

    def is_built(self) -> bool:
        """True where a GPU can be used."""
        return cuda_is_available()


mps, cudnn, cuda = _MPS(), _CuDNN(), _CUDA()

__all__ = ["cuda", "cudnn", "mps"]
