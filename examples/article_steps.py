"""Take one step of Adagrad and of RMSprop, by hand and by optimizer, and compare the dialects of RMSprop.

"RMSprop with learning rate 0.1" is not one formula: TensorFlow 1 and PyTorch differ in the decay, in where ε stands
and in what the average starts from. `convention=` chooses whose formula is meant, `print(optimizer.describe())` says
which one is in force. Put your own gradient sizes into the last table to see what that comes to.
"""

import minigrad
from minigrad.optim import Adagrad, RMSprop

START = [1.0, 2.0]


def one_step(make_optimizer):
    """[1, 2] after one step down the sum of squares, and the optimizer that made it."""
    params = [minigrad.tensor(START, dtype=minigrad.float64, requires_grad=True)]
    optimizer = make_optimizer(params)
    optimizer.zero_grad()
    loss = (params[0] ** 2).sum()
    loss.backward()
    optimizer.step()
    return params[0].tolist(), optimizer


def first_step(make_optimizer, gradient):
    """How far the first step goes at a gradient of this size."""
    p = minigrad.zeros(1, dtype=minigrad.float64, requires_grad=True)
    p.grad = minigrad.full_like(p, gradient)
    make_optimizer([p]).step()
    return -p.item()


def main():
    print("Adagrad(params, lr=0.1): s = g², so the first step is 0.1 g / |g|, whatever the gradient")
    made, optimizer = one_step(lambda params: Adagrad(params, lr=0.1))
    hand = [p - 0.1 * 2 * p / (((2 * p) ** 2) ** 0.5 + 1e-10) for p in START]
    print(optimizer.describe())
    print(f"by optimizer: {made[0]:.12f} {made[1]:.12f}\nby hand:      {hand[0]:.12f} {hand[1]:.12f}\n")

    print("RMSprop(params, lr=0.1, alpha=0.9): v = 0.1 g², so the first step is 0.1 / √0.1 = 0.3162")
    made, optimizer = one_step(lambda params: RMSprop(params, lr=0.1, alpha=0.9))
    hand = [p - 0.1 * 2 * p / ((0.1 * (2 * p) ** 2) ** 0.5 + 1e-8) for p in START]
    print(optimizer.describe())
    print(f"by optimizer: {made[0]:.12f} {made[1]:.12f}\nby hand:      {hand[0]:.12f} {hand[1]:.12f}\n")

    print("RMSprop with lr=0.1 in two dialects")
    dialects = {
        "tf1": lambda params: RMSprop(params, lr=0.1, convention="tf1"),
        "pytorch": lambda params: RMSprop(params, lr=0.1, convention="pytorch"),
    }
    for name, make in dialects.items():
        made, optimizer = one_step(make)
        group = optimizer.param_groups[0]
        options = ("alpha", "momentum", "eps", "eps_mode", "initial_accumulator_value")
        print(optimizer.describe())
        print("    " + ", ".join(f"{option}={group[option]}" for option in options))
        print(f"{name} step: {made[0]:.9f} {made[1]:.9f}")

    print("\nlength of the first step at lr 0.1: the average of TensorFlow 1 starts at 1, PyTorch's at 0")
    print("gradient  " + "".join(f"{name:>14s}" for name in dialects))
    for gradient in (100.0, 1.0, 1e-2, 1e-4):
        print(f"{gradient:<10g}" + "".join(f"{first_step(make, gradient):14.4e}" for make in dialects.values()))
    print("for small gradients TensorFlow 1 steps by about lr g, PyTorch by lr / √(1 - alpha)")


if __name__ == "__main__":
    main()
