"""Training a language model: windows, the state that is carried, the recorded step, a run that is cut and resumed."""

import math

import pytest
from small_texts import RHYME, SMALL, outcome, small_trainer

import minigrad
from minigrad import nn
from minigrad.train import Callback, NonFiniteError
from minigrad.train.language.carrying import TextWindows
from minigrad.train.language.corpus import Corpus, read_text
from minigrad.train.language.description import OPTIMIZERS, Description, Settings, bits
from minigrad.train.language.model import CELLS, LanguageModel
from minigrad.train.language.training import WARM_UP, measure, rate_factor
from minigrad.train.session import ResumeError

# -- text and model ------------------------------------------------------------------------------------------


def test_the_text_that_python_carries():
    text = read_text()
    assert len(text) > 400_000 and '"assert" statement' in text[:200]
    assert read_text(characters=10) == text[:10]


def test_the_text_of_a_file(tmp_path):
    """The mark with which Windows begins a file is not a part of it."""
    (tmp_path / "file").write_text("naïve text", encoding="utf-8-sig")
    assert read_text(tmp_path / "file") == "naïve text" and read_text(tmp_path / "file", 4) == "naïv"


def test_the_last_part_of_a_text_is_held_out():
    text = "".join(map(chr, range(100, 1100)))
    corpus = Corpus.of(text)
    decode = corpus.vocabulary.decode
    assert decode(corpus.training) == text[:950] and decode(corpus.held_out) == text[950:]
    assert Corpus.of(text).digest == corpus.digest != Corpus.of(text[::-1]).digest


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_scores_of_a_text_do_not_depend_on_where_it_is_cut(cell, layers, device):
    model = LanguageModel(7, cell, embedding=3, hidden=5, layers=layers, dropout=0.5).to(device).eval()
    tokens = minigrad.randint(7, (9, 2)).to(device)
    whole, last = model(tokens, model.first_state(2))
    assert whole.shape == (9, 2, 7) and all(part.shape == (layers, 2, 5) for part in last)
    first, state = model(tokens[:4], model.first_state(2))
    second, state = model(tokens[4:], state)
    assert minigrad.allclose(minigrad.cat([first, second]), whole, atol=1e-6)
    assert all(minigrad.allclose(a, b, atol=1e-6) for a, b in zip(state, last)) and len(state) == len(last)


def test_dropout_acts_after_each_layer():
    tokens = minigrad.zeros(3, 1).long()
    for layers in (1, 2):
        model = LanguageModel(4, "rnn", 3, 5, layers, dropout=0.5)
        scores = [model(tokens, model.first_state(1))[0].tolist() for _ in range(2)]
        assert scores[0] != scores[1] and model.recurrent.dropout == (0.5 if layers == 2 else 0)


def test_a_token_out_of_range():
    model = LanguageModel(4, "rnn", 3, 5)
    with pytest.raises(IndexError, match="4"):
        model(minigrad.tensor([[4]]), model.first_state(1))
    with pytest.raises(ValueError, match="there is no cell 'lstn', but lstm, gru, rnn"):
        LanguageModel(4, "lstn")


# -- windows -------------------------------------------------------------------------------------------------


def passed(windows, until=None):
    """The batches of a pass; each adds its inputs to the state."""
    batches = []
    for inputs, targets, state in windows:
        batches.append((inputs.tolist(), targets.tolist(), state.tolist()))
        windows.carry([state + inputs.sum(dim=0)])
        if len(batches) == until:
            break
    return batches


def test_a_window_begins_with_the_state_after_the_one_before():
    windows = TextWindows(minigrad.arange(11), 2, 2, [minigrad.tensor([100, 200])])
    first = passed(windows)
    assert len(windows) == len(first) == 3
    assert [inputs for inputs, _, _ in first] == [[[0, 5], [1, 6]], [[2, 7], [3, 8]], [[4, 9]]]
    assert [targets for _, targets, _ in first] == [[[1, 6], [2, 7]], [[3, 8], [4, 9]], [[5, 10]]]
    assert [state for _, _, state in first] == [[100, 200], [101, 211], [106, 226]]
    assert passed(windows) == first  # a new pass begins anew


