"""examples/dates.py: its formats, its network step by step and at once, and a small run of the whole."""

import random
import re
from datetime import date, datetime, timedelta

import pytest
from test_examples import module_of
from watched_steps import watched

import minigrad

#: one date in each format, in the order of the program
THIRD_OF_MARCH = """1998/3/3 | 1998.03.03 | 19980303 | 980303 | 1998年3月3日 | 03.03.1998 | 3.3.98 | 3.III.1998
    | 3 March 1998 | 3 Mar 98 | 03-MAR-1998 | 03Mar98 | 3rd March 1998 | the 3rd of March, 1998 | March 3, 1998
    | Mar 3rd, 98 | March the 3rd '98 | Tuesday, 3 March 1998 | Tue 3 Mar 1998 | Tuesday, March 3, 1998
    | Tue Mar 03 1998"""

#: the placeholders of the program as those of strptime, which reads what they write
DIRECTIVES = {
    "y": "%Y", "yy": "%y", "m": "%m", "mm": "%m", "month": "%B", "mon": "%b", "MON": "%b", "roman": "%m", "d": "%d",
    "dd": "%d", "nth": "%d", "weekday": "%A", "day": "%a",
}  # fmt: skip


@pytest.fixture
def dates():
    return module_of("dates")


def read_by_python(text, form, dates):
    """The date that `strptime` reads, to which endings and Roman numbers have to be taken away."""
    text = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)
    text = re.sub(r"\.([IVX]+)\.", lambda roman: f".{dates.ROMAN.index(roman[1]) + 1}.", text)
    return datetime.strptime(text, form.format(**DIRECTIVES)).date()


def tiny(dates, **constants):
    """The program with a small network and few pairs."""
    sizes = {"EMBEDDING": 8, "HIDDEN": 6, "BATCH": 8, "PAIRS": 32, "EPOCHS": 2}
    for constant, value in {**sizes, **constants}.items():
        assert hasattr(dates, constant)
        setattr(dates, constant, value)
    return dates


# --- the generator ---------------------------------------------------------------------------------------------


def test_every_format(dates):
    expected = [text.strip() for text in THIRD_OF_MARCH.split("|")]
    assert [dates.written(date(1998, 3, 3), form) for form in dates.FORMATS] == expected
    assert len(expected) == len(set(expected)) == 21


def test_endings_of_days(dates):
    endings = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    for day in range(1, 32):
        assert dates.written(date(2024, 5, day), "{nth}") == f"{day}{endings.get(day, 'th')}"


def test_python_reads_the_same_dates(dates):
    """Also from two digits of a year, over all of the hundred years, and with the right days of the week."""
    draw = random.Random(0)
    ends = [dates.FIRST, dates.LAST, date(2000, 2, 29), date(1999, 12, 31), date(2000, 1, 1)]
    days = ends + [dates.FIRST + timedelta(draw.randrange(36525)) for _ in range(200)]
    for form in dates.FORMATS:
        for when in days:
            assert read_by_python(dates.written(when, form), form, dates) == when, (form, when)
            if "day}" in form:
                shown = re.match("[A-Z][a-z]+", dates.written(when, form))[0]
                assert when.strftime("%A").startswith(shown)


def test_no_text_means_two_dates(dates):
    """Twelve years in which days, months and years are written with the same digits, in all formats."""
    meaning = {}
    for k in range((date(2013, 1, 1) - date(2001, 1, 1)).days):
        when = date(2001, 1, 1) + timedelta(k)
        for form in dates.FORMATS:
            assert meaning.setdefault(dates.written(when, form), when) == when


def test_texts_as_tokens(dates):
    longest = dates.written(date(1998, 9, 30), "{weekday}, {month} {d}, {y}")
    assert len(longest) == dates.WIDTH
    tokens, lengths = dates.encoded([longest, "1.1.01", "3 May 07"])
    assert tokens.shape == (3, dates.WIDTH) and lengths.tolist() == [dates.WIDTH, 6, 8]
    assert [dates.LETTERS.decode(row[:n]) for row, n in zip(tokens, lengths)] == [longest, "1.1.01", "3 May 07"]
    for form in dates.FORMATS:  # no text is longer, and every letter of every month and day has a token
        dates.encoded([dates.written(dates.FIRST + timedelta(29 * k), form) for k in range(400)])
    assert dates.SIGNS.decode(dates.answers([date(1998, 3, 3)])[0]) == "|1998-03-03"


@pytest.mark.parametrize("text", ["", "the very first of September 1998"])
def test_a_text_that_is_no_date(dates, text):
    with pytest.raises(ValueError, match="a text of 1 to 29 characters, got '"):
        dates.encoded(["3 May 07", text])


