"""Random networks and random programs: recorded steps equal eager ones to the last bit (hypothesis)."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_helpers import bits, both_ways

import minigrad
import minigrad.nn.functional as F
from minigrad import nn, optim

# Random networks

ACTIVATIONS = [
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.CELU, nn.Softplus, nn.LeakyReLU, nn.PReLU,
    nn.Mish, nn.Hardswish, nn.Hardtanh, nn.Softsign, nn.Tanhshrink, nn.LogSigmoid, nn.ReLU6, nn.Softshrink, nn.RReLU,
    nn.Threshold, nn.Identity,
]  # fmt: skip
LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "smooth": F.smooth_l1_loss,
    "sum": lambda out, y: F.mse_loss(out, y, reduction="sum") / 100,
    "none": lambda out, y: F.mse_loss(out, y, reduction="none").mean(0).sum(),
    "classes": F.cross_entropy,
    "smoothed": lambda out, y: F.cross_entropy(out, y, label_smoothing=0.1, ignore_index=1),
    "nll": lambda out, y: F.nll_loss(F.log_softmax(out, 1), y),
    "margin": F.multi_margin_loss,
    "logits": lambda out, y: F.binary_cross_entropy_with_logits(out, (y > 0).to(out.dtype)),
    "bce": lambda out, y: F.binary_cross_entropy(out.sigmoid(), (y > 0).to(out.dtype)),
    "gauss": lambda out, y: F.gaussian_nll_loss(out, y, out**2 + 0.1),
    "by hand": lambda out, y: ((out - y).abs() ** 1.5).mean() + out.std() - (out * y).max() + out.norm() / 9,
}
OF_CLASSES = {"classes", "smoothed", "nll", "margin"}

layers = st.lists(
    st.one_of(
        st.tuples(st.just("linear"), st.integers(1, 9), st.booleans()),
        st.tuples(st.just("act"), st.sampled_from(range(len(ACTIVATIONS)))),
        st.tuples(st.just("dropout"), st.sampled_from([0.0, 0.25, 0.5])),
        st.tuples(st.just("layer norm"), st.booleans()),
        st.tuples(st.just("batch norm"), st.booleans(), st.booleans()),
        st.tuples(st.just("rms norm")),
        st.tuples(st.just("again")),
        st.tuples(st.just("skip")),
        st.tuples(st.just("softmax")),
    ),
    min_size=1,
    max_size=7,
)
optimizers = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("SGD"), "lr": st.floats(0, 0.1), "momentum": st.sampled_from([0.0, 0.9]),
         "weight_decay": st.sampled_from([0.0, 0.01]), "maximize": st.booleans()}
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["Momentum", "NAG"]), "lr": st.floats(0, 0.1), "momentum": st.floats(0, 0.99),
         "weight_decay": st.sampled_from([0.0, 0.01])}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("Adagrad"), "lr": st.floats(0, 0.1), "lr_decay": st.sampled_from([0.0, 0.1]),
         "eps_mode": st.sampled_from(["inside", "outside"]), "eps": st.just(1e-6)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("RMSprop"), "lr": st.floats(0, 0.1), "momentum": st.sampled_from([0.0, 0.9]),
         "centered": st.booleans(), "weight_decay": st.sampled_from([0.0, 0.01]), "eps": st.just(1e-6)}
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta"]), "lr": st.floats(0, 0.1),
         "weight_decay": st.sampled_from([0.0, 0.01]), "eps": st.just(1e-6)}
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["Rprop", "ASGD", "Lion"]), "lr": st.floats(0.001, 0.1), "maximize": st.booleans()}
    ),
)  # fmt: skip


class Network(nn.Module):
    """What a drawn list of layers says."""

    def __init__(self, drawn, inputs, outputs):
        super().__init__()
        self.path = nn.ModuleList()
        self.skips = []
        width, linear = inputs, None
        for k, (kind, *options) in enumerate([*drawn, ("linear", outputs, True)]):
            if kind == "linear":
                width, before = options[0], width
                linear = nn.Linear(before, width, bias=options[1])
                self.path.append(linear)
            elif kind == "again":
                square = linear is not None and linear.in_features == linear.out_features == width
                self.path.append(linear if square else nn.Identity())
            elif kind == "skip":
                self.skips.append(k)
                self.path.append(nn.Linear(width, width))
            else:
                make = {
                    "act": lambda number: ACTIVATIONS[number](*([0.1, 0.0] if number == 20 else [])),
                    "dropout": nn.Dropout,
                    "layer norm": lambda affine: nn.LayerNorm(width, elementwise_affine=affine),  # noqa: B023
                    "batch norm": lambda affine, track: nn.BatchNorm1d(width, affine=affine, track_running_stats=track),  # noqa: B023
                    "rms norm": lambda: nn.RMSNorm(width),  # noqa: B023
                    "softmax": lambda: nn.Softmax(dim=1),
                }[kind]
                self.path.append(make(*options))

    def forward(self, x):
        for k, layer in enumerate(self.path):
            x = x + layer(x) if k in self.skips else layer(x)
        return x


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    drawn=layers,
    loss=st.sampled_from([*LOSSES]),
    options=optimizers,
    sizes=st.tuples(st.integers(2, 9), st.integers(2, 9), st.integers(1, 6), st.integers(2, 5)),
    dtype=st.sampled_from(["float32", "float32", "float64", "float16"]),
    clip=st.sampled_from([None, 0.1]),
    parts=st.integers(1, 2),
)
def test_a_random_network_trains_recorded_as_it_does_eagerly(drawn, loss, options, sizes, dtype, clip, parts):
    def scenario(jit):
        batch, other, inputs, outputs = sizes
        kind = getattr(minigrad, dtype)
        model = Network(drawn, inputs, outputs).to(kind)
        named = {name: value for name, value in options.items() if name != "kind"}
        optimizer = getattr(optim, options["kind"])(model.parameters(), **named)

        @jit
        def step(batches):
            optimizer.zero_grad()
            total = 0
            for x, y in batches:
                loss_now = LOSSES[loss](model(x), y) / len(batches)
                loss_now.backward()
                total = total + loss_now.detach()
            norm = None if clip is None else nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            return total, norm

        def a_batch(size):
            x = minigrad.randn(size, inputs).to(kind)
            if loss in OF_CLASSES:
                return x, minigrad.randint(0, outputs, (size,))
            return x, minigrad.randn(size, outputs).to(kind)

        for k, size in enumerate([batch, batch, batch, other, other, batch, batch]):
            model.train(k != 5)
            yield step([a_batch(size) for _ in range(parts)])
            yield bits(model)
        yield model, optimizer

    both_ways(scenario)


# Random programs of operations

UNARY = [
    lambda x: x.tanh(), lambda x: x.exp().clamp(max=9), lambda x: x * x, lambda x: -x, lambda x: x.abs() + 0.5,
    lambda x: x.t() if x.ndim == 2 else x, lambda x: x.sum(0, keepdim=True), lambda x: x.mean(-1, keepdim=True),
    lambda x: x[..., :1], lambda x: x[::2] if x.ndim else x, lambda x: x.flatten(), lambda x: x.cumsum(-1),
    lambda x: x.flip(0) if x.ndim else x, lambda x: x.softmax(-1), lambda x: x.max(-1)[0], lambda x: x.sort(-1)[0],
    lambda x: x.relu(), lambda x: x.sqrt().nan_to_num(0.0), lambda x: x.clone().add_(1).mul_(0.5),
    lambda x: x.detach() * 2, lambda x: minigrad.where(x > 0, x, x * 0.1), lambda x: x**2, lambda x: x.unsqueeze(0),
    lambda x: x.double().to(x.dtype), lambda x: x.expand(3, *x.shape).sum(0), lambda x: x.var(0, unbiased=False),
    lambda x: minigrad.zeros_like(x).add(x), lambda x: x.logsumexp(-1), lambda x: x.roll(1, 0),
]  # fmt: skip
BINARY = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a / (b.abs() + 1), minigrad.maximum,
    minigrad.minimum, lambda a, b: a @ b, lambda a, b: a @ b.t(), lambda a, b: minigrad.cat([a, b]),
    lambda a, b: minigrad.stack([a, b]), lambda a, b: minigrad.outer(a.flatten(), b.flatten()),
    lambda a, b: minigrad.einsum("i,i->i", a.flatten(), b.flatten()), lambda a, b: minigrad.atan2(a, b),
    lambda a, b: minigrad.lerp(a, b, 0.3), lambda a, b: written(a, b), lambda a, b: minigrad.where(a > b, a, b),
]  # fmt: skip


def written(a, b):
    """`b` written into a part of a copy of `a`, and added to another part."""
    out = a.clone()
    out[..., -1] = b.mean()
    out[..., 0] += b.sum()
    return out


def evaluate(program, tensors):
    """Run a drawn program over a growing list of tensors; operations that do not fit are left out."""
    values = list(tensors)
    for kind, number, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        try:
            values.append(UNARY[number % len(UNARY)](a) if kind else BINARY[number % len(BINARY)](a, b))
        except minigrad.RecordingError:
            raise
        except (RuntimeError, ValueError, IndexError, TypeError):
            values.append(a * 0.5)
    return values


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    program=st.lists(
        st.tuples(st.booleans(), st.integers(0, 200), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=14
    ),
    shapes=st.lists(st.sampled_from([(3, 3), (3,), (2, 3), (), (1, 3), (4, 3), (3, 1)]), min_size=2, max_size=3),
    strided=st.booleans(),
)
def test_a_random_program_and_its_gradients_are_recorded_as_they_run(program, shapes, strided):
    def scenario(jit):
        weights = [minigrad.randn(*shape).requires_grad_() for shape in shapes]

        @jit
        def step(x, scale):
            for w in weights:
                w.grad = None
            values = evaluate(program, [*weights, x])
            total = sum((value * scale).mean() for value in values)
            total.backward()
            return total, [value.detach() for value in values]

        for k in range(5):
            x = minigrad.randn(3, 3).t() if strided and k > 2 else minigrad.randn(3, 3)
            yield step(x, 1.0 / (k + 1))
            yield [w.grad for w in weights]
            with minigrad.no_grad():
                for w in weights:
                    w.mul_(0.9)

    both_ways(scenario)


# Random events between the calls of one step


class World:
    """A model in training, and what a user may do to it between two steps."""

    def __init__(self, jit, kind):
        self.model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, 2))
        self.make = lambda params: {
            "sgd": lambda: optim.SGD(params, lr=0.05, momentum=0.9),
            "rmsprop": lambda: optim.RMSprop(params, lr=0.01, momentum=0.5),
            "adagrad": lambda: optim.Adagrad(params, lr=0.05),
        }[kind]()
        self.optimizer = self.make(self.model.parameters())
        self.scale, self.clip, self.size = 1.0, None, 4
        self.saved = None
        self.held = []
        self.hooks = []

        def step(x, y, weight):
            self.optimizer.zero_grad()
            loss = F.mse_loss(self.model(x), y) * weight * self.scale
            loss.backward()
            if self.clip is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimizer.step()
            return loss

        def accumulate(x, y):
            loss = F.l1_loss(self.model(x), y)
            loss.backward()
            return loss

        self.eager, self.step, self.accumulate = step, jit(step), jit(accumulate)

    def batch(self):
        return minigrad.randn(self.size, 3), minigrad.randn(self.size, 2)

    def load(self):
        if self.saved is not None:
            self.model.load_state_dict(self.saved[0])
            self.optimizer.load_state_dict(self.saved[1])

    def save(self):
        self.saved = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))

    def data(self):
        self.model[0].weight.data = minigrad.randn(4, 3)

    def in_place(self):
        with minigrad.no_grad():
            self.model[4].bias.add_(0.1)
            self.model[0].weight[0] *= 0.5

    def hold(self):
        self.held += [p.grad for p in self.model.parameters()]

    def hold_numpy(self):
        self.held += [p.grad.numpy()[:1] for p in self.model.parameters() if p.grad is not None]

    def move_gradient(self):
        p, q = self.model[0].bias, self.model[1].bias
        p.grad, q.grad = q.grad, p.grad

    def drop_gradient(self):
        self.model[4].weight.grad = None

    def freeze(self):
        self.model[0].requires_grad_(not self.model[0].weight.requires_grad)

    def restart(self):
        self.optimizer = self.make(self.model.parameters())

    def rate(self):
        self.optimizer.param_groups[0]["lr"] *= 0.9

    def decay(self):
        group = self.optimizer.param_groups[0]
        group["weight_decay"] = 0.01 if group["weight_decay"] == 0 else 0.0

    def hook(self):
        if self.hooks:
            self.hooks.pop().remove()
        else:
            self.hooks.append(self.model[4].weight.register_hook(lambda g: g * 0.5))

    def layer(self):
        self.model[2] = nn.ReLU() if isinstance(self.model[2], nn.Tanh) else nn.Tanh()

    def other(self):
        self.size = 7 - self.size

    def weigh(self):
        self.scale = 3.0 - self.scale

    def clipping(self):
        self.clip = 0.1 if self.clip is None else None

    def copy(self):
        self.held.append(copy.deepcopy(self.model))

    def buffer(self):
        self.model[1].running_mean = self.model[1].running_mean.clone()


EVENTS = [name for name in vars(World) if not name.startswith("_") and name != "batch"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["sgd", "rmsprop", "adagrad"]),
    events=st.lists(
        st.one_of(st.sampled_from(["step", "step", "step", "eager", "accumulate", "train"]), st.sampled_from(EVENTS)),
        min_size=4,
        max_size=24,
    ),
)
def test_random_events_between_steps_are_seen(kind, events):
    def scenario(jit):
        world = World(jit, kind)
        for event in ["step", "step", "step", *events, "step", "step"]:
            if event in ("step", "eager"):
                yield getattr(world, event)(*world.batch(), 0.5)
            elif event == "accumulate":
                yield world.accumulate(*world.batch())
            elif event == "train":
                world.model.train(not world.model.training)
            else:
                getattr(world, event)()
            yield bits(world.model), bits(world.optimizer)
        yield world.held

    both_ways(scenario)
