"""The base of every metric: a number (or several) that is gathered batch by batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.backend._numpy_arrays import numpy_dtype
from lamella.core import _names, _policy, _scopes
from lamella.core._serialization import Serializable
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.layers._tracking import held_by, unique
from lamella.typing import Array

__all__ = ["Metric"]


class Metric(Serializable):
    """A quantity that is gathered over batches, in variables.

    A metric of your own makes its variables in `__init__` (by `add_variable`), changes them in `update_state`, and
    computes its value from them in `result`. Metrics and variables in its attributes count as its own.

    Args:
        dtype: of the variables and the computation, a dtype or a policy (of which the compute dtype counts); defaults
            to `floatx()`.
        name: defaults to the class name in snake case, made unique.

    Example:
        >>> import lamella
        >>> from lamella import metrics, ops
        >>> class Largest(metrics.Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
        ...     def update_state(self, values):
        ...         self.largest.assign(ops.maximum(self.largest, ops.max(values)))
        ...     def result(self):
        ...         return self.largest.value
        >>> metric = Largest()
        >>> float(metric([1.0, 3.0])), float(metric([2.0, 1.0]))
        (3.0, 3.0)
    """

    _tracked_as = "metrics"
    _untracked: frozenset[str] = frozenset()
    _direction: str | None = None  # "up" where a larger value is better, "down" where a smaller one is

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or _names.unique_name(_names.snake_case(type(self).__name__))
        self._dtype_policy = _policy.get(dtype or _dtypes.floatx())
        self._variables: list[Variable] = []

    # ---- the contract of subclasses --------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define `update_state()`.")

    def result(self) -> Any:
        """The value over everything gathered since the last `reset_state`: a scalar, an array, or a dict of them."""
        raise NotImplementedError(f"{type(self).__name__} does not define `result()`.")

    def reset_state(self) -> None:
        """Forget what was gathered: every variable becomes 0."""
        nested = held_by(self, "metrics")
        theirs = {id(v) for metric in nested for v in metric.variables}
        for variable in self.variables:
            if id(variable) not in theirs:
                variable.assign(_zeros(variable.shape, variable.dtype))
        for metric in nested:
            metric.reset_state()

    # ---- use ---------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch, and return the value so far."""
        self._check_initialized()
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence[Array], *args: Any, **kwargs: Any) -> list[Array]:
        """What `update_state(*args, **kwargs)` makes of the variables, if they have the values `metric_variables`.

        Args:
            metric_variables: one array for each of `variables`, in order.

        Returns:
            The new values, in the same order. The metric itself is left as it is.

        Raises:
            ArgumentError: when there are not as many arrays as variables.

        Example:
            >>> from lamella import metrics
            >>> [float(v) for v in metrics.Mean().stateless_update_state([1.0, 1.0], [3.0, 5.0])]
            [9.0, 3.0]
        """
        with self._scope(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return self._values_in(scope)

    def stateless_result(self, metric_variables: Sequence[Array]) -> Any:
        """What `result()` is, if the variables have the values `metric_variables`.

        Args:
            metric_variables: one array for each of `variables`, in order.

        Raises:
            ArgumentError: when there are not as many arrays as variables.

        Example:
            >>> from lamella import metrics
            >>> float(metrics.Mean().stateless_result([9.0, 3.0]))
            3.0
        """
        with self._scope(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Array]:
        """What `reset_state()` makes of the variables; the metric itself is left as it is.

        Example:
            >>> from lamella import metrics
            >>> [float(v) for v in metrics.Mean().stateless_reset_state()]
            [0.0, 0.0]
        """
        with _scopes.StatelessScope() as scope:
            self.reset_state()
        return self._values_in(scope)

    def _scope(self, metric_variables: Sequence[Array]) -> _scopes.StatelessScope:
        variables = self.variables
        if len(metric_variables) != len(variables):
            raise ArgumentError(
                f"`metric_variables` must hold one array for each of the {len(variables)} variables of the metric "
                f"{self.name!r} ({', '.join(v.name for v in variables)}); got {len(metric_variables)}."
            )
        return _scopes.StatelessScope(state_mapping=zip(variables, metric_variables))

    def _values_in(self, scope: _scopes.StatelessScope) -> list[Array]:
        values = []
        for variable in self.variables:
            value = scope.get_current_value(variable)
            values.append(variable.value if value is None else value)
        return values

    # ---- state -------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Any,
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the metric.

        Args:
            shape: its shape.
            initializer: its first value: an array, a callable or the name of an initializer; None means zeros.
            dtype: defaults to `floatx()`.
            aggregation: how replicas combine it.
            name: defaults to `variable`, `variable_1`, ...
        """
        self._check_initialized()
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        dtype = _dtypes.standardize_dtype(dtype)
        if initializer is None or initializer == "zeros" or type(initializer).__name__ == "Zeros":
            initializer = _zeros(shape, dtype)  # made on the host: nothing to compile
        with _scopes.name_scope(self.name.replace("/", ">"), caller=self):
            variable = Variable(
                initializer,
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable`, for a scalar by default."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, then those of the metrics it holds."""
        own = held_by(self, "variables")
        return unique([*own, *(v for metric in held_by(self, "metrics") for v in metric.variables)])

    @property
    def dtype(self) -> str:
        """The dtype of the variables and the computation."""
        return self._dtype_policy.compute_dtype

    def get_config(self) -> dict:
        """The arguments that make the metric again."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    def _check_initialized(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"The metric {type(self).__name__} was used before its base was set up. Call `super().__init__()` "
                "first in its `__init__()`."
            )


def _zeros(shape: Sequence[int], dtype: str) -> Any:
    return np.zeros(shape, numpy_dtype(_registry.active().canonical_dtype(dtype)))