def test_a_letter_that_no_format_has(dates):
    with pytest.raises(ValueError, match="the symbol 'ä' at position 3 is not in this vocabulary"):
        dates.encoded(["3 März 1998"])


def test_held_out_dates_are_not_trained_on(dates):
    days, held_out = dates.split(0)
    assert len(held_out) == dates.HELD_OUT == 2000 and len(days) == 34525
    assert len({*days, *held_out}) == 36525 and min(*days, *held_out) == dates.FIRST
    years = [when.year for when in held_out]
    assert min(years) < 1972 and max(years) > 2065
    assert dates.split(0) == (days, held_out) and dates.split(1)[1] != held_out


def test_training_draws_from_the_training_dates(dates, monkeypatch):
    """Whatever the step is given is written from dates that are not held out."""
    tiny(dates)
    seen = []
    monkeypatch.setattr(dates, "answers", lambda days, of=dates.answers: seen.extend(days) or of(days))
    days, held_out = dates.split(0)
    dates.train(dates.Reader(), days, held_out[:5], seed=0, recorded=False)
    assert len(seen) == dates.EPOCHS * dates.PAIRS and not set(seen) & set(held_out)
    assert seen[:32] != seen[32:]


# --- the network -----------------------------------------------------------------------------------------------


def test_all_steps_at_once_are_the_steps_one_by_one(dates):
    """What training computes in one call is what reading computes character by character."""
    model = tiny(dates).Reader()
    with minigrad.no_grad():
        for weight in model.parameters():
            weight.normal_()  # what is written depends on the text and on what stands before
    texts, lengths = dates.encoded(["3 May 2007", "1998/3/3", "Tuesday, March 3, 1998"])
    found = model.read(texts, lengths)
    assert len({tuple(row) for row in found.tolist()}) == 3 and any(len(set(row)) > 1 for row in found.tolist())
    assert found.shape == (3, 10) and found.dtype == minigrad.int64
    given = minigrad.cat([minigrad.full((3, 1), dates.SIGNS["|"]), found[:, :-1]], dim=1)
    scores = model(texts, lengths, given)
    assert scores.shape == (3, 10, 12)
    assert (scores.argmax(dim=-1) == found).all()
    features, state, mask = model.encode(texts, lengths)
    for t in range(10):
        step, state = model.decode(given[:, t : t + 1], features, state, mask)
        assert minigrad.allclose(step[:, 0], scores[:, t], atol=1e-5)


def test_what_fills_a_text_up_is_not_read(dates):
    """Neither what stands behind the end nor the other texts of the batch change the scores."""
    model = tiny(dates).Reader()
    texts = ["3 May 2007", "Tuesday, March 3, 1998", "3.3.98"]
    tokens, lengths = dates.encoded(texts)
    signs = dates.answers([date(2007, 5, 3)] * 3)[:, :-1]
    together = model(tokens, lengths, signs)
    rubbish = tokens.clone()
    for k, text in enumerate(texts):
        rubbish[k, len(text) :] = 7
        alone = model(tokens[k : k + 1, : len(text)], lengths[k : k + 1], signs[:1])
        assert minigrad.allclose(alone[0], together[k], atol=1e-5)
    assert (model(rubbish, lengths, signs) == together).all()


def test_the_decoder_begins_where_the_encoder_ends(dates):
    """At the last character of the text in one direction, at the first in the other."""
    tiny(dates)
    model = dates.Reader()
    features, state, _ = model.encode(*dates.encoded(["3 May 2007", "3.3.98"]))
    h = dates.HIDDEN
    for k, n in enumerate((10, 6)):
        assert (state[0, k, :h] == features[k, n - 1, :h]).all() and (state[0, k, h:] == features[k, 0, h:]).all()


def test_attention_is_on_the_text(dates):
    model = tiny(dates).Reader()
    tokens, lengths = dates.encoded(["3 May 2007", "3.3.98"])
    weights = model.attention(tokens, lengths, dates.answers([date(2007, 5, 3)] * 2)[:, :-1])
    assert weights.shape == (2, 10, dates.WIDTH) and not weights.requires_grad
    assert minigrad.allclose(weights.sum(dim=-1), minigrad.ones(2, 10))
    assert (weights[0, :, :10] > 0).all() and not weights[0, :, 10:].any() and not weights[1, :, 6:].any()
    # the context that decoding uses is the mean of the features with these weights
    features, state, _ = model.encode(tokens, lengths)
    states, _ = model.decoder(model.signs(dates.answers([date(2007, 5, 3)] * 2)[:, :-1]), state)
    hidden = model.combine(minigrad.cat([weights @ features, states], dim=-1)).tanh()
    scores = model(tokens, lengths, dates.answers([date(2007, 5, 3)] * 2)[:, :-1])
    assert minigrad.allclose(model.output(hidden), scores, atol=1e-5)


