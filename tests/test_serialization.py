"""`minigrad.save` and `minigrad.load`: what goes in comes out, and files are whole or clearly refused."""

from __future__ import annotations

import io
import math
import pickle
import random
import zipfile
from collections import OrderedDict, namedtuple
from enum import IntEnum

import numpy as np
import pytest
import safetensors.numpy

import minigrad
from minigrad.serialization import load, packing, save

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "uint16", "uint32", "uint64",
]  # fmt: skip


def round_trip(obj, **options):
    file = io.BytesIO()
    save(obj, file)
    file.seek(0)
    return load(file, **options)


def same(a, b):
    """Equal in type and value, tensors and arrays to the bit."""
    if isinstance(a, minigrad.Tensor):
        return type(a) is type(b) and same(a.detach().cpu().numpy(), b.detach().cpu().numpy()) and (
            a.requires_grad == b.requires_grad and a.device == b.device
        )
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(x, y) for x, y in zip(a.values(), b.values()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if a != a:
        return bool(b != b)
    return a == b and (not isinstance(a, float) or str(a) == str(b))  # 0.0 is not -0.0


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**63, -(2**64) - 1, 10**5000, 1.5, -0.0, 5e-324, 1.7976931348623157e308,
        math.inf, -math.inf, math.nan, "", "text", "é\n\0\U0001f600", "\ud800", b"", b"\x00\xff" * 9,
        [], {}, (), [[], [[]]], ((),), {"a": {"b": {"c": [1, (2, 3)]}}}, {1: "a", (1, "b"): 2, None: 3},
        {True: 4, 1.5: 5},
        {"1": 1, 1: 2}, {math.inf: 1}, {b"k": 1}, {frozenset((1, 2)): 1}, set(), {1, 2}, frozenset("ab"),
        OrderedDict(b=1, a=2), minigrad.Size((2, 3)), minigrad.Size(()), minigrad.float16, minigrad.bool,
        minigrad.device("cpu"), minigrad.device("cuda:1"), np.float32(0.1), np.float64(math.inf), np.int8(-3),
        np.bool_(True), np.float16("nan"), np.uint64(2**64 - 1), {"tensor": 1}, {"float": "inf"}, [{"dict": []}],
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_plain_values(value):
    assert same(round_trip(value), value)
    assert same(round_trip({"a": [value]}), {"a": [value]})


def test_subclasses_come_back_as_what_they_extend():
    point = namedtuple("point", "x y")
    got = round_trip([point(1, 2), Colour.RED, np.str_("s"), minigrad.tensor([3.0, 4.0]).max(0), bytearray(b"b")])
    assert same(got[:3], [(1, 2), 1, "s"]) and type(got[3]) is tuple and got[4] == b"b"
    assert got[3][0].item() == 4 and got[3][1].item() == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3), (2, 1, 3)])
def test_tensors_of_every_dtype_and_shape(dtype, shape, device):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    x = minigrad.tensor(values, device=device)
    assert same(round_trip(x), x)
    assert same(round_trip({"x": [x]}), {"x": [x]})
    assert same(round_trip(values), values)


def test_special_values_keep_their_bits():
    bits = np.array([0x7F800000, 0xFF800000, 0x7FC00001, 0x80000000, 1], dtype=np.uint32)
    x = minigrad.from_numpy(bits.view(np.float32))
    assert (round_trip(x).numpy().view(np.uint32) == bits).all()


def test_a_loaded_tensor_is_writable_and_its_own(device):
    x = round_trip(minigrad.ones(3, device=device))
    x += 1
    assert x.tolist() == [2, 2, 2] and x.is_contiguous()


def test_non_contiguous_tensors(device):
    x = minigrad.arange(12, device=device).reshape(3, 4)
    for part in (x.T, x[:, 1], x[::2, ::3], x.expand(2, 3, 4), x[:0]):
        assert round_trip(part).tolist() == part.tolist()
    assert same(round_trip(np.arange(6.0).reshape(2, 3)[::-1, ::-2]), np.arange(6.0).reshape(2, 3)[::-1, ::-2].copy())
    assert round_trip(np.arange(3, dtype=">i4")).tolist() == [0, 1, 2]


