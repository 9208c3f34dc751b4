"""The stand-in's ElementwiseKernel: CuPy's rules for types and shapes, C's for numbers, one launch.

What CuPy does is read from its 14.2 source; `test_on_a_gpu` asks a real one.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import standin


@pytest.fixture
def cp():
    """The stand-in for the length of one test; whatever was installed before is there again afterwards."""
    was_installed = standin.installed()
    yield standin.install()
    if not was_installed:
        standin.uninstall()


def run(cp, text, x, ins="T x", outs="T y", **options):
    """The kernel's result on an array, as a NumPy array."""
    return cp.ElementwiseKernel(ins, outs, text, **options)(cp.asarray(x)).get()


def test_computes_by_the_formula_in_one_launch(cp):
    kernel = cp.ElementwiseKernel("T x, T y", "T z", "T d = x - y; z = d * d", "squared_difference")
    x, y = cp.arange(6.0).reshape(2, 3), cp.array([1.0, 0.0, 2.0])
    with standin.counter.watch() as seen:
        z = kernel(x, y)
    assert z.get().tolist() == [[1, 1, 0], [4, 16, 9]]
    assert seen.launches == {"squared_difference": 1} and seen.to_host == 0
    assert kernel(x, 2).get().tolist() == [[4, 1, 0], [1, 4, 9]]


def test_outputs_are_made_or_given_in_place(cp):
    kernel = cp.ElementwiseKernel("T x", "T y, T z", "y += x; z = 2 * y")
    x, y, z = cp.ones(3), cp.arange(3.0), cp.zeros(3)
    out = kernel(x, y, z)
    assert out[0] is y and out[1] is z
    assert y.get().tolist() == [1, 2, 3] and z.get().tolist() == [2, 4, 6]
    made = cp.ElementwiseKernel("T x", "T y", "y = x", return_tuple=True)(x)
    assert isinstance(made, tuple) and made[0].dtype == x.dtype
    assert cp.ElementwiseKernel("T x", "T y", "y = x", no_return=True)(x) is None


def test_an_input_that_is_an_output_changes_with_it(cp):
    x = cp.array([3.0])
    cp.ElementwiseKernel("T x", "T y, T z", "y = x + 1; z = x")(x, x, z := cp.zeros(1))
    assert z.get().tolist() == [4]  # inputs are references


def test_letters_and_names_of_types(cp):
    x = cp.ones(3, np.float32)
    assert cp.ElementwiseKernel("T x, S y", "S z", "z = x + y")(x, cp.ones(3, np.int16)).dtype == np.int16
    assert cp.ElementwiseKernel("float32 x", "float64 y", "y = x")(x).dtype == np.float64
    same = cp.ElementwiseKernel("T x, T y", "T z", "z = x + y")
    with pytest.raises(TypeError, match=r"mismatched\. y float64 float32 T"):
        same(x, cp.ones(3))
    with pytest.raises(TypeError, match=r"mismatched\. x float32 float64 T"):
        same(x, x, cp.ones(3))  # the output decides
    with pytest.raises(TypeError, match="mismatched"):
        cp.ElementwiseKernel("float64 x", "T y", "y = x")(x, x)
    with pytest.raises(KeyError):
        cp.ElementwiseKernel("T x", "S y", "y = x")(x)  # nothing says what S is


def test_arguments_that_cupy_refuses(cp):
    kernel = cp.ElementwiseKernel("T x, T y", "T z", "z = x + y", "plus")
    x = cp.ones((2, 3))
    for bad in (np.ones((2, 3)), [1.0, 2.0, 3.0], "1", None):
        with pytest.raises(TypeError, match="Unsupported type"):
            kernel(x, bad)
    with pytest.raises(TypeError, match="Unsupported type"):
        kernel(x, x, np.ones((2, 3)))
    with pytest.raises(TypeError, match="Output arguments type must be"):
        kernel(x, x, 1.0)
    with pytest.raises(ValueError, match="broadcast"):
        kernel(x, cp.ones(2))
    with pytest.raises(ValueError, match="Out shape is mismatched"):
        kernel(x, x, cp.ones(3))  # outputs are not broadcast
    with pytest.raises(ValueError, match="Loop size is undecided"):
        kernel(1.0, 2.0)
    with pytest.raises(TypeError, match=r"either 2 or 3 .* but given 1"):
        kernel(x)
    with pytest.raises(TypeError, match="Wrong arguments"):
        kernel(x, x, out=x)


def test_nothing_is_launched_for_no_elements(cp):
    with standin.counter.watch() as seen:
        assert cp.ElementwiseKernel("T x", "T y", "not C at all")(cp.zeros((0, 3))).shape == (0, 3)
    assert not seen.launches


def test_races_are_refused(cp):
    kernel = cp.ElementwiseKernel("T x", "T y", "y = x")
    x = cp.arange(6.0)
    with pytest.raises(RuntimeError, match="race"):
        kernel(x[:-1], x[1:])
    kernel(x[:3], x[3:])
    assert x.get().tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = 1 + 2 * x - x / 4;", 1 + 2 * 3.0 - 0.75),
        ("y = (1 + x) * -x", -12.0),
        ("y = 1 / 2 + 1.0 / 2;", 0.5),  # whole numbers are divided as C does
        ("y = -7 / 2;", -3.0),
        ("y = x > 2 ? x : T(0);", 3.0),
        ("y = x > 2 && x < 3 || !(x == 3) ? 1 : 0;", 0.0),
        ("y = x * (x >= 3);", 3.0),
        ("const T a = x; T b = a; b *= 2; b -= 1; y = b;", 5.0),
        ("y = tanh(x) + exp(-x) + sqrt(x + 1); // and so on", float(np.tanh(3.0) + np.exp(-3.0) + 2)),
        ("int k = x / 2; y = k; /* a whole number */", 1.0),
        ("double a = 1e-3; y = a * x;", 0.003),
        ("y = .5f * x", 1.5),
    ],
)
def test_expressions(cp, text, expected):
    assert run(cp, text, [3.0])[0] == pytest.approx(expected, abs=1e-15)


