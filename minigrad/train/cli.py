"""`python -m minigrad train`: trains an MLP on real images, draws its curves and saves a checkpoint."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import minigrad
from minigrad import nn, optim
from minigrad.optim.lr_scheduler import LambdaLR
from minigrad.utils.data import DataLoader

from . import datasets
from .curves import save_curves
from .history import Epoch
from .metrics import correct
from .options import (
    add_device,
    add_no_jit,
    count,
    counts,
    one_of,
    output_folder,
    plain_errors,
    positive,
    require_device,
    require_drawing,
    seed,
)
from .progress import Progress
from .trainer import Trainer

#: name -> (class, learning rate at the start of a run)
OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], float]] = {
    "sgd": (optim.SGD, 0.3),
    "momentum": (optim.Momentum, 0.03),
    "nag": (optim.NAG, 0.03),
    "adagrad": (optim.Adagrad, 0.03),
    "rmsprop": (optim.RMSprop, 0.0015),
    "adam": (optim.Adam, 0.002),
}


@dataclass(frozen=True)
class Recipe:
    """What a data set is trained with unless the command line says otherwise."""

    epochs: int
    batch_size: int
    hidden: tuple[int, ...]
    input_dropout: float
    dropout: float


RECIPES = {
    "digits": Recipe(epochs=80, batch_size=32, hidden=(128, 64), input_dropout=0.2, dropout=0.2),
    "fashion-mnist": Recipe(epochs=12, batch_size=64, hidden=(256, 128), input_dropout=0.1, dropout=0.2),
}

DESCRIPTION = """\
Train a multi-layer perceptron to recognise images, and watch it learn.

Each epoch, one pass over the training images, prints a line: loss and accuracy
on the images that the network learns from, and on test images it never sees.
At the end a picture of the curves (curves.png) and the trained network with the
optimizer's state (checkpoint.safetensors) are written to the output folder.
"""

EXAMPLES = f"""\
examples:
  python -m minigrad train
  python -m minigrad train --optimizer rmsprop --lr 0.001 --epochs 100
  python -m minigrad train --hidden 256 128 64 --seed 1 --out runs/deeper
  python -m minigrad train --data fashion-mnist
  python -m minigrad train --data fashion-mnist --data-dir ~/fashion --device cuda

data:
  digits         1,797 handwritten digits, 8 x 8 pixels; come with scikit-learn
  fashion-mnist  70,000 pictures of clothes, 28 x 28 pixels: four IDX files,
                 .gz or not, by default in {datasets.FASHION_FOLDER}
                 (Debian: sudo apt install dataset-fashion-mnist)

optimizers and their default learning rates:
  {", ".join(f"{name} {rate}" for name, (_, rate) in OPTIMIZERS.items())}
