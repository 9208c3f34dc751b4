"""Record a training step with `minigrad.jit`, and print the program that is replayed: the whole step, top to bottom.

Shows `step.source` (what runs at each call), `step.preparation` (what is made once) and `step.report()`. The page
docs/recorded-step.md walks through the printed program.
"""

import minigrad
from minigrad import nn


def main():
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @minigrad.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x = minigrad.rand(32, 2) * 2 - 1
    y = x.prod(dim=1, keepdim=True)
    losses = [step(x, y).item() for _ in range(500)]
    print(step.preparation)
    print(step.source)
    print(step.report())
    print(f"loss: {losses[0]:.4f} at first, {losses[-1]:.6f} after {len(losses)} steps")


if __name__ == "__main__":
    main()
