"""Recurrent layers of minigrad and PyTorch, and the character model around one: they have the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..recurrent_problems import CharacterModel, Recurrent
from .peer import Job, Unsupported

if TYPE_CHECKING:
    from .torchlike import TorchLike


def module(peer: TorchLike, name: str, *sizes: int) -> Any:
    """A layer of `nn`. Raises `Unsupported` if there is none of this name."""
    made = getattr(peer.lib.nn, name, None)
    if made is None:
        raise Unsupported(f"has no nn.{name}")
    return made(*sizes).to(peer.device)


def fill(peer: TorchLike, weights: list[Any], arrays: list[Any]) -> None:
    with peer.lib.no_grad():
        for p, array in zip(weights, arrays, strict=True):
            p.copy_(peer.tensor(array))


def layer_job(peer: TorchLike, problem: Recurrent) -> Job:
    """The output of one call, and the gradients of input and weights from `autograd.grad`."""
    lib = peer.lib
    layer = module(peer, problem.layer, problem.inputs, problem.hidden)
    weights = list(layer.parameters())
    fill(peer, weights, problem.parameters())
    x, g = (peer.tensor(array) for array in problem.arrays())
    x.requires_grad_()

    def step(x: Any, g: Any) -> Any:
        output, _ = layer(x)
        return output, *lib.autograd.grad(output, [x, *weights], g)

    run = peer.whole_step(step)
    last: list[Any] = []

    def number(results: Any) -> float:
        last[:] = results
        return 0.0

    return Job(lambda: run(x, g), number, lambda: [peer.array(a) for a in last], lambda results: peer.wait(results[0]))


def character_model_job(peer: TorchLike, problem: CharacterModel) -> Job:
    """A step as everybody writes it; the state after a window is that before the next one."""
    lib, nn = peer.lib, peer.lib.nn
    embedding = module(peer, "Embedding", problem.characters, problem.features)
    lstm = module(peer, "LSTM", problem.features, problem.hidden)
    linear = module(peer, "Linear", problem.hidden, problem.characters)
    weights = [p for part in (embedding, lstm, linear) for p in part.parameters()]
    fill(peer, weights, problem.parameters())
    optimizer = lib.optim.RMSprop(weights, lr=problem.lr, alpha=problem.alpha, eps=problem.eps)
    x, y, h, c = (peer.tensor(array) for array in problem.arrays())

    def step(x: Any, y: Any, h: Any, c: Any) -> Any:
        optimizer.zero_grad()
        output, (h, c) = lstm(embedding(x), (h, c))
        loss = nn.functional.cross_entropy(linear(output).flatten(0, 1), y.flatten())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(weights, problem.clip)
        optimizer.step()
        return loss, norm, h.detach(), c.detach()

    whole, state, norms = peer.whole_step(step), [h, c], []

    def run() -> Any:
        loss, norm, *state[:] = whole(x, y, *state)
        return loss, norm

    def number(results: Any) -> float:
        norms.append(peer.array(results[1]))
        return peer.number(results[0])

    return Job(run, number, lambda: [*map(peer.array, weights + state), *norms], lambda results: peer.wait(results[0]))
