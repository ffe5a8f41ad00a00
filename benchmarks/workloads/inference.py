"""Evaluation and prediction: a pass over 60,000 images of `mnist_mlp` at the default batch of 32, and at 1024."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks._measures import Bar
from benchmarks._run import Run
from benchmarks.workloads import mnist_mlp

ROWS = 60_000
PASSES = 5
PEERS = ("lamella", "keras-jax", "keras-tensorflow", "keras-torch", "torch")
COLUMNS = ("evaluate_32", "evaluate_1024", "predict_32", "predict_1024", "accuracy", "peak")
BARS = tuple(Bar(name, "best peer", 1.0) for name in COLUMNS[:4])


def measure(run: Run) -> dict[str, float | None]:
    """The median pass after the first, which compiles; the model is not trained."""
    x, y, *_ = mnist_mlp.data(run.library)
    x, y = x[:ROWS], y[:ROWS]
    evaluate, predict = (torch_passes if run.family == "torch" else keras_passes)(run.library, x, y)
    measures: dict[str, float | None] = {}
    for size in (32, 1024):
        measures[f"evaluate_{size}"] = seconds(lambda size=size: evaluate(size))
        measures[f"predict_{size}"] = seconds(lambda size=size: predict(size))
    return {**measures, "accuracy": evaluate(1024)}


def seconds(job: Callable[[], Any]) -> float:
    job()
    laps = []
    for _ in range(PASSES):
        start = time.perf_counter()
        job()
        laps.append(time.perf_counter() - start)
    return statistics.median(laps)


def keras_passes(keras: Any, x: Any, y: Any) -> tuple[Callable[[int], Any], Callable[[int], Any]]:
    model = mnist_mlp.model(keras)
    model.compile(**mnist_mlp.COMPILE)
    return (
        lambda size: model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)["accuracy"],
        lambda size: model.predict(x, batch_size=size, verbose=0),
    )


def torch_passes(torch: Any, x: Any, y: Any) -> tuple[Callable[[int], Any], Callable[[int], Any]]:
    """The loops that users of PyTorch write: resident tensors, no waiting for a batch."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = mnist_mlp.torch_model().to(device).eval()
    inputs, targets = torch.from_numpy(x).to(device), torch.from_numpy(y.argmax(axis=1)).to(device)

    @torch.inference_mode()
    def evaluate(size: int) -> float:
        loss, correct = torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device)
        for images, labels in zip(inputs.split(size), targets.split(size)):
            logits = model(images)
            loss += torch.nn.functional.cross_entropy(logits, labels) * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum()
        return correct.item() / len(x) + 0 * loss.item()

    @torch.inference_mode()
    def predict(size: int) -> Any:
        return torch.cat([model(images).softmax(dim=1) for images in inputs.split(size)]).cpu().numpy()

    return evaluate, predict
