"""A recorded training step over a sequence is a program of as many lines for a thousand time steps as for ten."""

from __future__ import annotations

from functools import partial

import pytest

import minigrad
from minigrad import nn, optim

LAYERS = {
    "RNN": nn.RNN,
    "RNN with relu": partial(nn.RNN, nonlinearity="relu"),
    "GRU": nn.GRU,
    "LSTM": nn.LSTM,
    "LSTM with a projection": partial(nn.LSTM, proj_size=2),
    "two layers both ways": partial(nn.LSTM, num_layers=2, bidirectional=True),
    "dropout between layers": partial(nn.GRU, num_layers=2, dropout=0.5),
    "without biases": partial(nn.GRU, bias=False),
}


def program(layer: nn.Module, steps: int, with_lengths: bool = False) -> list[str]:
    """The lines of a training step over so many time steps."""
    optimizer = optim.RMSprop(layer.parameters(), lr=1e-3)

    @minigrad.jit
    def step(x, *lengths):
        optimizer.zero_grad()
        output, _ = layer(x, lengths=lengths[0]) if lengths else layer(x)
        loss = output.square().mean()
        loss.backward()
        optimizer.step()
        return loss

    arguments = [minigrad.randn(steps, 2, 3)]
    if with_lengths:
        arguments.append(minigrad.tensor([steps // 2, steps]))
    for _ in range(3):
        step(*arguments)
    return step.source.splitlines()


@pytest.mark.parametrize("name", LAYERS)
def test_the_program_does_not_grow_with_the_sequence(name):
    short, long = (program(LAYERS[name](3, 4), steps) for steps in (10, 1000))
    assert 10 < len(short) == len(long)


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM])
def test_nor_does_it_with_sequences_of_several_lengths(layer):
    short, long = (program(layer(3, 4), steps, with_lengths=True) for steps in (10, 1000))
    assert 10 < len(short) == len(long)
