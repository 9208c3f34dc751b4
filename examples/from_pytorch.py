"""Carry a model's weights between PyTorch and minigrad through a safetensors file, both ways.

The file is written here by `safetensors.numpy`, which needs no PyTorch; `safetensors.torch.save_file(
model.state_dict(), file)` writes the same one, because state-dict keys and parameter layouts are the same.
"""

import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

import minigrad
from minigrad import nn


def build():
    """The model, which in PyTorch would be built by the very same line."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 2))


def main():
    rng = np.random.default_rng(0)
    shapes = {"0.weight": (8, 4), "0.bias": (8,), "2.weight": (8,), "2.bias": (8,), "3.weight": (2, 8), "3.bias": (2,)}
    weights = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}

    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = Path(folder, "from_pytorch.safetensors"), Path(folder, "from_minigrad.safetensors")
        save_file(weights, theirs)

        model = build()
        print(model.load_state_dict(minigrad.load(theirs)))
        print("output:", model(minigrad.ones(1, 4)))

        minigrad.save(model.state_dict(), ours)
        back = load_file(ours)  # or safetensors.torch.load_file, for PyTorch's load_state_dict
        same = all(np.array_equal(back[name], weights[name]) for name in weights)
        print(f"{len(weights)} tensors came back {'unchanged' if same and len(back) == len(weights) else 'CHANGED'}")


if __name__ == "__main__":
    main()
