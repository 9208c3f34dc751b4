"""Every optimizer and every scheduler goes on from a saved session; state follows parameters to devices and dtypes."""

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.optim import lr_scheduler
from minigrad.train.report import ResumeError
from minigrad.train.session import Session

#: (class, options): every optimizer that there is, and variants with other state
OPTIMIZERS = [
    *((name, {}) for name, cls in vars(optim).items() if isinstance(cls, type) and issubclass(cls, optim.Optimizer)),
    ("SGD", {"momentum": 0.9, "dampening": 0.1}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
]
OPTIMIZERS = [pytest.param(*pair, id=str(pair[0]) + "+".join(pair[1])) for pair in OPTIMIZERS if pair[0] != "Optimizer"]
every_optimizer = pytest.mark.parametrize("name, options", OPTIMIZERS)


def make(name, options, device="cpu", dtype=minigrad.float32, turned=False):
    minigrad.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(device, dtype)
    parameters = list(model.named_parameters())
    optimizer = getattr(optim, name)(parameters[::-1] if turned else parameters, lr=0.01, **options)
    return model, optimizer


def train(model, optimizer, steps, first=0):
    p = next(model.parameters())
    for k in range(first, first + steps):
        x = minigrad.linspace(-1, 1 + k, 6, dtype=p.dtype, device=p.device).reshape(2, 3)

        def closure(x=x):
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            return loss

        if type(optimizer).__name__ == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()


def values(model):
    return [p.tolist() for p in model.parameters()]


@every_optimizer
def test_going_on(name, options, device, tmp_path):
    model, optimizer = make(name, options, device)
    train(model, optimizer, 3)
    Session(model=model, optimizer=optimizer).save(tmp_path / "run")
    train(model, optimizer, 3, first=3)
    for turned in (False, True):
        again, other = make(name, options, device, turned=turned)
        train(again, other, 1)
        session = Session(model=again, optimizer=other)
        if turned and name == "LBFGS":
            with pytest.raises(ResumeError, match="its state is of all parameters in the order"):
                session.resume(tmp_path / "run")
            continue
        session.resume(tmp_path / "run")
        train(again, other, 3, first=3)
        assert values(again) == values(model)


@every_optimizer
def test_to_another_device_and_dtype(name, options, tmp_path):
    """Saved on a GPU in float32, resumed on the CPU in float64, and the other way round."""
    model, optimizer = make(name, options, "cuda")
    train(model, optimizer, 3)
    session = Session(model=model, optimizer=optimizer)
    session.save(tmp_path / "gpu")
    host, other = make(name, options, "cpu", minigrad.float64)
    report = Session(model=host, optimizer=other).resume(tmp_path / "gpu")
    assert "4 tensors were minigrad.float32 and are minigrad.float64: 0.weight, ..." in str(report)
    train(host, other, 2, first=3)
    assert {p.device.type for p in host.parameters()} == {"cpu"}
    check_placed(host, other)

    reference, third = make(name, options, "cpu", minigrad.float64)  # the same, put there by hand
    with minigrad.no_grad():
        for p, saved in zip(reference.parameters(), model.parameters()):
            p.copy_(saved)
    third.load_state_dict(optimizer.state_dict())
    train(reference, third, 2, first=3)
    assert values(host) == values(reference)

    Session(model=host, optimizer=other).save(tmp_path / "cpu")
    session.resume(tmp_path / "cpu")
    train(model, optimizer, 1)
    check_placed(model, optimizer)


def check_placed(model, optimizer):
    """Everything of a parameter's shape in its state is where it is."""
    for p in model.parameters():
        for value in optimizer.state.get(p, {}).values():
            if isinstance(value, minigrad.Tensor) and value.shape == p.shape:
                assert value.device == p.device and value.dtype == p.dtype


@every_optimizer
def test_a_model_moved_after_steps(name, options, device):
    """`model.double()` and `model.to(device)` in the middle of training are a change of places and of nothing else."""
    model, optimizer = make(name, options, "cpu")
    train(model, optimizer, 3)
    reference, other = make(name, options, device, minigrad.float64)
    with minigrad.no_grad():
        for p, saved in zip(reference.parameters(), model.parameters()):
            p.copy_(saved)
    other.load_state_dict(optimizer.state_dict())
    model.to(device).double()
    train(model, optimizer, 3, first=3)
    train(reference, other, 3, first=3)
    assert values(model) == values(reference)
    check_placed(model, optimizer)


SCHEDULERS = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.9**t),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.9),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 4, 4, 7]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 6),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=8),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 12, 2.0),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 7),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, mode="triangular2"),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=12),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.5, total_iters=3), lr_scheduler.StepLR(o, 2)], [5]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o, 0.5, total_iters=3), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
}


def test_all_schedulers_are_here():
    hidden = {"LRScheduler", "_LRScheduler", "FactorScheduler"}
    assert set(lr_scheduler.__all__) - hidden == set(SCHEDULERS)


@pytest.mark.parametrize("scale", [None, 0.25])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedules_go_on(name, scale, tmp_path):
    def start():
        model = nn.Linear(3, 1)
        groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.02}]
        optimizer = optim.SGD(groups, momentum=0.9)
        return model, optimizer, SCHEDULERS[name](optimizer)

    def rates(model, optimizer, scheduler, steps):
        found = []
        for _ in range(steps):
            train(model, optimizer, 1)
            scheduler.step(*[1.0][: name == "ReduceLROnPlateau"])
            found += [g[key] for g in optimizer.param_groups for key in ("lr", "momentum")]
        return found

    one = start()
    rates(*one, 4)
    Session(model=one[0], optimizer=one[1], schedulers=[one[2]]).save(tmp_path / "run")
    expected = rates(*one, 7)
    two = start()
    report = Session(model=two[0], optimizer=two[1], schedulers=[two[2]]).resume(tmp_path / "run", lr_scale=scale)
    found = rates(*two, 7)
    if scale is None:
        assert found == expected
    else:
        assert found[::2] == pytest.approx([rate * scale for rate in expected[::2]], rel=1e-12)
        assert found[1::2] == expected[1::2] and "(lr_scale=0.25)" in str(report)


def test_a_rate_that_was_zero(tmp_path):
    """Nothing times nothing is a rate: then the schedule starts anew from the rate that was given."""
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 2.0 * t)
    session = Session(model=model, optimizer=optimizer, scheduler=scheduler)
    session.save(tmp_path / "run")
    report = session.resume(tmp_path / "run", lr=0.5)
    assert "lr 0 -> 0.5 (lr=0.5)" in str(report) and optimizer.lr == 0.5
    train(model, optimizer, 1)
    scheduler.step()
    assert optimizer.lr == 1.0


def test_scaling_a_schedule_of_something_else(tmp_path):
    """A scheduler of the momentum keeps its values when the rate is scaled."""
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.8)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t, hyperparameter="momentum")
    session = Session(model=model, optimizer=optimizer, scheduler=scheduler)
    session.save(tmp_path / "run")
    session.resume(tmp_path / "run", lr_scale=0.5)
    train(model, optimizer, 1)
    scheduler.step()
    assert optimizer.lr == 0.05 and optimizer.momentum == 0.4
