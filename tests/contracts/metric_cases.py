"""The table of metrics: options, and the data of several updates that each is tried on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from contracts.loss_cases import DATA, SEED

STEPS = 3


@dataclass
class Case:
    """One metric with some options.

    Attributes:
        name: of the class.
        options: its arguments.
        data: a key of `ALL_DATA`: how labels and predictions are drawn.
        shape: of the predictions.
        weights: which forms of sample weights it takes: "sample" (batch,), "all" (like the predictions), or "values"
            (like the labels without the last axis).
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "real"
    shape: tuple[int, ...] = (8, 4)
    weights: tuple[str, ...] = ("sample",)

    def __str__(self) -> str:
        options = ",".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.name}({options})[{self.data}{list(self.shape)}]"

    def draw(self, step: int = 0) -> tuple[np.ndarray, ...]:
        """The arguments of update `step`."""
        return ALL_DATA[self.data](np.random.default_rng([SEED, step]), self.shape)

    def weight(self, form: str, step: int = 0) -> np.ndarray:
        """Sample weights of update `step`."""
        shape = {"sample": self.shape[:1], "all": self.shape, "values": self.shape[:-1]}[form]
        return np.random.default_rng([SEED, step, 1]).uniform(0, 2, shape).astype("float32")


ALL_DATA = {
    **DATA,
    "values": lambda rng, s: (rng.normal(size=s).astype("float32"),),
    "classes": lambda rng, s: (rng.integers(0, 3, s), rng.integers(0, 3, s)),
    "rounded": lambda rng, s: (rng.integers(0, 2, s), np.round(rng.uniform(size=s), 1).astype("float32")),
    "hot classes": lambda rng, s: (
        np.eye(s[-1], dtype="float32")[rng.integers(0, s[-1], s[0])],
        rng.integers(0, 4, s[0]),
    ),
    "class scores": lambda rng, s: (rng.integers(0, s[-1], s[:-1]), rng.uniform(size=s).astype("float32")),
    "series": lambda rng, s: (a := rng.normal(size=s).astype("float32"), a + rng.normal(size=s).astype("float32")),
    "sorted ids": lambda rng, s: (
        rng.integers(0, s[-1], s[:-1]),
        np.argsort(rng.uniform(size=s), axis=-1).astype("int32"),
    ),
}

BOTH = ("sample", "all")

