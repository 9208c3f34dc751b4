"""The libraries that are compared, one file each, in the order of the tables.

A peer's library is imported when the peer is loaded, never with this package: what is not installed is skipped.
"""

from .autograd import Autograd
from .dezero import DeZero
from .jax import Jax
from .minigrad import Minigrad, MinigradJit
from .mygrad import MyGrad
from .numpy import HandWritten
from .peer import Absent, Job, Peer, Unsupported, brief
from .pytorch import PyTorch, PyTorchCompiled, PyTorchForeach, PyTorchFused
from .tinygrad import Tinygrad

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        MinigradJit, Minigrad, HandWritten, PyTorch, PyTorchForeach, PyTorchFused, PyTorchCompiled, Jax, Tinygrad,
        MyGrad, Autograd, DeZero,
    )
}  # fmt: skip

__all__ = ["PEERS", "Absent", "Job", "Peer", "Unsupported", "brief"]
