"""`Session`: what is saved comes back, by name, as a whole or not at all, and the report says so."""

import copy
import os
import random
import re

import numpy
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.optim import lr_scheduler
from minigrad.train.report import ResumeError
from minigrad.train.session import Session
from minigrad.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two layers, registered in one order or the other."""

    def __init__(self, turned=False, width=5):
        super().__init__()
        first, second = nn.Linear(3, width), nn.Linear(width, 1)
        names = [("first", first), ("second", second)]
        for name, module in reversed(names) if turned else names:
            setattr(self, name, module)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        return self.second(self.drop(self.norm(self.first(x)).tanh()))


def data():
    return TensorDataset(minigrad.linspace(-1, 1, 60).reshape(20, 3), minigrad.linspace(0, 1, 20).reshape(20, 1))


class Run:
    """A training run with everything in it."""

    def __init__(self, net=Net, optimizer=None, scheduler=None, loader=None, **more):
        self.model = net()
        make = optimizer or (lambda net: optim.SGD(net.parameters(), lr=0.1, momentum=0.9))
        self.optimizer = make(self.model)
        self.scheduler = (scheduler or (lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5)))(self.optimizer)
        self.loader = (loader or (lambda: DataLoader(data(), 4, shuffle=True)))()
        self.session = Session(
            model=self.model, optimizer=self.optimizer, scheduler=self.scheduler, loader=self.loader, **more
        )
        self.losses = []
        self.step = self.eager

    def eager(self, x, y):
        self.optimizer.zero_grad()
        loss = ((self.model(x) - y) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def train(self, passes, stop=None, metric=None):
        """Some passes over the data; in the last one only `stop` steps."""
        for k in range(passes):
            for number, (x, y) in enumerate(self.loader, 1):
                self.losses.append(self.step(x, y).item())
                if k == passes - 1 and number == stop:
                    return self
            self.scheduler.step() if metric is None else self.scheduler.step(metric)
        return self

    def everything(self):
        """All that a run can be told from another by."""
        state = self.optimizer.state_dict()
        options = [{k: v for k, v in g.items() if k != "params"} for g in state["param_groups"]]
        return numbers(
            [
                dict(self.model.state_dict()),
                list(state["state"].values()),
                options,
                self.scheduler.state_dict(),
                self.loader.state_dict()["pass"],
                [getattr(self.optimizer.state.get(p), "steps", 0) for p in self.model.parameters()],
                minigrad.get_rng_state(),
                random.getstate(),
                numpy.random.get_state()[1].tolist(),  # noqa: NPY002
            ]
        )


def numbers(thing):
    if isinstance(thing, minigrad.Tensor):
        return thing.tolist()
    if isinstance(thing, dict):
        return {key: numbers(value) for key, value in thing.items()}
    return list(map(numbers, thing)) if isinstance(thing, (list, tuple)) else thing


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run"


def seed(number):
    minigrad.manual_seed(number)
    random.seed(number)
    numpy.random.seed(number)  # noqa: NPY002


@pytest.mark.parametrize("stop", [None, 2, 5], ids=["between passes", "in a pass", "after its last batch"])
def test_a_resumed_run_goes_on(stop, path):
    seed(0)
    one = Run()
    for k in range(2):
        for number, batch in enumerate(one.loader, 1):
            one.losses.append(one.step(*batch).item())
            if k == 1 and number == stop:
                one.session.save(path, losses=one.losses)
        one.scheduler.step()
        if k == 1 and stop is None:
            one.session.save(path, losses=one.losses)
    one.train(2)
    seed(1)
    two = Run()
    report = two.session.resume(path)
    two.losses = report.extra["losses"]
    two.train(3 if stop else 2)
    assert two.losses == one.losses and two.everything() == one.everything()


def test_after_a_pass_that_was_left_early(path):
    seed(0)
    one = Run().train(2, stop=2)
    one.session.save(path)
    one.train(2)
    two = Run()
    two.session.resume(path)
    assert two.train(2).everything() == one.everything()


def test_the_recorded_step_sees_what_was_loaded(path):
    seed(0)
    one = Run().train(2)
    one.session.save(path)
    one.train(2)
    seed(1)
    two = Run()
    two.step = minigrad.jit(two.eager)
    two.train(2)  # recorded
    two.session.resume(path)
    two.losses = []
    two.train(2)
    assert two.losses == one.losses[-10:] and two.everything() == one.everything()
    two.session.resume(path, lr_scale=0.5)
    assert two.train(1).losses[-5:] != one.losses[-10:-5]


def groups_of(turned):
    def make(net):
        weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
        biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
        groups = [{"params": weights, "lr": 0.2}, {"params": biases, "lr": 0.05, "momentum": 0.5}]
        return optim.SGD(groups[::-1] if turned else groups, lr=0.1, momentum=0.9, weight_decay=0.01)

    return make


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda o: lr_scheduler.ExponentialLR(o, 0.5),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.5, total_iters=2), lr_scheduler.ExponentialLR(o, 0.7)], [3]
        ),
    ],
)
def test_another_order_of_parameters_and_groups(scheduler, path):
    seed(0)
    one = Run(optimizer=groups_of(False), scheduler=scheduler).train(2)
    one.session.save(path)
    one.train(2)
    two = Run(net=lambda: Net(turned=True), optimizer=groups_of(True), scheduler=scheduler)
    two.session.resume(path)
    two.train(2)
    assert [list(p.shape) for p in two.model.parameters()] != [list(p.shape) for p in one.model.parameters()]
    assert two.losses == one.losses[-10:]
    rates = one.scheduler.get_last_lr()
    assert two.scheduler.get_last_lr() == rates[::-1] and rates[0] > rates[1]
    for name, value in one.model.state_dict().items():
        assert (two.model.state_dict()[name] == value).all(), name


DIFFERENT = {
    "another shape": (
        lambda: Run(net=lambda: Net(width=4)),
        ["first.weight has shape (5, 3) in the file, (4, 3) here", "second.bias", "norm.num_batches_tracked matched"],
    ),
    "other names": (
        lambda: Run(net=lambda: nn.Sequential(nn.Linear(3, 1))),
        ["not in the file: 0.weight, 0.bias", "only in the file: first.weight", "model.0.weight, model.0.bias"],
    ),
    "another optimizer": (
        lambda: Run(optimizer=lambda net: optim.RMSprop(net.parameters())),
        ["optimizer (RMSprop)\n      it is a SGD in the file, and a RMSprop here"],
    ),
    "other groups": (
        lambda: Run(optimizer=groups_of(False)),
        ["the groups hold other parameters: [['model.first.weight', 'model.first.bias'"],
    ),
    "fewer parameters": (
        lambda: Run(optimizer=lambda net: optim.SGD(net.first.parameters(), momentum=0.9)),
        ["only in the file: model.second.weight, model.second.bias, model.norm.weight, model.norm.bias"],
    ),
    "another scheduler": (
        lambda: Run(scheduler=lambda o: lr_scheduler.ExponentialLR(o, 0.5)),
        ["scheduler (ExponentialLR)\n      it is a StepLR in the file"],
    ),
    "another loader": (
        lambda: Run(loader=lambda: DataLoader(data(), 4, shuffle=True, generator=minigrad.Generator())),
        ["loader (DataLoader)\n      ValueError: the state is that of another DataLoader: generators: {} in the state"],
    ),
    "another part": (
        lambda: Run(other=nn.Linear(1, 1)),
        ["other (Linear)\n      not in the file: all of it"],
    ),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_all_or_nothing(what, path):
    make, messages = DIFFERENT[what]
    seed(0)
    Run().train(2, stop=2).session.save(path)
    seed(1)
    run = make().train(2)
    before, array = run.everything(), run.model.state_dict()
    batches = iter(run.loader)
    next(batches)
    middle = run.everything()
    with pytest.raises(ResumeError) as error:
        run.session.resume(path, lr_scale=0.1)
    assert "does not fit this session, and nothing of it was taken over" in str(error.value)
    for message in messages:
        assert message in str(error.value)
    assert run.everything() == middle and not error.value.report.fits()
    del batches
    assert before[:6] == run.everything()[:6]
    assert all(run.model.state_dict()[name].data_ptr() == value.data_ptr() for name, value in array.items())
    run.train(1)


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_fits(what, path):
    seed(0)
    saved = Run().train(2)
    saved.session.save(path, epoch=2)
    state = minigrad.get_rng_state()
    seed(1)
    run = DIFFERENT[what][0]().train(1)
    before = run.everything()
    report = run.session.resume(path, strict=False)
    assert (minigrad.get_rng_state() == state).all() and report.extra == {"epoch": 2} and not report.fits()
    for message in DIFFERENT[what][1]:
        assert message.replace("\n  ", "\n") in str(report)
    after, theirs = run.everything(), saved.everything()
    if what in ("another optimizer", "another scheduler"):
        place = 1 if what == "another optimizer" else 3
        assert after[place] == before[place] and after[0] == theirs[0]
    if what == "fewer parameters":
        assert after[1] == theirs[1][:2] and after[0] == theirs[0]
    if what == "another shape":
        assert after[0]["second.bias"] == theirs[0]["second.bias"] and after[0]["norm.bias"] == before[0]["norm.bias"]
        assert after[1][3] == theirs[1][3] and after[1][0] == before[1][0]
    run.train(1)


def test_another_batch_size_between_two_passes_only(path):
    other = lambda: DataLoader(data(), 5, shuffle=True)  # noqa: E731
    run = Run().train(1)
    run.session.save(path)
    report = Run(loader=other).session.resume(path)
    assert "    batch size: 4 in the state, 5 here" in str(report).splitlines() and report.fits()
    batches = iter(run.loader)
    next(batches)
    run.session.save(path)
    with pytest.raises(ResumeError, match=r"batch size: 4 in the state, 5 here; .*: load a state of an epoch"):
        Run(loader=other).session.resume(path)


def test_the_file_has_more(path):
    run = Run(other=nn.Linear(1, 1))
    run.session.save(path)
    with pytest.raises(ResumeError, match=r"other .Linear.\n      only in the file: all of it"):
        Run().session.resume(path)


def test_the_report(path):
    Run().train(2, stop=3).session.save(path, best=0.25)
    run = Run()
    report = run.session.resume(path, lr_scale=0.1)
    assert report.fits() and report.extra == {"best": 0.25}
    *lines, generators, rate = str(report).splitlines()
    assert lines == [
        f"resumed from {path}",
        "model (Net): 9 entries matched",
        "optimizer (SGD): 6 entries matched",
        "scheduler (StepLR): state matched",
        "loader (DataLoader): state matched",
    ]
    named = r"random generators \(of all devices, Python and NumPy\): (cpu, .*python, numpy|\d+ entries) matched"
    assert re.fullmatch(named, generators)  # other tests may have made generators of devices
    assert rate == "lr 0.1 -> 0.01 (lr_scale=0.1)"
    batches = iter(run.loader)
    next(batches), next(batches)
    run.session.save(path)
    report = run.session.resume(path, lr=0.5)
    assert "    goes on in a pass, behind batch 2" in str(report) and "lr 0.01 -> 0.5 (lr=0.5)" in str(report)
    assert report.parts["optimizer"].matched[:2] == ["model.first.weight", "model.first.bias"]


def test_files_that_are_no_sessions(path):
    run = Run()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        run.session.resume(path)
    minigrad.save(run.model.state_dict(), path)
    with pytest.raises(RuntimeError, match=r"run' is no saved session but a dict of 'first.weight', .*minigrad.load"):
        run.session.resume(path)
    minigrad.save([1, 2], path)
    with pytest.raises(RuntimeError, match="is no saved session but a list"):
        run.session.resume(path)
    path.write_bytes(b"\x93NUMPY rest")
    with pytest.raises(RuntimeError, match=r"NumPy \.npy file"):
        run.session.resume(path)
    run.session.save(path)
    whole = path.read_bytes()
    for part in (4, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:part])
        with pytest.raises(RuntimeError, match=r"truncated|damaged|not a safetensors file"):
            run.session.resume(path)
    path.write_bytes(whole)
    minigrad.save({**minigrad.load(path), "minigrad.session": 99}, path)
    with pytest.raises(RuntimeError, match=r"saved by a newer minigrad \(format 99, this one reads 1\): update"):
        run.session.resume(path)


def test_what_a_file_cannot_hold_leaves_the_old_one(path):
    run = Run()
    run.session.save(path, epoch=1)
    with pytest.raises(TypeError, match=r'checkpoint\["extra"\]\["model"\] is a Net'):
        run.session.save(path, model=run.model)
    assert run.session.resume(path).extra == {"epoch": 1} and os.listdir(path.parent) == ["run"]


def test_names_of_extras_are_free(path):
    run = Run()
    run.session.save(path, path=1, self=2, parts=[3])
    assert run.session.resume(path).extra == {"path": 1, "self": 2, "parts": [3]}


def test_hyperparameters_that_are_functions(path):
    def make(net, **options):
        return optim.SGD(net.parameters(), **{"lr": lambda t: 0.1 / t, "momentum": 0.9, **options})

    def run(**options):
        run = Run(optimizer=lambda net: make(net, **options), scheduler=lambda o: nn.Linear(1, 1))
        run.scheduler.step = lambda: None
        return run

    seed(0)
    one = run().train(2)
    one.session.save(path)
    one.train(1)
    two = run()
    report = two.session.resume(path)
    assert "    lr of group 0 was a function of the step, which no file holds: the one here is kept" in str(report)
    two.train(1)
    assert two.losses == one.losses[-5:]  # steps go on to be counted: 0.1 / 11, ...
    numbers = run(lr=0.25)
    numbers.session.resume(path)
    assert numbers.optimizer.param_groups[0]["lr"] == 0.25
    numbers.session.save(path)
    report = two.session.resume(path)
    assert "lr of group 0: 0.25 of the file takes the place of a function" in str(report)
    assert two.optimizer.param_groups[0]["lr"] == 0.25
    for options in ({"lr": 0.1}, {"lr_scale": 0.1}):
        with pytest.raises(ValueError, match="rate of group 0 of optimizer is a function of the step"):
            run().session.resume(path, **options)


class Halving:
    """A schedule that is an object."""

    def __call__(self, t):
        return 0.1 * 0.5**t

    def __deepcopy__(self, memo):
        raise TypeError("this one refers to too much")


def test_a_schedule_stays_the_object_that_it_is(path):
    run = Run(optimizer=lambda net: optim.SGD(net.parameters(), lr=Halving()), scheduler=lambda o: nn.Linear(1, 1))
    schedule = run.optimizer.param_groups[0]["lr"]
    run.session.save(path)
    run.session.resume(path)
    assert run.optimizer.param_groups[0]["lr"] is schedule
    content = minigrad.load(path)
    minigrad.save({**content, "parts": {"optimizer": content["parts"]["optimizer"]}}, path)
    with pytest.raises(ResumeError):
        run.session.resume(path)
    assert run.optimizer.param_groups[0]["lr"] is schedule


def test_a_state_that_is_not_in_the_file_is_forgotten(path):
    fresh = Run()
    fresh.session.save(path)
    fresh.train(1)
    run = Run().train(1)
    run.session.resume(path)
    assert run.train(1).losses[-5:] == fresh.losses and run.everything() == fresh.everything()


def test_options_that_only_the_file_has(path):
    Run().session.save(path)
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    session = Session(model=model, optimizer=optimizer)
    with pytest.raises(ResumeError, match="only in the file: all of it"):
        session.resume(path)
    assert "initial_lr" not in optimizer.param_groups[0]
    session.resume(path, strict=False)
    assert optimizer.param_groups[0]["initial_lr"] == 0.1


def test_options_that_the_file_changes_are_named(path):
    Run(optimizer=lambda net: optim.SGD(net.parameters(), lr=0.3, momentum=0.5)).session.save(path)
    run = Run()
    report = run.session.resume(path)
    assert report.fits() and report.parts["optimizer"].notes == ["momentum of group 0: 0.5 of the file, not 0.9"]
    assert run.optimizer.momentum == 0.5 and run.optimizer.lr == 0.3


def test_random_numbers_go_on(device, path):
    seed(0)
    minigrad.rand(1, device=device)
    run = Run()
    run.session.save(path)
    expected = [minigrad.rand(2, device=device).tolist(), random.random(), numpy.random.rand()]  # noqa: NPY002
    seed(1)
    run.session.resume(path)
    assert [minigrad.rand(2, device=device).tolist(), random.random(), numpy.random.rand()] == expected  # noqa: NPY002


def test_generators_of_devices_that_are_not_there(path):
    run = Run()
    run.session.save(path)
    content = minigrad.load(path)
    content["random"]["cuda:63"] = {"kind": "minigrad.Generator on cuda", "state": b""}
    minigrad.save(content, path)
    assert "    cuda:63 is left as it is: there is no such device here" in str(run.session.resume(path))


def test_another_kind_of_global_generator(path):
    run = Run()
    before = numpy.random.get_bit_generator()
    run.session.save(path)
    try:
        numpy.random.set_bit_generator(numpy.random.PCG64(0))
        report = run.session.resume(path)
        assert "    numpy is left as it is: it is a NumPy PCG64, and was a NumPy MT19937" in str(report)
        run.session.save(path)
        expected = numpy.random.rand()  # noqa: NPY002
        run.session.resume(path)
        assert numpy.random.rand() == expected  # noqa: NPY002
    finally:
        numpy.random.set_bit_generator(before)


def test_tied_and_frozen_parameters(path):
    class Tied(nn.Module):
        def __init__(self, turned):
            super().__init__()
            for name in ("b", "a", "c") if turned else ("a", "b", "c"):
                setattr(self, name, nn.Linear(3, 3, bias=False))
            if turned:
                self.a.weight = self.b.weight
            else:
                self.b.weight = self.a.weight
            self.c.weight.requires_grad_(False)

        def forward(self, x):
            return self.c(self.b(self.a(x))).sum(1, keepdim=True)

    seed(0)
    one = Run(net=lambda: Tied(False)).train(1)
    one.session.save(path)
    one.train(1)
    two = Run(net=lambda: Tied(True))
    frozen = two.model.c.weight.clone()
    report = two.session.resume(path)
    assert report.parts["optimizer"].matched == ["model.a.weight", "model.c.weight"]
    assert not (frozen == two.model.c.weight).all()
    assert two.train(1).losses == one.losses[-5:]
    assert [name for name, _ in two.model.named_parameters()] == ["b.weight", "c.weight"]


def test_a_plateau(path):
    def scheduler(o):
        return lr_scheduler.ReduceLROnPlateau(o, patience=1, factor=0.5)

    seed(0)
    one = Run(scheduler=scheduler)
    one.train(2, metric=1.0)
    one.session.save(path)
    two = Run(scheduler=scheduler)
    two.session.resume(path, lr_scale=0.1)
    rates = [run.train(1, metric=1.0).optimizer.lr for run in (one, two)]
    assert rates == [0.05, 0.1 * 0.1 * 0.5]


def test_parameters_outside_of_models(path):
    def make(names, count):
        parameters = [minigrad.full((2,), float(k), requires_grad=True) for k in range(count)]
        named = optim.SGD([{"params": list(zip(names, parameters[:2]))}, {"params": parameters[2:]}], momentum=0.9)
        return parameters, named, Session(weights=Weights(parameters), optimizer=named)

    class Weights:
        """Something else with a state."""

        def __init__(self, parameters):
            self.parameters = parameters

        def state_dict(self):
            return {"values": [p.detach() for p in self.parameters]}

        def load_state_dict(self, state):
            for p, value in zip(self.parameters, state["values"]):
                p.data = value

    parameters, optimizer, session = make(["a", "b"], 4)
    minigrad.stack([k * p.sum() for k, p in enumerate(parameters)]).sum().backward()
    optimizer.step()
    session.save(path)
    _, other, again = make(["a", "b"], 4)
    report = again.resume(path)
    assert report.parts["optimizer"].matched == ["a", "b", "parameter 2", "parameter 3"]
    assert [other.state[p]["momentum_buffer"].tolist() for group in other.param_groups for p in group["params"]] == [
        [k, k] for k in range(4)
    ]
    _, turned, again = make(["b", "a"], 4)
    again.resume(path)
    b, a = turned.param_groups[0]["params"]
    assert [turned.state[p]["momentum_buffer"].tolist() for p in (a, b)] == [[0, 0], [1, 1]]


def test_several_of_each(path):
    def make():
        g, d = nn.Linear(2, 2), nn.Linear(2, 1)
        optimizers = [optim.SGD(g.parameters(), lr=0.1), optim.RMSprop(d.parameters(), lr=0.2)]
        generators = [minigrad.Generator(), numpy.random.default_rng(), random.Random()]
        return Session(g=g, d=d, optimizer=optimizers, generators=generators, nothing=None), optimizers, generators

    session, _, generators = make()
    session.save(path)
    again, optimizers, others = make()
    report = again.resume(path, lr_scale=0.5)
    assert [o.lr for o in optimizers] == [0.05, 0.1] and report.parts["optimizer[1]"].matched == ["d.weight", "d.bias"]
    assert "optimizer[1]: lr 0.2 -> 0.1 (lr_scale=0.5)" in str(report)
    assert [others[1].random(), others[2].random()] == [generators[1].random(), generators[2].random()]
    assert (minigrad.rand(3, generator=others[0]) == minigrad.rand(3, generator=generators[0])).all()


def test_a_part_that_fails_is_put_back(path):
    class Part:
        def __init__(self, value):
            self.value = value

        def state_dict(self):
            return {"value": self.value}

        def load_state_dict(self, state):
            self.value = state["value"]
            if self.value == [2]:
                raise KeyError("half way")

    seed(0)
    part = Part([1])
    run = Run(part=part)
    part.value = [2]
    run.session.save(path)
    part.value = [3]
    run.train(1)
    before = run.everything()
    with pytest.raises(ResumeError, match=r"part .Part.\n      KeyError: 'half way'"):
        run.session.resume(path)
    assert part.value == [3] and run.everything() == before
    assert not run.session.resume(path, strict=False).fits() and part.value == [3]
    assert run.everything()[0] != before[0]


def test_an_interrupt_puts_everything_back(path, monkeypatch):
    seed(0)
    run = Run().train(2)
    run.session.save(path)
    before = run.train(1).everything()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(DataLoader, "load_state_dict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.session.resume(path)
    assert run.everything() == before


def test_wrong_arguments(path):
    run = Run()
    run.session.save(path)
    for options, message in (
        ({"lr": 0.1, "lr_scale": 0.1}, "pass lr or lr_scale, not both"),
        ({"lr_scale": -1.0}, "lr_scale must be a number that is not negative, got -1.0"),
        ({"lr": float("nan")}, "lr must be a number that is not negative, got nan"),
        ({"lr": "0.1"}, "lr must be a number"),
    ):
        with pytest.raises(ValueError, match=message):
            run.session.resume(path, **options)
    model = Session(model=run.model)
    model.save(path)
    with pytest.raises(ValueError, match="lr is for optimizers, and this session has none"):
        model.resume(path, lr=0.1)
    with pytest.raises(TypeError, match=r"a session holds modules.* epoch is a int\. Pass plain data to save"):
        Session(model=run.model, epoch=3)
    with pytest.raises(TypeError, match="a session needs something to save"):
        Session()


def test_lazy_modules(path):
    seed(0)
    one = Run(net=lambda: nn.Sequential(nn.LazyLinear(1)))
    one.train(1)
    one.session.save(path)
    one.train(1)
    two = Run(net=lambda: nn.Sequential(nn.LazyLinear(1)))
    assert two.session.resume(path).fits()
    assert two.train(1).losses == one.losses[-5:]
    before = Run(net=lambda: nn.Sequential(nn.LazyLinear(1)))  # without a shape yet
    before.session.save(path)
    before.train(1)
    after = Run(net=lambda: nn.Sequential(nn.LazyLinear(1)))
    assert after.session.resume(path).fits()
    assert after.train(1).losses == before.losses


def test_values_are_kept_apart_from_the_run(path):
    """What was saved, or could be put back, is no view of what goes on changing."""
    run = Run().train(1)
    run.session.save(path)
    loaded = copy.deepcopy(minigrad.load(path))
    run.session.resume(path)
    run.train(1)
    assert numbers(minigrad.load(path)["parts"]["model"]) == numbers(loaded["parts"]["model"])
