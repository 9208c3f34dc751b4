"""Hooks of modules."""

import copy
import pickle

import pytest

import minigrad as mg
from minigrad import nn


def double_arguments(module, args):
    return args[0] * 2


def test_forward_pre_hooks(device):
    layer = nn.Identity()
    x = mg.ones(2, device=device)
    handle = layer.register_forward_pre_hook(double_arguments)
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    assert layer(x).tolist() == [3.0, 3.0]
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,), prepend=True)
    assert layer(x).tolist() == [21.0, 21.0]
    handle.remove()
    assert layer(x).tolist() == [11.0, 11.0]


def test_forward_hooks(device):
    layer = nn.Identity()
    seen = []
    with layer.register_forward_hook(lambda module, args, output: seen.append((module, args, output))):
        x = mg.ones(2, device=device)
        assert layer(x) is x
    assert seen[0][0] is layer and seen[0][1] == (x,) and seen[0][2] is x
    layer.register_forward_hook(lambda module, args, output: output * 3)
    assert layer(x).tolist() == [3.0, 3.0] and len(seen) == 1


def test_hooks_with_keywords():
    class Scale(nn.Module):
        def forward(self, x, *, by=1):
            return x * by

    layer = Scale()
    layer.register_forward_pre_hook(lambda m, args, kw: (args, {"by": kw["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kw, out: out + kw["by"], with_kwargs=True)
    assert layer(mg.ones(1), by=4).item() == 10.0
    layer.register_forward_pre_hook(lambda m, args, kw: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"pair \(args, kwargs\)"):
        layer(mg.ones(1), by=4)


def test_a_hook_that_is_always_called():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    layer, calls = Failing(), []
    layer.register_forward_hook(lambda m, args, out: calls.append("plain"))
    layer.register_forward_hook(lambda m, args, out: calls.append(out), always_call=True)
    with pytest.raises(ValueError, match="no"):
        layer(mg.ones(1))
    assert calls == [None]


def test_full_backward_hook(device):
    layer = nn.Linear(2, 1, device=device)
    with mg.no_grad():
        layer.weight.copy_(mg.tensor([[2.0, 3.0]]))
    seen = []
    handle = layer.register_full_backward_hook(lambda m, gi, go: seen.append((m, gi, go)))
    x = mg.ones(1, 2, device=device, requires_grad=True)
    (layer(x) * 5).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is layer
    assert grad_input[0].tolist() == [[10.0, 15.0]] and grad_output[0].tolist() == [[5.0]]
    assert x.grad.tolist() == [[10.0, 15.0]] and layer.weight.grad.tolist() == [[5.0, 5.0]]
    handle.remove()
    layer(x).sum().backward()
    assert len(seen) == 1


def test_backward_hooks_replace_gradients(device):
    layer = nn.Identity()
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] + 1,))
    layer.register_full_backward_hook(lambda m, gi, go: gi[0] * 10)
    x = mg.ones(2, device=device, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="returned 2 gradients, expected 1"):
        layer(x).sum().backward()


def test_backward_hook_of_a_first_layer():
    layer = nn.Linear(2, 1)
    seen = []
    handle = layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    layer(mg.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]
    handle.remove()
    layer.register_full_backward_hook(lambda m, gi, go: (go[0],))
    with pytest.raises(RuntimeError, match="require no gradient"):
        layer(mg.ones(1, 2)).sum().backward()


def test_backward_hook_with_several_inputs_and_outputs():
    class Mixed(nn.Module):
        def forward(self, x, n, y):
            return x * n, "label", y + x

    layer, seen = Mixed(), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x, y = mg.ones(1, requires_grad=True), mg.ones(1)
    a, label, b = layer(x, 3, y)
    assert label == "label"
    (a * 2 + b).sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_input[0].item() == 7.0 and grad_input[1:] == (None, None)
    assert grad_output[0].item() == 2.0 and grad_output[1] is None and grad_output[2].item() == 1.0


def test_backward_hooks_see_nothing_without_gradients():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(gi))
    with mg.no_grad():
        assert not layer(mg.ones(1, 2)).requires_grad
    layer.requires_grad_(False)
    layer(mg.ones(1, 2))
    assert seen == []


def test_backward_hooks_need_a_tensor_as_output():
    class Wrapped(nn.Module):
        def forward(self, x):
            return {"x": x}

    layer = Wrapped()
    layer.register_full_backward_hook(lambda m, gi, go: None)
    with pytest.warns(UserWarning, match="type dict"):
        layer(mg.ones(1, requires_grad=True))


def test_backward_hooks_hold_no_cycles(device):
    import gc
    import weakref

    layer = nn.Linear(2, 2, device=device)
    layer.register_full_backward_hook(lambda m, gi, go: None)
    gc.disable()
    try:
        x = mg.ones(1, 2, device=device, requires_grad=True)
        y = layer(x).sum()
        y.backward()
        gone = weakref.ref(x)
        del x, y
        assert gone() is None
    finally:
        gc.enable()


def test_copies_keep_hooks():
    layer = nn.Identity()
    layer.register_forward_pre_hook(double_arguments)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin(mg.ones(1)).item() == 2.0
