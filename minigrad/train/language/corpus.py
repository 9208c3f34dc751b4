"""Text to learn from: `read_text(file)`, and `Corpus`, its tokens in a part to train on and a part held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from minigrad import Tensor
from minigrad.utils.text import Vocabulary

from ..errors import UserError

#: of a text, the last part of this many percent is held out
HELD_OUT = 5


def read_text(file: str | None = None, characters: int | None = None) -> str:
    """The text of a file in UTF-8; without one, the help texts that every Python carries. The first `characters`.

    >>> read_text(characters=18)
    'The "assert" state'

    Raises:
        UserError: the file cannot be read, or there is no text in it.
    """
    if file is None:
        from pydoc_data.topics import topics  # a megabyte of source: not for those who do not read it

        return "".join(topics.values())[:characters]
    try:
        with open(file, encoding="utf-8-sig") as opened:
            text = opened.read()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; give --text a text file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is no text in UTF-8 (byte {error.start} is wrong): give --text a text file") from None
    if not text:
        raise UserError(f"{file} is empty: give --text a file with text in it")
    return text[:characters]


@dataclass
class Corpus:
    """A text as tokens: `training` (n,) and `held_out` (m,), its last 5 %."""

    vocabulary: Vocabulary
    training: Tensor
    held_out: Tensor
    digest: str

    @classmethod
    def of(cls, text: str, device: str = "cpu") -> Corpus:
        """Split a text by its characters. Those of the whole text are the vocabulary.

        >>> corpus = Corpus.of("abcdefghijklmnopqrstuvwxyz" * 2)
        >>> corpus.vocabulary.decode(corpus.held_out), len(corpus.training)
        ('yz', 50)
        """
        vocabulary = Vocabulary.from_text(text)
        tokens = vocabulary.encode(text, device)
        split = len(text) - max(2, len(text) * HELD_OUT // 100)  # one to read, and one to predict
        return cls(vocabulary, tokens[:split], tokens[split:], hashlib.sha256(text.encode()).hexdigest())

    def require(self, batch_size: int, window: int) -> None:
        """Raise UserError unless there is a whole window of every stream."""
        enough = batch_size * window + 1
        if len(self.training) < enough:
            raise UserError(
                f"the text is too short: {len(self.training):,} characters to train on, but {batch_size} streams with "
                f"a window of {window} take at least {enough:,}; give a longer text, or a smaller --batch-size or "
                "--window"
            )
