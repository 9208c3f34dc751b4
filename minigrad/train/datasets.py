"""The data sets that the command line trains on: `load("digits")`, `load("fashion-mnist", folder)`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad import as_tensor
from minigrad.utils.data import TensorDataset

from .errors import UserError, extra
from .idx import read_idx

#: where Debian's package dataset-fashion-mnist puts the files
FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"

NAMES = ("digits", "fashion-mnist")

#: of the digits, this part is kept for testing, chosen once and for all: results of all runs can be compared
_TEST_PART, _SPLIT_SEED = 0.2, 0


@dataclass(frozen=True)
class Data:
    """Images as rows of numbers (of mean 0 and standard deviation 1 over the training images) with labels.

    `mean` and `std` are those of the training images before: another image is prepared as (x - mean) / std.
    """

    train: TensorDataset
    test: TensorDataset
    features: int
    classes: int
    mean: float
    std: float

    def to(self, device: str) -> Data:
        """The same data on `device`, moved once and for all."""

        def moved(part: TensorDataset) -> TensorDataset:
            return TensorDataset(*(tensor.to(device) for tensor in part.tensors))

        return Data(moved(self.train), moved(self.test), self.features, self.classes, self.mean, self.std)


def load(name: str, folder: str | None = None) -> Data:
    """The data set `name`, one of `NAMES`; `folder` is where the files of fashion-mnist are.

    Raises `UserError` when it is not there or damaged.
    """
    if name == "digits":
        if folder is not None:
            raise UserError("--data-dir is for fashion-mnist: the digits come with scikit-learn")
        return _digits()
    return _fashion_mnist(Path(folder or FASHION_FOLDER))


def _digits() -> Data:
    """1,797 handwritten digits, 8 x 8 grey values 0 to 16; each digit has its share of both parts."""
    bunch = extra("sklearn.datasets", "scikit-learn", "--data digits").load_digits()
    split = extra("sklearn.model_selection", "scikit-learn", "--data digits").train_test_split
    train, test, train_labels, test_labels = split(
        bunch.data, bunch.target, test_size=_TEST_PART, stratify=bunch.target, random_state=_SPLIT_SEED
    )
    return _prepared((train, train_labels), (test, test_labels))


def _fashion_mnist(folder: Path) -> Data:
    """60,000 training and 10,000 test images of clothes, 28 x 28 grey values 0 to 255, in ten classes."""
    if not folder.is_dir():
        advice = "give --data-dir the folder with the four IDX files of Fashion-MNIST"
        if str(folder) == FASHION_FOLDER:
            advice = f"install Debian's package (sudo apt install dataset-fashion-mnist), or {advice}"
        raise UserError(f"there is no folder {folder}: {advice}")
    return _prepared(_labelled_images(folder, "train"), _labelled_images(folder, "t10k"))


def _labelled_images(folder: Path, part: str) -> tuple[Any, Any]:
    """Images (n, 784) and labels (n,) of "train" or "t10k"."""
    images_file = _find(folder, f"{part}-images-idx3-ubyte")
    labels_file = _find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_file, ndim=3), read_idx(labels_file, ndim=1)
    if images.shape[1:] != (28, 28) or not len(images):
        sizes = " x ".join(map(str, images.shape))
        raise UserError(f"{images_file} holds {sizes} numbers; images of 28 x 28 were expected")
    if len(images) != len(labels):
        raise UserError(f"{images_file} holds {len(images)} images, but {labels_file} {len(labels)} labels")
    if labels.min() < 0 or labels.max() > 9:
        found = f"{labels.min()} to {labels.max()}"
        raise UserError(f"{labels_file} holds labels from {found}; 0 to 9 were expected")
    return images.reshape(len(images), -1), labels


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.exists():
            return candidate
    raise UserError(f"there is no {name} or {name}.gz in {folder}: give --data-dir its folder")


def _prepared(train: tuple[Any, Any], test: tuple[Any, Any]) -> Data:
    mean, std = float(train[0].mean()), float(train[0].std())
    if std == 0:
        raise UserError("all training images are of one colour: there is nothing to learn from them")

    def dataset(images: Any, labels: Any) -> TensorDataset:
        values = (images.astype("float32") - mean) / std
        return TensorDataset(as_tensor(values), as_tensor(labels.astype("int64")))

    classes = int(train[1].max()) + 1
    return Data(dataset(*train), dataset(*test), train[0].shape[1], classes, mean, std)
