"""`generate`: text that continues a prompt, one character at a time; `Samples` shows some while a model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import Generator, cat, no_grad
from minigrad.serialization.atomic import replacing
from minigrad.utils.text import Vocabulary, sample

from ..callback import Callback
from ..errors import NonFiniteError
from ..evaluation import evaluating
from .model import LanguageModel

if TYPE_CHECKING:
    from pathlib import Path

    from ..history import Epoch
    from ..trainer import Trainer

#: below 1: the model's own probabilities spread over more rare characters than a reader likes
TEMPERATURE = 0.8


def generate(
    model: LanguageModel,
    vocabulary: Vocabulary,
    length: int,
    prompt: str = "",
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: Generator | None = None,
) -> str:
    """`length` symbols that follow `prompt`; where that is empty, the beginning of a line.

    `temperature`, `top_k` and `generator` are as of `minigrad.utils.text.sample`.

    Raises:
        ValueError: a symbol of the prompt is not in the vocabulary; or as of `sample`.

    >>> import minigrad
    >>> vocabulary = Vocabulary.from_text("ab")
    >>> len(generate(LanguageModel(2, hidden=8), vocabulary, 5, prompt="ab"))
    5
    """
    first = "\n" if "\n" in vocabulary else vocabulary.symbols[0]
    inputs = vocabulary.encode(prompt or first, model.output.weight.device).unsqueeze(1)
    state = model.first_state(1)
    drawn = []
    with evaluating(model), no_grad():
        for _ in range(length):
            scores, state = model(inputs, state)
            inputs = sample(scores[-1:], temperature, top_k, generator)
            drawn.append(inputs)
        return vocabulary.decode(cat(drawn).flatten()) if drawn else ""


class Samples(Callback):
    """After some of the epochs, show what the model writes by now; all of it is in the file `path`.

    The texts come from a generator of their own, the same each time: the training is the same without them.

    Args:
        vocabulary: of the model.
        path: replaced as a whole by a file with all texts.
        every: epochs from one to the next; there is one after the first and the last epoch, too.
        length: of a text.
    """

    def __init__(self, vocabulary: Vocabulary, path: Path, every: int, length: int = 400) -> None:
        self.vocabulary, self.path = vocabulary, path
        self.every, self.length = every, length
        self.texts: list[tuple[int, str]] = []  # (number of the epoch, text)

    def on_epoch_end(self, trainer: Trainer, row: Epoch) -> None:
        if row.number not in (1, trainer.epochs) and row.number % self.every:
            return
        model: Any = trainer.model
        generator = Generator(model.output.weight.device)  # every new one draws the same
        try:
            text = generate(model, self.vocabulary, self.length, temperature=TEMPERATURE, generator=generator)
        except ValueError as error:
            raise NonFiniteError(f"after epoch {row.number} {error}") from None
        self.texts.append((row.number, text))
        trainer.say("".join(f"    | {line}\n" for line in text[: self.length // 2].splitlines()).rstrip("\n"))
        with replacing(self.path) as file:
            for number, text in self.texts:
                file.write(f"--- after epoch {number} ---\n{text}\n\n".encode())

    def state_dict(self) -> dict[str, Any]:
        return {"texts": list(self.texts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.texts = list(state["texts"])
