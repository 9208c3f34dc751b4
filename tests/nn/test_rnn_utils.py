"""Padded and packed sequences: numbers written out, errors, devices, and recorded steps."""

import copy
import pickle

import pytest

import minigrad
from minigrad.nn.utils import rnn
from minigrad.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from minigrad.recorder.errors import RecordingError


def sequences(device="cpu", **options):
    """Of lengths 2, 4 and 1, with 2 features; sequence b's step t begins with 10 b + t."""
    return [
        minigrad.tensor([[10.0 * b + t, -1.0] for t in range(length)], device=device, **options)
        for b, length in enumerate((2, 4, 1))
    ]


def firsts(x):
    """The first features."""
    return x[..., 0].tolist()


PADDED = [[0, 10, 20], [1, 11, 0], [0, 12, 0], [0, 13, 0]]


def test_padding(device):
    padded = pad_sequence(sequences(device))
    assert padded.shape == (4, 3, 2) and padded.device.type == device and firsts(padded) == PADDED
    assert firsts(pad_sequence(sequences(device), batch_first=True, padding_value=7.5)) == [
        [0, 1, 7.5, 7.5], [10, 11, 12, 13], [20, 7.5, 7.5, 7.5],
    ]  # fmt: skip
    assert firsts(pad_sequence(sequences(device), True, -1, "left")) == [
        [-1, -1, 0, 1], [10, 11, 12, 13], [-1, -1, -1, 20],
    ]  # fmt: skip
    assert firsts(pad_sequence(sequences(device), padding_side="left", padding_value=-1)) == [
        [-1, 10, -1], [-1, 11, -1], [0, 12, -1], [1, 13, 20],
    ]  # fmt: skip


def test_padding_of_integers_and_of_several_dtypes():
    integers = pad_sequence([minigrad.tensor([1, 2]), minigrad.tensor([3])], padding_value=9)
    assert integers.dtype == minigrad.int64 and integers.tolist() == [[1, 3], [2, 9]]
    both = pad_sequence([minigrad.tensor([1.5]), minigrad.tensor([3, 4])])
    assert both.dtype == minigrad.float32 and both.tolist() == [[1.5, 3.0], [0.0, 4.0]]
    assert pad_sequence([minigrad.tensor([3]), minigrad.tensor([1.5, 4.5])]).tolist() == [[3, 1], [0, 4]]
    assert pad_sequence(x for x in [minigrad.zeros(0), minigrad.ones(1)]).tolist() == [[0, 1]]
    assert pad_sequence(minigrad.arange(4).reshape(2, 2)).tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_in_any_order(device, batch_first):
    padded = pad_sequence(sequences(device), batch_first)
    packed = pack_padded_sequence(padded, [2, 4, 1], batch_first, enforce_sorted=False)
    assert firsts(packed.data) == [10, 0, 20, 11, 1, 12, 13]
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1] and packed.batch_sizes.device.type == "cpu"
    assert packed.sorted_indices.tolist() == [1, 0, 2] and packed.unsorted_indices.tolist() == [1, 0, 2]
    assert all(x.dtype == minigrad.int64 for x in packed[1:])
    assert [x.device.type for x in (packed.data, packed.sorted_indices, packed.unsorted_indices)] == [device] * 3
    again, lengths = pad_packed_sequence(packed, batch_first)
    assert again.tolist() == padded.tolist() and lengths.tolist() == [2, 4, 1] and lengths.dtype == minigrad.int64
    longer, _ = pad_packed_sequence(packed, batch_first, padding_value=5, total_length=5)
    assert longer.shape == ((3, 5, 2) if batch_first else (5, 3, 2))
    last = longer[:, 4] if batch_first else longer[4]
    assert last.tolist() == [[5, 5]] * 3
    assert [x.tolist() for x in unpack_sequence(packed)] == [x.tolist() for x in sequences()]


def test_three_sequences_whose_order_is_no_swap():
    given = [minigrad.tensor(x) for x in ([1], [2, 3], [4, 5, 6], [7, 8, 9, 10])]
    given = [given[2], given[0], given[3], given[1]]
    packed = pack_sequence(given, enforce_sorted=False)
    assert packed.data.tolist() == [7, 4, 2, 1, 8, 5, 3, 9, 6, 10]
    assert packed.sorted_indices.tolist() == [2, 0, 3, 1] and packed.unsorted_indices.tolist() == [1, 3, 0, 2]
    padded, lengths = pad_packed_sequence(packed, batch_first=True)
    assert padded.tolist() == [[4, 5, 6, 0], [1, 0, 0, 0], [7, 8, 9, 10], [2, 3, 0, 0]]
    assert lengths.tolist() == [3, 1, 4, 2]
    assert [x.tolist() for x in unpack_sequence(packed)] == [[4, 5, 6], [1], [7, 8, 9, 10], [2, 3]]


