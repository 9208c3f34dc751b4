"""`Sequential`, `ModuleList`, `ModuleDict`, `ParameterList`, `ParameterDict`."""

import copy
from collections import OrderedDict

import pytest

import minigrad as mg
from minigrad import nn


def names(module):
    return [name for name, _ in module.named_children()]


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_sequential(device):
    net = nn.Sequential(nn.Linear(2, 3, device=device), nn.ReLU(), nn.Linear(3, 1, device=device))
    assert net(mg.ones(4, 2, device=device)).shape == (4, 1)
    assert len(net) == 3 and kinds(net) == ["Linear", "ReLU", "Linear"] and names(net) == ["0", "1", "2"]
    assert net[-1] is net[2] and type(net[:2]) is nn.Sequential and kinds(net[1:]) == ["ReLU", "Linear"]
    net[1] = nn.Tanh()
    assert kinds(net) == ["Linear", "Tanh", "Linear"]
    del net[0]
    assert kinds(net) == ["Tanh", "Linear"] and names(net) == ["0", "1"]
    assert net.append(nn.ReLU()) is net and net.extend([nn.ELU(), nn.Identity()]) is net
    assert kinds(net) == ["Tanh", "Linear", "ReLU", "ELU", "Identity"]
    net.insert(1, nn.GELU())
    net.insert(-1, nn.SELU())
    assert kinds(net) == ["Tanh", "GELU", "Linear", "ReLU", "ELU", "SELU", "Identity"]
    assert isinstance(net.pop(1), nn.GELU) and names(net) == ["0", "1", "2", "3", "4", "5"]
    del net[::2]
    assert kinds(net) == ["Linear", "ELU", "Identity"]
    for index in (3, -4):
        with pytest.raises(IndexError, match="out of range"):
            net[index]
    with pytest.raises(IndexError):
        net.insert(9, nn.ReLU())
    with pytest.raises(TypeError, match="Module"):
        net.append(3)
    with pytest.raises(TypeError):
        net.insert(0, "x")


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(first=nn.Linear(2, 2), second=nn.ReLU()))
    assert names(net) == ["first", "second"] and net.first is net[0]
    assert names(net[1:]) == ["second"]
    assert list(net.state_dict()) == ["first.weight", "first.bias"]
    net.add_module("third", nn.Tanh())
    assert kinds(net) == ["Linear", "ReLU", "Tanh"]


def test_sums_and_products_of_sequentials():
    a, b = nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh(), nn.ELU())
    assert kinds(a + b) == ["ReLU", "Tanh", "ELU"] and kinds(b * 2) == ["Tanh", "ELU"] * 2 == kinds(2 * b)
    a += b
    assert kinds(a) == ["ReLU", "Tanh", "ELU"]
    a *= 2
    assert len(a) == 6 and a[0] is a[3]
    with pytest.raises(ValueError, match="Sequential"):
        _ = a + 3
    for bad, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            a * bad


def test_module_list():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    layers.append(nn.Tanh()).extend([nn.ELU()])
    layers.insert(0, nn.Identity())
    assert kinds(layers) == ["Identity", "Linear", "ReLU", "Tanh", "ELU"] and len(layers) == 5
    assert names(layers) == ["0", "1", "2", "3", "4"] and layers[1] in list(layers)
    assert type(layers[1:3]) is nn.ModuleList and kinds(layers[1:3]) == ["Linear", "ReLU"]
    layers += [nn.GELU()]
    assert kinds(layers + [nn.Mish()])[-2:] == ["GELU", "Mish"]  # noqa: RUF005 (the sum is what is tested)
    assert isinstance(layers.pop(0), nn.Identity)
    del layers[1:]
    assert kinds(layers) == ["Linear"] and names(layers) == ["0"]
    assert kinds(nn.ModuleList(nn.ReLU() for _ in range(2))) == ["ReLU", "ReLU"]
    assert len(nn.ModuleList()) == 0
    with pytest.raises(TypeError):
        layers.extend(3)
    with pytest.raises(NotImplementedError):
        layers(1)
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    )


