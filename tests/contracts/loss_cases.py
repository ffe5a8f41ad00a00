"""The table of losses: for each function and its class, options and the data it is tried on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 20240301


@dataclass
class Case:
    """One loss with some options.

    Attributes:
        name: of the class.
        function: of the function that the class is made of.
        options: of both.
        data: a key of `DATA`: how targets and predictions are drawn.
        shape: of the predictions.
    """

    name: str
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "real"
    shape: tuple[int, ...] = (6, 4)

    def __str__(self) -> str:
        options = ",".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.name}({options})[{self.data}{list(self.shape)}]"

    def draw(self, step: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions of batch `step`."""
        return DATA[self.data](np.random.default_rng([SEED, step]), self.shape)


def _softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def _one_hot(rng, shape):
    return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]


def _f(x):
    return np.asarray(x, "float32")


def _unit(x):
    return _f(x / np.linalg.norm(x, axis=-1, keepdims=True))


DATA = {
    "real": lambda rng, s: (_f(rng.normal(size=s)), _f(2 * rng.normal(size=s))),
    "positive": lambda rng, s: (_f(rng.uniform(0.1, 3, s)), _f(rng.uniform(0.1, 3, s))),
    "counts": lambda rng, s: (_f(rng.poisson(2, s)), _f(rng.uniform(0.1, 3, s))),
    "signs": lambda rng, s: (_f(rng.choice([-1, 1], s)), _f(rng.normal(size=s))),
    "binary": lambda rng, s: (_f(rng.integers(0, 2, s)), _f(rng.uniform(0.02, 0.98, s))),
    "binary logits": lambda rng, s: (_f(rng.integers(0, 2, s)), _f(3 * rng.normal(size=s))),
    "one-hot": lambda rng, s: (_one_hot(rng, s), _softmax(rng.normal(size=s))),
    "one-hot logits": lambda rng, s: (_one_hot(rng, s), _f(3 * rng.normal(size=s))),
    "soft": lambda rng, s: (_softmax(rng.normal(size=s)), _softmax(rng.normal(size=s))),
    "indices": lambda rng, s: (rng.integers(0, s[-1], s[:-1]), _softmax(rng.normal(size=s))),
    "indices logits": lambda rng, s: (rng.integers(0, s[-1], s[:-1]), _f(3 * rng.normal(size=s))),
    "column indices": lambda rng, s: (rng.integers(0, s[-1], (*s[:-1], 1)), _softmax(rng.normal(size=s))),
    "embeddings": lambda rng, s: (rng.integers(0, 3, s[:1]), _unit(rng.normal(size=s))),
    "sequences": lambda rng, s: (
        np.sort(rng.integers(0, s[-1], (s[0], 3)), axis=1)[:, ::-1].copy(),
        _f(rng.normal(size=s)),
    ),
}

CASES = [
    Case("MeanSquaredError", "mean_squared_error"),
    Case("MeanSquaredError", "mean_squared_error", shape=(6, 3, 2)),
    Case("MeanAbsoluteError", "mean_absolute_error"),
    Case("MeanAbsolutePercentageError", "mean_absolute_percentage_error", data="positive"),
    Case("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", data="positive"),
    Case("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", data="real"),
    Case("Huber", "huber"),
    Case("Huber", "huber", {"delta": 0.3}, shape=(6, 3, 2)),
    Case("LogCosh", "log_cosh"),
    Case("CosineSimilarity", "cosine_similarity"),
    Case("CosineSimilarity", "cosine_similarity", {"axis": 1}, shape=(6, 3, 2)),
    Case("Poisson", "poisson", data="counts"),
    Case("KLDivergence", "kl_divergence", data="soft"),
    Case("KLDivergence", "kl_divergence", data="one-hot", shape=(6, 3, 2)),
    Case("BinaryCrossentropy", "binary_crossentropy", data="binary"),
    Case("BinaryCrossentropy", "binary_crossentropy", {"from_logits": True}, "binary logits"),
    Case("BinaryCrossentropy", "binary_crossentropy", {"label_smoothing": 0.2}, "binary", (6, 3, 2)),
    Case("BinaryCrossentropy", "binary_crossentropy", {"axis": 1}, "binary", (6, 3, 2)),
    Case("BinaryFocalCrossentropy", "binary_focal_crossentropy", data="binary"),
    Case(
        "BinaryFocalCrossentropy",
        "binary_focal_crossentropy",
        {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5, "from_logits": True, "label_smoothing": 0.1},
        "binary logits",
    ),
    Case("BinaryFocalCrossentropy", "binary_focal_crossentropy", {"axis": 1}, "binary", (6, 3, 2)),
    Case("CategoricalCrossentropy", "categorical_crossentropy", data="one-hot"),
    Case("CategoricalCrossentropy", "categorical_crossentropy", {"from_logits": True}, "one-hot logits"),
    Case("CategoricalCrossentropy", "categorical_crossentropy", {"label_smoothing": 0.2}, "one-hot", (6, 3, 5)),
    Case("CategoricalCrossentropy", "categorical_crossentropy", {"axis": 1, "label_smoothing": 0.2}, "soft", (6, 3, 5)),
    Case("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", data="one-hot"),
    Case(
        "CategoricalFocalCrossentropy",
        "categorical_focal_crossentropy",
        {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.0, "from_logits": True, "label_smoothing": 0.1},
        "one-hot logits",
    ),
    Case("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", {"axis": 1}, "soft", (6, 3, 5)),
    Case("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", data="indices"),
    Case("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", {"axis": -1}, "indices", (6, 3, 4)),
    Case("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", data="column indices"),
    Case("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", {"from_logits": True}, "indices logits"),
    Case("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", {"ignore_class": 1}, "indices", (6, 3, 4)),
    Case("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy", {"q": 0.7}, "indices"),
    Case("Hinge", "hinge", data="signs"),
    Case("Hinge", "hinge", data="binary logits"),
    Case("SquaredHinge", "squared_hinge", data="signs"),
    Case("SquaredHinge", "squared_hinge", data="binary logits", shape=(6, 3, 2)),
    Case("CategoricalHinge", "categorical_hinge", data="one-hot logits"),
    Case("Dice", "dice", data="binary"),
    Case("Dice", "dice", {"axis": (1, 2)}, "binary", (6, 3, 2)),
    Case("Tversky", "tversky", {"alpha": 0.3, "beta": 0.6}, "binary"),
    Case("Tversky", "tversky", {"alpha": 0.3, "axis": (1,)}, "binary", (6, 3)),
    Case("Circle", "circle", {"gamma": 2.0, "margin": 0.1}, "embeddings"),
    Case("Circle", "circle", {"remove_diagonal": False}, "embeddings"),
    Case("CTC", "ctc", data="sequences", shape=(6, 7, 5)),
]