def test_requires_grad_and_parameters(device):
    x = minigrad.ones(2, device=device, requires_grad=True)
    frozen = minigrad.nn.Parameter(minigrad.ones(1, device=device), requires_grad=False)
    got = round_trip({"leaf": x, "result": x * 2, "view": x[1:], "p": minigrad.nn.Parameter(x.detach()), "q": frozen})
    assert [v.requires_grad for v in got.values()] == [True, True, True, True, False]
    assert all(v.is_leaf for v in got.values())
    assert [type(v).__name__ for v in got.values()] == ["Tensor", "Tensor", "Tensor", "Parameter", "Parameter"]


def test_tied_tensors_stay_tied(device):
    x = minigrad.ones(2, device=device)
    got = round_trip({"a": x, "b": [x], "c": x.detach(), "other": x.clone()})
    assert got["a"] is got["b"][0] and got["c"] is not got["a"]
    got["a"][0] = 5
    assert got["c"].tolist() == [5, 1] and got["other"].tolist() == [1, 1]
    values = np.ones(2)
    first, second = round_trip([values, values])
    assert first is second


def test_tied_weights_of_a_model():
    model = minigrad.nn.Sequential(minigrad.nn.Linear(2, 2), minigrad.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    got = round_trip(model.state_dict())
    got["0.weight"].zero_()
    assert got["1.weight"].tolist() == [[0, 0], [0, 0]] and list(got) == list(model.state_dict())


def test_a_model_and_its_optimizer_continue_as_before():
    def make():
        model = minigrad.nn.Sequential(minigrad.nn.Linear(3, 4), minigrad.nn.Tanh(), minigrad.nn.Linear(4, 1))
        return model, minigrad.optim.RMSprop(model.parameters(), lr=0.01, momentum=0.9, centered=True)

    def steps(model, optimizer, n):
        for k in range(n):
            optimizer.zero_grad()
            (model(minigrad.arange(12.0).reshape(4, 3) / 10 + k) ** 2).mean().backward()
            optimizer.step()

    model, optimizer = make()
    steps(model, optimizer, 3)
    file = io.BytesIO()
    minigrad.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, file)
    steps(model, optimizer, 3)
    file.seek(0)
    checkpoint = minigrad.load(file)
    again, again_optimizer = make()
    again.load_state_dict(checkpoint["model"])
    again_optimizer.load_state_dict(checkpoint["optimizer"])
    steps(again, again_optimizer, 3)
    for p, q in zip(model.parameters(), again.parameters()):
        assert same(p, q)


def test_state_of_random_generators(device):
    generator = minigrad.Generator(device).manual_seed(3)
    generator.get_state()
    minigrad.rand(5, generator=generator, device=device)
    got = round_trip({"mine": generator, "state": generator.get_state(), "python": random.getstate()})
    random.setstate(got["python"])
    fresh = minigrad.Generator(device)
    fresh.set_state(got["state"])
    expected = minigrad.rand(5, generator=generator, device=device).tolist()
    assert minigrad.rand(5, generator=got["mine"], device=device).tolist() == expected
    assert minigrad.rand(5, generator=fresh, device=device).tolist() == expected


def test_lazy_modules_keep_their_place():
    model = minigrad.nn.LazyLinear(3)
    got = round_trip(model.state_dict())
    assert minigrad.nn.parameter.is_uninitialized(got["weight"])
    minigrad.nn.LazyLinear(3).load_state_dict(got)


def test_a_large_structure_goes_into_an_entry(monkeypatch):
    monkeypatch.setattr(packing, "MOST_METADATA", 100)
    obj = {"history": [0.1 * k for k in range(100)], "minigrad.structure": minigrad.ones(1)}
    assert same(round_trip(obj), obj)


def test_names_of_entries():
    x = [minigrad.tensor(float(k)) for k in range(6)]
    obj = {"a.b": x[0], "a": {"b": x[1], "c": [x[2]]}, "__metadata__": x[3], "\ud800": x[4], 7: {(1, 2): x[5]}}
    arrays, _ = packing.pack(obj)
    assert list(arrays) == ["a.b", "a.b#2", "a.c.0", "__metadata__#2", "?", "7.(1, 2)"]
    assert same(round_trip(obj), obj)


