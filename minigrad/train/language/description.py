"""What a checkpoint says of a language model besides its weights: enough to make model and training again."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from minigrad import optim
from minigrad.utils.text import Vocabulary

from ..errors import UserError
from ..session import read
from .model import LanguageModel

#: name -> (class, learning rate at its highest)
OPTIMIZERS: dict[str, tuple[Any, float]] = {
    "rmsprop": (optim.RMSprop, 0.008),
    "sgd": (optim.SGD, 8.0),
    "momentum": (optim.Momentum, 1.0),
    "nag": (optim.NAG, 1.0),
    "adagrad": (optim.Adagrad, 0.15),
    "adam": (optim.Adam, 0.012),
}


@dataclass(frozen=True)
class Settings:
    """The options of a training."""

    text: str | None = None
    characters: int | None = None
    cell: str = "lstm"
    hidden: int = 256
    layers: int = 1
    embedding: int = 64
    dropout: float = 0.0
    batch_size: int = 32
    window: int = 64
    epochs: int = 6
    optimizer: str = "rmsprop"
    lr: float | None = None
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"there is no optimizer {self.optimizer!r}, but {', '.join(OPTIMIZERS)}")

    @property
    def rate(self) -> float:
        """The learning rate at its highest."""
        return OPTIMIZERS[self.optimizer][1] if self.lr is None else self.lr


@dataclass
class Description:
    """Settings, vocabulary, and the fingerprint of the text."""

    settings: Settings
    vocabulary: Vocabulary
    digest: str

    def make_model(self) -> LanguageModel:
        """A new model of this kind."""
        s = self.settings
        return LanguageModel(len(self.vocabulary), s.cell, s.embedding, s.hidden, s.layers, s.dropout)

    def state_dict(self) -> dict[str, Any]:
        return {"settings": asdict(self.settings), "vocabulary": self.vocabulary.state_dict(), "digest": self.digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing changes; raises ValueError for the state of another one."""
        own = self.state_dict()
        other = [name for name in own["settings"] if state["settings"].get(name) != own["settings"][name]]
        other += [name for name in ("vocabulary", "digest") if state[name] != own[name]]
        if other:
            raise ValueError(f"this is a training with another {', '.join(other)}")


def read_checkpoint(path: str) -> tuple[Description, LanguageModel]:
    """What the checkpoint says, and its model.

    Raises:
        UserError: it is not there, damaged, or no checkpoint of a language model.
    """
    advice = "give a checkpoint of python -m minigrad lm"
    try:
        parts = read(path)["parts"]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; {advice}") from None
    except RuntimeError as error:
        what, _, rest = " ".join(str(error).split()).partition(": ")
        raise UserError(f"{what}: {rest if 'newer minigrad' in what else advice}") from None
    if "description" not in parts or "model" not in parts:
        raise UserError(f"{path} is a checkpoint of another model, with the parts {', '.join(parts)}: {advice}")
    try:
        state = parts["description"]["state"]
        description = Description(Settings(**state["settings"]), Vocabulary(**state["vocabulary"]), state["digest"])
        model = description.make_model()
        model.load_state_dict(parts["model"]["state"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} is a checkpoint of another model, or of another version ({why}): {advice}") from None
    return description, model


def bits(nats: float) -> float:
    """Cross entropy in bits: that of one character in two equally likely ones is 1.

    >>> bits(math.log(2))
    1.0
    """
    return nats / math.log(2)
