"""`nn.Module`: registration, walking, modes, moving, printing, copying."""

import copy
import gc
import pickle
import weakref

import pytest
from nets import Net, Tied, same

import minigrad as mg
from minigrad import nn

# -- registration


def test_registers_in_the_order_of_assignment(device):
    net = Net(device)
    assert [name for name, _ in net.named_parameters()] == [
        "offset", "hidden.weight", "hidden.bias", "out.weight", "out.bias",
    ]  # fmt: skip
    assert [name for name, _ in net.named_buffers()] == ["scale", "scratch"]
    assert [name for name, _ in net.named_children()] == ["hidden", "out"]
    assert [name for name, _ in net.named_modules()] == ["", "hidden", "out"]
    assert list(net.named_parameters(prefix="net", recurse=False)) == [("net.offset", net.offset)]
    assert list(net.modules()) == [net, net.hidden, net.out]
    assert [tuple(p.shape) for p in net.parameters()] == [(2,), (4, 3), (4,), (2, 4), (2,)]


def test_registered_attributes_are_ordinary_ones():
    net = Net()
    assert net.__dict__["offset"] is net.offset is net._parameters["offset"]
    assert list(net._modules) == ["hidden", "out"] and len(net._buffers) == 2
    net._parameters["extra"] = nn.Parameter(mg.ones(1))
    assert net.extra is dict(net.named_parameters())["extra"]
    del net._parameters["extra"]
    assert not hasattr(net, "extra")


def test_a_missing_attribute_is_named():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'hiden'"):
        _ = Net().hiden


def test_forgotten_super_init():
    class Layer(nn.Module):
        def __init__(self, value):
            self.value = value

    for value in (nn.Linear(1, 1), nn.Parameter(mg.ones(1)), nn.Buffer(mg.ones(1))):
        with pytest.raises(AttributeError, match=r"Layer.__init__\(\) must call super\(\).__init__\(\)"):
            Layer(value)
    plain = Layer(3)
    with pytest.raises(AttributeError, match=r"must call super\(\).__init__\(\)"):
        list(plain.parameters())
    with pytest.raises(AttributeError, match=r"must call super\(\).__init__\(\)"):
        plain.register_buffer("b", mg.ones(1))


def test_a_registered_name_keeps_its_kind():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign a Tensor as parameter 'offset'"):
        net.offset = mg.ones(2)
    with pytest.raises(TypeError, match="cannot assign a int as child 'out'"):
        net.out = 3
    with pytest.raises(TypeError, match="cannot assign a list as buffer 'scale'"):
        net.scale = [1.0]
    net.scale = mg.ones(1)
    assert "scale" in dict(net.named_buffers())
    net.offset = None
    assert "offset" not in dict(net.named_parameters()) and net._parameters["offset"] is None
    net.offset = nn.Parameter(mg.ones(2))
    assert next(net.named_parameters())[0] == "offset"
    net.out = None
    assert [name for name, _ in net.named_children()] == ["hidden"]


def test_an_attribute_changes_its_kind_by_assignment_of_a_registered_one():
    net = Net()
    net.scale = nn.Parameter(mg.ones(1))
    assert "scale" in net._parameters and "scale" not in net._buffers
    net.offset = nn.Linear(1, 1)
    assert "offset" in net._modules and "offset" not in net._parameters
    net.plain = 3
    net.plain = nn.Parameter(mg.ones(1))
    assert "plain" in net._parameters


def test_deleting():
    net = Net()
    del net.offset, net.scale, net.out
    assert [name for name, _ in net.named_parameters()] == ["hidden.weight", "hidden.bias"]
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias"]
    with pytest.raises(AttributeError):
        _ = net.offset
    net.offset = 3  # now an ordinary attribute
    assert net.offset == 3


def test_register_by_name():
    net = Net()
    net.register_parameter("nothing", None)
    assert net.nothing is None and "nothing" not in dict(net.named_parameters())
    net.add_module("more", nn.Identity())
    net.register_module("most", nn.Identity())
    assert [name for name, _ in net.named_children()][-2:] == ["more", "most"]
    with pytest.raises(KeyError, match="already exists"):
        net.register_parameter("forward", nn.Parameter(mg.ones(1)))
    with pytest.raises(KeyError, match="already exists"):
        net.add_module("scale", nn.Identity())
    for bad in ("a.b", ""):
        with pytest.raises(KeyError, match="cannot be empty or contain"):
            net.add_module(bad, nn.Identity())
    with pytest.raises(TypeError, match="must be a str"):
        net.register_buffer(3, mg.ones(1))
    with pytest.raises(TypeError, match="expected a Tensor"):
        net.register_buffer("b", 3.0)
    with pytest.raises(TypeError, match="expected a Parameter"):
        net.register_parameter("p", mg.ones(1))
    with pytest.raises(TypeError, match=r"expected an nn.Module"):
        net.add_module("m", mg.ones(1))


