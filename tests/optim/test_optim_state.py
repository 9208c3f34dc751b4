"""State of an optimizer: its dict, loading it, copying and pickling it, and putting other state in its place."""

from __future__ import annotations

import collections
import copy
import pickle

import numpy as np
import pytest
from optim_helpers import KINDS, give_gradients, parameters, same_bits, values

import minigrad
from minigrad import optim

# what PyTorch 2.13 has in the state of each parameter after a step
ENTRIES = {
    "sgd": None,
    "sgd-momentum": ["momentum_buffer"],
    "sgd-nesterov": ["momentum_buffer"],
    "momentum": ["velocity"],  # not in PyTorch
    "nag": ["velocity"],  # not in PyTorch
    "adagrad": ["step", "sum"],
    "rmsprop": ["square_avg", "step"],
    "rmsprop-momentum": ["momentum_buffer", "square_avg", "step"],
    "rmsprop-centered": ["grad_avg", "square_avg", "step", "variance"],  # the variance is minigrad's
    "sgd-inside": ["momentum_buffer"],
    "momentum-outside": ["velocity"],
    "nag-new": ["velocity"],
    "rmsprop-inside": ["momentum_buffer", "square_avg", "step"],
    "rmsprop-textbook": ["grad_avg", "momentum_buffer", "square_avg", "step"],
    "rmsprop-corrected": ["square_avg", "step"],
    "adam": ["exp_avg", "exp_avg_sq", "step"],
    "adam-amsgrad": ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step"],
    "adamw": ["exp_avg", "exp_avg_sq", "step"],
    "adamax": ["exp_avg", "exp_inf", "step"],
    "adamax-outside": ["exp_avg", "exp_inf", "step"],
    "nadam": ["exp_avg", "exp_avg_sq", "mu_product", "step"],
    "radam": ["exp_avg", "exp_avg_sq", "step"],
    "adadelta": ["acc_delta", "square_avg", "step"],
    "rprop": ["prev", "step", "step_size"],
    "asgd": ["ax", "eta", "mu", "step"],
    "lion": ["exp_avg"],  # not in PyTorch
    "smorms3": ["grad_avg", "memory", "square_avg"],  # not in PyTorch
}
NUMBERS = ("mu_product", "eta", "mu")  # of a parameter, not of its elements


def stepped(kind, device="cpu", steps=3, **kw):
    params = parameters(device)
    optimizer = KINDS[kind](params, **kw)
    for step in range(steps):
        give_gradients(params, step, without=(1,) if step else ())
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize("kind", KINDS)
def test_structure(kind, device):
    params, optimizer = stepped(kind, device)
    saved = optimizer.state_dict()
    assert set(saved) == {"state", "param_groups"}
    assert saved["param_groups"][0]["params"] == list(range(len(params)))
    assert saved["param_groups"][0]["lr"] == 0.1
    if ENTRIES[kind] is None:
        assert saved["state"] == {}
        return
    assert list(saved["state"]) == list(range(len(params)))
    for number, entries in saved["state"].items():
        assert sorted(entries) == ENTRIES[kind]
        for name, entry in entries.items():
            if name == "step":
                assert entry.dtype == minigrad.float32 and entry.shape == () and entry.device.type == "cpu"
                assert entry.item() == (1 if number == 1 else 3)
            elif name in NUMBERS:
                assert entry.shape == () and entry.device.type == "cpu"
            else:
                assert entry.shape == params[number].shape and entry.dtype == params[number].dtype