@pytest.mark.parametrize("done", range(4))
def test_a_pass_goes_on_where_it_was(done):
    first = [minigrad.tensor([100, 200])]
    windows = TextWindows(minigrad.arange(11), 2, 2, first)
    whole = passed(windows)
    if done:
        passed(windows, until=done)
    state = windows.state_dict()
    other = TextWindows(minigrad.arange(11), 2, 2, first)
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert passed(other) == whole[done:]
    assert passed(other) == whole
    assert passed(windows) == whole  # without a state to go on from, a pass that was left is over


def test_a_state_that_nobody_carries_is_noticed():
    with pytest.raises(RuntimeError, match="was not handed back"):
        for _ in TextWindows(minigrad.arange(11), 2, 2, [minigrad.zeros(2)]):
            pass


# -- training ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_a_recorded_training_equals_an_eager_one(cell, tmp_path):
    found = []
    for recorded in (True, False):
        trainer, training, held_out = small_trainer(tmp_path, cell=cell, recorded=recorded, layers=2, dropout=0.2)
        trainer.fit(training, 2, validation=held_out)
        assert not trainer.eager_because
        found.append(outcome(trainer))
    assert found[0] == found[1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rhyme_is_learnt(optimizer, tmp_path):
    trainer, training, held_out = small_trainer(
        tmp_path, "0123456789" * 80, optimizer=optimizer, epochs=20, lr=None, hidden=16, cell="rnn"
    )
    history = trainer.fit(training, 20, validation=held_out)
    assert bits(history[-1].validation_loss) < 0.1 < bits(history[0].validation_loss)


def test_training_on_a_device(device, tmp_path):
    trainer, training, held_out = small_trainer(tmp_path, device=device)
    trainer.fit(training, 2, validation=held_out)
    assert trainer.model.output.weight.device.type == device and not trainer.eager_because
    trainer.save(tmp_path / "file")
    trainer.resume(tmp_path / "file")
    assert trainer.history[1].training_loss < trainer.history[0].training_loss


def test_held_out_text_is_measured_as_one_sequence(tmp_path, monkeypatch):
    monkeypatch.setattr("minigrad.train.language.training._MEASURED", 7)  # several windows
    trainer, training, held_out = small_trainer(tmp_path, dropout=0.5)
    history = trainer.fit(training, 1, validation=held_out)
    assert len(held_out) > 5
    model, tokens = trainer.model.eval(), Corpus.of(RHYME).held_out
    scores, _ = model(tokens[:-1, None], model.first_state(1))
    expected = nn.functional.cross_entropy(scores[:, 0], tokens[1:]).item()
    assert history[-1].validation_loss == pytest.approx(expected, rel=1e-5)
    alone, _ = model(tokens[None, :-1], model.first_state(len(tokens) - 1))  # nothing is remembered
    assert abs(nn.functional.cross_entropy(alone[0], tokens[1:]).item() - expected) > 1e-3


def test_gradients_do_not_leave_a_window_and_the_state_does(tmp_path):
    """A step by hand, eagerly, on the second window."""
    trainer, training, held_out = small_trainer(tmp_path, optimizer="sgd", epochs=1, clip=0.1)
    model = trainer.description.make_model()
    minigrad.manual_seed(0)
    model.load_state_dict(trainer.model.state_dict())
    optimizer = minigrad.optim.SGD(model.parameters(), lr=1.0)
    steps, rows = len(training), []
    state = model.first_state(4)
    for k in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * rate_factor(k, steps)
        part = slice(16 * k, 16 * (k + 1))
        optimizer.zero_grad()
        loss, measured = measure(model, [training.inputs[part], training.targets[part], *state])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        state = [measured[name].detach() for name in ("state0", "state1")]
        rows.append((loss.item(), len(training.inputs[part])))
    history = trainer.fit(training, 1, validation=held_out)
    assert trainer.model.state_dict()["output.weight"].tolist() == model.state_dict()["output.weight"].tolist()
    mean = sum(loss * n for loss, n in rows) / sum(n for _, n in rows)
    assert history[0].training_loss == pytest.approx(mean)


def test_the_rate_rises_and_falls():
    factors = [rate_factor(step, 400) for step in range(400)]
    highest = factors.index(max(factors))
    assert 0 < highest < WARM_UP and factors[0] == pytest.approx(1 / WARM_UP)
    assert factors[:highest] == sorted(factors[:highest]) and factors[highest:] == sorted(factors[highest:])[::-1]
    assert factors[200] == pytest.approx(0.5) and 0 < factors[-1] < 1e-4 and rate_factor(401, 400) == 0


def test_bits_of_equally_likely_symbols():
    assert bits(nn.functional.cross_entropy(minigrad.zeros(1, 8), minigrad.tensor([3])).item()) == pytest.approx(3)
    assert bits(math.log(2)) == 1


# -- resuming ------------------------------------------------------------------------------------------------


class Cut(Callback):
    """Ends the program after a step, in whatever state the file is."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("cuts", [(5,), (20, 25, 47)])
def test_a_training_that_is_cut_comes_to_the_same_bits(cell, cuts, tmp_path):
    options = {"cell": cell, "dropout": 0.3, "epochs": 3, "save_every": 2}
    trainer, training, held_out = small_trainer(tmp_path / "whole", **options)
    assert len(training) == 20
    trainer.fit(training, 3, validation=held_out)
    expected = outcome(trainer)
    for step in (*cuts, None):
        minigrad.manual_seed(123)  # nothing follows from the state of the program
        trainer, training, held_out = small_trainer(tmp_path / "cut", **options)
        trainer.resume(tmp_path / "cut" / "last.safetensors", missing_ok=True)
        if step is None:
            trainer.fit(training, 3, validation=held_out)
        else:
            trainer.callbacks.append(Cut(step))
            with pytest.raises(KeyboardInterrupt):
                trainer.fit(training, 3, validation=held_out)
            assert minigrad.load(tmp_path / "cut" / "last.safetensors")["extra"]["step"] == step - step % 2
    assert outcome(trainer) == expected
    assert (tmp_path / "cut" / "samples.txt").read_text() == (tmp_path / "whole" / "samples.txt").read_text()


def test_a_training_is_resumed_on_its_device(device, tmp_path):
    for _ in range(2):
        trainer, training, held_out = small_trainer(tmp_path, device=device, save_every=2)
        trainer.resume(tmp_path / "last.safetensors", missing_ok=True)
        if trainer.step:
            assert training.state_dict()["done"] == 0 and trainer.step == 4
            break
        trainer.callbacks.append(Cut(5))
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(training, 2, validation=held_out)
    trainer.fit(training, 2, validation=held_out)
    assert trainer.step == 40 and not trainer.eager_because


def test_samples_leave_the_training_as_it_is(tmp_path):
    found = []
    for kept in (True, False):
        trainer, training, held_out = small_trainer(tmp_path, dropout=0.3)
        if not kept:
            trainer.callbacks = [c for c in trainer.callbacks if type(c).__name__ != "Samples"]
        trainer.fit(training, 2, validation=held_out)
        found.append(outcome(trainer))
    assert found[0] == found[1]


def test_scores_that_are_no_numbers(tmp_path):
    trainer, training, held_out = small_trainer(tmp_path)
    trainer.callbacks.insert(0, Spoil())
    with pytest.raises(NonFiniteError, match="after epoch 1 the scores of a row hold nan or inf"):
        trainer.fit(training, 1, validation=held_out)
    assert not (tmp_path / "samples.txt").exists()


class Spoil(Callback):
    """Leaves a model that is no use."""

    def on_epoch_end(self, trainer, row):
        with minigrad.no_grad():
            trainer.model.output.bias.fill_(math.nan)


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"seed": 1}, "seed"), ({"window": 8}, "window"), ({"text": "other"}, "vocabulary, digest")],
)
def test_a_checkpoint_of_another_training(changed, named, tmp_path):
    trainer, training, held_out = small_trainer(tmp_path)
    trainer.fit(training, 1, validation=held_out)
    text = "other words " * 60 if "text" in changed else RHYME
    changed = {name: value for name, value in changed.items() if name != "text"}
    other, *_ = small_trainer(tmp_path, text, **changed)
    before = outcome(other)
    with pytest.raises(ResumeError, match=f"this is a training with another {named}"):
        other.resume(tmp_path / "last.safetensors")
    assert outcome(other) == before


def test_a_description_is_saved_as_it_is(tmp_path):
    corpus = Corpus.of(RHYME)
    description = Description(Settings(**SMALL), corpus.vocabulary, corpus.digest)
    minigrad.save(description.state_dict(), tmp_path / "file")
    description.load_state_dict(minigrad.load(tmp_path / "file"))