def test_packing_what_is_sorted():
    packed = pack_padded_sequence(minigrad.tensor([[1, 4], [2, 5], [3, 0]]), minigrad.tensor([3, 2]))
    assert packed.data.tolist() == [1, 4, 2, 5, 3] and packed.batch_sizes.tolist() == [2, 2, 1]
    assert packed.sorted_indices is None and packed.unsorted_indices is None
    assert pad_packed_sequence(packed)[0].tolist() == [[1, 4], [2, 5], [3, 0]]
    assert pack_sequence([minigrad.tensor([1, 2, 3]), minigrad.tensor([4, 5])]).data.tolist() == [1, 4, 2, 5, 3]
    assert pack_padded_sequence(minigrad.tensor([[1, 4]]), [1, 1]).sorted_indices is None
    assert pad_packed_sequence(packed, total_length=3)[0].shape == (3, 2)
    cut = pack_padded_sequence(minigrad.tensor([[1, 4], [2, 5], [3, 6]]), [2, 1])
    assert cut.data.tolist() == [1, 4, 2] and pad_packed_sequence(cut)[0].shape == (2, 2)


def test_equal_lengths_keep_their_order():
    packed = pack_padded_sequence(minigrad.arange(20).reshape(2, 10), [1, 2] * 5, enforce_sorted=False)
    assert packed.sorted_indices.tolist() == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


def test_taking_a_padded_batch_apart(device):
    padded = pad_sequence(sequences(device))
    for lengths in (
        [2, 4, 1],
        iter((2, 4, 1)),
        minigrad.tensor([2, 4, 1]),
        minigrad.tensor([2, 4, 1], dtype=minigrad.int32),
    ):
        assert [firsts(x) for x in unpad_sequence(padded, lengths)] == [[0, 1], [10, 11, 12, 13], [20]]
    assert padded.shape == (4, 3, 2)
    parts = unpad_sequence(pad_sequence(sequences(device), True), [1, 0, 1], batch_first=True)
    assert [tuple(x.shape) for x in parts] == [(1, 2), (0, 2), (1, 2)] and firsts(parts[2]) == [20]
    parts[0].zero_()
    assert firsts(padded) == PADDED


def test_gradients(device):
    given = sequences(device, requires_grad=True)
    packed = pack_sequence(given, enforce_sorted=False)
    weights = minigrad.arange(7.0, device=device).reshape(7, 1)
    (packed.data**2 * weights).sum().backward()
    assert [firsts(x.grad) for x in given] == [[0, 2 * 4], [0, 22 * 3, 24 * 5, 26 * 6], [40 * 2]]
    padded = pad_sequence(sequences(device)).requires_grad_()
    packed = pack_padded_sequence(padded, [1, 3, 1], enforce_sorted=False)
    again, _ = pad_packed_sequence(packed, padding_value=3.0, total_length=4)
    (again * padded).sum().backward()
    assert firsts(padded.grad) == [[0, 20, 40], [3, 22, 3], [3, 24, 3], [3, 3, 3]]
    parts = unpad_sequence(padded.detach().requires_grad_(), [2, 4, 1])
    (gradient,) = minigrad.autograd.grad(parts[1].sum(), parts[1])
    assert gradient.shape == (4, 2)


def test_gradients_of_both_orders_against_differences():
    lengths = [2, 3, 1]

    def packed(x):
        return pack_padded_sequence(x, lengths, enforce_sorted=False)

    functions = [
        lambda x: packed(x).data ** 2,
        lambda x: pad_packed_sequence(PackedSequence(packed(x).data ** 2, packed(x).batch_sizes), padding_value=1.0)[0],
        lambda x: pad_sequence([x[0], x[1, :1], x[2] ** 2], padding_side="left"),
        lambda x: minigrad.cat(unpad_sequence(x**2, lengths)),
        lambda x: minigrad.cat(unpack_sequence(packed(x**2))),
    ]
    x = minigrad.randn(3, 3, dtype=minigrad.float64, requires_grad=True)
    for function in functions:
        assert minigrad.autograd.gradcheck(function, (x,))
        assert minigrad.autograd.gradgradcheck(function, (x,))