def test_lists_of_layers_are_not_registered():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 2)]

    assert list(Hidden().parameters()) == []


def test_shared_parameters_count_once(device):
    tied = Tied(device)
    assert [name for name, _ in tied.named_parameters()] == ["encoder.weight"]
    assert [name for name, _ in tied.named_parameters(remove_duplicate=False)] == [
        "encoder.weight",
        "decoder.weight",
    ]
    layer = nn.Linear(2, 2, device=device)
    twice = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(twice.parameters())) == 2 and len(list(twice.children())) == 2
    assert [name for name, _ in twice.named_modules(remove_duplicate=False)] == ["", "0", "1", "2"]
    assert list(twice.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_getting_and_setting_by_dotted_names():
    net = nn.Sequential(Net(), nn.ReLU())
    assert net.get_submodule("0.hidden") is net[0].hidden and net.get_submodule("") is net
    assert net.get_parameter("0.hidden.bias") is net[0].hidden.bias
    assert net.get_buffer("0.scale") is net[0].scale
    for call in (
        lambda: net.get_submodule("0.hiden"),
        lambda: net.get_submodule("0.scale"),
        lambda: net.get_parameter("0.scale"),
        lambda: net.get_buffer("0.offset"),
    ):
        with pytest.raises(AttributeError, match="Net has"):
            call()
    net.set_submodule("0.hidden", nn.Identity())
    assert isinstance(net[0].hidden, nn.Identity)
    with pytest.raises(AttributeError):
        net.set_submodule("0.offset", nn.Identity())
    with pytest.raises(AttributeError):
        net.set_submodule("0.new", nn.Identity(), strict=True)


# -- modes


def test_train_and_eval_reach_all_modules():
    net = nn.Sequential(Net(), nn.Dropout())
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert net.train() is net and all(m.training for m in net.modules())
    net[1].training = False  # by hand, for one module
    assert net.training and not net[1].training
    with pytest.raises(ValueError, match="True or False"):
        net.train("yes")


def test_train_may_be_overridden_below():
    class Frozen(nn.Module):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(Frozen(), nn.ReLU()).train()
    assert not net[0].training and net[1].training


def test_requires_grad_and_zero_grad(device):
    net = Net(device)
    net(mg.ones(2, 3, device=device)).sum().backward()
    grad = net.offset.grad
    assert grad.tolist() == [2.0, 2.0]
    net.zero_grad(set_to_none=False)
    assert net.offset.grad is grad and grad.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net and not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    assert all(p.requires_grad for p in net.parameters())


def test_a_model_may_define_parameters_itself():
    class OneOf(Net):
        def parameters(self):
            return [self.offset]

    net = OneOf()
    net(mg.ones(1, 3)).sum().backward()
    net.zero_grad()
    assert net.offset.grad is None and net.out.bias.grad is not None


def test_apply_goes_from_the_leaves_up():
    seen = []
    net = Net()
    assert net.apply(seen.append) is net
    assert seen == [net.hidden, net.out, net]


def test_call_may_be_overridden():
    class Own(nn.Module):
        def __call__(self, x):
            self.out = self.forward(x)
            return self.out

        def forward(self, x):
            return x + 1

    layer = Own()
    assert layer(mg.ones(1)).item() == 2 and layer.out.item() == 2


def test_a_wrapper_may_pass_attributes_on():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

    assert Wrapper(nn.Linear(2, 3)).out_features == 3


def test_modules_are_freed_without_the_garbage_collector(device):
    gc.disable()
    try:
        net = nn.Sequential(Net(device), nn.ReLU())
        net[0].register_forward_hook(lambda module, args, output: None)
        net(mg.ones(1, 3, device=device)).sum().backward()
        gone = weakref.ref(net[0].hidden.weight)
        del net
        assert gone() is None
    finally:
        gc.enable()


def test_forward_is_required():
    with pytest.raises(NotImplementedError, match="has no forward"):
        nn.Module()(1)


# -- moving


def test_moving_keeps_the_parameter_objects(device):
    net = Net()
    net(mg.ones(1, 3)).sum().backward()
    before = list(net.parameters())
    grads = [p.grad for p in before]
    assert net.to(device) is net
    for p, old, g in zip(net.parameters(), before, grads, strict=True):
        assert p is old and p.grad is g and p.device.type == g.device.type == device
    assert net.scale.device.type == net.scratch.device.type == device
    net(mg.ones(1, 3, device=device)).sum().backward()
    assert net.offset.grad.tolist() == [2.0, 2.0]
    assert net.cpu().offset.device.type == "cpu"
    if device == "cuda":
        assert net.cuda().offset.is_cuda and net.offset.grad.is_cuda


def test_conversion_of_dtypes(device):
    net = Net(device)
    net.register_buffer("count", mg.tensor(3, device=device))
    weight = net.hidden.weight
    assert net.double() is net
    assert net.hidden.weight is weight and weight.dtype == mg.float64 == net.scale.dtype
    assert net.count.dtype == mg.int64
    assert net.to(mg.float32).scale.dtype == mg.float32
    assert net.half().scale.dtype == mg.float16
    assert net.float().scale.dtype == mg.float32
    assert net.to(mg.ones(1, dtype=mg.float64, device=device)).scale.dtype == mg.float64
    assert net.type(mg.float32).count.dtype == mg.float32
    with pytest.raises(TypeError, match="floating point dtypes only"):
        net.to(mg.int64)


def test_moving_nothing_keeps_the_arrays():
    net = Net()
    arrays = [p.array for p in net.parameters()]
    net.to("cpu").float()
    assert all(p.array is a for p, a in zip(net.parameters(), arrays, strict=True))


def test_to_empty(device):
    net = Net().to_empty(device=device)
    assert all(t.device.type == device for t in (*net.parameters(), *net.buffers()))


# -- printing


def test_repr():
    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))
            self.none = nn.Sequential()

        def extra_repr(self):
            return "one,\ntwo"

    assert repr(Other()) == (
        "Other(\n"
        "  one,\n"
        "  two\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): Sequential(\n"
        "      (0): ReLU()\n"
        "    )\n"
        "  )\n"
        "  (none): Sequential()\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"


def test_dir_has_the_registered_names_that_can_be_written():
    names = dir(nn.Sequential(Net()))
    assert "0" not in names and "forward" in names
    assert {"offset", "scale", "hidden"} <= set(dir(Net()))


# -- copying


def test_deepcopy_keeps_aliases(device):
    tied = Tied(device)
    tied(mg.tensor([1, 2], device=device)).sum().backward()
    twin = copy.deepcopy(tied)
    assert twin.decoder.weight is twin.encoder.weight is not tied.encoder.weight
    assert isinstance(twin.encoder.weight, nn.Parameter) and twin.encoder.weight.device.type == device
    assert same(twin.encoder.weight, tied.encoder.weight) and twin.encoder.weight.requires_grad
    assert twin.encoder.weight.grad is None
    with mg.no_grad():
        twin.encoder.weight.zero_()
    assert tied.encoder.weight.abs().sum().item() > 0
    x = mg.tensor([0, 3], device=device)
    assert (twin(x) == 0).all().item() and not (tied(x) == 0).all().item()


def test_pickle_keeps_aliases(device):
    tied = Tied(device).eval()
    tied.encoder.weight.requires_grad_(False)
    twin = pickle.loads(pickle.dumps(tied))
    assert twin.decoder.weight is twin.encoder.weight and not twin.training
    assert not twin.encoder.weight.requires_grad and same(twin.encoder.weight, tied.encoder.weight)
    assert list(twin.state_dict()) == list(tied.state_dict())
    net = pickle.loads(pickle.dumps(Net(device)))
    assert list(net.state_dict()) == ["offset", "scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"]


def test_a_shallow_copy_shares_values_but_not_registration():
    net = Net()
    twin = copy.copy(net)
    twin.extra = nn.Parameter(mg.ones(1))
    del twin.offset
    assert twin.hidden is net.hidden
    assert "extra" not in dict(net.named_parameters()) and "offset" in dict(net.named_parameters())
