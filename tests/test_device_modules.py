"""`cuda`, `accelerator` and `backends`: what they say with a GPU (the stand-in) and without one."""

from __future__ import annotations

import pytest

import minigrad
from minigrad import accelerator, backends, cuda
from minigrad.backend import devices

gpu = pytest.mark.usefixtures("gpu_only")


@pytest.fixture
def gpu_only(device):
    """The tests of what needs a GPU have nothing to do on the CPU."""
    if device == "cpu":
        pytest.skip("needs a GPU, or the stand-in")


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr(devices, "load_cupy", lambda: None)


@gpu
def test_with_a_gpu():
    assert cuda.is_available() and cuda.device_count() >= 1 and cuda.current_device() == 0
    assert isinstance(cuda.get_device_name(), str) and len(cuda.get_device_capability("cuda:0")) == 2
    cuda.synchronize()
    cuda.synchronize("cuda:0")
    assert accelerator.current_accelerator() == minigrad.device("cuda") and accelerator.device_count() >= 1
    accelerator.synchronize()
    with pytest.raises(ValueError, match="expected a CUDA device such as 'cuda:0', got 'cpu'"):
        cuda.get_device_name("cpu")
    with pytest.raises(RuntimeError, match="device 'cuda:77' does not exist"):
        cuda.get_device_name(77)


@gpu
def test_memory():
    before = cuda.memory_allocated()
    x = minigrad.zeros(100_000, device="cuda")
    assert cuda.memory_allocated() >= before + 400_000 <= cuda.memory_reserved() + before
    assert cuda.max_memory_allocated() >= before + 400_000
    del x
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    free, total = cuda.mem_get_info()
    assert cuda.max_memory_allocated() < before + 400_000 and 0 < free <= total


@gpu
def test_seeds():
    for seed in (cuda.manual_seed, cuda.manual_seed_all, minigrad.manual_seed):
        seed(3)
        state = cuda.get_rng_state()
        first = minigrad.rand(3, device="cuda").tolist()
        cuda.set_rng_state(state)
        assert minigrad.rand(3, device="cuda").tolist() == first
        seed(3)
        assert minigrad.rand(3, device="cuda").tolist() == first


@gpu
def test_the_current_device():
    cuda.set_device(0)
    cuda.set_device(-1)
    accelerator.set_device_index(0)
    last = cuda.device_count() - 1
    with cuda.device(last), cuda.device(None):
        assert cuda.current_device() == last == accelerator.current_device_index()
        assert minigrad.ones(1, device="cuda").device.index == last
    assert cuda.current_device() == 0


@pytest.mark.usefixtures("without_gpu")
def test_without_a_gpu_questions_are_answered_and_requests_refused():
    assert not cuda.is_available() and cuda.device_count() == 0 and accelerator.current_accelerator() is None
    assert not accelerator.is_available() and not backends.cuda.is_built()
    cuda.manual_seed(1)
    cuda.manual_seed_all(1)
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    assert cuda.memory_allocated() == cuda.memory_reserved() == cuda.max_memory_allocated() == 0
    for call in (cuda.synchronize, cuda.current_device, cuda.get_device_name, cuda.mem_get_info):
        with pytest.raises(RuntimeError, match=r"needs CuPy, which is not installed: pip install 'minigrad-dl"):
            call()


def test_switches_of_pytorchs_libraries():
    assert backends.mps.is_available() is False and backends.mps.is_built() is False
    assert backends.cudnn.is_available() is False and backends.cudnn.version() is None
    backends.cudnn.deterministic, backends.cudnn.benchmark = True, False
    assert backends.cudnn.deterministic is True
    backends.cudnn.deterministic = False
    backends.cuda.matmul.allow_tf32 = False


def test_special_functions_have_their_names():
    x = minigrad.tensor([0.25, 0.5])
    for name in minigrad.special.__all__:
        assert callable(getattr(minigrad.special, name))
    assert minigrad.allclose(minigrad.special.expit(x), minigrad.sigmoid(x))
    assert minigrad.special.gammaln(minigrad.tensor(5.0)).exp().item() == pytest.approx(24)
