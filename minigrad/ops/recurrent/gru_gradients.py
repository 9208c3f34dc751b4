"""What a GRU's gradients have of their own, on the CPU and on a GPU."""

from __future__ import annotations

from ...backend.library import Array
from .workspace import Weights, Workspace


class GRUGradients(Workspace):
    """The rows of `grads` are those of m, r, z and n, with m = W_hn h + b_hn: the first three quarters belong to the
    state, the last three to the input. With m in front the state's are not in the order of its weights: they are
    rolled."""

    def through(self, weights: Weights) -> Array:
        """By what the gradients of m, r and z are multiplied on their way to h."""
        xp = self.xp
        return xp.ascontiguousarray(xp.roll(weights.hh, self.hidden, axis=0).T)

    def weight_grads(self, before: Array) -> list[Array]:
        of_state, of_input = self.grads[: 3 * self.hidden], self.grads[self.hidden :]
        sums = [self.product(of_state, x) for x in (before, self.inputs[:, -1])]
        return [self.product(of_input, self.inputs), *[self.xp.roll(x, -self.hidden, axis=0) for x in sums]]

    @staticmethod
    def separated(sums: list[Array], weights: Weights) -> Weights:
        found = Workspace.separated(sums[:2], weights)
        return found if weights.bias_hh is None else found._replace(bias_hh=sums[2])
