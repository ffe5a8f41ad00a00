"""Eager PyTorch as its users write it when they care: resident tensors, fused Adam, no waiting per step."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks._run import Trained

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "categorical_crossentropy": nn.functional.cross_entropy,
    "sparse_categorical_crossentropy": nn.functional.cross_entropy,
    "binary_crossentropy": nn.functional.binary_cross_entropy_with_logits,
    "mse": nn.functional.mse_loss,
}


def fit(
    workload: ModuleType,
    library: ModuleType,
    x: Any,
    y: Any,
    *,
    epochs: int,
    mark: Callable[[], None],
    verbose: int = 0,
    channels_last: bool = False,
    compiled: bool = False,
) -> Trained:
    """The workload's `torch_model`, which returns logits, under its loss and Adam with Keras's defaults; on a GPU, if there is one."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU, which is JAX's default; on a CPU no change
    model = workload.torch_model()
    model.apply(_initialise_as_keras)
    model = model.to(device)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    if compiled:
        model = torch.compile(model)
    loss_of = LOSSES[workload.COMPILE["loss"]]
    counts_accuracy = "accuracy" in workload.COMPILE.get("metrics", ())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    images = getattr(workload, "IMAGES", False)

    def prepared(x: Any, y: Any) -> tuple[Tensor, Tensor]:
        inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
        if targets.ndim == 2 and targets.shape[1] > 1:  # one-hot; labels are what PyTorch users give
            targets = targets.argmax(dim=1)
        if images and not channels_last:
            inputs = inputs.permute(0, 3, 1, 2).contiguous()
        return inputs.to(device), targets.to(device)

    def batch_of(inputs: Tensor, index: Tensor) -> Tensor:
        batch = inputs[index]
        # A view that is channels first in its shape and channels last in memory.
        return batch.permute(0, 3, 1, 2) if images and channels_last else batch

    def correct(outputs: Tensor, targets: Tensor) -> Tensor:
        guesses = outputs.argmax(dim=1) if outputs.shape[-1] > 1 else outputs > 0
        return (guesses == targets).sum()

    inputs, targets = prepared(x, y)
    logs: dict[str, float] = {}
    mark()
    for _ in range(epochs):
        model.train()
        total_loss, total_correct = torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device)
        for index in torch.randperm(len(inputs), device=device).split(workload.BATCH_SIZE):
            wanted = targets[index]
            outputs = model(batch_of(inputs, index))
            loss = loss_of(outputs, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss.detach() * len(index)
            if counts_accuracy:
                total_correct += correct(outputs.detach(), wanted)
        logs = {"loss": total_loss.item() / len(inputs)}
        if counts_accuracy:
            logs["accuracy"] = total_correct.item() / len(inputs)
        mark()

    @torch.no_grad()
    def evaluate(x: Any, y: Any) -> dict[str, float]:
        model.eval()
        inputs, targets = prepared(x, y)
        outputs = model(batch_of(inputs, torch.arange(len(inputs), device=device)))
        results = {"loss": loss_of(outputs, targets).item()}
        if counts_accuracy:
            results["accuracy"] = correct(outputs, targets).item() / len(inputs)
        return results

    return Trained(logs, evaluate)


def _initialise_as_keras(module: nn.Module) -> None:
    """Glorot uniform kernels and zero biases, so that losses can be compared across libraries."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)
