"""Layers that prepare data, which run inside a pipeline of `tf.data`, too."""

import sys
import threading
from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core import _scopes, _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError
from lamella.layers._layer import Layer
from lamella.layers._options import label
from lamella.layers._preprocessing_columns import Column, concrete

__all__ = ["DataLayer", "HostLayer", "is_in_pipeline", "run_in_pipeline"]

_one_at_a_time = threading.Lock()  # pipelines call from several threads, and draws at random change a state


class DataLayer(Layer):
    """A layer that prepares data. In `dataset.map(layer)` of TensorFlow it computes on the host, by NumPy."""

    _takes_plain_values = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_in_pipeline((args, kwargs)):
            return run_in_pipeline(super().__call__, args, kwargs)
        return super().__call__(*args, **kwargs)


class HostLayer(DataLayer):
    """A layer that reads columns on the host: its inputs are not converted to tensors before `call`."""

    _token = "string"
    _work = "reads strings"

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, KerasTensor) and concrete(inputs):
            inputs = self._column(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return args, kwargs

    def _build_for(self, *arguments: Any) -> None:
        self._path = _scopes.current_path()
        self.built = True  # nothing depends on shapes

    def _column(self, value: Any) -> Column:
        raise NotImplementedError

    def _stand_in(self, inputs: Any) -> Any:
        """Zeros in the place of the outputs, where a program asks for no more than their shapes.

        Raises:
            ArgumentError: where it asks for values, which are computed on the host.
        """
        if _scopes.symbolic_scope() is None:
            raise ArgumentError(
                f"{label(self)} {self._work} on the host, so it cannot be part of a compiled program. Call it on the data "
                "before the model, or call the model directly on the data."
            )
        spec = self.compute_output_spec(inputs)
        return ops.zeros(spec.shape, dtype=spec.dtype)

    @property
    def compute_dtype(self) -> str:
        """The dtype of its inputs."""
        return self._token

    @property
    def variable_dtype(self) -> str:
        """The dtype of its inputs."""
        return self._token


def is_in_pipeline(values: Any) -> bool:
    """Whether a tensor of a TensorFlow graph is among `values`, while TensorFlow is not the backend."""
    if "tensorflow" not in sys.modules or _registry.backend() == "tensorflow":
        return False
    return any(_is_of_graph(leaf) for leaf in _tree.flatten(values))


def _is_of_graph(value: Any) -> bool:
    return _registry.owner(value) == "tensorflow" and not _registry.get("tensorflow").is_concrete(value)


def run_in_pipeline(call: Any, args: tuple, kwargs: dict) -> Any:
    """`call(*args, **kwargs)` as one node of a TensorFlow graph, which calls back into Python.

    Args:
        call: of a layer: on symbolic tensors it tells shapes and dtypes, on NumPy arrays it computes.
    """
    tf = sys.modules["tensorflow"]
    leaves, form = _tree.flatten_with_spec((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if _is_of_graph(leaf)]
    tensors = [leaves[i] for i in places]

    def called(values: Any) -> Any:
        given = list(leaves)
        for i, value in zip(places, values):
            given[i] = value
        args_, kwargs_ = _tree.unflatten(form, given)
        return call(*args_, **kwargs_)

    with tf.init_scope():  # variables are made outside of the graph
        spec = called([KerasTensor(tuple(t.shape), dtype=t.dtype.name) for t in tensors])
    specs, out_form = _tree.flatten_with_spec(spec)

    def compute(*values: Any) -> list:
        with _one_at_a_time, _registry.use("numpy"):
            outputs = _tree.flatten(called(values))
            return [_registry.to_numpy(x).astype(s.dtype) for x, s in zip(outputs, specs)]

    outputs = tf.numpy_function(compute, tensors, [tf.as_dtype(s.dtype) for s in specs])
    for output, s in zip(outputs, specs):
        output.set_shape(s.shape)
    return _tree.unflatten(out_form, outputs)