CASES = [
    Case("Mean", data="values", shape=(8,)),
    Case("Mean", data="values", shape=(8, 3, 2), weights=BOTH),
    Case("Sum", data="values", shape=(8, 3), weights=BOTH),
    Case("Accuracy", data="classes", weights=BOTH),
    Case("BinaryAccuracy", data="binary", weights=BOTH),
    Case("BinaryAccuracy", {"threshold": 0.3}, "rounded", (8,)),
    Case("CategoricalAccuracy", data="one-hot"),
    Case("CategoricalAccuracy", data="one-hot", shape=(8, 3, 4), weights=("sample", "values")),
    Case("SparseCategoricalAccuracy", data="indices"),
    Case("SparseCategoricalAccuracy", data="column indices", shape=(8, 3, 4), weights=("sample", "values")),
    Case("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
    Case("SparseTopKCategoricalAccuracy", {"k": 2}, "class scores", (8, 3, 4), ("sample", "values")),
    Case("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "sorted ids"),
    Case("TruePositives", data="rounded", weights=BOTH),
    Case("TruePositives", {"thresholds": [0.1, 0.8]}, "rounded"),
    Case("FalsePositives", {"thresholds": [0.2, 0.5, 0.9]}, "rounded", weights=BOTH),
    Case("TrueNegatives", {"thresholds": 0.3}, "rounded", (8,)),
    Case("FalseNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "rounded", weights=BOTH),
    Case("Precision", data="rounded", weights=BOTH),
    Case("Precision", {"thresholds": [0.1, 0.5]}, "rounded"),
    Case("Precision", {"top_k": 2}, "binary", weights=BOTH),
    Case("Precision", {"class_id": 1}, "binary"),
    Case("Recall", data="rounded", weights=BOTH),
    Case("Recall", {"thresholds": [0.0, 0.5, 1.0]}, "rounded"),
    Case("Recall", {"top_k": 2, "class_id": 2}, "binary"),
    Case("Recall", {"top_k": 2, "thresholds": 0.4}, "binary"),
    Case("AUC", data="rounded", shape=(8,)),
    Case("AUC", {"num_thresholds": 7}, "rounded", weights=BOTH),
    Case("AUC", {"num_thresholds": 11, "summation_method": "minoring"}, "binary"),
    Case("AUC", {"num_thresholds": 11, "summation_method": "majoring", "from_logits": True}, "binary logits"),
    Case("AUC", {"num_thresholds": 11, "curve": "PR"}, "binary", weights=BOTH),
    Case("AUC", {"thresholds": [0.3, 0.5, 0.8], "curve": "PR", "summation_method": "majoring"}, "rounded"),
    Case("AUC", {"num_thresholds": 11, "curve": "PRGAIN"}, "binary"),
    Case("AUC", {"num_thresholds": 11, "multi_label": True}, "binary"),
    Case("AUC", {"num_thresholds": 11, "multi_label": True, "num_labels": 4, "curve": "PR"}, "binary"),
    Case("AUC", {"thresholds": [0.3, 0.7], "multi_label": True, "label_weights": [0.1, 0.2, 0.3, 0.4]}, "rounded"),
    Case("AUC", {"num_thresholds": 11, "label_weights": [0.1, 0.2, 0.3, 0.4]}, "binary"),
    Case("PrecisionAtRecall", {"recall": 0.6}, "rounded", weights=BOTH),
    Case("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 9, "class_id": 2}, "binary"),
    Case("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 30}, "rounded"),
    Case("RecallAtPrecision", {"precision": 0.5, "class_id": 0}, "binary"),
    Case("SensitivityAtSpecificity", {"specificity": 0.4, "class_id": 1}, "binary"),
    Case("SensitivityAtSpecificity", {"specificity": 0.4, "num_thresholds": 7}, "rounded"),
    Case("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, "binary"),
    Case("SpecificityAtSensitivity", {"sensitivity": 0.4, "class_id": -1}, "binary"),
    Case("FBetaScore", {"beta": 2.0, "threshold": 0.4}, "binary"),
    Case("FBetaScore", {"average": "micro"}, "binary"),
    Case("F1Score", data="one-hot"),
    Case("F1Score", {"average": "macro", "threshold": 0.5}, "binary"),
    Case("F1Score", {"average": "weighted"}, "binary"),
    Case("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "classes", weights=()),
    Case("IoU", {"num_classes": 3, "target_class_ids": (1,), "ignore_class": 0, "dtype": "float32"}, "classes", (8,)),
    Case(
        "IoU",
        {"num_classes": 4, "target_class_ids": [1, 2], "sparse_y_true": False, "sparse_y_pred": False, "axis": -1},
        "one-hot",
        (8, 3, 4),
        weights=(),
    ),
    Case("BinaryIoU", {"threshold": 0.3}, "rounded", weights=()),
    Case("BinaryIoU", {"target_class_ids": [1], "dtype": "float32"}, "rounded", weights=("all",)),
    Case("MeanIoU", {"num_classes": 4, "dtype": "float32"}, "classes", (8, 2), weights=("all",)),
    Case("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, "class scores", weights=()),
    Case(
        "MeanIoU",
        {"num_classes": 4, "ignore_class": 2, "sparse_y_true": False, "sparse_y_pred": False, "axis": -1},
        "one-hot",
        (8, 3, 4),
        weights=(),
    ),
    Case("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, "one-hot", (8, 3, 4), weights=()),
    Case(
        "OneHotIoU",
        {"num_classes": 4, "target_class_ids": [0, 3], "ignore_class": 3, "axis": -1},
        "one-hot",
        (8, 3, 4),
        weights=(),
    ),
    Case("OneHotIoU", {"num_classes": 4, "target_class_ids": [1], "sparse_y_pred": True}, "hot classes", weights=()),
    Case("OneHotMeanIoU", {"num_classes": 4}, "one-hot", (8, 3, 4), weights=()),
    Case("OneHotMeanIoU", {"num_classes": 4, "ignore_class": 0, "axis": -1}, "one-hot", (8, 3, 4), weights=()),
    Case("OneHotMeanIoU", {"num_classes": 4, "sparse_y_pred": True}, "hot classes", weights=()),
    Case("MeanSquaredError"),
    Case("MeanSquaredError", shape=(8, 3, 2), weights=("sample", "values")),
    Case("RootMeanSquaredError", weights=BOTH),
    Case("MeanAbsoluteError"),
    Case("MeanAbsolutePercentageError", data="positive"),
    Case("MeanSquaredLogarithmicError", data="positive"),
    Case("LogCoshError"),
    Case("CosineSimilarity"),
    Case("CosineSimilarity", {"axis": 1}, shape=(8, 3, 2)),
    Case("PearsonCorrelation", data="series"),
    Case("PearsonCorrelation", {"axis": 1}, "series", (8, 5, 2)),
    Case("ConcordanceCorrelation", {"axis": 1}, "series", (8, 5, 2)),
    Case("R2Score", data="series", weights=BOTH),
    Case("R2Score", {"class_aggregation": None}, "series"),
    Case("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, "series"),
    Case("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    Case("BinaryCrossentropy", {"from_logits": True}, "binary logits"),
    Case("CategoricalCrossentropy", {"from_logits": True}, "one-hot logits", (8, 3, 4), ("sample", "values")),
    Case("CategoricalCrossentropy", {"label_smoothing": 0.1, "axis": 1}, "soft", (8, 4, 3)),
    Case("SparseCategoricalCrossentropy", {"ignore_class": 1}, "indices"),
    Case("SparseCategoricalCrossentropy", {"from_logits": True, "axis": -1}, "indices logits"),
    Case("KLDivergence", data="soft"),
    Case("Poisson", data="counts"),
    Case("Hinge", data="signs"),
    Case("SquaredHinge", data="binary logits"),
    Case("CategoricalHinge", data="one-hot logits"),
]
