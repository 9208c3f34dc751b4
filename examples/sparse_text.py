"""Tell which chapter of Python's manual a few words are from: a bag of words, Adagrad against SGD.

Most words of a text are rare. Adagrad divides a word's step by the size of the gradients that this word has had, so
that rare words learn at a larger rate. Shows `EmbeddingBag(sparse=True)`, whose gradient has rows only for the words
that occur, and reads the effective rates out of Adagrad's state. The text comes with Python (`pydoc_data.topics`);
put your own texts into `load`.
"""

import re
from collections import Counter
from functools import partial
from pydoc_data.topics import topics
from statistics import mean, stdev

import minigrad
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

WINDOW, EPOCHS, BATCH, SEEDS = 12, 3, 16, (0, 1, 2)
OPTIMIZERS = {
    "SGD": (lambda params, lr: optim.SGD(params, lr=lr), (10.0, 30.0, 100.0, 300.0)),
    "Adagrad": (lambda params, lr: optim.Adagrad(params, lr=lr), (0.3, 1.0, 3.0, 10.0)),
}


def load(least=900):
    """The chapters of at least so many words: windows of their words in numbers, and the words' frequencies.

    Returns the vocabulary, the number of chapters, and (windows, chapter) for training, validation and test.
    """
    texts = [re.findall(r"[a-z_]+", text.lower()) for text in topics.values()]
    texts = [words for words in texts if len(words) >= least]
    windows = [[], [], []]
    for chapter, words in enumerate(texts):
        for k in range(len(words) // WINDOW):
            part = (0, 0, 0, 1, 2)[k // 4 % 5]  # neighbouring windows stay together
            windows[part].append((words[k * WINDOW : (k + 1) * WINDOW], chapter))
    counts = Counter(word for window, _ in windows[0] for word in window)
    number = {word: k for k, (word, _) in enumerate(counts.most_common(), 1)}  # 0: not seen in training
    data = [
        (minigrad.tensor([[number.get(word, 0) for word in window] for window, _ in part]),
         minigrad.tensor([chapter for _, chapter in part]))
        for part in windows
    ]  # fmt: skip
    return counts, len(texts), data


class BagOfWords(nn.Module):
    """Each word has a score for each chapter; a window's scores are the mean of those of its words."""

    def __init__(self, words, chapters):
        super().__init__()
        self.scores = nn.EmbeddingBag(words, chapters, mode="mean", padding_idx=0, sparse=True)
        nn.init.zeros_(self.scores.weight)

    def forward(self, windows):
        return self.scores(windows)


def train(make_optimizer, data, size, seed):
    """The trained model and its optimizer."""
    minigrad.manual_seed(seed)
    model = BagOfWords(*size)
    optimizer = make_optimizer(model.parameters())

    @minigrad.jit
    def step(windows, chapters):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(windows), chapters)
        loss.backward()
        optimizer.step()

    for _ in range(EPOCHS):
        for windows, chapters in DataLoader(TensorDataset(*data), batch_size=BATCH, shuffle=True):
            step(windows, chapters)
    return model, optimizer


def accuracy(model, data):
    windows, chapters = data
    with minigrad.no_grad():
        return (model(windows).argmax(dim=1) == chapters).double().mean().item()


def main():
    counts, chapters, (training, validation, test) = load()
    size = (len(counts) + 1, chapters)
    print(f"{len(training[0])} windows of {WINDOW} words from {chapters} chapters, {len(counts)} words, "
          f"{sum(n <= 5 for n in counts.values()) / len(counts):.0%} of which occur at most 5 times")  # fmt: skip

    print(f"accuracy after {EPOCHS} epochs, mean ± deviation over {len(SEEDS)} seeds, best rate by validation")
    runs = {}
    for name, (make, rates) in OPTIMIZERS.items():
        trained = {lr: [train(partial(make, lr=lr), training, size, seed) for seed in SEEDS] for lr in rates}
        found = {lr: mean(accuracy(model, validation) for model, _ in trained[lr]) for lr in rates}
        best = max(found, key=found.get)
        scores = [accuracy(model, test) for model, _ in trained[best]]
        print(f"{name:8s} lr {best:<5g} validation {found[best]:.3f}, test {mean(scores):.3f} ± {stdev(scores):.3f}")
        runs[name] = trained[best][0]

    print("\nby how often a word occurs: effective rate lr / √s of Adagrad, and how far its scores have moved,")
    print("where the most frequent words are 1")
    print(f"{'occurs':>12s}{'words':>7s}{'rate':>9s}{'moved, Adagrad':>16s}{'moved, SGD':>12s}")
    (adagrad, optimizer), (sgd, _) = runs["Adagrad"], runs["SGD"]
    # The rate of a word: that of the root mean square of its gradients over the chapters.
    sums = optimizer.state[adagrad.scores.weight]["sum"].mean(dim=1)
    rates = (optimizer.lr / sums[1:].sqrt()).tolist()
    moved = [model.scores.weight.detach()[1:].norm(dim=1).tolist() for model in (adagrad, sgd)]
    table = {}
    for low, high in ((1, 1), (2, 5), (6, 20), (21, 100), (101, max(counts.values()))):
        rows = [k for k, (_, n) in enumerate(counts.most_common()) if low <= n <= high]
        table[f"{low} to {high}"] = [len(rows), *(mean(column[k] for k in rows) for column in (rates, *moved))]
    _, _, *most = table[f"{low} to {high}"]
    for title, (words, rate, *lengths) in table.items():
        print(f"{title:>12s}{words:7d}{rate:9.1f}{lengths[0] / most[0]:16.3f}{lengths[1] / most[1]:12.3f}")


if __name__ == "__main__":
    main()
