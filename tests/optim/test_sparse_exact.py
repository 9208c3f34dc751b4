"""sparse="exact": a step on the rows that were looked up comes to what the dense gradient comes to."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from optim_helpers import same_bits, values
from sparse_helpers import EXACT, MIXED, ROWS, WIDTH, backward, happen, table

import minigrad
from minigrad import optim
from minigrad.autograd import RowSparse


def close(a, b, dtype):
    rtol = 1e-5 if dtype == minigrad.float32 else 1e-12
    np.testing.assert_allclose(values(a), values(b), rtol=rtol, atol=rtol)


def state_of(optimizer, w):
    """The state that the dense optimizer has, too."""
    return {name: entry for name, entry in optimizer.state[w].items() if not name.startswith("decay_log")}


@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64], ids=str)
@pytest.mark.parametrize("padding_idx", [None, 2])
@pytest.mark.parametrize("kind", EXACT)
def test_equal_to_the_dense_gradient(kind, padding_idx, dtype, device):
    sparse, dense = table(device, dtype=dtype), table(device, dtype=dtype)
    one, other = EXACT[kind]([sparse]), EXACT[kind]([dense])
    for step, event in enumerate([*MIXED, "sparse", "dense"]):
        happen(sparse, step, event, True, padding_idx)
        happen(dense, step, event, False, padding_idx)
        one.step()
        other.step()
        close(sparse, dense, dtype)
    for name, entry in state_of(one, sparse).items():  # a dense step was the last: all rows have caught up
        close(entry, other.state[dense][name], dtype)
    assert state_of(one, sparse).keys() == other.state[dense].keys()


@pytest.mark.parametrize("kind", EXACT)
def test_rows_that_are_touched_after_a_long_time(kind, device):
    """A hundred steps behind."""
    sparse, dense = (table(device, dtype=minigrad.float64) for _ in range(2))
    one, other = EXACT[kind]([sparse]), EXACT[kind]([dense])
    for step in range(100):
        rows = [0, 1] if step in (0, 99) else [2]
        for w, is_sparse in ((sparse, True), (dense, False)):
            w.grad = None
            found = minigrad.nn.functional.embedding(minigrad.tensor(rows, device=device), w, sparse=is_sparse)
            (found**2 + found).sum().backward()
        one.step()
        other.step()
    close(sparse, dense, minigrad.float64)


def test_two_tables_and_dense_parameters_in_one_optimizer(device):
    def run(sparse, split):
        a, b = table(device, 1), table(device, 2, rows=ROWS + 4)
        bias = minigrad.ones(WIDTH, device=device, requires_grad=True)
        params = [a, bias, b]
        optimizer = optim.RMSprop([{"params": [p]} for p in params] if split else params, lr=0.1, alpha=0.8)
        for step in range(8):
            optimizer.zero_grad()
            if step != 3:
                backward(a, step, sparse)
            if step % 2:
                backward(b, step + 20, sparse)
            (bias**2).sum().backward()
            optimizer.step()
        return params

    dense = run(False, False)
    for split in (False, True):
        for p, q in zip(run(True, split), dense):
            close(p, q, minigrad.float32)


@pytest.mark.parametrize("padded", [0, 3, -1])
def test_the_padding_row_stays(padded, device):
    w = table(device)
    before = values(w)
    optimizer = optim.RMSprop([w], lr=0.1)
    for step in range(4):
        w.grad = None
        backward(w, step, True, padding_idx=padded)
        optimizer.step()
    np.testing.assert_array_equal(values(w)[padded], before[padded])
    assert not np.array_equal(values(w), before)


@pytest.mark.parametrize("how", ["state_dict", "deepcopy", "pickle"])
@pytest.mark.parametrize("kind", EXACT)
def test_saved_in_the_middle_it_goes_on_to_the_same_bits(kind, how, device):
    if how == "pickle" and callable(EXACT[kind]([table()]).param_groups[0]["lr"]):
        pytest.skip("a lambda cannot be pickled")
    if how == "pickle" and callable(EXACT[kind]([table()]).param_groups[0].get("alpha")):
        pytest.skip("a lambda cannot be pickled")

    def run(interrupted_at):
        w = table(device)
        optimizer = EXACT[kind]([w])
        for step, event in enumerate(MIXED):
            if step == interrupted_at:
                w.grad = None
                if how == "state_dict":
                    saved = copy.deepcopy(optimizer.state_dict())
                    w = w.detach().clone().requires_grad_()
                    optimizer = EXACT[kind]([w])
                    optimizer.load_state_dict(saved)
                else:
                    again = copy.deepcopy if how == "deepcopy" else lambda pair: pickle.loads(pickle.dumps(pair))
                    w, optimizer = again((w, optimizer))
            happen(w, step, event, True)
            optimizer.step()
        return [w, *optimizer.state[w].values()]

    whole = run(None)
    for moment in range(1, len(MIXED)):
        assert same_bits(whole, run(moment)), moment


def test_state_forgotten_by_hand_starts_anew(device):
    for forget in (
        lambda o, w: o.state.clear(), lambda o, w: o.state.pop(w), lambda o, w: o.state[w].clear(),
        lambda o, w: o.state.__setitem__(w, {}),
    ):  # fmt: skip
        w = table(device)
        optimizer = optim.RMSprop([w], lr=0.1, alpha=0.5)
        for step in range(3):
            happen(w, step, "sparse", True)
            optimizer.step()
        forget(optimizer, w)
        twin = w.detach().clone().requires_grad_()
        fresh = optim.RMSprop([twin], lr=0.1, alpha=0.5)
        for step in range(3, 6):
            for p, o in ((w, optimizer), (twin, fresh)):
                happen(p, step, "sparse", True)
                o.step()
        assert same_bits([w], [twin])


# --- what untouched rows cost --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [EXACT["sgd"], EXACT["adagrad"], EXACT["rmsprop"],
                                  lambda ps: optim.Adam(ps, lr=0.1, sparse="lazy", weight_decay=0.1),
                                  lambda ps: optim.NAG(ps, lr=0.1, sparse="lazy")])  # fmt: skip
def test_a_step_touches_no_other_row(make, device):
    """Neither read (they are NaN, which would spread) nor written: table and state keep every bit."""
    w = table(device)
    optimizer = make([w])
    happen(w, 0, "sparse", True)
    optimizer.step()
    looked_up = np.unique(np.asarray(w.grad.rows.cpu().numpy()))
    others = np.setdiff1d(np.arange(ROWS), looked_up)
    poison = minigrad.tensor(np.full((len(others), WIDTH), np.nan), dtype=w.dtype, device=device)
    with minigrad.no_grad():
        for array in (w, *state_of(optimizer, w).values()):
            array[minigrad.tensor(others, device=device)] = poison
    before = [values(array) for array in (w, *state_of(optimizer, w).values())]
    happen(w, 0, "sparse", True)
    optimizer.step()
    for array, b in zip((w, *state_of(optimizer, w).values()), before):
        np.testing.assert_array_equal(values(array)[others].view(np.int32), b[others].view(np.int32))
        assert np.isfinite(values(array)[looked_up]).all()
        assert not np.array_equal(values(array)[looked_up], b[looked_up])


@pytest.mark.parametrize("make", [EXACT["sgd"], EXACT["adagrad"], EXACT["rmsprop"],
                                  lambda ps: optim.Adam(ps, lr=0.1, sparse="lazy")])  # fmt: skip
def test_memory_of_a_step_does_not_grow_with_the_table(make):
    peaks = []
    for rows in (1_000, 200_000):
        w = minigrad.zeros(rows, WIDTH, requires_grad=True)
        optimizer = make([w])
        gradient = RowSparse(minigrad.tensor([3, 5, 3]), minigrad.ones(3, WIDTH), (rows, WIDTH))
        for _ in range(2):
            w.grad = gradient
            optimizer.step()
        tracemalloc.start()
        try:
            optimizer.step()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20_000, peaks
