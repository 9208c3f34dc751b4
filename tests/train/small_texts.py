"""Small texts, and trainings of language models on them that take a moment."""

from minigrad.train.language.corpus import Corpus
from minigrad.train.language.description import Description, Settings
from minigrad.train.language.generation import Samples
from minigrad.train.language.training import Lines, make_trainer

#: 1,290 characters of which every one follows from those before
RHYME = "one two three, who has seen the bee? four five six! " * 25

#: a network and batches of a small size
SMALL = {"hidden": 12, "embedding": 6, "batch_size": 4, "window": 16, "epochs": 2, "lr": 0.01}


def flags(**values):
    """Options of the command line: hidden=16 is --hidden 16."""
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", str(value))]


#: a small run on the command line
OPTIONS = flags(hidden=16, embedding=6, batch_size=4, window=16, epochs=2, lr=0.01)


def small_trainer(folder, text=RHYME, device="cpu", recorded=True, save_every=10**9, **settings):
    """(trainer, windows to train on, windows held out)."""
    corpus = Corpus.of(text, device)
    description = Description(Settings(**{**SMALL, **settings}), corpus.vocabulary, corpus.digest)
    made = make_trainer(description, corpus, folder, device, recorded, save_every)
    trainer = made[0]
    trainer.callbacks = [callback for callback in trainer.callbacks if not isinstance(callback, Lines)]  # no bar
    for callback in trainer.callbacks:
        if isinstance(callback, Samples):
            callback.length = 30
    return made


def outcome(trainer):
    """All that a training came to, but for the seconds: lists that can be compared to the last bit."""
    weights = {name: value.tolist() for name, value in trainer.model.state_dict().items()}
    state = {name: trainer.optimizer.state_dict()["state"][name] for name in trainer.optimizer.state_dict()["state"]}
    averages = {name: {key: _plain(value) for key, value in entry.items()} for name, entry in state.items()}
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]
    return weights, averages, rows


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else value
