"""The same parameters and optimizer in minigrad and in PyTorch, with the same gradients."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

import minigrad
from minigrad import optim

CLASSES = {
    name: getattr(optim, name)
    for name in (
        "SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "Rprop", "ASGD",
    )
}  # fmt: skip
SHAPES = [(3, 4), (4,), (), (2, 1, 3), (0, 2), (70, 3)]
#: numbers that PyTorch keeps in float32, and minigrad in float64
SINGLE = {"NAdam": ["mu_product"], "ASGD": ["eta", "mu"]}


def groups_of(params: list[Any], grouped: bool, **options: Any) -> list[dict[str, Any]]:
    """One group, or two of which the first has options of its own."""
    return [{"params": params[:2], **options}, {"params": params[2:]}] if grouped else [{"params": params}]


class Pair:
    """The same parameters and optimizer on both sides."""

    def __init__(
        self, name: str, random: np.random.Generator, dtype: str, options: dict[str, Any], grouped: bool = False,
        shapes: Any = SHAPES, ours_only: Any = (),
    ) -> None:  # fmt: skip
        start = [random.normal(size=shape).astype(dtype) for shape in shapes]
        self.ours = [minigrad.tensor(a, requires_grad=True) for a in start]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in start]
        self.name, self.dtype, self.options, self.grouped = name, dtype, options, grouped
        self.optimizers: list[Any] = []
        for cls, params, more in (
            (CLASSES[name], self.ours, dict(ours_only)),
            (getattr(torch.optim, name), self.theirs, {}),
        ):
            self.optimizers.append(cls(self.groups(params), **options, **more))

    def groups(self, params: list[Any]) -> list[dict[str, Any]]:
        decay = {} if self.name == "Rprop" else {"weight_decay": 0.25}
        return groups_of(params, self.grouped, lr=0.05, **decay)

    def step(self, random: np.random.Generator, spread: float = 3.0) -> None:
        """One step; 15 % of the parameters have no gradient. The gradients' sizes spread over powers of ten."""
        for p, q in zip(self.ours, self.theirs):
            p.grad = q.grad = None
            if random.random() < 0.85:
                g = (random.normal(size=p.shape) * 10 ** random.uniform(-spread, spread)).astype(self.dtype)
                p.grad, q.grad = minigrad.tensor(g), torch.tensor(g)
        for optimizer in self.optimizers:
            optimizer.step()

    def scale_lr(self, factor: float) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= factor

    def check(self, rtol: float, words: str) -> None:
        for k, (p, q) in enumerate(zip(self.ours, self.theirs)):
            np.testing.assert_allclose(
                p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol, err_msg=f"parameter {k}, {words}"
            )

    def exchange(self) -> None:
        """New optimizers on both sides, each with the state of the other side's."""
        ours, theirs = self.optimizers
        saved, given = copy.deepcopy(theirs.state_dict()), as_torch(ours.state_dict())
        self.check_states(given, saved)
        self.optimizers = [
            cls(self.groups(params), lr=9.0)
            for cls, params in ((CLASSES[self.name], self.ours), (getattr(torch.optim, self.name), self.theirs))
        ]
        self.optimizers[0].load_state_dict(saved)
        self.optimizers[1].load_state_dict(given)

    def check_states(self, given: dict[str, Any], saved: dict[str, Any]) -> None:
        """minigrad's state, as PyTorch's tensors, has PyTorch's entries."""
        assert [g["params"] for g in given["param_groups"]] == [g["params"] for g in saved["param_groups"]]
        if self.name != "Adagrad":  # PyTorch's has the state of parameters that were never stepped as well
            assert given["state"].keys() == saved["state"].keys()
        single = SINGLE.get(self.name, [])
        for number, entries in given["state"].items():
            assert set(saved["state"][number]) <= set(entries) <= {*saved["state"][number], "variance"}
            for key, entry in saved["state"][number].items():
                entry = torch.as_tensor(entry)
                assert entries[key].shape == entry.shape
                assert key in single or entries[key].dtype == entry.dtype
                rtol, atol = (1e-6, 1e-6) if single else (1e-9, 1e-12)
                np.testing.assert_allclose(entries[key], entry, rtol=rtol, atol=atol, err_msg=key)


def as_torch(state_dict: dict[str, Any]) -> dict[str, Any]:
    """minigrad's state as PyTorch's tensors."""
    entries = {
        number: {name: torch.from_numpy(value.numpy().copy()) for name, value in own.items()}
        for number, own in state_dict["state"].items()
    }
    return {"state": entries, "param_groups": copy.deepcopy(state_dict["param_groups"])}
