"""Tensors made from data and by the factories: values, dtypes, shapes and refusals as PyTorch's."""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

CASES = {
    "tensor": [
        "[]", "[[], []]", "[1, 2.5]", "[True, 2]", "[True, False]", "[True, 2.5]", "3", "True", "2.5",
        "[[1, 2], [3, 4]]",
        "np.float64(1)", "[np.float64(1)]", "[np.float32(1), np.float32(2)]", "[np.int32(1)]", "np.int32(3)",
        "np.bool_(True)",
        "np.ones((2, 3))", "np.ones(2, dtype=np.float16)", "np.array(3)", "-2**63", "range(3)", "(1, 2)",
        "[(1, 2), [3, 4]]",
        "[1.5], dtype=L.int64", "-1, dtype=L.uint8", "[1e40]", "[0, 2], dtype=L.bool", "[L.tensor(1), L.tensor(2)]",
        "[L.tensor(1.5), 2]", "[[L.tensor(1)]]", "[1], dtype=L.float64", "[float('nan'), float('inf')]",
        "[[[]]]", "2**63, dtype=L.uint64", "[2**40]", "L.ones(2).numpy()", "1, dtype=float", "[1.5, 2], dtype=int",
        # refused
        "'a'", "None", "[None]", "2**63", "{1: 2}", "{1, 2}", "[[1, 2], [3]]", "[1, [2]]",
        "[1], requires_grad=True", "['a']",
        "[300], dtype=L.uint8", "[-255], dtype=L.uint8", "[-256], dtype=L.uint8", "[300.5], dtype=L.uint8",
        "[float('nan')], dtype=L.int64", "[128], dtype=L.int8", "[-1], dtype=L.uint16", "[2**70]",
        "[1e6], dtype=L.float16",
        "[2**70], dtype=L.float32", "[1], dtype='float32'",
    ],
    "arange": ["5", "1, 3, 0.5", "5.", "0", "3, 1, -1", "0, 1, .1", "0, 3, dtype=L.float64", "L.tensor(3)", "0.5, 3.7",
               "start=1, end=4", "2, 10, 3", "-5", "3, 1", "1, 2, 0", "10, dtype=L.float16", "0, 5, 2, dtype=L.int32",
               "end=4", "0, 1, 0.3", "1, 0, -0.25", "5, requires_grad=True", "3., requires_grad=True"],
    "linspace": ["0, 1, 5", "0, 1, 1", "0, 1, 0", "0, 10, 4, dtype=L.int64", "0, 1, -1", "-3, 3, 7", "1, 0, 3",
    "3, 3, 4",
                 "0, 1, steps=3", "0.1, 0.7, 11", "0, 1, 10, dtype=L.float64"],
    "logspace": ["0, 2, 3", "0, 3, 4, base=2", "-1, 1, 5"],
    "eye": ["3", "2, 3", "3, 2", "0", "-1", "2, dtype=L.int64"],
    "full": ["(2,), 3", "(2,), 3.", "(2,), True", "(), 2", "(2, 3), 1, dtype=L.float64", "(2,), L.tensor(3)", "[2], 1",
             "(2,), float('inf')", "(2,), 2.7, dtype=L.int64", "size=(2,), fill_value=1",
             "(1,), 300, dtype=L.uint8", "(1,), 1e6, dtype=L.float16",
             "(1,), -1, dtype=L.uint8", "(1,), 2.7, dtype=L.int8", "(1,), float('nan'), dtype=L.int8"],
    "zeros": ["()", "2", "2, 3", "(2, 3)", "[2, 3]", "L.Size([2])", "2, dtype=int", "2, dtype=float",
    "2, dtype=bool", "0",
              "size=(2,)", "L.ones(2, 3).shape", "L.tensor(2), 3", "-1", "2.0", "'a'", "2, -3", "2, requires_grad=True",
              "2, requires_grad=True, dtype=L.int64", "2, dtype='float32'", "L.ones(4).size(0), 2"],
    "ones": ["2, 3", "1, dtype=L.int8", "(0, 3)", "2, dtype=L.bool"],
    "full_like": ["L.ones(2, dtype=L.int64), 2.7", "L.ones(2, 3), 4", "L.ones(2), 1, dtype=L.int64"],
    "ones_like": ["L.ones(2), dtype=L.int8", "L.zeros(2, 3)", "L.zeros(2, requires_grad=True)"],
    "zeros_like": ["L.ones(2, 3)", "L.ones(2, dtype=L.bool)", "L.ones(()), requires_grad=True"],
    "as_tensor": ["[1, 2]", "np.ones(2)", "L.ones(2)", "L.ones(2), dtype=L.int64", "3.5", "np.float32(2)"],
    "from_numpy": ["np.ones(2)", "np.arange(6).reshape(2, 3).T", "[1]", "np.array(['a'])", "np.array(1.5)"],
    "tril": ["L.ones(3, 3)"],
    "range": ["1, 4", "0, 1, 0.5"],
    "asarray": ["[1, 2]", "np.ones(2)"],
    "Tensor": ["[1, 2]", "[[1.5]]", "[]", "np.array([1, 2])"],
}  # fmt: skip

