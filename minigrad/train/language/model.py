"""`LanguageModel`: scores of the next token, from all tokens before it."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn, zeros

#: name on the command line -> layer
CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}

State = tuple[Tensor, ...]


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, dropout, linear.

    Args:
        symbols: the number of different tokens, V.
        cell: "lstm", "gru" or "rnn".
        embedding: length of a token's vector.
        hidden: units of a layer, H.
        layers: recurrent layers, L.
        dropout: after each of them, in training.

    Called with tokens (T, B) and the state before the first of them: a tuple of tensors (L, B, H), one or, of an LSTM,
    two, such as `first_state(B)`. Returns scores (T, B, V) of each next token, and the state after the last.

    >>> import minigrad
    >>> model = LanguageModel(10, cell="gru", hidden=16)
    >>> scores, state = model(minigrad.zeros(5, 2).long(), model.first_state(2))
    >>> scores.shape, len(state), state[0].shape
    (minigrad.Size([5, 2, 10]), 1, minigrad.Size([1, 2, 16]))
    """

    def __init__(
        self, symbols: int, cell: str = "lstm", embedding: int = 64, hidden: int = 256, layers: int = 1,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"there is no cell {cell!r}, but {', '.join(CELLS)}")
        self.embedding = nn.Embedding(symbols, embedding)
        between = dropout if layers > 1 else 0.0  # a single layer warns of dropout that it does not use
        self.recurrent = CELLS[cell](embedding, hidden, layers, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        alone = len(state) == 1
        output, last = self.recurrent(self.embedding(tokens), state[0] if alone else state)
        return self.output(self.dropout(output)), (last,) if alone else last

    def first_state(self, batch_size: int) -> State:
        """Zeros."""
        like = self.output.weight
        shape = (self.recurrent.num_layers, batch_size, self.recurrent.hidden_size)
        return tuple(zeros(*shape, device=like.device, dtype=like.dtype) for _ in range(self.recurrent.states))
