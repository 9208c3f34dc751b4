"""Replays take no memory that they do not give back, programs die with their functions, and recording is repeatable."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim


def a_step(jit=minigrad.jit):
    """A model, its optimizer, and a step with everything in it that a step usually has."""
    minigrad.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.2), nn.LayerNorm(8), nn.Linear(8, 3)
    )
    optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9)

    @jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss, norm

    return model, optimizer, step


def a_batch(size=8):
    return minigrad.randn(size, 4), minigrad.randint(0, 3, (size,))


def plain(model, optimizer, step, x, y):
    step(x, y)


def with_results_dropped_late(model, optimizer, step, x, y, held=[]):  # noqa: B006
    held.append(step(x, y))
    del held[:-3]


def with_gradients_held(model, optimizer, step, x, y, held=[]):  # noqa: B006
    step(x, y)
    held.append([p.grad for p in model.parameters()])
    del held[:-2]


def with_gradients_dropped(model, optimizer, step, x, y):
    step(x, y)
    optimizer.zero_grad()


def with_two_programs_in_turn(model, optimizer, step, x, y):
    step(x, y)
    step(x[:5], y[:5])


def with_keywords(model, optimizer, step, x, y):
    step(x, y=y)


def with_a_failing_call(model, optimizer, step, x, y):
    with pytest.raises(IndexError):
        step(x, y + 5)
    step(x, y)


def with_options_changed(model, optimizer, step, x, y):
    for group in optimizer.param_groups:
        group["lr"] *= 0.99
    step(x, y)


def with_evaluation_between(model, optimizer, step, x, y):
    step(x, y)
    model.eval()
    with minigrad.no_grad():
        model(x)
    model.train()


USES = [
    plain, with_results_dropped_late, with_gradients_held, with_gradients_dropped, with_two_programs_in_turn,
    with_keywords, with_a_failing_call, with_options_changed, with_evaluation_between,
]  # fmt: skip


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_memory_does_not_grow(use):
    model, optimizer, step = a_step()
    x, y = a_batch()
    for _ in range(30):
        use(model, optimizer, step, x, y)

    def growth(count):
        gc.collect()
        objects, memory = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            use(model, optimizer, step, x, y)
        gc.collect()
        return len(gc.get_objects()) - objects, tracemalloc.get_traced_memory()[0] - memory

    tracemalloc.start()
    try:
        growth(20)
        objects, memory = growth(500)
    finally:
        tracemalloc.stop()
    assert objects < 50, f"{objects} objects more after 500 steps"
    assert memory < 20_000, f"{memory} bytes more after 500 steps"


def test_objects_do_not_grow_without_the_garbage_collector():
    _, _, step = a_step()
    x, y = a_batch()
    for _ in range(30):
        step(x, y)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(3000):
            step(x, y)
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()


def test_a_replay_takes_less_memory_at_its_peak_than_an_eager_step():
    peaks = []
    for jit in (lambda function: function, minigrad.jit):
        _, _, step = a_step(jit)
        x, y = a_batch(256)
        for _ in range(5):
            step(x, y)
        tracemalloc.start()
        try:
            step(x, y)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] / 2


def test_rerecording_does_not_grow():
    _, _, step = a_step()
    batches = [a_batch(size) for size in range(2, 22)]  # more than are kept

    def all_sizes():
        for batch in batches:
            step(*batch)

    with pytest.warns(UserWarning, match="recorded"):
        all_sizes()
        all_sizes()
    gc.collect()
    before = len(gc.get_objects())
    all_sizes()
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_everything_is_freed_with_the_step_and_the_model():
    model, optimizer, step = a_step()
    x, y = a_batch()
    for _ in range(5):
        results = step(x, y)
    dying = [weakref.ref(p) for p in model.parameters()]
    dying += [weakref.ref(p.array) for p in model.parameters()]
    dying += [weakref.ref(p.grad) for p in model.parameters()]
    dying += [weakref.ref(thing) for thing in (model, model[0], optimizer, x, y, step)]
    del model, optimizer, step, x, y
    gc.collect()
    assert [reference() for reference in dying if reference() is not None] == []
    assert results[0].item() > 0


def test_the_step_does_not_keep_its_arguments_and_results_alive():
    _, _, step = a_step()
    for _ in range(5):
        x, y = a_batch()
        loss, norm = step(x, y)
        dying = [weakref.ref(thing) for thing in (x, y, x.array, y.array, loss, norm, loss.array)]
        del x, y, loss, norm
        gc.collect()  # the call that records may leave cycles
        assert [reference() for reference in dying if reference() is not None] == []
    gc.disable()
    try:
        x, y = a_batch()
        loss, norm = step(x, y)
        dying = [weakref.ref(thing) for thing in (x, y, x.array, y.array, loss, norm, loss.array)]
        del x, y, loss, norm
        assert [reference() for reference in dying if reference() is not None] == []
    finally:
        gc.enable()


def test_a_refused_step_keeps_nothing_alive():
    def refused():
        w = minigrad.ones(3, requires_grad=True)
        step = minigrad.jit(lambda x: float((w * x).sum()))
        x = minigrad.ones(3)
        with pytest.raises(minigrad.RecordingError):
            step(x)
        return [weakref.ref(thing) for thing in (w, w.array, x, step)]

    dying = refused()
    gc.collect()
    assert [reference() for reference in dying if reference() is not None] == []


def test_layers_that_were_replaced_are_freed():
    model, _, step = a_step()
    x, y = a_batch()
    for _ in range(5):
        step(x, y)
    old = weakref.ref(model[0])
    model[0] = nn.Linear(4, 8)
    with pytest.warns(UserWarning, match="recorded"):
        for _ in range(40):  # the program that knows the old layer is forgotten at some time
            model[2] = nn.GELU()
            step(x, y)
    gc.collect()
    assert old() is None


def test_recording_twice_gives_the_same_program():
    texts = []
    for _ in range(2):
        _, _, step = a_step()
        for size in (8, 5):
            x, y = a_batch(size)
            for _ in range(3):
                step(x, y)
            texts.append((step.source, step.preparation))
    assert texts[:2] == texts[2:]
    assert texts[0] != texts[1]


def test_the_same_step_recorded_anew_gives_the_same_program():
    model, _, step = a_step()
    x, y = a_batch()
    for _ in range(3):
        step(x, y)
    before = step.source, step.preparation
    model[3].p = 0.5
    step(x, y)
    assert step.source != before[0]
    model[3].p = 0.2
    step(x, y)
    assert (step.source, step.preparation) == before


def test_the_program_does_not_depend_on_what_was_recorded_before():
    def recorded():
        _, _, step = a_step()
        x, y = a_batch()
        for _ in range(3):
            step(x, y)
        return step.source, step.preparation

    first = recorded()
    other = minigrad.jit(lambda x: (x @ x).exp() + 1)
    for n in range(1, 5):
        other(minigrad.randn(n, n))
    assert recorded() == first


def test_a_program_is_short_python_that_names_the_layers():
    _, _, step = a_step()
    x, y = a_batch()
    for _ in range(3):
        step(x, y)
    assert step.source.startswith("def step(x, y):\n")
    for word in ("forward", "backward", "optimizer", "RMSprop", "model_0_weight", "return"):
        assert word in step.source
    assert len(step.source.splitlines()) < 400
    compile(step.source, "<test>", "exec")


def test_a_report_in_numbers():
    _, _, step = a_step()
    x, y = a_batch()
    for _ in range(5):
        step(x, y)
    report = step.report()
    assert "1 recordings, 1 programs" in report and "us each" in report and "at the peak" in report


def test_results_use_memory_of_their_own_after_the_program_is_gone():
    model, _, step = a_step()
    x, y = a_batch()
    for _ in range(4):
        loss, norm = step(x, y)
    gradient = model[0].weight.grad
    values = loss.item(), norm.item(), gradient.tolist()
    del model, step
    gc.collect()
    junk = [minigrad.randn(8, 8) for _ in range(200)]
    assert (loss.item(), norm.item(), gradient.tolist()) == values and junk
