"""Weights go to PyTorch and come from it in safetensors files; its pickles are refused with the way out."""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
torch_files = pytest.importorskip("safetensors.torch")


def models():
    return (
        library.nn.Sequential(
            library.nn.Linear(3, 4), library.nn.BatchNorm1d(4), library.nn.ReLU(), library.nn.Linear(4, 2, bias=False)
        )
        for library in (minigrad, torch)
    )


def test_state_dicts_travel_both_ways(tmp_path):
    ours, theirs = models()
    torch_files.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours.load_state_dict(minigrad.load(tmp_path / "theirs.safetensors"))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    for training in (True, False):
        ours.train(training), theirs.train(training)
        expected = theirs(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(ours(minigrad.from_numpy(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)

    ours, theirs = models()
    minigrad.save(ours.state_dict(), tmp_path / "ours.safetensors")
    loaded = torch_files.load_file(tmp_path / "ours.safetensors")
    theirs.load_state_dict(loaded)
    for name, value in ours.state_dict().items():
        assert (loaded[name].numpy() == value.numpy()).all() and loaded[name].numpy().dtype == value.numpy().dtype


def test_bfloat16_becomes_float32_exactly(tmp_path):
    x = torch.tensor([1.0, -2.5, 3e38, 1e-40, float("inf"), float("nan")]).bfloat16()
    torch_files.save_file({"x": x, "s": x[0].clone()}, tmp_path / "x.safetensors")
    got = minigrad.load(tmp_path / "x.safetensors")
    assert got["x"].dtype is minigrad.float32 and got["s"].shape == ()
    assert (got["x"].numpy().view(np.int32) == x.float().numpy().view(np.int32)).all()
    torch_files.save_file({"x": torch.zeros(1).to(torch.float8_e5m2)}, tmp_path / "f8.safetensors")
    with pytest.raises(RuntimeError, match=r"'x' of dtype F8_E5M2, which minigrad does not have"):
        minigrad.load(tmp_path / "f8.safetensors")


def test_pickles_are_refused_with_the_way_out(tmp_path):
    for new in (True, False):
        torch.save({"w": torch.ones(3)}, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
        with pytest.raises(RuntimeError, match=r"w\.pt' is a pickle, as torch\.save writes"):
            minigrad.load(tmp_path / "w.pt")
