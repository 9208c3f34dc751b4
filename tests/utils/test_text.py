"""`minigrad.utils.text`: symbols and tokens, streams of a long text, drawing from scores."""

import collections
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.utils.text import Vocabulary, sample, streams


def seeded(seed, device="cpu"):
    return minigrad.Generator(device).manual_seed(seed)


# -- vocabulary ----------------------------------------------------------------------------------------------


@given(text=st.text(min_size=1))
def test_a_text_survives_encoding(text):
    vocabulary = Vocabulary.from_text(text)
    tokens = vocabulary.encode(text)
    assert tokens.dtype == minigrad.int64 and tokens.shape == (len(text),)
    assert vocabulary.decode(tokens) == text
    assert list(vocabulary) == sorted(set(text)) and len(vocabulary) == len(set(text))


def test_the_order_does_not_depend_on_the_text():
    assert Vocabulary.from_text("cab") == Vocabulary.from_text("abcabc") != Vocabulary.from_text("abd")
    assert Vocabulary("cab").symbols == ("c", "a", "b")  # but it is kept where it is given


def test_words_with_special_symbols():
    sequences = [["the", "cat"], ["the", "dog", "<end>"], iter(["the", "<end>"])]
    words = Vocabulary.from_sequences(sequences, specials=["<pad>", "<end>"], unknown="<unk>", min_count=2)
    assert words.symbols == ("<unk>", "<pad>", "<end>", "the")
    assert words.encode(["the", "cat", "<end>"]).tolist() == [3, 0, 2]
    assert words["dog"] == 0 and words["the"] == 3
    assert words.decode([3, 0], separator=" ") == "the <unk>"
    assert "the" in words and "cat" not in words


def test_an_unknown_symbol_that_is_among_the_others_stays_where_it_is():
    vocabulary = Vocabulary("ab?", unknown="?")
    assert vocabulary.symbols == ("a", "b", "?") and vocabulary.encode("axb").tolist() == [0, 2, 1]
    assert Vocabulary.from_text("a~b", unknown="~") == Vocabulary.from_text("ab", unknown="~")


def test_an_unknown_symbol_is_named_with_its_place():
    vocabulary = Vocabulary.from_text("abc")
    with pytest.raises(ValueError, match="the symbol 'x' at position 2 is not in this vocabulary of 3 symbols"):
        vocabulary.encode("abxcx")
    with pytest.raises(ValueError, match="the symbol 'x' at position 1 is not"):
        vocabulary.encode(iter(["a", "x"]))
    with pytest.raises(ValueError, match="the symbol 'x' is not in this vocabulary"):
        vocabulary["x"]


def test_tokens_of_every_kind_are_decoded():
    vocabulary = Vocabulary.from_text("abc")
    tokens = minigrad.tensor([2, 0, 1])
    assert {vocabulary.decode(t) for t in (tokens, tokens.numpy(), [2, 0, 1], (2, 0, 1), list(tokens))} == {"cab"}
    assert vocabulary.decode([]) == "" and vocabulary.encode("").shape == (0,)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([0, 3], r"token 3 at position 1 is out of range: .* 0 to 2"),
        ([-1], "token -1 at position 0 is out of range"),
        (minigrad.tensor([0.0]), r"token 0\.0 at position 0 is out of range: .* whole numbers"),
        (minigrad.tensor([[0, 1]]), "one sequence"),
        (minigrad.tensor(0), "one sequence"),
        ([[0]], "one sequence"),
    ],
)
def test_what_cannot_be_decoded(tokens, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_text("abc").decode(tokens)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Vocabulary.from_text(""), ValueError, "is the text empty"),
        (lambda: Vocabulary.from_text(None), TypeError, "from_text takes a str, got NoneType"),
        (lambda: Vocabulary.from_sequences([]), ValueError, "is the text empty"),
        (lambda: Vocabulary(["a", "b", "b", "a", "b"]), ValueError, "got 'b' more than once"),
        (lambda: Vocabulary(["a", 1]), TypeError, "symbols are strings that are not empty, got 1"),
        (lambda: Vocabulary.from_sequences([["a"], [1, 2]]), TypeError, "got 1"),
        (lambda: Vocabulary(["a", ""]), TypeError, "not empty, got ''"),
    ],
)
def test_what_is_no_vocabulary(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("vocabulary", [Vocabulary("xyz"), Vocabulary("abc", unknown="?")])
def test_a_vocabulary_is_saved(vocabulary, tmp_path):
    minigrad.save(vocabulary.state_dict(), tmp_path / "file")
    state = minigrad.load(tmp_path / "file")
    other = Vocabulary("q")
    assert other != vocabulary
    other.load_state_dict(state)
    assert other == Vocabulary(**state) == vocabulary
    text = "q?" if vocabulary.unknown else "zx"
    assert other.encode(text).tolist() == vocabulary.encode(text).tolist()


def test_a_vocabulary_on_a_device(device):
    tokens = Vocabulary.from_text("abc").encode("cab", device=device)
    assert tokens.device.type == device
    assert Vocabulary.from_text("abc").decode(tokens) == "cab"
    assert repr(Vocabulary.from_text("abcdefghij")).endswith("'g', 'h', ...>")


# -- streams -------------------------------------------------------------------------------------------------


@given(n=st.integers(1, 60), count=st.integers(1, 9), steps=st.integers(1, 7))
def test_windows_continue_each_stream(n, count, steps):
    tokens = minigrad.arange(n)
    if n < count:
        with pytest.raises(ValueError, match=f"a text of {n} tokens cannot be cut into {count} streams"):
            streams(tokens, count)
        return
    side_by_side = streams(tokens, count)
    length = n // count
    assert side_by_side.shape == (length, count) and side_by_side.is_contiguous()
    seen = [[] for _ in range(count)]
    for start in range(0, length, steps):
        for column, stream in zip(side_by_side[start : start + steps].t().tolist(), seen):
            stream += column
    assert list(itertools.chain(*seen)) == list(range(length * count))


def test_streams_of_vectors_and_on_a_device(device):
    values = minigrad.randn(7, 2, 3, device=device)
    cut = streams(values, 3)
    assert cut.shape == (2, 3, 2, 3) and cut.device.type == device
    assert (cut[1, 2] == values[5]).all()
    assert streams([1, 2, 3], 3).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("tokens", "count", "error", "message"),
    [
        ([], 1, ValueError, "a text of 0 tokens"),
        ([1, 2], 0, ValueError, "at least 1 stream, got batch_size=0"),
        ([1, 2], 1.0, TypeError, r"a whole number; got 1\.0"),
        (3, 1, ValueError, "got a single one"),
    ],
)
def test_what_cannot_be_cut_into_streams(tokens, count, error, message):
    with pytest.raises(error, match=message):
        streams(minigrad.tensor(tokens), count)


