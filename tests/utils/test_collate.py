"""From items to a batch."""

from collections import OrderedDict, UserList, defaultdict, namedtuple
from types import MappingProxyType

import numpy
import pytest

import minigrad
from minigrad.utils.data import default_collate, default_convert

Point = namedtuple("Point", ["x", "y"])


@pytest.mark.parametrize(
    ("batch", "dtype", "values"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1.5, 2], "float64", [1.5, 2.0]),
        ([True, False], "bool", [True, False]),
        ([numpy.float32(1), numpy.float32(2)], "float32", [1.0, 2.0]),
        ([numpy.float64(1)], "float64", [1.0]),
        ([numpy.int16(1)], "int16", [1]),
        ([numpy.bool_(True)], "bool", [True]),
        ([numpy.arange(2, dtype="int32")] * 2, "int32", [[0, 1], [0, 1]]),
        ([numpy.array(1.5)], "float64", [1.5]),
    ],
)
def test_numbers_and_arrays_become_tensors(batch, dtype, values):
    result = default_collate(batch)
    assert result.dtype is getattr(minigrad, dtype)
    assert result.tolist() == values


def test_tensors_are_stacked(device):
    items = [minigrad.tensor([1.0, 2.0], device=device), minigrad.tensor([3.0, 4.0], device=device)]
    result = default_collate(items)
    assert result.device.type == device and result.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    items[0][0] = 9.0
    assert result[0, 0].item() == 1.0  # a copy


def test_gradients_flow_through_a_batch():
    x = minigrad.ones(2, requires_grad=True)
    default_collate([x, 2 * x]).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_containers_keep_their_kind():
    batch = default_collate([{"n": 1, "s": "a"}, {"n": 2, "s": "b"}])
    assert batch["n"].tolist() == [1, 2] and batch["s"] == ["a", "b"]
    assert type(default_collate([OrderedDict(a=1)])) is OrderedDict
    assert default_collate([defaultdict(list, a=1)]).default_factory is list
    assert type(default_collate([MappingProxyType({"a": 1})])) is MappingProxyType
    point = default_collate([Point(1, 2.0), Point(3, 4.0)])
    assert type(point) is Point and point.x.tolist() == [1, 3] and point.y.tolist() == [2.0, 4.0]
    pair = default_collate([(1, "a"), (2, "b")])
    assert type(pair) is list and pair[0].tolist() == [1, 2] and pair[1] == ("a", "b")
    nested = default_collate([[1, [2.0, b"x"]], [3, [4.0, b"y"]]])
    assert nested[0].tolist() == [1, 3] and nested[1][1] == (b"x", b"y")
    assert [t.tolist() for t in default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]
    assert type(default_collate([UserList([1, 2])])) is UserList


def test_what_cannot_be_collated():
    for batch, found in [([None], "NoneType"), ([{1}], "set"), ([numpy.array(["a"])], "<U1")]:
        with pytest.raises(TypeError, match=f"must contain tensors, numpy arrays.*{found}.*collate_fn"):
            default_collate(batch)
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [3]])
    with pytest.raises(RuntimeError):
        default_collate([minigrad.zeros(2), minigrad.zeros(3)])
    with pytest.raises(IndexError):
        default_collate([])


def test_convert_makes_tensors_of_arrays_alone():
    words = numpy.array(["a", "b"])
    point = Point(numpy.float32(1.5), "s")
    data = {"x": numpy.arange(2), "n": 3, "w": words, "p": point, "t": (1, numpy.zeros(1))}
    result = default_convert(data)
    assert result["x"].tolist() == [0, 1] and result["n"] == 3 and result["w"] is words
    assert type(result["p"]) is Point and result["p"].x.dtype is minigrad.float32 and result["p"].y == "s"
    assert type(result["t"]) is list and result["t"][1].dtype is minigrad.float64
    tensor = minigrad.zeros(2)
    assert default_convert(tensor) is tensor and default_convert("text") == "text"
    assert default_convert(range(2)) == [0, 1]
