"""The data sets of the command line."""

import numpy
import pytest
from small_fashion import write, write_fashion

import minigrad
from minigrad.train import datasets
from minigrad.train.errors import UserError


def test_digits():
    pytest.importorskip("sklearn")
    data = datasets.load("digits")
    assert (len(data.train), len(data.test), data.features, data.classes) == (1437, 360, 64, 10)
    images, labels = data.train.tensors
    assert images.dtype is minigrad.float32 and labels.dtype is minigrad.int64
    assert abs(images.mean().item()) < 1e-4 and abs(images.std().item() - 1) < 1e-3
    for digit in range(10):
        shares = [(part.tensors[1] == digit).float().mean().item() for part in (data.train, data.test)]
        assert abs(shares[0] - shares[1]) < 0.002
    again = datasets.load("digits")
    assert again.test.tensors[0].tolist() == data.test.tensors[0].tolist()


@pytest.mark.parametrize("end", ["", ".gz"])
def test_fashion_files(tmp_path, end):
    write_fashion(tmp_path, end=end)
    data = datasets.load("fashion-mnist", str(tmp_path))
    assert (len(data.train), len(data.test), data.features, data.classes) == (40, 20, 784, 10)
    image, label = data.test[13]
    assert label.item() == 3 and image.reshape(28, 28)[6].min().item() > image.reshape(28, 28)[7].max().item()
    assert image.max().item() == pytest.approx((255 - data.mean) / data.std, rel=1e-5)


def test_data_on_a_device(tmp_path, device):
    write_fashion(tmp_path)
    data = datasets.load("fashion-mnist", str(tmp_path)).to(device)
    assert {tensor.device.type for part in (data.train, data.test) for tensor in part.tensors} == {device}


def replaced(name, array):
    def damage(folder):
        write(folder / name, array)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "t10k-labels-idx1-ubyte").unlink(), "no t10k-labels-idx1-ubyte or .*gz in"),
        (replaced("train-labels-idx1-ubyte", numpy.zeros(39)), "holds 40 images, but .* 39 labels"),
        (replaced("train-labels-idx1-ubyte", numpy.full(40, 10)), "labels from 10 to 10; 0 to 9"),
        (replaced("t10k-images-idx3-ubyte", numpy.zeros((20, 8, 8))), "holds 20 x 8 x 8 numbers; .* 28 x 28"),
        (replaced("t10k-images-idx3-ubyte", numpy.zeros((0, 28, 28))), "holds 0 x 28 x 28 numbers"),
        (replaced("t10k-images-idx3-ubyte", numpy.zeros(20)), "it has 1 dimensions where 3 were expected"),
        (
            replaced("train-images-idx3-ubyte", numpy.ones((40, 28, 28))),
            "all training images are of one colour",
        ),
    ],
)
def test_damaged_sets(tmp_path, damage, message):
    write_fashion(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=message):
        datasets.load("fashion-mnist", str(tmp_path))


def test_missing_folders(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no folder .*nowhere: give --data-dir"):
        datasets.load("fashion-mnist", str(tmp_path / "nowhere"))
    monkeypatch.setattr(datasets, "FASHION_FOLDER", str(tmp_path / "default"))
    with pytest.raises(UserError, match="apt install dataset-fashion-mnist"):
        datasets.load("fashion-mnist")
    with pytest.raises(UserError, match="--data-dir is for fashion-mnist"):
        datasets.load("digits", str(tmp_path))
