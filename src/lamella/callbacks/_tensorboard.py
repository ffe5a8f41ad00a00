"""Metrics, weights and the graph of a model for TensorBoard."""

import csv
import os
import time
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.callbacks._event_file import EventFile, graph, histogram_value, image_value, scalar_value
from lamella.callbacks._rates import rates
from lamella.errors import ArgumentError
from lamella.training._callback import Callback


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir logs`. TensorFlow is not needed.

    Args:
        log_dir: the directory of the log files; those of training go to `train`, those of validation to `validation`.
        histogram_freq: epochs between two histograms of every weight; 0 for none.
        write_graph: whether the layers and their connections are written.
        write_images: whether weights are drawn as images wherever histograms are written (needs Pillow).
        write_steps_per_second: whether the speed is written.
        update_freq: "epoch"; or "batch" or a number of steps after which the running metrics are written too.
        profile_batch: a step (counted from 1 over all epochs), or a pair of the first and the last one, that the
            backend's profiler records; 0 for none.
        embeddings_freq: epochs between two copies of the matrices of `Embedding` layers for the projector; 0 for none.
        embeddings_metadata: names of the rows: a file in `log_dir`, or a dict from layer names to files.

    Raises:
        ArgumentError: for another `update_freq` or `profile_batch`, or metadata for a layer that is not there.
    """

    _remembered = ("_step",)

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch" and (not isinstance(self.update_freq, int) or self.update_freq < 1):
            raise ArgumentError(f"`update_freq` must be 'epoch', 'batch' or a number of steps; got {update_freq!r}.")
        self.profile_batch = profile_batch
        self._profiled = _first_and_last(profile_batch)
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._files: dict[str, EventFile] = {}
        self._step = {"train": 0, "test": 0}
        self._profiling = False
        self._training = False

    # Without a profile it only reads: epochs run as long programs.
    @property
    def reads_only(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]: here it depends on arguments
        """Whether the batch hooks only read their arguments."""
        return self._profiled is None

    def listens_to(self) -> tuple[str, ...]:
        """The steps of training, where something is written about them."""
        if self._profiled is None and self.update_freq == "epoch":
            return ()
        return ("on_train_batch_begin", "on_train_batch_end")

    def _file(self, kind: str) -> EventFile:
        if kind not in self._files:
            self._files[kind] = EventFile(os.path.join(self.log_dir, kind))
        return self._files[kind]

    @property
    def summary(self) -> "Summaries":
        """Writes further values beside those of training: `callback.summary.scalar("loss", 0.3, step=1)`."""
        return Summaries(self._file("train"), self._step["train"])

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.write_graph:
            self._file("train").graph(graph(_nodes(model)))
        if self.embeddings_freq:
            self._check_metadata()

    # ---- training --------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._training = True
        self._step["train"] = 0
        self._since = (time.perf_counter(), 0)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self._profiled is not None and self._step["train"] + 1 == self._profiled[0]:
            _registry.active().start_profile(self.log_dir)
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._step["train"] += 1
        step = self._step["train"]
        if self._profiling and self._profiled is not None and step >= self._profiled[1]:
            self._stop_profile()
        if self.update_freq != "epoch" and step % self.update_freq == 0:
            values = [scalar_value(f"batch_{name}", _number(value)) for name, value in (logs or {}).items()]
            if self.write_steps_per_second:
                values.append(scalar_value("batch_steps_per_second", self._speed(step)))
            self._file("train").summary(step, *values)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {name: _number(value) for name, value in (logs or {}).items()}
        training = {name: value for name, value in logs.items() if not name.startswith("val_")}
        optimizer = self.model.optimizer
        if optimizer is not None:
            training.update(rates(optimizer))
            if self.write_steps_per_second:
                training["steps_per_second"] = self._speed(int(_number(optimizer.iterations)))
        self._file("train").summary(epoch, *(scalar_value(f"epoch_{n}", v) for n, v in training.items()))
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        if validation:
            self._file("validation").summary(epoch, *(scalar_value(f"epoch_{n}", v) for n, v in validation.items()))
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        for file in self._files.values():
            file.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._stop_profile()
        self._training = False
        for file in self._files.values():
            file.close()

    def _speed(self, step: int) -> float:
        now = time.perf_counter()
        (then, before), self._since = self._since, (now, step)
        return (step - before) / max(now - then, 1e-9)

    def _stop_profile(self) -> None:
        if self._profiling:
            _registry.active().stop_profile()
            self._profiling = False

    # ---- evaluation ------------------------------------------------------------------------------

    def on_test_end(self, logs: dict | None = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None and hasattr(optimizer, "iterations"):
            step = int(_number(optimizer.iterations))
            values = [scalar_value(f"evaluation_{n}_vs_iterations", _number(v)) for n, v in (logs or {}).items()]
            self._file("validation").summary(step, *values)
            if not self._training:
                self._file("validation").close()

    # ---- weights ---------------------------------------------------------------------------------

    def _write_weights(self, epoch: int) -> None:
        file = self._file("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path
                values = np.asarray(weight.numpy(), np.float32)
                file.summary(epoch, histogram_value(f"{name}/histogram", values))
                if self.write_images:
                    pictures = _pictures(values)
                    file.summary(epoch, *(image_value(f"{name}/image/{i}", p) for i, p in enumerate(pictures[:3])))

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model._flatten_layers() if type(layer).__name__ == "Embedding"]

    def _check_metadata(self) -> None:
        names = self.embeddings_metadata
        unknown = set(names) - {layer.name for layer in self._embeddings()} if isinstance(names, dict) else ()
        if unknown:
            raise ArgumentError(
                f"Unrecognized `Embedding` layer names passed to `keras.callbacks.TensorBoard` `embeddings_metadata` "
                f"argument: {sorted(unknown)}"
            )

    def _write_embeddings(self, epoch: int) -> None:
        """The matrices as tables, and the file by which TensorBoard's projector finds them."""
        os.makedirs(self.log_dir, exist_ok=True)
        names, entries = self.embeddings_metadata, []
        for layer in self._embeddings():
            path = f"{layer.name}-{epoch}.tsv"
            with open(os.path.join(self.log_dir, path), "w", newline="", encoding="utf-8") as file:
                csv.writer(file, delimiter="\t").writerows(layer.embeddings.numpy().tolist())
            lines = [f'tensor_name: "{layer.name}"', f'tensor_path: "{path}"']
            rows = names.get(layer.name) if isinstance(names, dict) else names
            if rows is not None:
                lines.append(f'metadata_path: "{rows}"')
            entries.append("embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n")
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write("".join(entries))


class Summaries:
    """Values written to an event file by the names of `tf.summary`, without TensorFlow.

    Args:
        file: where they go.
        step: the step of values that are given none.
    """

    def __init__(self, file: EventFile, step: int):
        self._file = file
        self._now = step

    def _write(self, step: int | None, *values: bytes) -> None:
        self._file.summary(self._now if step is None else int(step), *values)
        self._file.flush()

    def scalar(self, name: str, data: Any, step: int | None = None) -> None:
        """Write the number `data` under `name`."""
        self._write(step, scalar_value(name, _number(data)))

    def histogram(self, name: str, data: Any, step: int | None = None, buckets: int = 30) -> None:
        """Write how the values of an array are distributed, in `buckets` intervals of equal length."""
        self._write(step, histogram_value(name, np.asarray(data, np.float64), buckets))

    def image(self, name: str, data: Any, step: int | None = None, max_outputs: int = 3) -> None:
        """Write the first `max_outputs` images (needs Pillow).

        Args:
            data: `(images, height, width, channels)` with 1, 3 or 4 channels; uint8, or floating in [0, 1].

        Raises:
            ArgumentError: for another shape.
        """
        pixels = np.asarray(data)
        if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3, 4):
            raise ArgumentError(
                f"Images have the shape (images, height, width, channels) with 1, 3 or 4 channels; got {pixels.shape}."
            )
        if pixels.dtype.kind == "f":
            pixels = np.clip(pixels * 255, 0, 255)
        pixels = pixels[:max_outputs].astype(np.uint8)
        self._write(step, *(image_value(f"{name}/image/{i}", picture) for i, picture in enumerate(pixels)))


def _number(value: Any) -> float:
    return float(np.asarray(value.numpy() if hasattr(value, "numpy") else value))


def _first_and_last(profile_batch: Any) -> tuple[int, int] | None:
    ends = profile_batch
    if isinstance(ends, str):
        ends = [int(end) for end in ends.split(",")]
    if isinstance(ends, int):
        ends = (ends, ends)
    if not isinstance(ends, (tuple, list)) or len(ends) != 2 or not 0 <= ends[0] <= ends[1]:
        raise ArgumentError(
            "`profile_batch` must be a non-negative integer or a pair of positive integers, the first and the last step "
            f"to record; got {profile_batch!r}."
        )
    return None if ends[0] == 0 else (ends[0], ends[1])


def _nodes(model: Any) -> list[tuple[str, str, list[str]]]:
    """The layers of a model, each with the layers whose outputs it takes; in a row where that is not known."""
    layers = list(model.layers)
    known = {id(layer): layer.name for layer in layers}
    nodes, before = [], []
    for layer in layers:
        sources = [
            known[id(history.operation)]
            for node in getattr(layer, "_inbound_nodes", [])
            for history in (getattr(tensor, "_keras_history", None) for tensor in node.input_tensors)
            if history is not None and id(history.operation) in known
        ]
        names = list(dict.fromkeys(sources)) or ([] if type(layer).__name__ == "InputLayer" else before)
        nodes.append((layer.name, type(layer).__name__, names))
        before = [layer.name]
    return nodes


def _pictures(values: np.ndarray) -> list[np.ndarray]:
    """A weight as gray images: vectors as a row, matrices as they are, kernels by output channel."""
    squeezed = np.squeeze(values)
    if squeezed.ndim > 3 or squeezed.ndim == 0:
        return []
    if squeezed.ndim == 1:
        stack = squeezed[None, None, :]
    elif squeezed.ndim == 2:
        stack = squeezed[None] if squeezed.shape[0] <= squeezed.shape[1] else squeezed.T[None]
    else:
        stack = np.moveaxis(squeezed, -1, 0)
    low, high = float(stack.min()), float(stack.max())
    gray = ((stack - low) / (high - low or 1.0) * 255).astype(np.uint8)
    return list(gray[..., None])
