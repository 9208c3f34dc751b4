"""One training step of small networks: zero_grad, forward, loss, backward, SGD with momentum."""

from ..problems import embedding_model, mlp, mlp_with_extras
from .row import Row

TITLE = "Training step"
NOTE = (
    "SGD with momentum 0.9, float32, the same batch at every step. MLP 2-16-16-1 has tanh and mean squared error, "
    "the others ReLU and cross entropy. Dropout masks are inputs of the step. The embedding model takes the mean of 16 "
    "tokens' embeddings (10,000 x 32, with dense gradients) through a hidden layer of 64."
)

SMALL = mlp((2, 16, 16, 1), 32, "tanh", "mse")
MIDDLE = mlp((64, 128, 128, 10), 64)
LARGE = mlp((784, 512, 512, 10), 256)

ROWS = [
    Row("mlp-2-16-16-1", "MLP 2-16-16-1, batch 32", SMALL, quick=True),
    Row("mlp-64-128-128-10", "MLP 64-128-128-10, batch 64", MIDDLE, quick=True, compile=True),
    Row("mlp-784-512-512-10", "MLP 784-512-512-10, batch 256", LARGE, quick=True),
    Row(
        "mlp-norm-dropout-gelu",
        "MLP 64-128-128-10, batch 64, with layer norm, GELU and dropout",
        mlp_with_extras((64, 128, 128, 10), 64),
        quick=True,
    ),
    Row("embedding", "embedding model, batch 64", embedding_model(10_000, 32, 16, 64, 10, 64), quick=True),
]