def test_the_class():
    packed = pack_sequence(sequences(), enforce_sorted=False)
    data, batch_sizes, _, unsorted_indices = packed
    assert data is packed.data and len(packed) == 4 and packed._fields[1] == "batch_sizes"
    assert packed._replace(data=0).batch_sizes is batch_sizes
    assert repr(packed).startswith("PackedSequence(data=tensor([[10.") and "sorted_indices=tensor([1, 0" in repr(packed)
    pair = PackedSequence((data, batch_sizes), sorted_indices=minigrad.tensor([2, 0, 1]))
    assert pair.data is data and pair.batch_sizes is batch_sizes
    assert pair.unsorted_indices.tolist() == [1, 2, 0] and unsorted_indices.tolist() == [1, 0, 2]
    assert PackedSequence(data, batch_sizes).unsorted_indices is None
    for again in (pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)):
        assert type(again) is PackedSequence and [x.tolist() for x in again] == [x.tolist() for x in packed]
    assert invert_permutation(None) is None
    assert invert_permutation(minigrad.tensor([2, 0, 3, 1])).tolist() == [1, 3, 0, 2]
    assert minigrad.nn.utils.rnn is rnn


def test_other_dtypes():
    packed = pack_sequence(sequences(), enforce_sorted=False)
    names = ["double", "float", "half", "long", "int", "short", "char", "byte"]
    kinds = [getattr(packed, name)().data.dtype for name in names]
    assert [str(kind).split(".")[1] for kind in kinds] == [
        "float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8",
    ]  # fmt: skip
    assert packed.float() is packed and packed.to(minigrad.float32) is packed
    wide = packed.to(minigrad.zeros(1, dtype=minigrad.float64))
    assert wide.data.dtype == minigrad.float64 and wide.batch_sizes is packed.batch_sizes
    assert all(x.dtype == minigrad.int64 for x in wide[1:])
    assert packed.to(dtype=minigrad.float32, copy=True) is not packed
    assert packed.pin_memory() is packed and packed.is_pinned() is False


def test_devices(device):
    packed = pack_sequence(sequences(), enforce_sorted=False)
    for there in (packed.to(device), packed.cuda() if device == "cuda" else packed.cpu()):
        assert [x.device.type for x in there] == [device, "cpu", device, device]
        assert there.is_cuda == (device == "cuda")
        padded, lengths = pad_packed_sequence(there)
        assert firsts(padded) == PADDED and lengths.device.type == "cpu"
        assert [firsts(x) for x in unpack_sequence(there)] == [[0, 1], [10, 11, 12, 13], [20]]
        back = there.cpu()
        assert not back.is_cuda and [x.device.type for x in back] == ["cpu"] * 4
        assert there.to(device) is there
    assert packed.cpu() is packed and packed.to("cpu") is packed
    if device == "cuda":
        half = packed.cuda(minigrad.float16)
        assert half.is_cuda and half.data.dtype == minigrad.float16 and packed.cuda("cuda:0").is_cuda
        with pytest.raises(ValueError, match="batch_sizes of a PackedSequence are on the CPU, got cuda:0"):
            PackedSequence(packed.data, packed.batch_sizes.cuda())
        with pytest.raises(RuntimeError, match=r"takes lengths on the CPU, got them on cuda:0: use lengths.cpu\(\)"):
            pack_padded_sequence(minigrad.ones(2, 1, device=device), minigrad.tensor([1], device=device))


