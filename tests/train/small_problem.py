"""A problem of milliseconds: two classes in the plane, a network with dropout, and the trainer for it."""

import minigrad
from minigrad import nn
from minigrad.train import Progress, Trainer, accuracy
from minigrad.utils.data import DataLoader, TensorDataset


class Heard(Progress):
    """Progress that keeps what it is told, and shows nothing."""

    def __init__(self):
        super().__init__()
        self.rows, self.lines = [], []

    def on_fit_start(self, trainer):
        pass

    def on_epoch_end(self, trainer, row):
        self.rows.append(self.line(trainer, row))

    def on_message(self, trainer, text):
        self.lines.append(text)


def points(n=40, seed=0, device="cpu"):
    generator = minigrad.Generator().manual_seed(seed)
    x = minigrad.randn(n, 2, generator=generator)
    return TensorDataset(x.to(device), (x.square().sum(dim=1) < 1.4).long().to(device))


def loaders(n=40, batch_size=8, **options):
    """Of training, shuffled, and of validation."""
    return DataLoader(points(n), batch_size, shuffle=True, **options), DataLoader(points(20, seed=1), 8)


def network(dropout=0.2):
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2))


def make(callbacks=(), lr=0.1, dropout=0.2, scheduler=None, optimizer=None, device="cpu", **options):
    """A trainer from seed 0, with momentum; `scheduler(optimizer)` makes its scheduler."""
    minigrad.manual_seed(0)
    model = network(dropout).to(device)
    optimizer = optimizer or (lambda parameters: minigrad.optim.SGD(parameters, lr=lr, momentum=0.9))
    optimizer = optimizer(model.parameters())
    options.setdefault("progress", False)
    return Trainer(
        model, optimizer, nn.CrossEntropyLoss(), {"accuracy": accuracy}, scheduler and scheduler(optimizer),
        callbacks, **options,
    )  # fmt: skip


def weights(trainer):
    return [p.tolist() for p in trainer.model.parameters()]


def measured(trainer):
    """The history, less what a clock says."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]
