"""Watch the effective learning rate lr / (√v + ε) that Adagrad and RMSprop give each parameter.

Prints how it falls or levels on a constant gradient, what rare and frequent parameters get, how α and ε change it,
why RMSprop's first steps are too large, and what happens without ε. Change the gradients, or read the rates of your
own training: `rates(optimizer, p)` needs nothing but the optimizer's state. `--out FOLDER` draws the curves (needs
matplotlib).
"""

import argparse
from pathlib import Path

import minigrad
from minigrad.optim import SGD, Adagrad, Adam, RMSprop


def rates(optimizer, p):
    """The effective learning rate of every number of a parameter, after a step."""
    group, state = optimizer.param_groups[0], optimizer.state[p]
    v = next(state[name] for name in ("sum", "square_avg", "exp_avg_sq") if name in state)  # Adagrad, RMSprop, Adam
    lr, eps = group["lr"], group["eps"]
    return {
        "outside": lr / (v.sqrt() + eps), "inside": lr / (v + eps).sqrt(), "none": lr / v.sqrt(),
    }[group["eps_mode"]]  # fmt: skip


def follow(make_optimizer, gradients):
    """Give a number these gradients, one a step. Yields the length of each step and the effective rate of it."""
    p = minigrad.zeros(1, dtype=minigrad.float64, requires_grad=True)
    optimizer = make_optimizer([p])
    for gradient in gradients:
        before = p.item()
        p.grad = minigrad.full_like(p, gradient)
        optimizer.step()
        yield before - p.item(), rates(optimizer, p).item()


def lengths(make_optimizer, gradients):
    return [length for length, _ in follow(make_optimizer, gradients)]


def curve(make_optimizer, gradients):
    return [rate for _, rate in follow(make_optimizer, gradients)]


def constant_gradient():
    """Adagrad's rate falls as 1/√t, RMSprop's levels; at first RMSprop's is too large."""
    print("effective rate at lr 0.1 on a constant gradient of 1, step by step")
    curves = {
        "Adagrad": lambda ps: Adagrad(ps, lr=0.1),
        "RMSprop 0.9": lambda ps: RMSprop(ps, lr=0.1, alpha=0.9),
        "RMSprop 0.99": lambda ps: RMSprop(ps, lr=0.1, alpha=0.99),
    }
    curves = {name: curve(make, [1.0] * 1000) for name, make in curves.items()}
    print("step  " + "".join(f"{name:>14s}" for name in curves) + "   lr/√step")
    for step in (1, 2, 5, 10, 100, 1000):
        print(
            f"{step:<6d}" + "".join(f"{rate[step - 1]:14.6f}" for rate in curves.values()) + f"{0.1 / step**0.5:11.6f}"
        )
    print("Adagrad falls for ever. RMSprop levels at lr. A large α does not let it fall too fast, as one can read:")
    print("from its start at 0 the first rates are too large, by 1/√(1 - α), which is 3.16 at 0.9 and 10 at 0.99.")

    noise = minigrad.randn(200, dtype=minigrad.float64, generator=minigrad.Generator().manual_seed(0)).tolist()
    mended = {"lr": 0.1, "alpha": 0.99, "bias_correction": True}
    corrected = lengths(lambda ps: RMSprop(ps, **mended), noise)
    adam = lengths(lambda ps: Adam(ps, lr=0.1, betas=(0.0, 0.99)), noise)
    steps = lengths(lambda ps: RMSprop(ps, **mended), [1.0] * 3)
    print("bias_correction=True mends it, first steps: " + ", ".join(f"{length:.6f}" for length in steps))
    difference = max(abs(a - b) for a, b in zip(corrected, adam))
    print(f"and is Adam with its first beta 0: largest difference on random gradients {difference:.1e}")
    return curves


def rare_and_frequent():
    """Two weights of a linear model with noisy targets; the second one's input is rare. 200 runs side by side."""
    print("\nlinear model, both weights should become 1; input 1 is always there, input 2 in every 50th sample")
    print("1000 noisy samples     error of 1   error of 2       rate 1       rate 2")
    for make in (
        lambda ps: SGD(ps, lr=0.01), lambda ps: SGD(ps, lr=0.03), lambda ps: SGD(ps, lr=0.1),
        lambda ps: Adagrad(ps, lr=1.0),
    ):  # fmt: skip
        noise = minigrad.randn(1000, 200, dtype=minigrad.float64, generator=minigrad.Generator().manual_seed(0))
        w = minigrad.zeros(200, 2, dtype=minigrad.float64, requires_grad=True)
        optimizer = make([w])
        for step in range(1000):
            x = minigrad.tensor([1.0, 1.0 if step % 50 == 0 else 0.0], dtype=minigrad.float64)
            optimizer.zero_grad()
            (0.5 * ((w - 1) @ x - noise[step]).square()).sum().backward()
            optimizer.step()
        error = (w.detach() - 1).square().mean(dim=0).sqrt().tolist()
        lr, is_adagrad = optimizer.lr, isinstance(optimizer, Adagrad)
        effective = rates(optimizer, w).mean(dim=0).tolist() if is_adagrad else [lr, lr]
        name = f"{type(optimizer).__name__} lr {lr:g}"
        print(f"{name:20s}" + "".join(f"{value:13.4f}" for value in [*error, *effective]))
    print("one rate for both is too small for the rare weight or too large for the frequent one")


