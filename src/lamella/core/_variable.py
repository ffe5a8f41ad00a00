"""A named array that a model remembers and training changes."""

import contextlib
import contextvars
import copy
import math
from collections.abc import Iterator
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.backend._numpy_arrays import numpy_dtype
from lamella.core import _distribution, _names, _scopes
from lamella.core._arrays import promote
from lamella.core._keras_tensor import standardize_shape
from lamella.core._operators import ArrayOperators, operator
from lamella.errors import ArgumentError, SerializationError, ShapeError
from lamella.typing import Array, ArrayLike, Shape

_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = ("none", "on_read", "on_write", "auto")

# `initializers` lies above; it hands its `get` down here, so that a Variable may be made from a name.
RESOLVE_INITIALIZER: list = []


class Variable(ArrayOperators):
    """A named array of the active backend that can be given new values.

    Args:
        initializer: an array, a scalar, a callable `(shape, dtype) -> array`, or the name of an initializer.
        shape: its shape; needed where `initializer` is callable or a name.
        dtype: defaults to that of an array `initializer`, else `floatx()`.
        trainable: whether optimizers change it.
        autocast: whether it reads as the compute dtype inside a layer with a mixed-precision policy.
        aggregation: how replicas combine it: "none", "mean", "sum" or "only_first_replica".
        synchronization: "none", "on_read", "on_write" or "auto".
        name: defaults to `variable`, `variable_1`, ...; without "/".
        layout: a `TensorLayout`: over which devices it lies. By default what the distribution in force says, if any.

    Raises:
        ArgumentError: for a bad name, aggregation or synchronization, or a callable without a shape.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        name = name or _names.unique_name("variable")
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"The `name` of a Variable must be a string without '/'; got {name!r}.")
        if kwargs:
            raise ArgumentError(f"Unrecognized arguments of Variable {name!r}: {sorted(kwargs)}.")
        if aggregation not in (None, *_AGGREGATIONS):
            raise ArgumentError(f"`aggregation` must be one of {_AGGREGATIONS}; got {aggregation!r}.")
        if synchronization not in (None, *_SYNCHRONIZATIONS):
            raise ArgumentError(f"`synchronization` must be one of {_SYNCHRONIZATIONS}; got {synchronization!r}.")
        self._name = name
        parent = _scopes.current_path()
        self._path = f"{parent}/{name}" if parent else name
        self._trainable = bool(trainable)
        self._born_trainable = self._trainable
        self._autocast = bool(autocast)
        self._aggregation = aggregation or "none"
        self._synchronization = synchronization or "none"
        self._layout = layout
        self._regularizer = None
        self._constraint = None
        self._overwrite_with_gradient = False

        with _outside_of_programs():
            value = _initial_value(initializer, shape, dtype, name)
            self._shape = tuple(int(n) for n in value.shape)
            if self._layout is None and (distribution := _distribution.current()) is not None:
                self._layout = distribution.get_variable_layout(self)
            value = _distribution.laid_out(value, self._layout)
            owner = _registry.owner_of_any([value])
            owner.know_variables(type(self))
            self._value = owner.variable(value, self._trainable)
        self._dtype = _registry.get(_registry.owner(self._value) or "numpy").dtype(self._value)

    # ---- reading ---------------------------------------------------------------------------------

    @property
    def value(self) -> Array:
        """The array, as the surrounding scopes have it."""
        scope = _scopes.stateless_scope()
        value = scope.get_current_value(self) if scope is not None else None
        if value is None:
            value = self._value
            if scope is not None:
                _registry.active().is_stranger(self._path)
            symbolic = _scopes.symbolic_scope()
            if symbolic is not None and symbolic.runs_on != symbolic.adapter.name:
                value = _registry.get("jax").xp.zeros(self._shape, self._dtype)
        dtype = _scopes.autocast_dtype()
        if dtype is not None and self._autocast and dtype != self._dtype and _dtypes.is_float_dtype(self._dtype):
            adapter = _registry.get(_registry.owner(value) or "numpy")
            return adapter.asarray(value, dtype)
        return value

    def __lamella_array__(self) -> Array:
        value = self.value
        return _registry.owner_of_any([value]).read(value)

    def __jax_array__(self) -> Array:
        return self.value

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Array:
        return _registry.get("tensorflow").asarray(self.value, None if dtype is None else dtype.name)

    # TensorFlow's tapes then take `tape.gradient(loss, model.trainable_variables)`.
    _should_act_as_resource_variable = True

    @property
    def handle(self) -> Any:
        """What a `tf.GradientTape` knows the value by, on the tensorflow backend."""
        return self.value.handle

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        array = _registry.to_numpy(self.value)
        return np.array(array, dtype=dtype, copy=copy) if (dtype or copy) else array

    def numpy(self) -> Any:
        """A NumPy array of its own with the values."""
        import numpy as np

        return np.array(_registry.to_numpy(self.value))

    # ---- writing ---------------------------------------------------------------------------------

    def assign(self, value: ArrayLike) -> Array:
        """Give it a new value of the same shape, cast to its dtype; returns the value.

        Raises:
            ShapeError: when the shape differs.
        """
        adapter = _registry.owner_of_any([self._value])
        value = _registry.owner_of_any([value]).asarray(_own_copy(value), self._dtype)
        if tuple(value.shape) != self._shape:
            raise ShapeError(
                f"Variable {self._path!r} has shape {self._shape}; it cannot be assigned a value of shape "
                f"{tuple(value.shape)}."
            )
        scope = _scopes.stateless_scope()
        if scope is not None:
            scope.add_update((self, value))
        else:
            if _registry.owner(value) != _registry.owner(self._value):
                value = adapter.asarray(value, self._dtype)
            self._value = adapter.write(self._value, _distribution.laid_out(value, self._layout))
        return value

    def assign_add(self, value: ArrayLike) -> Array:
        """Add `value` to it; returns the new value."""
        stored, value = self._with_operand(value)
        return self.assign(stored + value)

    def assign_sub(self, value: ArrayLike) -> Array:
        """Subtract `value` from it; returns the new value."""
        stored, value = self._with_operand(value)
        return self.assign(stored - value)

    def _with_operand(self, value: ArrayLike) -> tuple[Array, Array]:
        """What is stored, and `value`, in the dtype in which the two meet."""
        with _scopes.autocast_scope(None):
            stored = self.__lamella_array__()
            with _registry.use(_registry.owner_of_any([stored, value])):
                _, stored, value = promote(stored, value)
        return stored, value

    # ---- facts -----------------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        """The dtype it reads as here: its own, or the compute dtype inside a mixed-precision layer."""
        dtype = _scopes.autocast_dtype()
        if dtype is not None and self._autocast and _dtypes.is_float_dtype(self._dtype):
            return dtype
        return self._dtype

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return self._shape

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self._shape)

    @property
    def name(self) -> str:
        """Its own name, without the path."""
        return self._name

    @property
    def path(self) -> str:
        """The names of the surrounding scopes and its own, joined by "/"."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether optimizers change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if bool(value) != self._trainable:
            self._trainable = bool(value)
            adapter = _registry.owner_of_any([self._value])
            self._value = adapter.retrained(self._value, self._trainable)

    @property
    def aggregation(self) -> str:
        """How replicas combine it."""
        return self._aggregation

    @property
    def synchronization(self) -> str:
        """When replicas combine it."""
        return self._synchronization

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether optimizers replace it by its gradient instead of updating it (float8 statistics)."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"`overwrite_with_gradient` must be a bool; got {value!r}.")
        self._overwrite_with_gradient = value

    @property
    def regularizer(self) -> Any:
        """A callable that maps its value to a penalty, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        if value is not None and not callable(value):
            raise ArgumentError(f"The `regularizer` of a Variable must be callable or None; got {value!r}.")
        self._regularizer = value

    @property
    def constraint(self) -> Any:
        """A callable that optimizers apply to its value after each update, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        if value is not None and not callable(value):
            raise ArgumentError(f"The `constraint` of a Variable must be callable or None; got {value!r}.")
        self._constraint = value

    def __repr__(self) -> str:
        text = f"<Variable path={self._path}, shape={self._shape}, dtype={self._dtype}"
        if not _scopes.in_stateless_scope() and _scopes.symbolic_scope() is None:
            text += f", value={_registry.to_numpy(self._value)}"
        return text + ">"

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __index__(self) -> int:
        return self.numpy().__index__()  # which only integers have

    def __bool__(self) -> bool:
        raise TypeError(
            f"Variable {self._path!r} cannot be used as a condition. Take its value first: `if float(variable) > 0:`."
        )

    def __pos__(self) -> Array:
        return self.value

    def __invert__(self) -> Array:
        return operator("bitwise_not")(self)

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError(f"Variable {self._path!r} is a scalar: it has no length.")
        return self._shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __deepcopy__(self, memo: dict) -> "Variable":
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(self.__dict__)
        adapter = _registry.owner_of_any([self._value])
        twin._value = adapter.variable(adapter.copy(adapter.read(self._value)), self._trainable)
        for attribute in ("_regularizer", "_constraint"):
            setattr(twin, attribute, copy.deepcopy(getattr(self, attribute), memo))
        return twin

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_value": _registry.to_numpy(self._value)}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        adapter = _registry.active()
        self._value = adapter.variable(adapter.asarray(self._value, self._dtype), self._trainable)