def test_module_dict():
    choices = nn.ModuleDict({"relu": nn.ReLU(), "lin": nn.Linear(1, 1)})
    choices["tanh"] = nn.Tanh()
    assert list(choices) == ["relu", "lin", "tanh"] == list(choices.keys()) and len(choices) == 3
    assert "lin" in choices and "foo" not in choices
    assert choices["lin"](mg.ones(1, 1)).shape == (1, 1)
    assert [k for k, _ in choices.items()] == ["relu", "lin", "tanh"]
    assert kinds(choices.values()) == ["ReLU", "Linear", "Tanh"]
    choices.update([("elu", nn.ELU())])
    choices.update(nn.ModuleDict({"relu": nn.ReLU6()}))
    assert list(choices) == ["relu", "lin", "tanh", "elu"] and isinstance(choices["relu"], nn.ReLU6)
    assert isinstance(choices.pop("tanh"), nn.Tanh)
    del choices["elu"]
    assert list(choices.state_dict()) == ["lin.weight", "lin.bias"]
    with pytest.raises(KeyError):
        choices["elu"]
    with pytest.raises(KeyError, match="already exists"):
        choices["keys"] = nn.ReLU()
    with pytest.raises(ValueError, match="entry 0 has 3 parts"):
        choices.update([(1, 2, 3)])
    choices.clear()
    assert len(choices) == 0 and not list(choices.parameters())


def test_parameter_list(device):
    params = nn.ParameterList([nn.Parameter(mg.ones(2, device=device)), mg.zeros(2, 3, device=device)])
    params.append(mg.ones(1, device=device))
    assert len(params) == 3 and all(isinstance(p, nn.Parameter) for p in params)
    assert [name for name, _ in params.named_parameters()] == ["0", "1", "2"]
    assert params[-1] is params[2] and isinstance(params[:2], nn.ParameterList) and len(params[:2]) == 2
    params[0] = mg.zeros(4, device=device)
    assert params[0].shape == (4,)
    params += [mg.ones(2, device=device)]
    assert len(params) == 4
    sum(p.sum() for p in params).backward()
    assert all(p.grad is not None for p in params)
    for bad in (lambda: params[4], lambda: params[-5]):
        with pytest.raises(IndexError):
            bad()
    with pytest.raises(TypeError):
        params.extend(mg.ones(2))
    with pytest.raises(TypeError):
        params.extend(3)
    twin = copy.deepcopy(params)
    assert len(twin) == 4 and twin[0] is not params[0]


def test_parameter_dict():
    params = nn.ParameterDict({"left": nn.Parameter(mg.ones(2)), "right": mg.zeros(3)})
    params["number"] = 3
    assert list(params) == ["left", "right", "number"] and params["number"] == 3
    assert list(params.state_dict()) == ["left", "right"] and isinstance(params["right"], nn.Parameter)
    assert "left" in params and params.get("foo", 7) == 7 and len(params) == 3
    assert params.pop("number") == 3 and params.setdefault("bias", mg.ones(1)).shape == (1,)
    assert list(params.keys()) == ["left", "right", "bias"] and len(params.values()) == 3
    assert list(reversed(params)) == ["bias", "right", "left"]
    joined = params | nn.ParameterDict({"new": mg.ones(1)})
    assert list(joined) == ["left", "right", "bias", "new"] and joined["left"] is params["left"]
    params |= {"right": mg.ones(5)}
    assert params["right"].shape == (5,)
    assert params.popitem()[0] == "bias"
    del params["left"]
    assert [key for key, _ in params.items()] == ["right"] and params.copy()["right"] is params["right"]
    assert list(params.fromkeys(["a", "b"])) == ["a", "b"]
    params.clear()
    assert len(params) == 0
    with pytest.raises(KeyError, match="already exists"):
        params["keys"] = mg.ones(1)
    with pytest.raises(TypeError, match="are str"):
        params[3] = mg.ones(1)
    with pytest.raises(KeyError):
        params["left"]
