"""Every name that study programs use exists (tests/api_surface.txt), but for those that have a reason not to."""

from __future__ import annotations

from pathlib import Path

import pytest

import minigrad

#: section -> where its names are looked up
PLACES = {
    "torch": minigrad,
    "Tensor": minigrad.Tensor,
    "Tensor operators": minigrad.Tensor,
    "nn": minigrad.nn,
    "nn.Module methods": minigrad.nn.Module,
    "nn.functional": minigrad.nn.functional,
    "nn.init": minigrad.nn.init,
    "nn.utils": minigrad.nn.utils,
    "optim": minigrad.optim,
    "optim.lr_scheduler": minigrad.optim.lr_scheduler,
    "utils.data": minigrad.utils.data,
    "autograd": minigrad.autograd,
    "other": minigrad,
}

CONVOLUTION = "convolution and pooling are a later issue"

#: "section: name" -> why minigrad does not have it
EXCLUDED = {
    **dict.fromkeys(
        ["nn: Conv2d", "nn: MaxPool2d", "nn: AdaptiveAvgPool2d", "nn: AvgPool2d", "nn: BatchNorm2d",
         "nn.functional: max_pool2d", "nn.functional: avg_pool2d"],
        CONVOLUTION,
    ),
    "nn: Transformer": "attention is not among what minigrad is for: MLPs, RNNs and optimizers",
    "nn: DataParallel": "minigrad trains on one device",
    "other: onnx.export": "minigrad writes safetensors files; ONNX would need a recorded graph of named operations",
}  # fmt: skip


def read_names() -> list[str]:
    """The lines "section: name" of the file."""
    names = []
    for block in (Path(__file__).parent / "api_surface.txt").read_text().split("\n[")[1:]:
        section, _, text = block.partition("]\n")
        names += [f"{section.removesuffix(', once')}: {name}" for name in " ".join(text.split()).split(", ")]
    return names


NAMES = read_names()


def resolve(entry: str):
    """What a name stands for; AttributeError if there is nothing of this name."""
    section, name = entry.split(": ")
    found = PLACES[section]
    for part in name.removesuffix(" (set)").split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("entry", [n for n in NAMES if n not in EXCLUDED])
def test_the_name_exists(entry):
    found = resolve(entry)
    if entry.endswith(" (set)"):
        assert found.fset is not None


@pytest.mark.parametrize("entry", EXCLUDED)
def test_an_excluded_name_is_really_missing(entry):
    """Once it exists, its row in the table of exclusions has to go."""
    assert entry in NAMES
    with pytest.raises(AttributeError):
        resolve(entry)


def test_submodules_are_attributes():
    """`import minigrad as torch` and `torch.nn.functional.relu` need no further import."""
    for name in ("nn.functional", "nn.init", "nn.utils", "optim", "utils.data", "autograd.functional", "cuda"):
        resolve(f"other: {name}")
