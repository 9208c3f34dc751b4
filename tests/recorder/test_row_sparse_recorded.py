"""Row-sparse gradients in recorded steps: what a replay leaves behind is what the eager run leaves, to the last bit."""

from __future__ import annotations

import pytest
from recorded_helpers import both_ways, refused

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import RowSparse
from minigrad.backend.door import whole
from minigrad.backend.kernels import sum_rows


class Words(nn.Module):
    def __init__(self, padding=None, **options):
        super().__init__()
        self.table = nn.Embedding(9, 4, padding_idx=padding, sparse=True, **options)
        self.out = nn.Linear(4, 3)

    def forward(self, words):
        return self.out(mg.tanh(self.table(words)))


def batches(count=5, shape=(3, 4), device="cpu"):
    for _ in range(count):
        yield mg.randint(0, 9, shape).to(device)


def descend(rows, values, table, rate):
    """What an optimizer does, in one call."""
    found, sums = sum_rows(rows, values, len(table))
    table[found] -= rate * sums


@mg.no_grad()
def update(p, rate=0.1):
    g = p.grad
    if g.is_sparse:
        whole(descend, g.rows.array, g.row_values.array, p.array, rate, writes=(2,))
        p.shared_storage().changed("update")
    else:
        p -= rate * g


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("to_none", [True, False])
def test_a_training_step(padding, to_none, device):
    def scenario(jit):
        model = Words(padding).to(device)

        @jit
        def step(words):
            model.zero_grad(set_to_none=to_none)
            loss = (model(words) ** 2).mean()
            loss.backward()
            for p in model.parameters():
                update(p)
            return loss

        for words in batches(device=device):
            yield step(words)
            yield model
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


def test_a_gradient_that_somebody_holds_is_not_written_over():
    def scenario(jit):
        model = Words()

        @jit
        def step(row_sparse):  # a name that programs use themselves
            model.zero_grad()
            model(row_sparse).square().sum().backward()

        held = []
        for words in batches():
            step(words)
            held.append(model.table.weight.grad)
        yield held

    both_ways(scenario, at_least=3)


def test_two_backward_passes_in_one_step():
    def scenario(jit):
        model = Words(padding=0)

        @jit
        def step(words):
            model.zero_grad()
            model(words).sum().backward()
            model(words.flatten()[:5]).square().sum().backward()

        for words in batches():
            step(words)
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


def test_gradients_that_go_on_from_step_to_step():
    def scenario(jit):
        model = Words()

        @jit
        def step(words):
            model(words).square().sum().backward()

        for k, words in enumerate(batches(8)):
            if k % 3 == 0:
                model.zero_grad()
            step(words)
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


@pytest.mark.parametrize("sparse_first", [True, False])
def test_a_table_that_is_used_densely_too(sparse_first):
    def scenario(jit):
        table = mg.randn(9, 4, requires_grad=True)

        @jit
        def step(words):
            table.grad = None
            parts = [lambda: F.embedding(words, table, sparse=True).square().sum(), lambda: (table * 0.5).sum()]
            for part in parts if sparse_first else parts[::-1]:
                part().backward()
            return table.grad

        for words in batches():
            yield step(words)
            yield table.grad

    both_ways(scenario, at_least=3)


def test_a_gradient_that_is_dense_at_one_call_and_sparse_at_another():
    def scenario(jit):
        table = mg.randn(9, 4, requires_grad=True)

        @jit
        def step(words):
            F.embedding(words, table, sparse=True).square().sum().backward()

        for k, words in enumerate(batches(9)):
            table.grad = None if k % 3 == 0 else table.grad.to_dense() if k % 3 == 2 else table.grad
            step(words)
            yield table.grad

    both_ways(scenario, at_least=2)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_clipping_by_norm(norm_type, device):
    def scenario(jit):
        model = Words(padding=1).to(device)

        @jit
        def step(words):
            model.zero_grad()
            model(words).square().sum().backward()
            return nn.utils.clip_grad_norm_(model.parameters(), 0.3, norm_type)

        for words in batches(device=device):
            yield step(words)
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


def test_clipping_by_value():
    def scenario(jit):
        model = Words(padding=1)

        @jit
        def step(words):
            model.zero_grad()
            model(words).square().sum().backward()
            nn.utils.clip_grad_value_(model.parameters(), 0.02)

        for words in batches():
            step(words)
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


