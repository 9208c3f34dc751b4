"""Parameter groups: how they are made, and that a split into groups changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from optim_helpers import KINDS, alone, give_gradients, parameters, same_bits

import minigrad
from minigrad import nn, optim
from minigrad.optim.base import flat


def split(params, random):
    """The parameters in groups at random, in any order."""
    order, groups = random.permutation(len(params)), []
    while len(order):
        size = random.integers(1, len(order) + 1)
        groups.append({"params": [params[k] for k in order[:size]]})
        order = order[size:]
    return groups


@pytest.mark.parametrize("kind", KINDS)
def test_any_split_gives_the_same_result(kind, device):
    def run(seed=None):
        params = parameters(device)
        groups = params if seed is None else split(params, np.random.default_rng(seed))
        optimizer = KINDS[kind](groups, weight_decay=0.1)
        for step in range(4):
            give_gradients(params, step, without={1: (0, 3), 2: (1,)}.get(step, ()))
            optimizer.step()
        return params + [entry for p in params for _, entry in sorted(optimizer.state[p].items())]

    whole = run()
    assert all(same_bits(whole, run(seed)) for seed in range(4))


@pytest.mark.parametrize("seed", range(40))
def test_flat_is_one_by_one_whatever_happens(seed, device, monkeypatch):
    """Random shapes, sizes of blocks, dtypes, groups, missing gradients, options changed and data exchanged."""
    random = np.random.default_rng(seed)
    monkeypatch.setattr(flat, "BLOCK", int(random.choice([16, 64, 131_072])))
    monkeypatch.setattr(flat, "LARGE", int(random.choice([8, 40, 32_768])))
    kind = list(KINDS)[int(random.integers(len(KINDS)))]
    shapes = [tuple(random.integers(0, 5, size=random.integers(0, 4))) for _ in range(random.integers(1, 9))]
    dtypes = [minigrad.float64 if random.random() < 0.3 else minigrad.float32 for _ in shapes]
    steps = [random.random(len(shapes)) < 0.25 for _ in range(6)]
    events = [random.choice(["nothing", "lr", "data", "alias", "decay"]) for _ in steps]
    options = {"weight_decay": float(random.random() < 0.5) * 0.1, "maximize": bool(random.random() < 0.3)}

    def run():
        params = [parameters(device, [shape], dtype, seed=k)[0] for k, (shape, dtype) in enumerate(zip(shapes, dtypes))]
        optimizer = KINDS[kind](split(params, np.random.default_rng(seed)), **options)
        kept = []
        for step, (without, event) in enumerate(zip(steps, events)):
            give_gradients(params, step, without=np.flatnonzero(without))
            optimizer.step()
            if event == "lr":
                optimizer.lr = 0.05
            elif event == "decay":
                optimizer.param_groups[0]["weight_decay"] = 0.3
            elif event == "data":
                params[0].data = params[0].data * 2
            elif event == "alias":
                kept.append(params[-1].detach())
        return params + [entry for p in params for _, entry in sorted(optimizer.state[p].items())]

    assert same_bits(run(), alone(run)), (kind, events)


def model():
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def test_no_decay_on_biases_is_one_line():
    net = model()
    with minigrad.no_grad():
        for p in net.parameters():
            p.fill_(1.0)
    optimizer = optim.SGD(optim.by_name(net, {"*.bias": {"weight_decay": 0.0}}), lr=0.1, weight_decay=0.5)
    for p in net.parameters():
        p.grad = minigrad.zeros_like(p)
    optimizer.step()
    for name, p in net.named_parameters():
        np.testing.assert_allclose(p.detach().numpy(), 1.0 if name.endswith("bias") else 0.95, rtol=1e-6)


def test_patterns_are_tried_in_order_and_the_rest_comes_first():
    groups = optim.by_name(model(), {"1.*": {"lr": 0.5}, "*.bias": {"lr": 0.2}, "[02].w*": {"lr": 0.3}})
    assert [([name for name, _ in group["params"]], group["lr"]) for group in groups] == [
        (["1.weight", "1.bias"], 0.5),
        (["0.bias", "2.bias"], 0.2),
        (["0.weight", "2.weight"], 0.3),
    ]
    groups = optim.by_name(model(), {"2.*": {"lr": 0.5}})
    assert [name for name, _ in groups[0]["params"]] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert groups[0].keys() == {"params"}  # as the optimizer has it
    optimizer = optim.Adam(groups, lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    assert optimizer.param_groups[1]["param_names"] == ["2.weight", "2.bias"]


def test_by_name_takes_pairs_and_any_options():
    a, b = minigrad.ones(2, requires_grad=True), minigrad.ones(3, requires_grad=True)
    pairs = [("encoder.a", a), ("decoder.b", b)]
    groups = optim.by_name(iter(pairs), {"encoder.*": {"lr": lambda t: 0.1 / t, "betas": (0.5, 0.9)}})
    optimizer = optim.Adam(groups)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.9, 0.999), (0.5, 0.9)]
    assert optimizer.param_groups[1]["params"][0] is a
    assert optim.by_name(pairs, {})[0]["params"] == pairs


def test_a_pattern_without_parameters_is_an_error_with_the_names():
    with pytest.raises(ValueError, match=r"pattern '\*\.biass': those that no earlier .* are 0\.weight, 0\.bias"):
        optim.by_name(model(), {"*.biass": {"weight_decay": 0.0}})
    with pytest.raises(ValueError, match=r"pattern '0\.bias': those that no earlier pattern took are 0\.weight"):
        optim.by_name(model(), {"*.bias": {}, "0.bias": {"lr": 1.0}})


def test_named_parameters_in_groups():
    net = model()
    named = dict(net.named_parameters())
    optimizer = optim.RMSprop(
        [{"params": [(name, named[name]) for name in ("0.weight", "2.weight")], "alpha": 0.5},
         {"params": [("0.bias", named["0.bias"])]}]
    )  # fmt: skip
    assert [group["param_names"] for group in optimizer.param_groups] == [["0.weight", "2.weight"], ["0.bias"]]
    saved = optimizer.state_dict()["param_groups"]
    assert saved[0]["param_names"] == ["0.weight", "2.weight"] and saved[0]["params"] == [0, 1]


def test_an_option_of_a_group_is_checked_before_anything_is_made():
    a, b = minigrad.ones(2, requires_grad=True), minigrad.ones(2, requires_grad=True)
    for options, message in [
        ({"lr": -1.0}, "Invalid learning rate: -1.0"), ({"alpha": 2.0}, "Invalid alpha value: 2.0"),
        ({"centered": "yes"}, "Invalid centered: 'yes'"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            optim.RMSprop([{"params": [a]}, {"params": [b], **options}])


def test_a_learning_rate_by_its_long_name():
    p = minigrad.ones(2, requires_grad=True)
    assert optim.SGD([{"params": [p], "learning_rate": 0.5}]).lr == 0.5


@pytest.mark.parametrize(("wrong", "meant"), [("weigth_decay", "weight_decay"), ("momentun", "momentum")])
def test_a_misspelt_option_of_a_group(wrong, meant):
    p = minigrad.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=f"did you mean the option '{meant}'"):
        optim.SGD([{"params": [p], wrong: 0.5}])
    assert optim.SGD([{"params": [p], "name": "head", "lr_mult": 2.0}]).param_groups[0]["name"] == "head"


@pytest.mark.parametrize(
    ("make", "option", "word"),
    [
        (optim.RMSprop, "eps_mode", "insde"), (optim.Adam, "eps_mode", "between"), (optim.NAG, "form", "look"),
        (optim.NAG, "momentum_order", "Old"), (optim.SGD, "maximize", "False"), (optim.SGD, "first_step", "zero"),
    ],
)  # fmt: skip
def test_a_misspelt_word_in_a_group_is_seen_at_the_next_step(make, option, word):
    p = minigrad.ones(2, requires_grad=True)
    p.grad = minigrad.ones(2)
    optimizer = make([p], lr=0.1)
    optimizer.step()
    before = p.tolist()
    optimizer.param_groups[0][option] = word
    with pytest.raises(ValueError, match=f"Invalid {option}"):
        optimizer.step()
    assert p.tolist() == before


def test_a_state_with_an_invalid_option_changes_nothing():
    p = minigrad.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    state = optimizer.state_dict()
    state["param_groups"][0] |= {"lr": 0.5, "first_step": "banana"}
    with pytest.raises(ValueError, match="Invalid first_step: 'banana'"):
        optimizer.load_state_dict(state)
    with pytest.raises(ValueError, match=r"no state of an optimizer: it has \['weight'\]"):
        optimizer.load_state_dict({"weight": p})
    assert optimizer.lr == 0.1


def test_hooks_get_the_arguments_of_step_and_may_change_them():
    p = minigrad.ones(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    seen = []

    def closure():
        p.grad = minigrad.ones(1)
        return 1.0

    optimizer.register_step_pre_hook(lambda own, args, kwargs: ((own, closure), {}))
    optimizer.register_step_post_hook(lambda own, args, kwargs: seen.append(args))
    assert optimizer.step() == 1.0 and p.item() == pytest.approx(0.9)
    assert seen == [(optimizer, closure)]
    optimizer.register_step_pre_hook(lambda own, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="returns None or"):
        optimizer.step()


def test_a_schedule_goes_on_where_momentum_is_switched_on():
    p = minigrad.ones(1, requires_grad=True)
    asked = []
    optimizer = optim.SGD([p], lr=lambda t: asked.append(t) or 0.1)
    for step in range(4):
        if step == 2:
            optimizer.momentum = 0.9
        p.grad = minigrad.ones(1)
        optimizer.step()
    assert [t for k, t in enumerate(asked) if asked[k - 1] != t or k == 0] == [1, 2, 3, 4]


def test_a_look_ahead_leaves_frozen_parameters_where_they_are():
    p, q = (minigrad.ones(1, requires_grad=True) for _ in range(2))
    optimizer = optim.NAG([p, q], lr=0.1, form="lookahead")
    seen = []

    def closure():
        optimizer.zero_grad()
        seen.append(q.item())
        loss = (p**2 + q**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    q.requires_grad_(False)
    frozen = q.item()
    for _ in range(3):
        optimizer.step(closure)
    assert seen[1:] == [frozen] * 3 and q.item() == frozen
