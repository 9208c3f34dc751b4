"""Train an MLP on scikit-learn's handwritten digits, with the training loop written out.

Shows `TensorDataset`, `random_split` and `DataLoader`, a `Sequential` model, RMSprop, and testing under `no_grad`.
Needs scikit-learn; run it with: python examples/mlp_digits.py
"""

from sklearn.datasets import load_digits

import minigrad
from minigrad import nn
from minigrad.utils.data import DataLoader, TensorDataset, random_split

EPOCHS = 12


def accuracy(model, loader):
    """The fraction of a loader's images that the model names right."""
    model.eval()
    with minigrad.no_grad():
        right = sum((model(images).argmax(dim=1) == labels).sum().item() for images, labels in loader)
    return right / len(loader.dataset)


def main():
    minigrad.manual_seed(0)
    digits = load_digits()
    images = minigrad.tensor(digits.data / 16, dtype=minigrad.float32)  # 1797 x 64, from 0 to 1
    labels = minigrad.tensor(digits.target)  # 1797 integers from 0 to 9
    train, test = random_split(TensorDataset(images, labels), [1437, 360])
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    test_loader = DataLoader(test, batch_size=360)

    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    loss_of = nn.CrossEntropyLoss()
    optimizer = minigrad.optim.RMSprop(model.parameters(), lr=1e-3)

    for epoch in range(1, EPOCHS + 1):
        model.train()
        total = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        print(f"epoch {epoch:2d}: training loss {total / len(train):.4f}")
    print(f"test accuracy: {accuracy(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