def test_numbers_have_the_width_that_c_gives_them(cp):
    x = np.array([0.1], np.float32)
    assert run(cp, "y = x * x * 3", x)[0] == x[0] * x[0] * np.float32(3)
    assert run(cp, "y = x * 0.1", x)[0] == np.float32(float(x[0]) * 0.1)  # 0.1 is a double
    half = np.array([60000.0], np.float16)
    assert run(cp, "y = (x + x) / 2", half)[0] == 60000  # float16 computes in float
    assert run(cp, "T a = x + x; y = a / 2", half)[0] == np.inf  # and is rounded where it is kept
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(cp, "y = 1 / (1 + exp(-x))", np.array([-1e4], np.float32))[0] == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1; y = x", "x is an input"),
        ("y = a", "a is not declared"),
        ("a = x; y = x", "a is not declared"),
        ("const T a = x; a = 1; y = a", "const"),
        ("T x = 1; y = x", "x cannot be declared"),
        ("T i = 1; y = x", "i cannot be declared"),
        ("T do = x; y = x", "do cannot be declared"),
        ("y = x y = x", "expected ;"),
        ("y = sinus(x)", "unknown function sinus"),
        ("y = (x", "expected )"),
        ("y = x +", "ends in the midst"),
        ("y == x", "expected an assignment"),
        ("y = x ? 1", "expected :"),
        ("U a = x; y = a", "not declared"),
        ("y = x[0]", "cannot read"),
        ("if (x > 0) y = x;", "if is not declared"),
    ],
)
def test_text_that_is_not_c_or_too_much_of_it(cp, text, reason):
    from cupy_standin.kernel_code import CompileException

    kernel = cp.ElementwiseKernel("T x", "T y", text)  # CuPy compiles at the first call
    with pytest.raises(CompileException) as caught:
        kernel(cp.ones(2))
    assert reason in str(caught.value)


def test_parameters_that_are_refused(cp):
    for bad in ("T i", "T n", "T _x", "T do", "T 1x"):
        with pytest.raises(ValueError, match="name"):
            cp.ElementwiseKernel(bad, "T y", "y = 1")
    with pytest.raises(Exception, match="Syntax error"):
        cp.ElementwiseKernel("x", "T y", "y = x")
    with pytest.raises(ValueError, match="Invalid kernel name"):
        cp.ElementwiseKernel("T x", "T y", "y = x", "two words")
    for beyond in ({"in_params": "raw T x"}, {"preamble": "int f();"}, {"loop_prep": "int k = 0;"}):
        with pytest.raises(NotImplementedError):
            cp.ElementwiseKernel(**{"in_params": "T x", "out_params": "T y", "operation": "y = 1", **beyond})
    with pytest.raises(TypeError):
        cp.ElementwiseKernel("nothing x", "T y", "y = x")


def test_arrays_of_another_device(cp):
    kernel = cp.ElementwiseKernel("T x", "T y", "y = x")
    x = cp.ones(2)
    with standin.settings.changed(device_count=2), cp.cuda.Device(1), pytest.raises(ValueError, match="Peer access"):
        kernel(x)


def test_launches_of_other_calls(cp):
    x = cp.ones((2, 2))
    with standin.counter.watch() as seen:
        x + x, x.dot(x), cp.matmul(x, x), cp.copyto(x, x + 1), x.T, x[0], cp.tanh(x, x), x.copy()
        x[...] = 0
        cp.concatenate([x, x])
    expected = {"add": 2, "dot": 1, "matmul": 1, "copyto": 1, "tanh": 1, "copy": 1, "setitem": 1, "concatenate": 1}
    assert seen.launches == expected


def test_products_into_an_array(cp):
    x = cp.ones((2, 2))
    with pytest.raises(ValueError, match="C-contiguous"):
        x.dot(x, cp.ones((2, 2)).T)
    with pytest.raises(ValueError, match="dtype"):
        x.dot(x, cp.ones((2, 2), np.float32))


@pytest.mark.gpu
def test_on_a_gpu():
    """A real CuPy agrees about the rules that matter most."""
    cupy = pytest.importorskip("cupy")
    assert not standin.installed()
    x = cupy.array([3.0, 4.0])
    out = cupy.ElementwiseKernel("T x", "T y, T z", "y += x; z = x > 3 ? T(1) / 2 : tanh(y)")(x, cupy.ones(2), x * 0)
    assert out[0].get().tolist() == [4, 5]
    assert out[1].get().tolist() == [pytest.approx(np.tanh(4)), 0.5]
    kernel = cupy.ElementwiseKernel("T x, T y", "T z", "z = x + y")
    with pytest.raises(TypeError, match="mismatched"):
        kernel(x, cupy.ones(2, "float32"))
    with pytest.raises(TypeError, match="Unsupported type"):
        kernel(x, np.ones(2))
    with pytest.raises(ValueError, match="Out shape"):
        kernel(x, x, cupy.ones(1))
