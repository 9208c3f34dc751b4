"""minigrad.autograd as a user meets it: its names, and the small things that old programs use."""

import subprocess
import sys

import pytest

import minigrad
from minigrad import autograd


def test_public_names():
    assert set(autograd.__all__) <= set(dir(autograd))
    for name in autograd.__all__:
        assert getattr(autograd, name) is not None
    assert callable(autograd.backward) and callable(autograd.grad) and callable(autograd.gradcheck)
    assert autograd.no_grad is minigrad.no_grad
    with pytest.raises(AttributeError, match="no attribute 'bakward'"):
        autograd.bakward  # noqa: B018 (looking it up is the test)


def test_from_imports_in_a_fresh_interpreter():
    code = (
        "from minigrad.autograd import Variable, Function, grad, backward\n"
        "from minigrad.autograd.function import once_differentiable\n"
        "import minigrad.autograd.functional as F, minigrad.autograd.profiler\n"
        "import minigrad; assert callable(minigrad.autograd.backward) and F.jacobian\n"
        "from minigrad.autograd import *; assert gradcheck is minigrad.autograd.gradcheck\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_variable():
    x = minigrad.ones(2)
    v = autograd.Variable(x, requires_grad=True)
    assert v.requires_grad and not x.requires_grad and isinstance(v, minigrad.Tensor)
    assert isinstance(v, autograd.Variable) and not isinstance(3, autograd.Variable)
    x[0] = 5.0
    assert v.data.tolist() == [5.0, 1.0]
    (v * v).sum().backward()
    assert v.grad.data.tolist() == [10.0, 2.0]
    assert not autograd.Variable(x, volatile=True).requires_grad
    with pytest.raises(TypeError, match=r"minigrad\.tensor"):
        autograd.Variable([1.0])


def test_profiler():
    with autograd.profiler.profile(use_cuda=False) as profile:
        for _ in range(2):
            with autograd.profiler.record_function("forward"):
                minigrad.ones(2) * 2
    lines = profile.key_averages().table(sort_by="self_cpu_time_total").splitlines()
    assert lines[0].split() == ["Name", "Calls", "Total", "time"]
    assert lines[1].split()[:2] == ["forward", "2"] and lines[2].split()[:2] == ["total", "1"]
    assert str(profile) == profile.table() and profile.self_cpu_time_total > 0
    with autograd.profiler.profile(enabled=False) as off, autograd.profiler.record_function("unseen"):
        pass
    assert [r.name for r in off.ranges] == ["total"]


def test_graph():
    y = minigrad.ones(1, requires_grad=True) * 2
    assert isinstance(y.grad_fn, autograd.graph.Node)