def sweep_of_alpha():
    """Gradients that become 10 times as large: how noisy the rate is before, and how soon it follows."""
    print("\nα, on random gradients of size 1 that become 10 times as large (the rate should go from 0.1 to 0.01)")
    change = 4000
    noise = minigrad.randn(change + 500, dtype=minigrad.float64, generator=minigrad.Generator().manual_seed(1))
    gradients = minigrad.cat([noise[:change], 10 * noise[change:]]).tolist()
    curves = {}
    for alpha in (0.5, 0.9, 0.99, 0.999):
        found = curve(lambda ps, alpha=alpha: RMSprop(ps, lr=0.1, alpha=alpha), gradients)
        wobble = minigrad.tensor(found[change - 1000 : change]).log().std().exp().item()
        late = next(step for step, rate in enumerate(found[change:], 1) if rate < 0.02)
        print(f"α {alpha:<6g} the rate wobbles by a factor of {wobble:.3f}, and is below 0.02 {late} steps later")
        curves[f"α {alpha}"] = found
    return curves


def sweep_of_eps():
    """The first step divided by lr: ε decides it for small gradients."""
    print("\nfirst step divided by lr (α 0.9), by the size of the gradient and the place of ε")
    places = {
        "outside 1e-8": {"eps": 1e-8}, "inside 1e-8": {"eps": 1e-8, "eps_mode": "inside"},
        "inside 1e-7": {"eps": 1e-7, "eps_mode": "inside"}, "inside 1e-10": {"eps": 1e-10, "eps_mode": "inside"},
        "tf1": {"convention": "tf1"}, "outside 1e-6": {"eps": 1e-6}, "outside 1": {"eps": 1.0},
    }  # fmt: skip
    print("gradient" + "".join(f"{name:>14s}" for name in places))
    for gradient in (1.0, 1e-3, 1e-5, 1e-8):
        makes = [lambda ps, more=more: RMSprop(ps, **{"lr": 1.0, "alpha": 0.9, **more}) for more in places.values()]
        print(f"{gradient:<8g}" + "".join(f"{lengths(make, [gradient])[0]:14.4g}" for make in makes))
    print("ε hardly needs tuning where gradients are large. Where they are small, an outside ε acts as an inside ε².")


def without_eps():
    """A vanishing average makes the rate enormous, and 0 / 0 is NaN."""
    print("\nwithout ε (eps_mode='none'), gradient 1 once and 0 after that: the rate does not become tiny, it explodes")
    for name, mode in ("without", "none"), ("with 1e-8", "outside"):
        gradients = [1.0] + [0.0] * 2000
        found = curve(lambda ps, mode=mode: RMSprop(ps, lr=0.1, alpha=0.9, eps_mode=mode, eps=1e-8), gradients)
        print(f"{name:10s}" + ", ".join(f"step {step}: {found[step - 1]:.3g}" for step in (1, 100, 500, 2000)))
    without, outside = (
        lengths(lambda ps, mode=mode: RMSprop(ps, lr=0.1, eps_mode=mode), [0.0]) for mode in ("none", "outside")
    )
    print(f"first step at a gradient of 0: {without[0]} without ε, {outside[0]} with it")


def draw(panels, file):
    """The curves, one panel for each group of them."""
    from matplotlib.figure import Figure  # optional: only a picture needs it

    figure = Figure(figsize=(12, 5), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(1, len(panels)), panels.items()):
        for name, rate in curves.items():
            axes.plot(range(1, len(rate) + 1), rate, label=name)
        axes.set(title=title, xlabel="step", ylabel="effective rate", yscale="log")
        axes.legend()
    figure.axes[0].set_xscale("log")
    figure.savefig(file)
    print(f"drawn in {file}")


def main():
    parser = argparse.ArgumentParser(description="the effective learning rates of Adagrad and RMSprop")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="draw effective_rates.png there")
    arguments = parser.parse_args()
    constant = constant_gradient()
    rare_and_frequent()
    sweep = sweep_of_alpha()
    sweep_of_eps()
    without_eps()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        panels = {"a constant gradient": constant, "random gradients, 10 times as large after step 4000": sweep}
        draw(panels, arguments.out / "effective_rates.png")


if __name__ == "__main__":
    main()
