"""`state_dict` and `load_state_dict`."""

from collections import OrderedDict

import pytest
from nets import Net, Tied, same

import minigrad as mg
from minigrad import nn


def test_keys_values_and_metadata(device):
    net = Net(device)
    state = net.state_dict()
    assert type(state) is OrderedDict
    assert list(state) == ["offset", "scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert list(state._metadata.items()) == [("", {"version": 1}), ("hidden", {"version": 1}), ("out", {"version": 1})]
    assert not any(v.requires_grad for v in state.values()) and type(state["offset"]) is mg.Tensor
    state["offset"].fill_(3.0)  # memory is shared
    assert net.offset.tolist() == [3.0, 3.0]
    kept = net.state_dict(prefix="net.", keep_vars=True)
    assert kept["net.offset"] is net.offset and kept["net.out.bias"] is net.out.bias
    mine = {}
    assert net.state_dict(destination=mine) is mine and len(mine) == 6


def test_round_trip(device):
    first, second = Net(device), Net(device)
    objects = list(second.parameters())
    arrays = [p.array for p in objects]
    result = second.load_state_dict(first.state_dict())
    assert result.missing_keys == [] and result.unexpected_keys == []
    missing, unexpected = result
    assert repr(result) == "<All keys matched successfully>" and missing == unexpected == []
    for key, value in first.state_dict().items():
        assert same(value, second.state_dict()[key])
    assert all(p is q for p, q in zip(second.parameters(), objects, strict=True))
    assert all(p.array is a for p, a in zip(second.parameters(), arrays, strict=True))  # copied in place
    assert all(p.requires_grad for p in second.parameters())


def test_loading_counts_as_a_change():
    layer = nn.Linear(2, 2)
    x = mg.ones(1, 2, requires_grad=True)
    y = layer(x)
    layer.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="changed"):
        y.sum().backward()


def test_loading_from_another_device_and_dtype(device):
    state = {key: v.double() for key, v in Net().state_dict().items()}
    net = Net(device)
    net.load_state_dict(state)
    assert net.offset.dtype == mg.float32 and net.offset.device.type == device
    assert mg.allclose(net.hidden.weight.cpu(), state["hidden.weight"].float())


def test_loading_arrays():
    state = {key: v.numpy() for key, v in nn.Linear(2, 3).state_dict().items()}
    layer = nn.Linear(2, 3)
    layer.load_state_dict(state)
    assert layer.weight.tolist() == state["weight"].tolist()


def test_all_that_does_not_fit_in_one_message():
    state = {"weight": mg.ones(4, 5), "more": mg.ones(1), "deep.er": mg.ones(1)}
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(2, 3).load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Linear:\n"
        '\tMissing key(s) in state_dict: "bias".\n'
        '\tUnexpected key(s) in state_dict: "more", "deep.er".\n'
        "\tsize mismatch for weight: copying a tensor of shape (4, 5) from the state dict, "
        "the shape in the current model is (3, 2)."
    )
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        nn.Linear(2, 3).load_state_dict(state, strict=False)
    with pytest.raises(RuntimeError, match="bias: expected a Tensor in the state dict, got int"):
        nn.Linear(2, 3).load_state_dict({"weight": mg.ones(3, 2), "bias": 3})
    with pytest.raises(TypeError, match="takes a dictionary, got list"):
        nn.Linear(2, 3).load_state_dict([1])


def test_not_strict():
    net = Net()
    result = net.load_state_dict({"offset": mg.ones(2), "hiden.bias": mg.ones(4)}, strict=False)
    assert net.offset.tolist() == [1.0, 1.0]
    assert result.missing_keys == ["scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert result.unexpected_keys == ["hiden.bias"]
    assert "hiden.bias" in repr(result)


def test_a_buffer_that_is_not_persistent_is_no_key():
    net = Net()
    state = net.state_dict()
    state["scratch"] = mg.ones(3)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"scratch"'):
        net.load_state_dict(state)


def test_assign():
    layer = nn.Linear(2, 3)
    layer.bias.requires_grad_(False)
    state = {"weight": mg.ones(3, 2, dtype=mg.float64), "bias": mg.zeros(3)}
    layer.load_state_dict(state, assign=True)
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.dtype == mg.float64
    assert layer.weight.array is state["weight"].array
    assert layer.weight.requires_grad and not layer.bias.requires_grad


def test_tied_weights_stay_tied(device):
    first, second = Tied(device), Tied(device)
    second.load_state_dict(first.state_dict())
    assert second.decoder.weight is second.encoder.weight
    assert same(second.decoder.weight, first.encoder.weight)


def test_extra_state():
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    first, second = nn.Sequential(Counter()), nn.Sequential(Counter())
    first[0].count = 7
    assert list(first.state_dict()) == ["0._extra_state"]
    second.load_state_dict(first.state_dict())
    assert second[0].count == 7
    with pytest.raises(RuntimeError, match=r"Missing.*0._extra_state"):
        second.load_state_dict({})


def test_hooks_around_saving_and_loading():
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    calls = []

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        state[prefix + "weight"] = state.pop(prefix + "w")

    handles = [
        net.register_state_dict_pre_hook(lambda module, prefix, keep: calls.append(("pre", prefix, keep))),
        net[0].register_state_dict_post_hook(
            lambda module, state, prefix, metadata: state.update(w=state.pop(prefix + "weight"))
        ),
        net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear()),
    ]
    assert list(net.state_dict()) == ["w"] and calls == [("pre", "", False)]
    assert net.load_state_dict({}).missing_keys == []
    for handle in handles:
        handle.remove()
    assert list(net.state_dict()) == ["0.weight"]
    state = {"0.w": mg.ones(2, 2)}
    with pytest.raises(RuntimeError):
        net.load_state_dict(state)
    net[0].register_load_state_dict_pre_hook(rename)
    net.load_state_dict(state)
    assert net[0].weight.tolist() == [[1.0, 1.0], [1.0, 1.0]] and list(state) == ["0.w"]


def test_a_layer_may_read_an_older_layout():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            if prefix + "kernel" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "kernel")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    net = nn.Sequential(Renamed(1, 1))
    # the parent has seen the old key; the child takes it for its own
    result = net.load_state_dict({"0.kernel": mg.full((1, 1), 4.0), "0.bias": mg.zeros(1)})
    assert net[0].weight.item() == 4.0 and result.unexpected_keys == []