def test_clipping_a_gradient_made_outside():
    def scenario(jit):
        model = Words(padding=1)

        @jit
        def clip():
            nn.utils.clip_grad_value_(model.parameters(), 0.02)
            return nn.utils.clip_grad_norm_(model.parameters(), 0.1)

        for words in batches():
            model.zero_grad()
            model(words).square().sum().backward()
            held = model.table.weight.grad
            yield clip()
            yield held

    both_ways(scenario, at_least=3)


def test_gradients_that_are_returned_and_passed():
    def scenario(jit):
        model = Words(padding=1)

        @jit
        def gradients(words):
            (g,) = mg.autograd.grad(model(words).square().sum(), [model.table.weight])
            return {"g": g, "dense": g.to_dense(), "twice": (2 * g + g)}

        @jit
        def use(g):
            return g.to_dense() * 2, g

        for words in batches():
            found = gradients(words)
            yield found
            yield use(found["g"])

    made = both_ways(scenario, at_least=6)
    assert isinstance(made[0](next(batches()))["g"], RowSparse)


def test_gradients_of_gradients():
    def scenario(jit):
        model = Words()

        @jit
        def step(words):
            model.zero_grad()
            (g,) = mg.autograd.grad(model(words).square().sum(), [model.table.weight], create_graph=True)
            g.to_dense().square().sum().backward()
            return g.detach()

        for words in batches():
            yield step(words)
            yield model.table.weight.grad

    both_ways(scenario, at_least=3)


def test_tables_that_come_to_need_a_gradient_in_the_step():
    def scenario(jit):
        @jit
        def step(words, table):
            own = (table * 2).detach().requires_grad_()
            table.requires_grad_()
            (F.embedding(words, table, sparse=True) * F.embedding(words, own, sparse=True)).sum().backward()
            return own

        for words in batches():
            table = mg.randn(9, 4)
            own = step(words, table)
            yield own
            yield table.grad

    both_ways(scenario, at_least=3)


def test_coalescing_in_a_step_keeps_the_shape_and_fills_up_with_no_rows():
    table = mg.zeros(9, 2, requires_grad=True)

    @mg.jit
    def step(words):
        table.grad = None
        F.embedding(words, table, padding_idx=4, sparse=True).sum().backward()
        return table.grad.coalesce(), table.grad.norm()

    for words in ([1, 4, 1, 0], [3, 3, 3, 3], [4, 4, 4, 4]):
        g, norm = step(mg.tensor(words))
        eager = table.grad.coalesce()
        assert norm.item() == pytest.approx(eager.to_dense().norm().item())
        assert g.rows.shape == (4,) and g._indices().tolist() == eager.indices().tolist()
        assert g.values().tolist() == eager.values().tolist()


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags(mode):
    def scenario(jit):
        layer = nn.EmbeddingBag(9, 4, mode=mode, padding_idx=3, sparse=True)
        factors = mg.randn(10) if mode == "sum" else None

        @jit
        def step(words, offsets):
            layer.zero_grad()
            loss = layer(words, offsets, factors).square().sum()
            loss.backward()
            update(layer.weight)
            return loss

        for words in batches(shape=(10,)):
            yield step(words, mg.tensor([0, *sorted(mg.randint(0, 11, (3,)).tolist())]))
            yield layer
            yield layer.weight.grad

    both_ways(scenario, at_least=3)


def test_other_numbers_of_lookups_have_programs_of_their_own():
    def scenario(jit):
        model = Words()

        @jit
        def step(words):
            model(words).square().sum().backward()

        for n in (3, 5, 3, 5, 3, 5):
            model.zero_grad()
            step(mg.randint(0, 9, (n,)))
            yield model.table.weight.grad

    both_ways(scenario, at_least=2)


def test_a_gradient_from_outside_with_another_number_of_rows_is_another_step():
    def scenario(jit):
        table = mg.randn(9, 4, requires_grad=True)

        @jit
        def step():
            return (table.grad * 2).to_dense(), table.grad.norm()

        for n in (3, 3, 5, 5, 3, 1):
            table.grad = None
            F.embedding(mg.randint(0, 9, (n,)), table, sparse=True).square().sum().backward()
            yield step()

    both_ways(scenario, at_least=2)


def test_what_depends_on_the_padding_is_refused():
    model = Words(padding=1)

    def count(words):
        model.zero_grad()
        model(words).sum().backward()
        return model.table.weight.grad._values()  # refused

    refused(mg.jit(count), next(batches()), saying="use .rows and .row_values")


def test_a_gradient_kept_outside_is_refused():
    model, kept = Words(), []

    @mg.jit
    def step(words):
        model.zero_grad()
        model(words).sum().backward()
        kept.append(model.table.weight.grad)  # refused

    refused(step, next(batches()))
