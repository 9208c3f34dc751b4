"""Reduce the learning rate when validation no longer improves, stop early, and go on from the best epoch.

First a loop that is often copied and does something else than it says, beside what it means; then the practice on a
small noisy regression: a large rate that falls (in steps, on a plateau), early stopping that gives the best weights
back, and a second run that resumes from them with a tenth of the rate. Change the schedules in `SCHEDULES`, or the
callbacks in `trained`, and compare the last column.
"""

import math
import tempfile

import minigrad
from minigrad import nn, optim
from minigrad.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from minigrad.train import AdjustOnPlateau, Checkpoint, EarlyStopping, Trainer
from minigrad.utils.data import DataLoader, TensorDataset

RATE = 0.03
SCHEDULES = {
    "constant": lambda optimizer: None,
    "a tenth every 20 epochs": lambda optimizer: StepLR(optimizer, step_size=20, gamma=0.1),
    "half after 5 bad epochs": lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=5),
}


def literally(losses, rate):
    """An article's loop: 'multiply by 0.97 after 10 epochs without progress'. The rate in each epoch.

    10 is where the counter starts, nothing counts it down, and the test is always true.
    """
    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=rate)
    rates, not_improved = [], 10
    for _ in losses:
        if not_improved >= 0:
            optimizer.learning_rate = optimizer.learning_rate * 0.97
        rates.append(optimizer.learning_rate)
    return rates


def as_meant(losses, rate):
    """What the article says: a plateau scheduler. Keras's convention reduces in the 10th epoch without progress."""
    optimizer = optim.RMSprop([minigrad.zeros(1, requires_grad=True)], lr=rate)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.97, patience=10, convention="keras")
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.learning_rate)
    return rates


def show_the_loop():
    losses = [1 / epoch for epoch in range(1, 21)] + [0.05] * 30
    literal, meant = literally(losses, 0.1), as_meant(losses, 0.1)
    print("20 epochs of progress, then none; the rate after each epoch, from 0.1")
    print("epoch    literally     as meant")
    for epoch in (1, 10, 20, 29, 30, 40, 50):
        print(f"{epoch:5d}{literal[epoch - 1]:13.6f}{meant[epoch - 1]:13.6f}")
    print(f"literally the rate is 0.1 · 0.97^epoch, whatever the loss: {0.1 * 0.97**50:.6f} after 50 epochs")


def loaders():
    """Batches of a noisy wave, for training and validation."""
    minigrad.manual_seed(1)
    x = 4 * minigrad.rand(400, 1) - 2
    y = minigrad.sin(3 * x) + 0.1 * minigrad.randn(400, 1)
    training, validation = TensorDataset(x[:200], y[:200]), TensorDataset(x[200:], y[200:])
    return DataLoader(training, batch_size=20, shuffle=True), DataLoader(validation, batch_size=200)


def trained(schedule, *callbacks):
    """A trainer of a fresh network, with a scheduler."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = optim.RMSprop(model.parameters(), lr=RATE, alpha=0.9)
    return Trainer(model, optimizer, nn.MSELoss(), scheduler=schedule(optimizer), callbacks=callbacks, progress=False)


def show_schedules():
    print(f"\n60 epochs of RMSprop from lr {RATE}, validation loss (0.01 of it is noise)")
    trainers = {name: trained(schedule) for name, schedule in SCHEDULES.items()}
    gap = AdjustOnPlateau("lr", 0.5, monitor="gap", patience=5)
    trainers["half where the gap grows"] = trained(SCHEDULES["constant"], gap)
    for name, trainer in trainers.items():
        training, validation = loaders()
        history = trainer.fit(training, 60, validation=validation)
        tail = [row.validation_loss for row in history[-10:]]
        print(f"{name:26s} last lr {history[-1].lr:<9.3g} mean of the last 10 epochs {sum(tail) / 10:.4f}, "
              f"worst {max(tail):.4f}")  # fmt: skip


def show_resuming():
    print("\nearly stopping, and on from the best epoch with a tenth of the rate")
    with tempfile.TemporaryDirectory() as folder:
        training, validation = loaders()
        first = trained(SCHEDULES["constant"], EarlyStopping(patience=10), Checkpoint(folder))
        history = first.fit(training, 100, validation=validation)
        best = min(history, key=lambda row: row.validation_loss)
        print(f"first run: stopped after epoch {len(history)}, last {history[-1].validation_loss:.4f}, "
              f"best {best.validation_loss:.4f} in epoch {best.number}")  # fmt: skip
        again = first.evaluate(validation)["loss"]
        print(f"its model has the best weights: {again:.4f} (equal: {math.isclose(again, best.validation_loss)})")

        training, validation = loaders()
        second = trained(SCHEDULES["constant"], EarlyStopping(patience=10))
        report = second.resume(f"{folder}/best.safetensors", lr_scale=0.1)
        print(f"resumed after epoch {report.extra['epoch']}: lr {second.optimizer.learning_rate:g}, "
              f"average of squares kept: {'square_avg' in second.optimizer.state_dict()['state'][0]}")  # fmt: skip
        history = second.fit(training, 100, validation=validation)
        best_now = min(history, key=lambda row: row.validation_loss)
        print(f"second run: stopped after epoch {len(history)}, best {best_now.validation_loss:.4f} "
              f"in epoch {best_now.number}")  # fmt: skip


def main():
    show_the_loop()
    show_schedules()
    show_resuming()


if __name__ == "__main__":
    main()