# -- state dicts and other programs ------------------------------------------------------------------------------


def test_a_state_dict_is_a_plain_safetensors_file(tmp_path, device):
    tied = minigrad.ones(2, 2, device=device)
    state = OrderedDict({"w": tied, "w.tied": tied, "b": minigrad.zeros(2, device=device).T, "": minigrad.tensor(3)})
    state._metadata = OrderedDict({"": {"version": 1}})
    save(state, tmp_path / "model.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    assert {k: v.tolist() for k, v in arrays.items()} == {k: v.tolist() for k, v in state.items()}
    got = load(tmp_path / "model.safetensors")
    assert type(got) is OrderedDict and got._metadata == state._metadata and got["w"] is got["w.tied"]


def test_a_file_of_another_program(tmp_path):
    arrays = {"w": np.ones((2, 3), np.float32), "n": np.array(4, np.int64), "none": np.zeros((0, 2), np.uint16)}
    safetensors.numpy.save_file(arrays, tmp_path / "model.safetensors", metadata={"format": "pt", "author": "me"})
    got = load(tmp_path / "model.safetensors")
    assert type(got) is dict and got.keys() == arrays.keys()
    for key, array in arrays.items():
        assert same(got[key].numpy(), array)


# -- devices -----------------------------------------------------------------------------------------------------


def test_where_tensors_go(device):
    x = minigrad.ones(2, device=device)
    name = str(x.device)
    assert round_trip([x])[0].device == x.device
    for where in ("cpu", minigrad.device("cpu"), {name: "cpu"}, lambda at: "cpu", lambda storage, at: storage):
        assert str(round_trip([x], map_location=where)[0].device) == "cpu"
    for where in (None, {}, {"cuda:7": "cpu"}, lambda at: None, lambda storage, at: None):
        assert round_trip([x], map_location=where)[0].device == x.device
    assert round_trip([x.cpu()], map_location=device)[0].device == x.device
    assert round_trip(minigrad.Generator(device), map_location="cpu").device.type == "cpu"


def test_a_function_that_chooses_devices_raises_its_own_errors():
    with pytest.raises(KeyError, match="mine"):
        round_trip(minigrad.ones(1), map_location=lambda at: {}["mine"])


def test_without_the_device_the_error_says_map_location(monkeypatch):
    file = io.BytesIO()
    arrays, metadata = packing.pack(minigrad.ones(2))
    metadata["minigrad"] = metadata["minigrad"].replace('{"entry"', '{"device": "cuda:63", "entry"')
    file.write(safetensors.numpy.save(arrays, metadata))
    file.seek(0)
    with pytest.raises(RuntimeError, match=r"this BytesIO holds tensors that were on 'cuda:63'.*map_location='cpu'"):
        load(file)
    file.seek(0)
    assert load(file, map_location="cpu").tolist() == [1, 1]


# -- what cannot be saved ----------------------------------------------------------------------------------------


def test_objects_are_refused_with_their_place():
    model = minigrad.nn.Linear(2, 2)
    cases = [
        (model, r"checkpoint is a Linear.*save its state_dict\(\)"),
        ({"model": [model]}, r'checkpoint\["model"\]\[0\] is a Linear.*save its state_dict\(\)'),
        ({"o": minigrad.optim.SGD(model.parameters(), lr=1)}, r'checkpoint\["o"\] is a SGD.*save its state_dict\(\)'),
        ({"f": (1, print)}, r'checkpoint\["f"\]\[1\] is a builtin_function_or_method, which cannot be saved'),
        ({3: object()}, r"checkpoint\[3\] is a object"),
        ({"z": 1j}, r'checkpoint\["z"\] is a complex'),
        ({"a": np.array(["x"])}, r'checkpoint\["a"\] is an array of <U1'),
        ({"a": np.array([None])}, r'checkpoint\["a"\] is an array of object'),
        ({minigrad.ones(1): 1}, r"a key of checkpoint is a Tensor"),
        ({int: 1}, r"checkpoint\[<class 'int'>\] is a type"),
    ]
    for obj, message in cases:
        with pytest.raises(TypeError, match=message):
            save(obj, io.BytesIO())


def test_structures_without_an_end_are_refused():
    loop: list = [1]
    loop.append({"again": loop})
    with pytest.raises(ValueError, match=r'checkpoint\[1\]\["again"\] contains itself'):
        save(loop, io.BytesIO())
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        save(deep, io.BytesIO())
    shared = [1]
    assert round_trip([shared, shared]) == [[1], [1]]


# -- files -------------------------------------------------------------------------------------------------------


def test_open_files_are_used_from_where_they_stand(tmp_path):
    file = io.BytesIO()
    file.write(b"before")
    save({"a": minigrad.ones(2)}, file)
    save([1, 2], file)
    file.write(b"after")
    file.seek(6)
    assert load(file)["a"].tolist() == [1, 1] and load(file) == [1, 2] and file.read() == b"after"
    for buffering in (0, -1):
        with open(tmp_path / "two", "wb", buffering=buffering) as real:
            save(minigrad.zeros(300_000), real)
            save("second", real)
        with open(tmp_path / "two", "rb", buffering=buffering) as real:
            assert load(real).shape == (300_000,) and load(real) == "second"


def test_paths(tmp_path):
    for path in (tmp_path / "a", str(tmp_path / "b"), str(tmp_path / "c").encode(), tmp_path / ("n" * 255)):
        save([1], path)
        assert load(path, weights_only=False, mmap=True) == [1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c", "n" * 255]


def test_files_of_the_wrong_kind(tmp_path):
    with pytest.raises(TypeError, match="open as text"), open(tmp_path / "t", "w") as text:
        save([1], text)
    with pytest.raises(TypeError, match="open as text"):
        load(io.StringIO("text"))
    with pytest.raises(TypeError, match=r"save\(\) takes a path or a file open for writing"):
        save([1], 3)
    with pytest.raises(TypeError, match=r"load\(\) takes a path or a file open for reading"):
        load(3)
    with pytest.raises(TypeError, match=r"save\(\) takes a path"):
        save(tmp_path / "model", {"swapped": 1})


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "bad.pt"
    whole = io.BytesIO()
    save({"w": minigrad.ones(100), "n": 1}, whole)
    whole = whole.getvalue()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("archive/data.pkl", "x")
    arrays, array = io.BytesIO(), io.BytesIO()
    np.savez(arrays, w=np.ones(3))
    np.save(array, np.ones(3))
    cases = [
        (b"", "is empty"),
        (b"\x10", "is not a safetensors file, or is damaged"),
        (whole[:5], "is not a safetensors file, or is damaged"),
        (whole[:40], "is truncated: 32 of its header's"),
        (whole[:-1], "is truncated: 399 of the 400 bytes"),
        (whole + b"more", "it goes on behind the end"),
        (whole[:8] + b"{" * (len(whole) - 8), "its header cannot be read"),
        (whole.replace(b'"F32"', b'"Q32"'), "is damaged"),
        (whole.replace(b"dict", b"tcid"), "what its tensors belong to cannot be read"),
        (whole.replace(b'\\"format\\": 1', b'\\"format\\": 9'), "written by a newer minigrad"),
        (b"hello world, this is no tensor", "is not a safetensors file"),
        (archive.getvalue(), "is a pickle, as torch.save writes.*safetensors.torch.save_file"),
        (pickle.dumps({"w": [1] * 99}), "is a pickle, as torch.save writes"),
        (arrays.getvalue(), r"is a NumPy \.npz file: read it with numpy\.load"),
        (array.getvalue(), r"is a NumPy \.npy file"),
    ]
    for data, message in cases:
        path.write_bytes(data)
        with pytest.raises(RuntimeError, match=rf"(?s)bad\.pt' .*{message}"):
            load(path)
    for k in range(0, len(whole), 7):  # wherever it is cut off
        path.write_bytes(whole[:k])
        with pytest.raises(RuntimeError, match=r"bad\.pt'"):
            load(path)
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*missing\.pt' to load"):
        load(tmp_path / "missing.pt")


def test_pytorchs_arguments_are_taken():
    file = io.BytesIO()
    save([1], file, pickle_protocol=4, _use_new_zipfile_serialization=False)
    file.seek(0)
    with minigrad.serialization.safe_globals([print]):
        assert load(file, "cpu", weights_only=False) == [1]
