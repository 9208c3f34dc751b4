"""`NaNGuard` names the layer and the operation, and nothing is lost."""

import pytest
from small_problem import loaders, make, points, weights

import minigrad
from minigrad import nn
from minigrad.train import NaNGuard, NonFiniteError, Trainer, find_nonfinite
from minigrad.utils.data import DataLoader


class Log(nn.Module):
    def forward(self, x):
        return x.abs().log()  # the line that is named


class Root(nn.Module):
    """Finite forward; its gradient at 0 is not."""

    def forward(self, x):
        return x.relu().sqrt()


def network(middle):
    minigrad.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.3), nn.BatchNorm1d(4), nn.Sequential(nn.ReLU(), middle))


def loss_of(output, target):
    return output.sum()


def trainer_of(middle, **options):
    model = network(middle)
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Trainer(model, optimizer, loss_of, callbacks=[NaNGuard()], progress=False, **options)


def state(trainer):
    model, optimizer = trainer.model.state_dict(), trainer.optimizer.state_dict()["state"]
    return {k: v.tolist() for k, v in model.items()}, {
        k: {name: getattr(v, "tolist", lambda v=v: v)() for name, v in one.items()} for k, one in optimizer.items()
    }


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(
    ("middle", "found"),
    [(Log, "the loss is inf: inf first arises in log, in layer '3.1' (Log)"),
     (Root, "a gradient is not finite: inf first arises in the gradient of SqrtBackward0, in layer '3.1' (Root)")],
)  # fmt: skip
def test_layer_and_operation_are_named_and_nothing_is_lost(middle, found, jit):
    """Three good steps, and a bad one."""
    good = nn.Tanh()
    trainer = trainer_of(good, jit=jit)
    batches = list(DataLoader(points(24), 8))
    trainer.fit(batches, 1)
    trainer.model[3][1] = middle()
    before, random = state(trainer), minigrad.get_rng_state().tolist()
    with pytest.raises(NonFiniteError) as caught:
        trainer.fit(batches, 1)
    text = str(caught.value)
    assert text.startswith(found), text
    assert "test_nan_guard.py" in text and ("the line that is named" in text) == (middle is Log)
    assert caught.value.__notes__ == ["This was step 4, in epoch 2; weights and optimizer are as before it"]
    assert state(trainer) == before and minigrad.get_rng_state().tolist() == random


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"clip_norm": 0.1}])
def test_a_guarded_training_is_the_same_training(options):
    guarded, plain = make([NaNGuard()], **options), None
    training, validation = loaders()
    history = guarded.fit(training, 3, validation=validation)
    plain = make(**options)
    training, validation = loaders()
    assert [row.gap for row in plain.fit(training, 3, validation=validation)] == [row.gap for row in history]
    assert weights(plain) == weights(guarded)


def test_a_weight_that_was_spoilt_before():
    trainer = make([NaNGuard()])
    trainer.model[0].weight.detach()[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match=r"the loss is nan, as the parameter '0.weight' is not finite: an update"):
        trainer.fit(loaders()[0], 1)


def test_data_that_are_not_finite():
    trainer = make([NaNGuard()])
    x, y = points(8).tensors
    x[3, 1] = float("nan")
    with pytest.raises(NonFiniteError, match=r"nan was already in .* went into linear, in layer '0'") as caught:
        trainer.fit([(x, y)], 1)
    assert caught.value.__notes__[1:] == ["Its batch itself holds nan"]


def test_on_a_device(device):
    trainer = make([NaNGuard()], device=device)
    trainer.fit(loaders()[0], 1)
    trainer.model[1] = Log()
    with minigrad.no_grad():
        trainer.model[0].weight.mul_(0)
        trainer.model[0].bias.mul_(0)
    with pytest.raises(NonFiniteError, match=r"inf first arises in log, in layer '1' \(Log\)"):
        trainer.fit(loaders()[0], 1)