def _own_copy(value: Any) -> Any:
    """A copy of a NumPy array, which its owner may go on changing; libraries may share its memory."""
    return value.copy() if type(value).__module__ == "numpy" and hasattr(value, "copy") else value


@contextlib.contextmanager
def _outside_of_programs() -> Any:
    """Inside it arrays are computed now, by the user's backend, even while a program or shape is being traced."""
    symbolic = _scopes.symbolic_scope()
    adapter = symbolic.adapter if symbolic is not None else _registry.active()
    with _registry.use(adapter), adapter.eagerly(), _scopes.autocast_scope(None):
        yield


class _Budget:
    """How many bytes of variables may still be made."""

    def __init__(self, limit: int):
        self.limit = self.left = limit


_budget: contextvars.ContextVar[_Budget | None] = contextvars.ContextVar("variable_budget", default=None)


@contextlib.contextmanager
def at_most(nbytes: int) -> Iterator[None]:
    """Inside it the variables made by initializers may have `nbytes` bytes in all: a file must be able to fill them.

    Raises:
        SerializationError: before the memory of a variable beyond that is taken.
    """
    token = _budget.set(_Budget(nbytes))
    try:
        yield
    finally:
        _budget.reset(token)


def _spend(shape: Shape, dtype: str, name: str) -> None:
    budget = _budget.get()
    if budget is None:
        return
    budget.left -= math.prod(shape) * numpy_dtype(dtype).itemsize
    if budget.left < 0:
        raise SerializationError(
            f"Variable {name!r} of shape {shape} is more than the file holds values for: the configuration asks for over "
            f"{budget.limit} bytes of variables. The file is damaged or made to exhaust the memory."
        )


def _initial_value(initializer: Any, shape: Any, dtype: Any, name: str) -> Array:
    adapter = _registry.active()
    if isinstance(initializer, str):
        import importlib

        importlib.import_module("lamella.initializers")
        initializer = RESOLVE_INITIALIZER[0](initializer)
    if dtype is not None:
        dtype = _dtypes.standardize_dtype(dtype)
        if dtype == "float64":
            adapter.enable_float64()
    if not callable(initializer):
        return adapter.asarray(_own_copy(initializer), dtype)  # it has its own shape; `shape` is for callables
    if shape is None:
        raise ArgumentError(
            f"Variable {name!r} has the callable initializer {initializer!r}, which needs a `shape`; got None."
        )
    shape = standardize_shape(shape)
    if None in shape:
        raise ShapeError(f"The shape of variable {name!r} must be fully known; got {shape}.")
    dtype = dtype or _dtypes.floatx()
    _spend(shape, dtype, name)
    value = adapter.asarray(initializer(shape, dtype=dtype), dtype)
    if tuple(value.shape) != shape:
        raise ShapeError(
            f"The initializer {initializer!r} of variable {name!r} returned shape {tuple(value.shape)}; "
            f"{shape} was asked for."
        )
    return value