# -- sampling ------------------------------------------------------------------------------------------------

LOGITS = [1.0, -0.5, 2.0, 0.3, -math.inf]


def shares(temperature, kept):
    """softmax of the kept scores over the temperature."""
    weights = [math.exp(x / temperature) if k in kept else 0.0 for k, x in enumerate(LOGITS)]
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("top_k", "kept"), [(None, {0, 1, 2, 3}), (2, {0, 2}), (3, {0, 2, 3}), (9, {0, 1, 2, 3})])
def test_how_often_each_token_is_drawn(temperature, top_k, kept, device):
    n = 20_000
    logits = minigrad.tensor(LOGITS, device=device).expand(n, len(LOGITS))
    drawn = sample(logits, temperature, top_k, generator=seeded(1, device))
    assert drawn.shape == (n,) and drawn.dtype == minigrad.int64 and drawn.device.type == device
    counts = collections.Counter(drawn.tolist())
    for token, p in enumerate(shares(temperature, kept)):
        error = 4 * math.sqrt(p * (1 - p) / n)  # four standard deviations
        assert abs(counts[token] / n - p) <= error, (token, p)


def test_temperature_zero_takes_the_largest_score(device):
    logits = minigrad.randn(3, 4, 6, device=device)
    assert sample(logits, temperature=0).tolist() == logits.argmax(dim=-1).tolist()
    assert sample(logits, temperature=1e-50).tolist() == logits.argmax(dim=-1).tolist()
    assert sample(logits, top_k=1).tolist() == logits.argmax(dim=-1).tolist()


def test_shapes_and_gradients():
    for shape in [(5,), (2, 5), (2, 3, 5)]:
        drawn = sample(minigrad.zeros(*shape, requires_grad=True))
        assert drawn.shape == shape[:-1] and not drawn.requires_grad
    for options in ({}, {"top_k": 2}, {"temperature": 0}):
        assert sample(minigrad.zeros(0, 5), **options).shape == (0,)  # what a mask may leave of a batch
    assert 0 <= int(sample([0.0, 1.0])) < 2


def test_draws_follow_from_the_generator():
    logits = minigrad.zeros(50, 10)
    first = sample(logits, generator=seeded(3)).tolist()
    assert sample(logits, generator=seeded(3)).tolist() == first != sample(logits, generator=seeded(4)).tolist()
    minigrad.manual_seed(3)
    assert sample(logits).tolist() == first  # the default one
    state = minigrad.get_rng_state()
    sample(logits, generator=seeded(5))
    assert (minigrad.get_rng_state() == state).all()


@pytest.mark.parametrize(
    ("logits", "options", "message"),
    [
        ([1.0], {"temperature": -0.1}, r"at least 0, got -0\.1"),
        ([1.0], {"temperature": math.nan}, "got nan"),
        ([1.0], {"temperature": math.inf}, "finite number of at least 0, got inf"),
        ([1.0], {"top_k": 0}, "top_k must be a whole number of at least 1, or None for all tokens, got 0"),
        ([1.0], {"top_k": 1.5}, r"got 1\.5"),
        ([1.0], {"top_k": True}, "got True"),
        (1.0, {}, r"got shape \(\)"),
        ([], {}, r"got shape \(0,\)"),
        ([1, 2], {}, r"of floating point, got shape \(2,\) of minigrad.int64"),
        ([[0.0, 1.0], [0.0, math.nan]], {}, "hold nan or inf"),
        ([0.0, math.inf], {}, "hold nan or inf"),
        ([-math.inf, -math.inf], {}, "are all -inf"),
    ],
)
def test_what_cannot_be_drawn(logits, options, message):
    with pytest.raises(ValueError, match=message):
        sample(minigrad.tensor(logits), **options)