METHODS = [
    "L.tensor([1.]).new_tensor([1])", "L.ones(2).new_full((2,), 3)", "L.arange(2).new_ones(2, 2)",
    "L.ones(2).new([1, 2])",
    "L.ones(2).new_zeros((2, 3))", "L.arange(2).new_zeros(2, dtype=L.float64)", "L.arange(2).new_tensor([1.7])",
    "L.ones(2).new_zeros(3).requires_grad", "L.ones(2).new(2, 3).zero_()", "L.arange(3).new().shape",
    "L.zeros(3).new_empty(2, 2).fill_(1)", "L.empty(2, 3).shape", "L.empty_like(L.ones(2, dtype=L.int16)).dtype",
    "L.Tensor(2, 3).shape", "L.Tensor().shape", "L.empty(0).tolist()", "L.randint(3, (2,)).dtype", "L.randperm(0)",
    "L.rand(2, 3).shape", "L.randn(2, dtype=L.float64).dtype", "L.randint(5, 3, (2,))", "L.rand(2, dtype=L.int64)",
    "L.randint(0, 1, (3,))", "L.normal(0.0, 0.0, (2,))", "L.normal(L.ones(2), L.zeros(2))", "L.normal(L.ones(2), -1.0)",
    "L.bernoulli(L.tensor([0., 1.]))", "L.bernoulli(L.tensor([2.]))", "L.rand_like(L.ones(2, 3)).shape", "L.rand(2, 0)",
    "L.multinomial(L.tensor([0., 1., 0.]), 1)", "L.multinomial(L.ones(3), 3).sort()[0]", "L.multinomial(L.ones(2), 3)",
    "L.multinomial(L.tensor([[0., 2.], [2., 0.]]), 2, True)", "L.multinomial(L.tensor([-1., 2.]), 1)",
    "L.multinomial(L.zeros(2), 1)", "L.multinomial(L.ones(2, 2, 2), 1)", "L.randperm(5).sort()[0]",
    "L.multinomial(L.ones(3), 0)",
    "L.zeros(2, 3).uniform_(2, 2)", "L.zeros(3).uniform_(1, 0)", "L.zeros(2, dtype=L.int64).random_(1)",
    "L.zeros(2).normal_(3, 0)", "L.zeros(2).normal_(0, -1)", "L.zeros(2, dtype=L.int64).normal_()",
    "L.zeros(2).bernoulli_(1)", "L.zeros(2, dtype=L.int64).bernoulli_(0.0)", "L.zeros(2).exponential_(1e9).long()",
    "L.normal(mean=L.zeros(3), std=0.)", "L.normal(1, 0, size=(1, 4))", "L.randint(low=1, high=2, size=(2, 2))",
    "L.randint(2, 3, [2])", "L.zeros(2).random_(3, 4)",
]  # fmt: skip

EXPRESSIONS = [f"L.{name}({args})" for name, cases in CASES.items() for args in cases] + METHODS

def outcome(expression, library):
    """What an expression gives, in terms that both libraries share."""
    try:
        got = eval(expression, {"L": library, "np": np})
    except Exception as error:
        return type(error)
    if hasattr(got, "requires_grad"):
        array = got.detach().numpy()
        return str(got.dtype).split(".")[1], array.shape, array, got.requires_grad
    return str(got).replace("torch", "minigrad")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_pytorch(expression):
    ours, theirs = outcome(expression, minigrad), outcome(expression, torch)
    if isinstance(theirs, type):
        assert isinstance(ours, type), f"PyTorch raises {theirs}"
        return
    assert not isinstance(ours, type), f"raises {ours}, PyTorch gives {theirs}"
    if isinstance(theirs, str):
        assert ours == theirs
        return
    assert ours[:2] == theirs[:2] and ours[3] == theirs[3]
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6, atol=1e-7)
