"""`Vocabulary`: the symbols of a text in a fixed order, and the numbers that stand for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..._tensor.creation import tensor
from ..._tensor.tensor import Tensor
from ...backend.dtypes import int64

_LONGEST = 40  # characters of a symbol that an error shows


class Vocabulary:
    """Symbols (strings: characters, words, anything between) in a fixed order: the k-th one is token k.

    Args:
        symbols: all of them, each once.
        unknown: the symbol that stands for all others; put before the rest where it is not among them. Without one, a
            symbol that is not in the vocabulary is an error.

    `Vocabulary(**vocabulary.state_dict())` is an equal one; the state is plain data that `minigrad.save` takes.

    >>> letters = Vocabulary.from_text("hello")
    >>> letters, letters.encode("hole")
    (<Vocabulary of 4 symbols: 'e', 'h', 'l', 'o'>, tensor([1, 3, 2, 0]))
    >>> letters.decode([1, 0, 2, 2, 3])
    'hello'
    >>> words = Vocabulary.from_sequences([["a", "rose"], ["is", "a", "rose"]], specials=["<pad>"], unknown="<unk>")
    >>> words.symbols, words.encode(["a", "tulip"])
    (('<unk>', '<pad>', 'a', 'is', 'rose'), tensor([2, 0]))
    """

    def __init__(self, symbols: Iterable[str], unknown: str | None = None) -> None:
        given = list(symbols)
        if unknown is not None and unknown not in given:
            given.insert(0, unknown)
        for symbol in given:
            if not isinstance(symbol, str) or not symbol:
                raise TypeError(f"symbols are strings that are not empty, got {symbol!r}")
        if not given:
            raise ValueError("a vocabulary needs at least one symbol: is the text empty?")
        self.symbols = tuple(given)
        self.unknown = unknown
        self._tokens = {symbol: token for token, symbol in enumerate(given)}
        if len(self._tokens) < len(given):
            twice = Counter(given).most_common(1)[0][0]
            raise ValueError(f"each symbol stands in a vocabulary once, got {_shown(twice)} more than once")

    @classmethod
    def from_text(cls, text: str, unknown: str | None = None) -> Vocabulary:
        """The characters of a text, in the order of their code points."""
        if not isinstance(text, str):
            raise TypeError(f"Vocabulary.from_text takes a str, got {type(text).__name__}: see from_sequences")
        return cls.from_sequences([text], unknown=unknown)

    @classmethod
    def from_sequences(
        cls,
        sequences: Iterable[Iterable[str]],
        specials: Sequence[str] = (),
        unknown: str | None = None,
        min_count: int = 1,
    ) -> Vocabulary:
        """The symbols of sequences, sorted, behind `specials` such as "<pad>" and "<end>", which are first.

        Args:
            min_count: leave out what occurs less often: `unknown` stands for it.
        """
        counts: Counter[str] = Counter()
        for sequence in sequences:
            counts.update(sequence)
        first = list(dict.fromkeys(specials))
        # a symbol that is no string is named by the constructor, and is nothing to sort by
        rest = sorted((s for s, n in counts.items() if n >= min_count and s not in first and s != unknown), key=str)
        return cls([*first, *rest], unknown)

    def __len__(self) -> int:
        return len(self.symbols)

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __contains__(self, symbol: Any) -> bool:
        return symbol in self._tokens

    def __getitem__(self, symbol: str) -> int:
        """The token of one symbol."""
        token = self._tokens.get(symbol, self._tokens.get(self.unknown) if self.unknown is not None else None)
        if token is None:
            raise ValueError(self._not_here(symbol, ""))
        return token

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Vocabulary) and (self.symbols, self.unknown) == (other.symbols, other.unknown)

    def __repr__(self) -> str:
        shown = ", ".join(_shown(symbol) for symbol in self.symbols[:8])
        more = ", ..." if len(self) > 8 else ""
        return f"<Vocabulary of {len(self)} symbols: {shown}{more}>"

    def encode(self, sequence: Iterable[str], device: Any = None) -> Tensor:
        """The tokens of a sequence of symbols, such as a text, which is one of characters: int64, shape (n,).

        Raises:
            ValueError: a symbol is not in the vocabulary, and there is no `unknown` one.
        """
        symbols = sequence if isinstance(sequence, str | list | tuple) else list(sequence)
        try:
            if self.unknown is None:
                numbers = list(map(self._tokens.__getitem__, symbols))
            else:
                stand_in = self._tokens[self.unknown]
                numbers = [self._tokens.get(symbol, stand_in) for symbol in symbols]
        except KeyError as error:
            wrong = error.args[0]
            raise ValueError(self._not_here(wrong, f" at position {symbols.index(wrong)}")) from None
        return tensor(numbers, dtype=int64, device=device)

    def decode(self, tokens: Any, separator: str = "") -> str:
        """The symbols of tokens, a tensor or sequence of one dimension, joined: with " " for words.

        Raises:
            ValueError: a token is out of range.
        """
        given = tokens.tolist() if hasattr(tokens, "tolist") else list(tokens)
        if not isinstance(given, list) or any(isinstance(token, list | tuple) for token in given):
            raise ValueError("decode takes one sequence of tokens: decode a batch row by row, and one token as [token]")
        for position, token in enumerate(given):
            if not hasattr(token, "__index__") or not 0 <= token < len(self):
                raise ValueError(
                    f"token {token} at position {position} is out of range: the tokens of this vocabulary are the "
                    f"whole numbers 0 to {len(self) - 1}"
                )
        return separator.join([self.symbols[token] for token in given])

    def state_dict(self) -> dict[str, Any]:
        """What makes an equal vocabulary, as plain data."""
        return {"symbols": list(self.symbols), "unknown": self.unknown}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Become what `state_dict` was taken of."""
        Vocabulary.__init__(self, **state)

    def _not_here(self, symbol: Any, place: str) -> str:
        return (
            f"the symbol {_shown(symbol)}{place} is not in this vocabulary of {len(self)} symbols, "
            "none of which stands for unknown ones"
        )


def _shown(symbol: Any) -> str:
    text = repr(symbol)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