def test_row_sparse_gradients():
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Embedding(10, 2, sparse=True), Root(), nn.Flatten(), nn.Linear(4, 1))
    trainer = Trainer(
        model, minigrad.optim.SGD(model.parameters(), lr=0.1), loss_of, callbacks=[NaNGuard()], progress=False
    )  # fmt: skip
    batch = (minigrad.tensor([[1, 2], [3, 4]]), minigrad.zeros(2, 1))
    with minigrad.no_grad():
        model[0].weight.copy_(minigrad.rand(10, 2) + 1)
    trainer.fit([batch], 2)
    before = weights(trainer)
    with minigrad.no_grad():
        model[0].weight[3] = 0.0
    with pytest.raises(NonFiniteError, match=r"first arises in the gradient of SqrtBackward0, in layer '1' \(Root\)"):
        trainer.fit([batch], 1)
    assert weights(trainer)[1:] == before[1:]


def test_a_loss_that_is_a_module_is_named():
    class Loss(nn.Module):
        def forward(self, output, target):
            return (output - output).log().sum()

    model = nn.Linear(2, 2)
    trainer = Trainer(
        model, minigrad.optim.SGD(model.parameters(), lr=0.1), Loss(), callbacks=[NaNGuard()], progress=False
    )  # fmt: skip
    with pytest.raises(NonFiniteError, match=r"inf first arises in log, in Loss, outside the model"):
        trainer.fit(loaders()[0], 1)


# -- in a loop of one's own ------------------------------------------------------------------------------------------


def test_find_nonfinite_in_a_block():
    model = network(Log())
    x = minigrad.zeros(4, 2)
    with pytest.raises(NonFiniteError, match=r"inf first arises in log, in layer '3.1'"), find_nonfinite(model):
        model(x).sum().backward()
    with pytest.raises(NonFiniteError, match=r"nan first arises in div, outside any layer"), find_nonfinite():
        minigrad.zeros(1) / minigrad.zeros(1)


@pytest.mark.parametrize(
    ("compute", "found"),
    [
        (lambda x: x.reshape(1, -1).exp(), "into (reshape|view), outside any layer"),
        (lambda x: 2 + x, "into add,"),
        (lambda x: minigrad.ones(3) * x, "into mul,"),
        (lambda x: minigrad.cat([minigrad.ones(2), x]), "into cat"),
        (lambda x: x.log_(), "into log,"),
        (lambda x: (0 * minigrad.ones(3)).log().add_(x), "(?s)inf first arises in log,.*; then nan was .* into add,"),
        (lambda x: minigrad.ones(3).sub_(2).sqrt_() + x, "nan first arises in sqrt,"),
        (lambda x: minigrad.sqrt(z := -minigrad.ones(3), out=z) + x, "nan first arises in sqrt,"),
    ],
)
def test_what_comes_in_is_told_from_what_arises(compute, found):
    if found.startswith("into"):
        found = f"nan was already in a value that went {found}"
    with pytest.raises(NonFiniteError, match=found), find_nonfinite():
        compute(minigrad.tensor([1.0, float("nan"), 1.0]))


def test_infinities_that_come_and_go_are_no_error():
    w = nn.Linear(3, 3)
    mask = minigrad.tensor([False, True, False])
    with find_nonfinite(w):
        scores = w(minigrad.ones(2, 3)).masked_fill(mask, float("-inf"))
        scores.softmax(dim=1).square().sum().backward()
    assert minigrad.is_grad_enabled() and w.weight.grad is not None


def test_the_block_leaves_no_trace():
    import sys

    from minigrad.autograd.modes import modes
    from minigrad.autograd.node import Node

    with pytest.raises(ZeroDivisionError), find_nonfinite():
        _ = 1 / 0
    assert sys.getprofile() is None and modes.recording_type is Node and modes.node_type is Node


def test_the_guard_in_a_loop_of_ones_own():
    model = network(Root())
    guard = NaNGuard()
    guard.remember(model)
    x = -minigrad.ones(4, 2)
    loss = model(x).sum()
    loss.backward()
    before = model[2].running_mean.tolist()
    with pytest.raises(NonFiniteError, match="SqrtBackward0"):
        guard.check(model, loss, lambda: model(x).sum().backward())
    assert model[2].running_mean.tolist() != before  # as before the forward pass