"""


def add_command(commands: Any) -> None:
    """Add `train` to the commands of `python -m minigrad`."""
    per_data = {
        field: "; ".join(f"{getattr(recipe, field)} for {name}" for name, recipe in RECIPES.items())
        for field in ("epochs", "batch_size")
    }
    hidden = "; ".join(f"{' '.join(map(str, recipe.hidden))} for {name}" for name, recipe in RECIPES.items())
    parser = commands.add_parser(
        "train",
        help="train an MLP on real images",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=one_of(datasets.NAMES), default="digits", metavar="NAME",
        help="digits or fashion-mnist (default: digits)")  # fmt: skip
    add("--data-dir", metavar="DIR", help="folder with the files of fashion-mnist (default: see below)")
    add("--optimizer", type=one_of(OPTIMIZERS), default="sgd", metavar="NAME",
        help="sgd, momentum, nag, adagrad, rmsprop or adam (default: sgd)")  # fmt: skip
    add("--lr", type=positive, metavar="RATE",
        help="learning rate at the start, which falls to 0 over the run (default: see below)")  # fmt: skip
    add("--epochs", type=count, metavar="N", help=f"passes over the data (default: {per_data['epochs']})")
    add("--batch-size", type=count, metavar="N",
        help=f"images per step (default: {per_data['batch_size']})")  # fmt: skip
    add("--hidden", type=counts, nargs="+", metavar="N",
        help=f"sizes of the hidden layers, such as 128 64 or 128,64 (default: {hidden})")  # fmt: skip
    add_device(parser)
    add("--seed", type=seed, default=0, metavar="N",
        help="number that all randomness follows from: the same seed, the same run (default: 0)")  # fmt: skip
    add_no_jit(parser)
    add("--out", metavar="DIR", help="output folder, made if needed (default: runs/DATA-OPTIMIZER)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Do what the parsed command line asks for. Raises `UserError`."""
    require_drawing()
    require_device(args.device)
    recipe = RECIPES[args.data]
    make_optimizer, default_rate = OPTIMIZERS[args.optimizer]
    hidden = tuple(size for sizes in args.hidden for size in sizes) if args.hidden else recipe.hidden
    epochs, batch_size = args.epochs or recipe.epochs, args.batch_size or recipe.batch_size
    rate = args.lr or default_rate

    data = datasets.load(args.data, args.data_dir).to(args.device)
    out = output_folder(args.out or f"runs/{args.data}-{args.optimizer}")

    minigrad.manual_seed(args.seed)
    sizes = (data.features, *hidden, data.classes)
    model = mlp(sizes, recipe.input_dropout, recipe.dropout).to(args.device)
    optimizer = make_optimizer(model.parameters(), lr=rate)
    train = DataLoader(data.train, batch_size, shuffle=True)
    test = DataLoader(data.test, batch_size=1000)

    layers = "-".join(map(str, sizes))
    print(f"{args.data}: {len(data.train):,} training images, {len(data.test):,} test images")
    print(f"MLP {layers}, {args.optimizer} at {rate:g}, batches of {batch_size}, on {args.device}")
    # linearly down to 0 at the end: the last steps settle
    steps = epochs * len(train)
    trainer = Trainer(
        model, optimizer, nn.CrossEntropyLoss(), {"accuracy": correct},
        LambdaLR(optimizer, lambda done: 1 - done / steps), scheduler_every="step", jit=args.recorded, progress=Lines(),
    )  # fmt: skip
    start = time.perf_counter()
    with plain_errors(out):
        history = trainer.fit(train, epochs, validation=test)
    seconds = time.perf_counter() - start

    title = f"{args.data}: MLP {layers}, {args.optimizer}"
    settings = {
        **{"data": args.data, "optimizer": args.optimizer, "lr": rate, "epochs": epochs},
        **{"batch_size": batch_size, "hidden": hidden, "device": args.device, "seed": args.seed},
        **{"input_dropout": recipe.input_dropout, "dropout": recipe.dropout, "sizes": sizes},
        **{"mean": data.mean, "std": data.std},
    }
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epochs,
        "settings": settings,
        "metrics": [_metrics(epoch) for epoch in history],
    }
    curves_file, checkpoint_file = out / "curves.png", out / "checkpoint.safetensors"
    with plain_errors(out):
        minigrad.save(checkpoint, checkpoint_file)
        save_curves(curves_file, history, title)
    print(f"test accuracy {100 * history[-1].validation_accuracy:.2f} % after {epochs} epochs in {seconds:.1f} s")
    print(f"curves:     {curves_file}")
    print(f"checkpoint: {checkpoint_file}")


def mlp(sizes: tuple[int, ...], input_dropout: float, dropout: float) -> nn.Sequential:
    """Linear layers from sizes[0] inputs to sizes[-1] classes, with ReLU and dropout between them."""
    layers: list[nn.Module] = [nn.Dropout(input_dropout)]
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class Lines(Progress):
    """The lines of the command, which call the validation images test images."""

    def line(self, trainer: Trainer, row: Epoch) -> str:
        train = f"train loss {row.training_loss:.4f}, acc {100 * row.training_accuracy:.2f} %"
        test = f"test loss {row.validation_loss:.4f}, acc {100 * row.validation_accuracy:.2f} %"
        return f"epoch {self.number(trainer, row)}  {train}  {test}  {row.seconds:.2f} s"


def _metrics(row: Epoch) -> dict[str, float]:
    """What the checkpoint says of an epoch."""
    parts = {
        f"{name}_{what}": row[f"{part}_{what}"]
        for name, part in (("train", "training"), ("test", "validation"))
        for what in ("loss", "accuracy")
    }
    return {"number": row.number, **parts, "seconds": row.seconds}
