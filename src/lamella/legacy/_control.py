"""What decides and repeats: branches, training mode, maps and folds, drawn functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamella import ops
from lamella.backend import _registry
from lamella.core import _config, _tree
from lamella.core._function import Function
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import op
from lamella.errors import ArgumentError, BackendError, ShapeError
from lamella.layers import _call
from lamella.typing import Array, ArrayLike

__all__ = [
    "switch",
    "learning_phase",
    "set_learning_phase",
    "learning_phase_scope",
    "in_train_phase",
    "in_test_phase",
    "map_fn",
    "foldl",
    "foldr",
    "function",
    "gradients",
    "stop_gradient",
    "print_tensor",
]


# ---- branches ----------------------------------------------------------------------------------------


def switch(condition: ArrayLike, then_expression: Any, else_expression: Any) -> Any:
    """`then_expression` where `condition` holds, else `else_expression`.

    Args:
        condition: a bool or an integer; or an array of them, with at most as many axes as the expressions, to whose
            leading axes it belongs.
        then_expression, else_expression: tensors; or, for a single condition, functions that return one, of which only
            the one that is wanted runs where the condition is known.

    Raises:
        ShapeError: when the condition has more axes than the expressions.

    Example:
        >>> import lamella.backend as K
        >>> K.switch([True, False], [[1, 1], [2, 2]], [[3, 3], [4, 4]]).tolist()
        [[1, 1], [4, 4]]
    """
    if ops.ndim(condition) == 0 and not isinstance(condition, KerasTensor):
        return _one_of(condition, then_expression, else_expression)
    then, otherwise = (e() if callable(e) else e for e in (then_expression, else_expression))
    axes, missing = ops.ndim(then), ops.ndim(then) - ops.ndim(condition)
    if missing < 0:
        raise ShapeError(
            f"The condition of switch has {ops.ndim(condition)} axes, more than the {axes} of the expressions: "
            f"shapes {ops.shape(condition)} and {ops.shape(then)}."
        )
    for _ in range(missing):
        condition = ops.expand_dims(condition, -1)
    return ops.where(ops.cast(condition, "bool"), then, otherwise)


def _one_of(condition: Any, then: Any, otherwise: Any) -> Any:
    then, otherwise = ((e if callable(e) else lambda e=e: ops.convert_to_tensor(e)) for e in (then, otherwise))
    adapter = _registry.owner_of_any([getattr(condition, "value", condition)])
    condition = adapter.asarray(condition)
    if adapter.is_concrete(condition):
        return then() if bool(adapter.to_numpy(condition)) else otherwise()
    return adapter.cond(ops.cast(condition, "bool"), then, otherwise)


# ---- training mode -----------------------------------------------------------------------------------


def learning_phase() -> int:
    """1 where the layers around train, or `set_learning_phase` said so; else 0."""
    said = _config.learning_phase()
    return int(bool(_call.surrounding_training())) if said is None else said


def set_learning_phase(value: int) -> None:
    """Say for the whole process whether `learning_phase()` is training (1) or not (0), until `clear_session()`.

    It is read by `learning_phase`, `in_train_phase` and `in_test_phase`. Layers are told by their argument `training`.

    Raises:
        ArgumentError: for anything but 0 and 1.
    """
    if value not in (0, 1):
        raise ArgumentError(f"The learning phase must be 0 (inference) or 1 (training); got {value!r}.")
    _config.set_learning_phase(int(value))


class learning_phase_scope:
    """Inside it, `learning_phase()` is `value`: 1 for training, 0 for inference.

    Example:
        >>> import lamella.backend as K
        >>> with K.learning_phase_scope(1):
        ...     K.learning_phase()
        1
    """

    def __init__(self, value: int):
        self._value = value

    def __enter__(self) -> None:
        self._before = _config.learning_phase()
        set_learning_phase(self._value)

    def __exit__(self, *exc: object) -> None:
        _config.set_learning_phase(self._before)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` in training, else `alt`.

    Args:
        x, alt: tensors, or functions that return one.
        training: whether this is training; `learning_phase()` where it is None.

    Example:
        >>> import lamella.backend as K
        >>> float(K.in_train_phase(K.constant(1.0), K.constant(2.0), training=True))
        1.0
    """
    training = learning_phase() if training is None else training
    if isinstance(training, (bool, int)):
        chosen = x if training else alt
        return chosen() if callable(chosen) else chosen
    return switch(training, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`alt` in training, else `x`; the arguments are those of `in_train_phase`."""
    return in_train_phase(alt, x, training=training)


# ---- loops -------------------------------------------------------------------------------------------


def map_fn(fn: Callable, elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """`fn` of each row of `elems`, along a new first axis.

    Args:
        fn: a function of one row (of one structure of rows).
        elems: a tensor, or a structure of tensors with equally many rows.
        name: kept for Keras.
        dtype: of the result; that of what `fn` returns by default.

    Example:
        >>> import lamella.backend as K
        >>> K.map_fn(lambda row: K.sum(row), K.constant([[1, 2], [3, 4]])).tolist()
        [3.0, 7.0]
    """
    out = _mapped(fn, elems)
    return out if dtype is None else _tree.map_structure(lambda x: ops.cast(x, dtype), out)


@op
def _mapped(fn: Callable, elems: Any) -> Any:
    adapter = _registry.active()
    rows = _tree.map_structure(adapter.asarray, elems)
    return adapter.scan(lambda carry, row: (carry, fn(row)), adapter.asarray(0), rows, None, False, 1)[1]


def foldl(fn: Callable, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`fn(... fn(fn(initializer, first row), second row) ..., last row)`.

    Args:
        fn: a function `(accumulated, row)` that returns what is accumulated.
        elems: a tensor, or a structure of tensors with equally many rows.
        initializer: to begin with; the first row where it is None.
        name: kept for Keras.

    Example:
        >>> import lamella.backend as K
        >>> float(K.foldl(lambda total, x: total - x, K.constant([1, 2, 3])))
        -4.0
    """
    return _folded(fn, elems, initializer, False)


def foldr(fn: Callable, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`foldl` from the last row to the first: `fn(... fn(fn(initializer, last row), the one before) ..., first row)`.

    Example:
        >>> import lamella.backend as K
        >>> float(K.foldr(lambda total, x: total - x, K.constant([1, 2, 3])))
        0.0
    """
    return _folded(fn, elems, initializer, True)


@op
def _folded(fn: Callable, elems: Any, initializer: Any, from_the_end: bool) -> Any:
    adapter = _registry.active()
    rows = _tree.map_structure(adapter.asarray, elems)
    if initializer is None:
        first, rest = (-1, slice(None, -1)) if from_the_end else (0, slice(1, None))
        initializer, rows = (_tree.map_structure(lambda x, at=at: x[at], rows) for at in (first, rest))
    initializer = _tree.map_structure(adapter.asarray, initializer)
    return adapter.scan(lambda carry, row: (fn(carry, row), None), initializer, rows, None, from_the_end, 1)[0]


# ---- drawn functions ---------------------------------------------------------------------------------


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **kwargs: Any) -> Callable:
    """A function that computes `outputs` from `inputs`: activations in the middle of a model, for example.

    Args:
        inputs: symbolic tensors, in a list or other structure: `placeholder`s, `model.inputs`, or any tensors between
            them and the outputs. A `learning_phase()` among them makes that place of the arguments say whether layers
            train.
        outputs: symbolic tensors that follow from them, in a list or other structure.
        updates: not supported: assign to a Variable in the `call` of a layer instead.
        name: of the function.

    Returns:
        A function of a structure of arrays like `inputs`, which returns NumPy arrays in a structure like `outputs`.

    Raises:
        ArgumentError: when `updates` or unknown arguments are given, or an output does not follow from the inputs.

    Example:
        >>> import lamella.backend as K
        >>> x = K.placeholder((None, 2))
        >>> double = K.function([x], [x * 2.0])
        >>> [y.tolist() for y in double([[[1.0, 2.0]]])]
        [[[2.0, 4.0]]]
    """
    if updates or kwargs:
        unusable = "`updates`" if updates else f"the arguments {sorted(kwargs)}"
        raise ArgumentError(
            f"function cannot take {unusable}: here functions return values and change nothing. Assign to a Variable "
            "in the `call` of a layer, and call the model."
        )
    phases = [i for i, x in enumerate(inputs) if isinstance(x, int)] if isinstance(inputs, (list, tuple)) else []
    tensors = [x for i, x in enumerate(inputs) if i not in phases] if phases else inputs
    graph = Function(tensors, outputs, name=name)

    def run(values: Any) -> Any:
        given = list(values) if phases else values
        training = None
        for i in reversed(phases):
            training = bool(np.asarray(given.pop(i)))
        arrays = [ops.convert_to_tensor(v, dtype=t.dtype) for v, t in zip(_in_places(tensors, given), graph.inputs)]
        with _call.CallContext(training):
            results = graph.run(arrays, lambda node: node.operation)
        return _tree.map_structure(ops.convert_to_numpy, results)

    run.__name__ = graph.name
    return run


def _in_places(structure: Any, values: Any) -> list:
    """The entry of `values` for each tensor of `structure`; nested lists in the place of a tensor are its rows."""
    if isinstance(structure, KerasTensor):
        return [values]
    keys = sorted(structure) if isinstance(structure, dict) else range(len(structure))
    if len(values) != len(structure):
        raise ArgumentError(f"The function takes {len(structure)} inputs; got {len(values)}.")
    return [leaf for key in keys for leaf in _in_places(structure[key], values[key])]


def gradients(loss: Any, variables: Any) -> Any:
    """Not available: a value does not remember how it was computed. Differentiate a function instead.

    Raises:
        BackendError: always, with what to write instead.
    """
    raise BackendError(
        "K.gradients(loss, variables) needs a graph that remembers how `loss` was computed; here gradients are taken "
        "of functions. Write the loss as a function and use `lamella.value_and_grad`:\n"
        "    loss, grads = lamella.value_and_grad(lambda: compute_loss(), variables)()"
    )


def stop_gradient(variables: Any) -> Any:
    """The same values, as constants through which no gradient flows.

    Args:
        variables: a tensor, or a list of them, for which a list comes back.
    """
    if isinstance(variables, (list, tuple)):
        return [ops.stop_gradient(v) for v in variables]
    return ops.stop_gradient(variables)


def print_tensor(x: ArrayLike, message: str = "", summarize: int = 3) -> Array:
    """Print `message` and the values of `x` when they are computed; returns `x`.

    Args:
        x: a tensor.
        message: printed before it.
        summarize: how many elements to show at both ends of each axis; -1 for all of them.

    Example:
        >>> import lamella.backend as K
        >>> y = K.print_tensor(K.constant([1.0, 2.0]), message="x is") * 2.0
        x is [1. 2.]
    """

    def show(values: Any) -> None:
        host = np.asarray(_registry.to_numpy(values))
        threshold, edges = (host.size + 1, 3) if summarize == -1 else (2 * summarize, summarize)
        print(message, np.array2string(host, threshold=threshold, edgeitems=edges))

    return _observed(x, show)


@op
def _observed(x: ArrayLike, show: Callable) -> Array:
    adapter = _registry.active()
    array = adapter.asarray(x)
    adapter.observe(show, array)
    return array
