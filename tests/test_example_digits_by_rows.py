"""examples/digits_by_rows.py in a small form, and its parts."""

import math

import numpy
import pytest
from test_examples import module_of, numbers, small
from watched_steps import watched

import minigrad

pytest.importorskip("sklearn")


@pytest.fixture
def example():
    return module_of("digits_by_rows")


def test_it_prints_what_it_promises():
    out = small("digits_by_rows", EPOCHS=8, SEEDS=(0,)).splitlines()
    assert out[0].split() == ["seed", "held", "out", "5", "to", "8", "rows", "13", "to", "16", "padding", "seconds"]
    seed, held_out, low, high, padding, seconds = numbers(out[1])
    assert seed == 0 and 85 < held_out <= 100 and 75 < low <= 100 and 85 < high <= 100
    assert 0 < padding < 3 and seconds > 0
    assert numbers(out[-1]) == [held_out, held_out] and len(out) == 3


def test_several_seeds():
    out = small("digits_by_rows", EPOCHS=1, SEEDS=(0, 1)).splitlines()
    found = [numbers(line)[1] for line in out[1:3]]
    mean, spread, lowest = numbers(out[-1])
    assert mean == pytest.approx(sum(found) / 2, abs=0.01) and lowest == min(found)
    assert spread == pytest.approx(abs(found[0] - found[1]) / 2**0.5, abs=0.02)


def test_the_rate_falls_epoch_by_epoch(example, monkeypatch):
    example.EPOCHS = 3
    steps = watched(monkeypatch)
    example.train(0)
    rates = [rate for rate, _, _ in steps]
    assert len(rates) == 3 * 44  # of 1,437 images, in batches of 32
    falling = [example.LR * (1 + math.cos(math.pi * k / 3)) / 2 for k in range(3)]
    assert rates[::44] == pytest.approx(falling) and sorted(rates, reverse=True) == rates


def test_random_order_has_more_padding(example):
    minigrad.manual_seed(0)
    items = example.stretched(*example.split(0)[0])

    def padding():
        batches = [(rows.shape[0] * rows.shape[1], n.sum().item()) for rows, n, _ in example.loader_of(items, True)]
        return 1 - sum(read for _, read in batches) / sum(rows for rows, _ in batches)

    sorted_by_height = padding()
    example.BUCKET_BATCHES = 1
    assert sorted_by_height < 0.03 and 0.2 < padding() < 0.5


def test_images_are_stretched_row_by_row(example):
    image = minigrad.arange(8.0).reshape(8, 1) ** 2 * minigrad.ones(1, 8)
    rows = {height: example.resized(image[None], height)[0, :, 3].tolist() for height in (5, 8, 15)}
    assert rows[8] == [0, 1, 4, 9, 16, 25, 36, 49]
    assert rows[15] == [0, 0.5, 1, 2.5, 4, 6.5, 9, 12.5, 16, 20.5, 25, 30.5, 36, 42.5, 49]
    assert rows[5] == [0, 3.25, 12.5, 27.75, 49]


def test_every_image_is_there_once_in_a_height_of_its_own(example):
    images = minigrad.arange(300.0).reshape(300, 1, 1) * minigrad.ones(8, 8)
    items = example.stretched(images, minigrad.arange(300))
    assert sorted(label for _, label in items) == list(range(300))
    assert all(rows.shape[1] == 8 and bool((rows == label).all()) for rows, label in items)
    assert {len(rows) for rows, _ in items} == set(example.HEIGHTS) == set(range(5, 17))
    again = example.stretched(images, minigrad.arange(300))
    assert [len(rows) for rows, _ in items] != [len(rows) for rows, _ in again]


def test_what_is_held_out_is_not_trained_on(example):
    (images, labels), (held_out, others) = example.split(3)
    assert images.shape == (1437, 8, 8) and len(labels) == 1437 and held_out.shape == (360, 8, 8) and len(others) == 360
    every = numpy.concatenate([images.numpy(), held_out.numpy()]).reshape(1797, 64)
    digits = example.load_digits()
    assert sorted(map(tuple, every)) == sorted(map(tuple, (digits.data / 16).astype("float32")))
    assert not minigrad.equal(images, example.split(4)[0][0])


def test_padding_does_not_change_the_scores(example):
    minigrad.manual_seed(0)
    model = example.Reader().eval()
    images, labels = example.split(0)[1]
    items = example.stretched(images[:12], labels[:12])
    together = model(*example.batch_of(items)[:2])
    for (rows, _), scores in zip(items, together, strict=True):
        alone = model(rows[None], minigrad.tensor([len(rows)]))
        numpy.testing.assert_allclose(scores.detach(), alone[0].detach(), rtol=1e-4, atol=1e-6)
    together.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
    rows, lengths, found = example.batch_of(items)
    assert rows.shape == (12, int(lengths.max()), 8) and found.tolist() == [label for _, label in items]


def test_accuracy_is_of_the_whole_network(example):
    minigrad.manual_seed(0)
    model = example.Reader()
    items = example.stretched(*example.split(0)[1])
    with minigrad.no_grad():
        scores = [model.eval()(rows[None], minigrad.tensor([len(rows)])) for rows, _ in items]
    right = sum(score.argmax().item() == label for score, (_, label) in zip(scores, items, strict=True))
    assert 0 < right < len(items) == 360
    assert example.accuracy(model.train(), items) == pytest.approx(right / 360)