# --- training --------------------------------------------------------------------------------------------------


def test_a_recorded_step_trains_the_same(dates):
    tiny(dates)
    days, held_out = dates.split(0)
    ends = []
    for recorded in (True, False):
        minigrad.manual_seed(1)
        model = dates.Reader()
        dates.train(model, days, held_out[:5], seed=0, recorded=recorded)
        ends.append(model.state_dict())
    assert all((ends[0][key] == ends[1][key]).all() for key in ends[0])


def test_gradients_are_clipped_and_the_rate_falls_to_nothing(dates, monkeypatch, capsys):
    tiny(dates, CLIP=1e-3)
    steps = watched(monkeypatch)
    days, held_out = dates.split(0)
    dates.train(dates.Reader(), days, held_out[:5], seed=0)
    rates, norms, _ = zip(*steps)
    assert len(steps) == 8 and norms == pytest.approx([1e-3] * 8, rel=1e-3)
    assert rates == pytest.approx([dates.LR * (1 - k / 8) for k in range(8)])


def test_one_format_is_learned(dates, capsys):
    """A small run: the loss falls, and the exact matches that are printed are those of the held-out dates."""
    tiny(dates, EMBEDDING=16, HIDDEN=24, BATCH=32, PAIRS=1280, EPOCHS=3, LR=1e-2, FORMATS=("{d} {mon} {yy}",))
    minigrad.manual_seed(0)
    days, held_out = dates.split(0)
    model = dates.Reader()
    dates.train(model, days, held_out[:100], seed=0)
    rows = re.findall(r"epoch (\d): loss (\S+), exact on held-out dates (\S+)%", capsys.readouterr().out)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    losses, shares = ([float(row[k]) for row in rows] for k in (1, 2))
    assert losses[0] > 3 * losses[1] > 3 * losses[2] and shares[-1] > 80
    texts = [dates.written(when, "{d} {mon} {yy}") for when in held_out[:100]]
    right = [a == when.isoformat() for a, when in zip(dates.read(model, texts), held_out)]
    assert shares[-1] == pytest.approx(100 * sum(right) / len(right))


def test_the_program(dates, monkeypatch, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    tiny(dates, HELD_OUT=4)
    monkeypatch.setattr("sys.argv", ["dates.py", "--out", str(tmp_path / "new"), "--seed", "3", "5 May 2021"])
    dates.main()
    out = capsys.readouterr().out
    assert "36521 dates to train on, 4 held out, 21 formats" in out
    assert re.search(r"^ +[\d.]+%  of 84 texts$", out, re.M)
    assert len(re.findall(r"^mistaken: .* -> \S{10} instead of \d{4}-\d\d-\d\d$", out, re.M)) == 5
    assert re.search(r"^5 May 2021 -> \S{10}$", out, re.M)
    assert (tmp_path / "new" / "attention.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["3 März 1998", "", "the very first of September 1998"])
def test_what_cannot_be_read_is_said_before_training(dates, monkeypatch, capsys, text):
    monkeypatch.setattr("sys.argv", ["dates.py", "5 May 2021", text])
    monkeypatch.setattr(dates, "train", lambda *args: pytest.fail("trained in vain"))
    with pytest.raises(SystemExit):
        dates.main()
    assert ("'ä'" if text[2:3] == "M" else repr(text)) in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_known_before_the_training(dates, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("sys.argv", ["dates.py", "--out", str(tmp_path / "file" / "x")])
    monkeypatch.setattr(dates, "train", lambda *args: pytest.fail("trained in vain"))
    with pytest.raises(NotADirectoryError):
        dates.main()


def test_the_report_counts(dates, capsys):
    """Of two dates one is read right in every format: the share of each format, and of all."""
    when, other = date(1998, 3, 3), date(2007, 5, 3)
    texts = []

    class Fake:
        def read(self, tokens, lengths):
            texts.extend(dates.LETTERS.decode(row[:n]) for row, n in zip(tokens, lengths))
            return dates.answers([when] * len(tokens))[:, 1:]

    dates.report(Fake(), [when, other])
    out = capsys.readouterr().out.splitlines()
    assert texts == [dates.written(day, form) for form in dates.FORMATS for day in (when, other)]
    assert [line.split("%")[0].strip() for line in out[:22]] == ["50.00"] * 22
    assert out[22] == "mistaken: 2007/5/3 -> 1998-03-03 instead of 2007-05-03"
