"""Training: a loop as a library, and the pieces of it for a loop of one's own.

A whole program:

>>> import tempfile
>>> import minigrad
>>> from minigrad import nn
>>> from minigrad.train import Checkpoint, CSVLog, EarlyStopping, Trainer, accuracy
>>> from minigrad.utils.data import DataLoader, TensorDataset, random_split
>>>
>>> _ = minigrad.manual_seed(0)
>>> points = minigrad.randn(600, 2)
>>> inside = (points.square().sum(dim=1) < 1.4).long()
>>> training, validation = random_split(TensorDataset(points, inside), [500, 100])
>>> folder = tempfile.mkdtemp()
>>>
>>> model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
>>> trainer = Trainer(
...     model,
...     minigrad.optim.RMSprop(model.parameters(), lr=0.01),
...     nn.CrossEntropyLoss(),
...     metrics={"accuracy": accuracy},
...     callbacks=[EarlyStopping(patience=5), Checkpoint(folder), CSVLog(f"{folder}/log.csv")],
...     clip_norm=1.0,
...     progress=False,
... )
>>> history = trainer.fit(
...     DataLoader(training, 50, shuffle=True), epochs=40, validation=DataLoader(validation, 100)
... )
>>> len(history) <= 40 and history[-1].validation_accuracy > 0.9
True
>>> trainer.predict(points[:3]).shape
minigrad.Size([3, 2])

`progress=True`, the default, shows a bar and prints a line for each epoch. The step is recorded and replayed
(`minigrad.jit`); schedulers, clipping, accumulation and every callback work under it. After Ctrl-C or a crash the same
program with `trainer.resume(f"{folder}/last.safetensors")` before `fit` goes on, and ends with the same numbers to the
last bit.

In a loop of one's own: `EarlyStopping().update(value)`, `StopOnConvergence().update(value)`, `CSVLog(path).write(row)`,
`Adjust("lr", change).update(optimizer, row)`, `NaNGuard().check(...)`, `Session(...).save(path)`.
"""

from .adjust import Adjust, AdjustOnPlateau
from .callback import Callback
from .checkpoint import Checkpoint
from .early_stopping import EarlyStopping, StopOnConvergence
from .errors import NonFiniteError, UserError
from .history import Epoch
from .logs import CSVLog, JSONLog
from .metrics import accuracy, binary_accuracy, correct, mean_absolute_error, mean_squared_error
from .nan_guard import NaNGuard
from .origin import find_nonfinite
from .oscillation import Oscillation
from .progress import Progress
from .session import Session
from .tensorboard import TensorBoard
from .trainer import Trainer

__all__ = [
    "Adjust",
    "AdjustOnPlateau",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "Epoch",
    "JSONLog",
    "NaNGuard",
    "NonFiniteError",
    "Oscillation",
    "Progress",
    "Session",
    "StopOnConvergence",
    "TensorBoard",
    "Trainer",
    "UserError",
    "accuracy",
    "binary_accuracy",
    "correct",
    "find_nonfinite",
    "mean_absolute_error",
    "mean_squared_error",
]