X = minigrad.ones(3, 2)
PACKED = pack_sequence([minigrad.ones(2), minigrad.ones(1)])
BAD = {
    "lengths of 1 or more, got 0": (RuntimeError, lambda: pack_padded_sequence(X, [2, 0])),
    "lengths of 1 or more, got -1": (RuntimeError, lambda: pack_padded_sequence(X, [2, -1])),
    r"lengths \[1, 2\], which are not sorted.*enforce_sorted=False": (
        RuntimeError, lambda: pack_padded_sequence(X, [1, 2])
    ),
    "3 lengths for a batch of 2 sequences": (RuntimeError, lambda: pack_padded_sequence(X, [2, 2, 1])),
    "1 lengths for a batch of 3 sequences": (RuntimeError, lambda: pack_padded_sequence(X, [2], batch_first=True)),
    "a length of 4, but the input has 3 steps": (RuntimeError, lambda: pack_padded_sequence(X, [4, 2])),
    "a length of 3, but the input has 2 steps": (
        RuntimeError, lambda: pack_padded_sequence(X, [1, 3, 1], True, False)
    ),
    r"whole numbers as lengths, got \[2.5, 1.0\]": (TypeError, lambda: pack_padded_sequence(X, [2.5, 1])),
    r"whole numbers as lengths, got \['2', '1'\]": (TypeError, lambda: pack_padded_sequence(X, "21")),
    "takes a list of whole numbers as lengths, got 3": (TypeError, lambda: pack_padded_sequence(X, 3)),
    r"list of whole numbers as lengths, got \[\[2\], 1\]": (TypeError, lambda: pack_padded_sequence(X, [[2], 1])),
    r"lengths of one dimension, got shape \(1, 2\)": (
        RuntimeError, lambda: pack_padded_sequence(X, minigrad.tensor([[2, 1]]))
    ),
    r"tensor \(T, B, \*\), got shape \(3,\)": (RuntimeError, lambda: pack_padded_sequence(minigrad.ones(3), [3])),
    r"pack_padded_sequence\(\) takes a tensor, got list: pad_sequence": (
        TypeError, lambda: pack_padded_sequence([[1]], [1])
    ),
    r"shape \(3, 0\), in which there is nothing to pack": (
        RuntimeError, lambda: pack_padded_sequence(minigrad.ones(3, 0), [])
    ),
    "needs sequences of 1 step or more, got one of 0": (
        RuntimeError, lambda: pack_sequence([minigrad.ones(1), minigrad.ones(0)])
    ),
    r"pack_sequence\(\) got lengths \[1, 2\], which are not sorted": (
        RuntimeError, lambda: pack_sequence([minigrad.ones(1), minigrad.ones(2)])
    ),
    r"pack_sequence\(\) needs at least one sequence": (RuntimeError, lambda: pack_sequence([])),
    r"pad_sequence\(\) needs at least one sequence": (RuntimeError, lambda: pad_sequence([])),
    "list of tensors, got int": (RuntimeError, lambda: pad_sequence(3)),
    "list of tensors, got list at place 1": (TypeError, lambda: pad_sequence([minigrad.ones(1), [1.0]])),
    r"differ in L only, got shapes \(2, 3\) and \(2, 1\)": (
        RuntimeError, lambda: pad_sequence([minigrad.ones(2, 3), minigrad.ones(2, 1)])
    ),
    r"differ in L only, got shapes \(\) and \(\)": (RuntimeError, lambda: pad_sequence([minigrad.tensor(1.0)])),
    "'right' or 'left', got 'middle'": (RuntimeError, lambda: pad_sequence([X], padding_side="middle")),
    "total_length=1, but the longest sequence has 2 steps": (
        ValueError, lambda: pad_packed_sequence(PACKED, total_length=1)
    ),
    "whole number of steps as total_length, got 5.0": (
        TypeError, lambda: pad_packed_sequence(PACKED, total_length=5.0)
    ),
    "takes a PackedSequence, got Tensor": (TypeError, lambda: pad_packed_sequence(X)),
    r"unpack_sequence\(\) takes a PackedSequence, got tuple": (TypeError, lambda: unpack_sequence(tuple(PACKED))),
    "takes data and batch_sizes, got Tensor alone": (TypeError, lambda: PackedSequence(X)),
    r"batch_sizes \[1, 2\] for 3 rows": (RuntimeError, lambda: unpack_sequence(with_sizes([1, 2]))),
    r"batch_sizes \[2\] for 3 rows": (RuntimeError, lambda: pad_packed_sequence(with_sizes([2]))),
    r"batch_sizes \[3, 0\] for 3 rows": (RuntimeError, lambda: pad_packed_sequence(with_sizes([3, 0]))),
    r"batch_sizes \[\] for 3 rows": (RuntimeError, lambda: pad_packed_sequence(with_sizes([]))),
    r"unsorted_indices \[1, 1\], which is no order of the 2": (
        RuntimeError, lambda: pad_packed_sequence(with_sizes([2, 1], minigrad.tensor([1, 1])))
    ),
    r"unsorted_indices \[0\], which is no order of the 2": (
        RuntimeError, lambda: pad_packed_sequence(with_sizes([2, 1], minigrad.tensor([0])))
    ),
    "1 lengths for a batch of 2 sequences": (ValueError, lambda: unpad_sequence(X, [3])),
    "a length of 4, but the input has 3": (RuntimeError, lambda: unpad_sequence(X, [4, 1])),
    "lengths of 0 or more, got -1": (RuntimeError, lambda: unpad_sequence(X, [3, -1])),
}  # fmt: skip


