"""Everything that can be settled, and every mistake that can be told, before the first step runs."""

from typing import Any

import numpy as np

from lamella import losses as losses_module
from lamella.backend import _dtypes
from lamella.core import _tree
from lamella.core._inference import infer_spec
from lamella.core._keras_tensor import KerasTensor
from lamella.data._packing import unpack_x_y_sample_weight
from lamella.data._sources import ArraySource
from lamella.errors import DataError, NotCompiledError
from lamella.training._steps import call_model, dry_run, own_step


def prepare(model: Any, source: Any, what: str) -> None:
    """Build what is not built, and compare the data with the model.

    Raises:
        NotCompiledError: for `fit` and `evaluate` before `compile`.
        DataError: for data that does not fit the model or its losses.
    """
    kind = {"fit": "train", "evaluate": "test", "predict": "predict"}[what]
    if what != "predict" and not model.compiled:
        raise NotCompiledError(
            f"You must call `compile()` before calling `{what}()`: model {model.name!r} knows no optimizer and no loss "
            "yet. For example: model.compile(optimizer='adam', loss='mse', metrics=['mae'])."
        )
    if kind == "train" and model.optimizer is None and own_step(model, "train")[0] is None:
        raise NotCompiledError(f"Model {model.name!r} was compiled with optimizer=None, so it cannot be trained.")
    if isinstance(source, ArraySource) and model.built and own_step(model, kind)[0] is None:
        model._check_input(source.data[0])
    x, y, sample_weight = unpack_x_y_sample_weight(source.first_batch())
    prepare_batch(model, x, y, sample_weight, what)
    if isinstance(source, ArraySource) and what != "predict":
        check_targets(model, source.data[1], what)


def prepare_batch(model: Any, x: Any, y: Any, sample_weight: Any, what: str) -> None:
    """Build the model, its losses, its metrics and its optimizer for batches like this one."""
    kind = {"fit": "train", "evaluate": "test", "predict": "predict"}[what]
    custom, takes_state = own_step(model, kind)
    if custom is None:
        model._check_input(x)
    specs = _tree.map_structure(_spec_of, (x, y, sample_weight))
    settled = what == "predict" or model._losses_settled
    if takes_state and model._compile_loss is None and model._compile_metrics is None:
        settled = True  # a step of the model's own, and nothing of `compile` to fit to its outputs
    if custom is not None and not takes_state:
        if kind not in model._dry_runs:
            dry_run(model, kind, (x, y, sample_weight))
            model._dry_runs.add(kind)
            model.built = True
    elif not model.built or not settled:
        y_pred = infer_spec(lambda a: call_model(model, a, training=False), (specs[0],), {})
        model.built = True
        if not settled:
            _settle_losses(model, specs, y_pred)
    elif what != "predict" and custom is None:
        _check_present(model, y)
    if what == "fit" and model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _settle_losses(model: Any, specs: tuple, y_pred: Any) -> None:
    _, y, sample_weight = specs
    if model._compile_loss is not None and not model._compile_loss.built:
        model._compile_loss.build(y_pred)
    _check_present(model, y)
    if model._compile_metrics is not None and not model._compile_metrics.built and y is not None:
        model._compile_metrics.build(y, y_pred)
        # Some metrics make their variables when they first see a batch.
        infer_spec(lambda *batch: model._compile_metrics.update_state(*batch), (y, y_pred, sample_weight), {})
    model._output_specs = y_pred
    model._losses_settled = True


def _spec_of(array: Any) -> Any:
    if array is None:
        return None
    dtype = _dtypes.standardize_dtype(getattr(array, "dtype", None) or np.asarray(array).dtype)
    if dtype == "float64":
        dtype = _dtypes.floatx()
    return KerasTensor(tuple(array.shape), dtype=dtype)


def _check_present(model: Any, y: Any) -> None:
    compiled = model._compile_loss
    if compiled is None or not compiled.built:
        return
    targets = compiled.targets(y)
    compared = [
        (name, t) for name, function, t in zip(compiled.names, compiled.functions, targets) if function is not None
    ]
    missing = [name for name, target in compared if target is None]
    if compared and len(missing) == len(compared):
        raise DataError(
            f"Model {model.name!r} was compiled with a loss, which compares predictions with targets, but `y` is missing."
        )
    if missing:
        raise DataError(
            f"Model {model.name!r} was compiled with a loss for the output(s) {', '.join(missing)}, but `y` has no targets "
            "for them."
        )


def check_targets(model: Any, y: Any, what: str) -> None:
    """Refuse labels that the loss cannot mean.

    Raises:
        DataError: for labels outside the classes, one-hot labels with a sparse loss, and the reverse.
    """
    compiled = model._compile_loss
    if compiled is None or not compiled.built or model._output_specs is None:
        return
    outputs = compiled.outputs.data(model._output_specs, "the predictions")
    targets = compiled.targets(y)
    for name, function, target, output in zip(compiled.names, compiled.functions, targets, outputs):
        if target is None or function is None:
            continue
        where = "y" if len(compiled.names) == 1 else f"y[{name!r}]"
        compared = getattr(function, "fn", None)
        if compared is losses_module.sparse_categorical_crossentropy:
            _check_sparse(where, target, output, function)
        elif compared is losses_module.categorical_crossentropy:
            _check_one_hot(where, target, output)


def _check_sparse(where: str, target: Any, output: Any, function: Any) -> None:
    classes = output.shape[-1]
    shape = tuple(target.shape)
    if len(shape) == len(output.shape) and shape[-1] == classes and classes > 1:
        raise DataError(
            f"`{where}` has shape {shape}: it looks one-hot encoded, with {classes} columns for {classes} classes, but "
            "'sparse_categorical_crossentropy' expects the class numbers themselves, of shape "
            f"{shape[:-1]}. Use loss='categorical_crossentropy', or give {where}.argmax(-1)."
        )
    if not isinstance(target, np.ndarray) or target.size == 0 or classes is None:
        return
    ignored = getattr(function, "ignore_class", None)
    labels = target if ignored is None else target[target != ignored]
    if labels.size == 0:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        bad = int(low if low < 0 else high)
        index = tuple(int(i) for i in np.argwhere(target == bad)[0])
        raise DataError(
            f"`{where}` contains the label {bad} (at index {list(index)}), but the model's output has {classes} classes, "
            f"so labels must be in [0, {classes}). Give the last layer {max(int(high) + 1, 2)} units, or renumber the labels."
        )


def _check_one_hot(where: str, target: Any, output: Any) -> None:
    classes = output.shape[-1]
    shape = tuple(target.shape)
    if classes is None or classes == 1:
        return
    if len(shape) == len(output.shape) - 1 or (len(shape) == len(output.shape) and shape[-1] == 1):
        raise DataError(
            f"`{where}` has shape {shape}: it looks like class numbers, but 'categorical_crossentropy' expects one-hot "
            f"rows of {classes} columns. Use loss='sparse_categorical_crossentropy', or give "
            f"keras.utils.to_categorical({where}, {classes})."
        )
