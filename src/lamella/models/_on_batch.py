"""One step on one batch, outside of `fit`, `evaluate` and `predict`."""

from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.data._checks import as_arrays, check_lengths, flat_arrays
from lamella.data._sources import class_weights_to_sample_weights
from lamella.errors import ArgumentError, NotCompiledError
from lamella.training import _loop, _preparation, _steps
from lamella.training._compiled import CompiledMetrics


def on_batch(model: Any, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
    """One step of `kind` "train" or "test" on arrays as a user gives them; its logs as a list or a dict."""
    x, y, sample_weight = (as_arrays(n, v) for n, v in (("x", x), ("y", y), ("sample_weight", sample_weight)))
    check_lengths(flat_arrays(x, y, sample_weight))
    if class_weight is not None:
        if sample_weight is not None:
            raise ArgumentError("Arguments `sample_weight` and `class_weight` cannot be specified at the same time.")
        sample_weight = class_weights_to_sample_weights(y, class_weight)
    model.reset_metrics()
    logs = _loop.to_python(run_batch(model, kind, (x, y, sample_weight)))
    return logs if return_dict else in_order(model, logs)


def run_batch(model: Any, kind: str, data: Any) -> Any:
    """One step of `kind` on a batch `(x, y, sample_weight)` of arrays: the logs, or the outputs of "predict"."""
    what = {"train": "fit", "test": "evaluate", "predict": "predict"}[kind]
    x, y, weight = (*data, None, None)[:3] if isinstance(data, (tuple, list)) else (data, None, None)
    if what != "predict" and not model.compiled:
        raise NotCompiledError(f"You must call `compile()` before calling `{kind}_on_batch()`.")
    _preparation.prepare_batch(model, x, y, weight, what)
    adapter = _registry.active()
    batch = _tree.map_structure(lambda a: None if a is None else adapter.asarray(a), (x, y, weight))
    if model.run_eagerly or not model.jit_compile:
        outputs = model._eager_step(kind)(batch)
        return outputs if kind == "predict" else _steps.scalar_logs(outputs)
    if kind == "predict":
        return model._predict_program().run(batch)
    size = _steps.batch_size_of(x)
    chunks = model._chunks_program(kind, False)
    table = chunks.run(batch, np.arange(size, dtype=np.int32)[None], 0, 1)
    return chunks.row({k: _registry.to_numpy(v) for k, v in table.items()}, 0)


def in_order(model: Any, logs: dict[str, Any]) -> Any:
    """The values of `logs` as Keras lists them: by the names of `metrics`, then what else there is by its name."""
    names: list[str] = []
    for metric in model.metrics:
        names += metric.metrics_names if isinstance(metric, CompiledMetrics) else [metric.name]
    values = [logs[name] for name in [n for n in names if n in logs] + sorted(set(logs) - set(names))]
    return values[0] if len(values) == 1 else values
