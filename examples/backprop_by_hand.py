"""Derive every gradient of a small MLP by hand and compare it with autograd's.

Shows `retain_grad`, which keeps the gradients of intermediate results, and indexing with a gradient. The chain rule
is walked backwards, one line for each line of the forward pass.
"""

import minigrad
from minigrad import nn


def main():
    minigrad.manual_seed(0)
    n, inputs, hidden, classes = 16, 5, 8, 3
    x = minigrad.randn(n, inputs, dtype=minigrad.float64)
    target = minigrad.randint(0, classes, (n,))
    w1 = minigrad.randn(inputs, hidden, dtype=minigrad.float64, requires_grad=True)
    b1 = minigrad.zeros(hidden, dtype=minigrad.float64, requires_grad=True)
    w2 = minigrad.randn(hidden, classes, dtype=minigrad.float64, requires_grad=True)
    b2 = minigrad.zeros(classes, dtype=minigrad.float64, requires_grad=True)

    # Forward, one step a line.
    before = x @ w1 + b1
    h = before.tanh()
    logits = h @ w2 + b2
    probabilities = nn.functional.softmax(logits, dim=1)
    loss = -probabilities[range(n), target].log().mean()

    for result in (before, h, logits, probabilities):
        result.retain_grad()  # without it only leaves keep their gradient
    loss.backward()

    # Backward, the same steps from the last to the first.
    with minigrad.no_grad():
        hand = {}
        hand["probabilities"] = minigrad.zeros_like(probabilities)
        hand["probabilities"][range(n), target] = -1 / (n * probabilities[range(n), target])
        hand["logits"] = probabilities.clone()
        hand["logits"][range(n), target] -= 1  # softmax and the mean negative logarithm together
        hand["logits"] /= n
        hand["w2"] = h.T @ hand["logits"]
        hand["b2"] = hand["logits"].sum(0)
        hand["h"] = hand["logits"] @ w2.T
        hand["before"] = hand["h"] * (1 - h**2)
        hand["w1"] = x.T @ hand["before"]
        hand["b1"] = hand["before"].sum(0)

    tensors = {"probabilities": probabilities, "logits": logits, "w2": w2, "b2": b2, "h": h, "before": before,
               "w1": w1, "b1": b1}  # fmt: skip
    for name, gradient in hand.items():
        difference = (gradient - tensors[name].grad).abs().max().item()
        assert difference < 1e-12, f"{name} differs by {difference}"
        print(f"{name:14s}{tuple(gradient.shape)!s:10s} largest difference {difference:.1e}")
    print(f"loss {loss.item():.4f}: all {len(hand)} gradients agree")


if __name__ == "__main__":
    main()