def with_sizes(sizes, unsorted_indices=None):
    return PACKED._replace(batch_sizes=minigrad.tensor(sizes, dtype=minigrad.int64), unsorted_indices=unsorted_indices)


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments(message):
    error, function = BAD[message]
    with pytest.raises(error, match=message):
        function()


# -- recorded steps ---------------------------------------------------------------------------------------------------


def flat(result):
    if isinstance(result, minigrad.Tensor):
        return [result.tolist()]
    return [x for part in result if part is not None for x in flat(part)]


def test_a_recorded_step_takes_and_returns_packed_sequences():
    w = minigrad.tensor([2.0], requires_grad=True)

    def step(packed):
        w.grad = None
        doubled = packed._replace(data=packed.data * w)
        padded, lengths = pad_packed_sequence(doubled, batch_first=True)
        (padded**2).sum().backward()
        return doubled, padded, lengths, packed, w.grad

    recorded = minigrad.jit(step)
    batches = [
        pack_sequence([minigrad.rand(n, 2) for n in lengths], enforce_sorted=False)
        for lengths in ([2, 4, 1], [4, 1, 2], [2, 4, 1], [3, 3, 1], [2, 4, 1], [2, 5])
    ]
    batches.append(pack_sequence([minigrad.rand(4, 2), minigrad.rand(3, 2)]))
    for packed in [*batches, *batches]:
        result = recorded(packed)
        assert flat(result) == flat(step(packed))
        assert type(result[0]) is PackedSequence and result[3].data is packed.data
    assert recorded._recordings == len({str(flat(packed)[1:]) for packed in batches}) == 5


def test_packing_in_a_recorded_step(device):
    def step(x, lengths):
        packed = pack_padded_sequence(x * 2, lengths, enforce_sorted=False)
        on_its_way = packed._replace(data=packed.data + 1)
        parts = [pack_sequence(list(x), False), pad_sequence([x[0], x[1, 1:]]), *unpad_sequence(x, lengths)]
        if device == "cpu":  # the order of what is on a GPU is not known while a step is recorded
            parts += [*pad_packed_sequence(on_its_way), *unpack_sequence(on_its_way)]
        return [on_its_way, *parts]

    recorded = minigrad.jit(step)
    lengths_of_calls = [[2, 4, 1], [4, 1, 1], [2, 4, 1]]
    lengths_of_calls += [minigrad.tensor(n) for n in lengths_of_calls]
    for lengths in lengths_of_calls:
        for _ in range(2):
            x = minigrad.rand(4, 3, device=device)
            assert flat(recorded(x, lengths)) == flat(step(x, lengths))
    assert recorded._recordings == 4


def test_lengths_that_are_changed_in_place_are_noticed():
    recorded = minigrad.jit(lambda x, lengths: pack_padded_sequence(x, lengths).data)
    x, lengths = minigrad.arange(6).reshape(3, 2), minigrad.tensor([3, 1])
    assert recorded(x, lengths).tolist() == recorded(x, lengths).tolist() == [0, 1, 2, 4]
    lengths[1] = 2
    assert recorded(x, lengths).tolist() == recorded(x, lengths).tolist() == [0, 1, 2, 3, 4]


def test_lengths_that_are_a_view_of_an_argument():
    recorded = minigrad.jit(lambda x, lengths: pack_padded_sequence(x, lengths.t()[0]).data)
    x = minigrad.arange(6).reshape(3, 2)
    for lengths, expected in (([3, 1], [0, 1, 2, 4]), ([3, 2], [0, 1, 2, 3, 4])) * 2:
        assert recorded(x, minigrad.tensor(lengths).reshape(2, 1)).tolist() == expected
    assert recorded._recordings == 2


@pytest.mark.parametrize("other", [lambda n: n + 1, lambda n: n[:2], lambda n: n[1:].flip(0), lambda n: n.add_(1)])
def test_lengths_that_a_recorded_step_makes_are_refused(other):
    recorded = minigrad.jit(lambda x, lengths: pack_padded_sequence(x, other(lengths)[:2]).data)
    lengths = minigrad.tensor([2, 1, 1])
    with pytest.raises(RecordingError, match=r"lengths, on whose values .* in the step, a part of another tensor"):
        recorded(minigrad.arange(6).reshape(3, 2), lengths)
    assert lengths.tolist() == [2, 1, 1]