def test_parameters_are_numbered_across_groups_and_those_without_a_step_have_no_state():
    a, b, c = (minigrad.ones(2, requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": [a, b]}, {"params": [c], "lr": 0.5}], lr=0.1, momentum=0.9)
    assert optimizer.state_dict()["state"] == {}
    a.grad, c.grad = minigrad.ones_like(a), minigrad.ones_like(c)
    optimizer.step()
    saved = optimizer.state_dict()
    assert list(saved["state"]) == [0, 2]
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert [group["lr"] for group in saved["param_groups"]] == [0.1, 0.5]


@pytest.mark.parametrize("kind", KINDS)
def test_loaded_it_goes_on_to_the_same_bits(kind, device):
    params, optimizer = stepped(kind, device)
    saved = copy.deepcopy(optimizer.state_dict())
    others = [p.detach().clone().requires_grad_() for p in params]
    fresh = KINDS[kind](others)
    give_gradients(others, 7)  # it has lived a little before
    fresh.step()
    for p, q in zip(params, others):
        q.data = p.detach().clone()
    fresh.load_state_dict(saved)
    for step in range(3, 6):
        for some, one in ((params, optimizer), (others, fresh)):
            give_gradients(some, step)
            one.step()
    assert same_bits(params, others)


def test_loading_takes_over_options_and_copies_tensors():
    _, optimizer = stepped("rmsprop-momentum")
    optimizer.param_groups[0]["initial_lr"] = 0.7  # as a schedule leaves it
    optimizer.param_groups[0]["betas"] = [0.5, 0.9]
    saved = optimizer.state_dict()
    fresh = optim.RMSprop(parameters(), lr=1.0)
    fresh.load_state_dict(saved)
    group = fresh.param_groups[0]
    assert (group["lr"], group["momentum"], group["initial_lr"]) == (0.1, 0.9, 0.7)
    saved["param_groups"][0]["betas"][0] = 0.0
    assert group["betas"] == [0.5, 0.9]
    saved["state"][0]["square_avg"].zero_()
    assert values(fresh.state[fresh.param_groups[0]["params"][0]]["square_avg"]).any()


def test_numpy_arrays_serve_as_state_and_dtypes_follow_the_parameter(device):
    params, optimizer = stepped("sgd-momentum", device)
    saved = optimizer.state_dict()
    saved["state"] = {n: {k: values(v).astype(np.float64) for k, v in e.items()} for n, e in saved["state"].items()}
    fresh = KINDS["sgd-momentum"](params)
    fresh.load_state_dict(saved)
    for p in params:
        entry = fresh.state[p]["momentum_buffer"]
        assert entry.dtype == minigrad.float32 and entry.device == p.device
        np.testing.assert_array_equal(values(entry), values(optimizer.state[p]["momentum_buffer"]))


def test_what_does_not_fit_is_refused_and_changes_nothing():
    _, optimizer = stepped("sgd-momentum")
    good = optimizer.state_dict()
    other = KINDS["sgd-momentum"](parameters())

    def changed(**kw):
        saved = copy.deepcopy(good)
        saved["param_groups"][0]["lr"] = 5.0
        saved.update(kw)
        return saved

    two_groups = good["param_groups"] * 2
    fewer = [{**good["param_groups"][0], "params": [0, 1]}]
    wrong_shape = {**good["state"], 3: {"momentum_buffer": minigrad.zeros(9)}}
    unknown = {**good["state"], 77: {"momentum_buffer": minigrad.zeros(3)}}
    for saved, message in [
        (changed(param_groups=two_groups), "2 parameter groups, the optimizer 1"),
        (changed(param_groups=fewer), "has 2 parameters, the optimizer's 6"),
        (changed(state=wrong_shape), r"'momentum_buffer' has shape \(9,\), its parameter \(2, 1, 3\)"),
        (changed(state=unknown), r"parameters \[77\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(saved)
        assert other.param_groups[0]["lr"] == 0.1 and not other.state


def test_a_buffer_that_pytorch_has_not_begun_is_begun_by_the_first_step():
    """PyTorch saves {"momentum_buffer": None} for it; the first step is then without dampening."""
    p = minigrad.zeros(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0, momentum=0.9, dampening=0.5)
    saved = optimizer.state_dict()
    saved["state"] = {0: {"momentum_buffer": None}}
    optimizer.load_state_dict(saved)
    for expected in (-1.0, -1.0 - (0.9 + 0.5)):
        p.grad = minigrad.ones_like(p)
        optimizer.step()
        assert p.item() == pytest.approx(expected)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("kind", KINDS)
def test_model_and_optimizer_copied_together_stay_together(kind, copier, device):
    params, optimizer = stepped(kind, device)
    model, twin = copier(({"params": params}, optimizer))
    assert all(p is q for p, q in zip(model["params"], twin.param_groups[0]["params"]))
    before = [values(p) for p in params]
    give_gradients(model["params"], 5)
    twin.step()
    for p, b in zip(params, before):
        np.testing.assert_array_equal(values(p), b)  # the original is apart
    give_gradients(params, 5)
    optimizer.step()
    assert same_bits(params, model["params"])


def test_a_copy_has_no_hooks_and_keeps_other_attributes():
    _, optimizer = stepped("sgd")
    seen = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    optimizer.note = "mine"
    twin = copy.deepcopy(optimizer)
    twin.step()
    assert seen == [] and twin.note == "mine"


@pytest.mark.parametrize("kind", ["sgd-momentum", "adagrad", "rmsprop-centered"])
@pytest.mark.parametrize("how", ["pop", "clear", "a dict", "a defaultdict", "clear one"])
def test_state_forgotten_by_hand_starts_anew(how, kind, device):
    params, optimizer = stepped(kind, device)
    if how == "pop":
        for p in params:
            optimizer.state.pop(p)
    elif how == "clear":
        optimizer.state.clear()
    elif how == "a defaultdict":
        optimizer.state = collections.defaultdict(dict)
    else:
        for p in params:
            if how == "a dict":
                optimizer.state[p] = {}
            else:
                optimizer.state[p].clear()
    others = [p.detach().clone().requires_grad_() for p in params]
    fresh = KINDS[kind](others)
    for step in range(3):
        for some, one in ((params, optimizer), (others, fresh)):
            give_gradients(some, step)
            one.step()
    assert same_bits(params, others)


def test_state_set_by_hand_is_used(device):
    params = parameters(device, [(2,), (3,)])
    optimizer = optim.SGD(params, lr=1.0, momentum=0.5)
    give_gradients(params, 0)
    optimizer.step()
    for change in ("entry", "in place", "data"):
        for p in params:
            buffer = minigrad.full_like(p.detach(), 8.0)
            if change == "entry":
                optimizer.state[p]["momentum_buffer"] = buffer
            elif change == "in place":
                optimizer.state[p]["momentum_buffer"].fill_(8.0)
            else:
                optimizer.state[p]["momentum_buffer"].data = buffer
            p.grad = minigrad.zeros_like(p)
        before = [values(p) for p in params]
        optimizer.step()
        for p, b in zip(params, before):
            np.testing.assert_allclose(values(p), b - 4.0, rtol=1e-6)


def test_a_group_taken_away_leaves_no_state_behind_in_the_dict():
    a, b = minigrad.ones(2, requires_grad=True), minigrad.ones(3, requires_grad=True)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1, momentum=0.9)
    a.grad, b.grad = minigrad.ones_like(a), minigrad.ones_like(b)
    optimizer.step()
    del optimizer.param_groups[0]
    optimizer.step()
    assert list(optimizer.state_dict()["state"]) == [0]
    assert optimizer.state_dict()["state"][0]["momentum_buffer"].shape == (3,)
