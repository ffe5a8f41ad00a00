"""Different optimizers for different variables."""

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence

from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer

__all__ = ["MultiOptimizer", "OptimizerMap"]


class OptimizerMap(MutableMapping, Serializable):
    """Which optimizer takes which variable, by regular expressions over paths.

    `map[path]` is the optimizer whose key is `path`, else the one whose key matches all of `path` as a regular
    expression, else the default one.

    Args:
        default_optimizer: the optimizer of all other variables.
        optimizer_map: a dictionary of regular expressions and optimizers.

    Raises:
        TypeError: when `default_optimizer` is not an Optimizer.

    Example:

    >>> import lamella
    >>> optimizers = lamella.optimizers.OptimizerMap(lamella.optimizers.SGD())
    >>> optimizers["encoder/.*"] = lamella.optimizers.Adam()
    >>> type(optimizers["encoder/dense/kernel"]).__name__, type(optimizers["head/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"`default_optimizer` of OptimizerMap must be an Optimizer instance; got {default_optimizer!r}."
            )
        self._default_optimizer = default_optimizer
        self._map: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of the variables that no key matches."""
        return self._default_optimizer

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        matches = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matches) > 1:
            raise ArgumentError(
                f"Multiple optimizers assigned to variable {key}: the keys {matches} all match its path. "
                "Let at most one of them match."
            )
        return self._map[matches[0]] if matches else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ArgumentError(f"A key of OptimizerMap must be a string, a regular expression; got {key!r}.")
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"A value of OptimizerMap must be an Optimizer instance; got {optimizer!r}.")
        if hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers"):
            raise ArgumentError(
                f"A value of OptimizerMap updates variables itself: it cannot be {type(optimizer).__name__}, which hands them "
                "to others."
            )
        if key in self._map:
            raise ArgumentError(
                f"{key!r} already exists in the OptimizerMap with value {self._map[key]!r}. "
                "Delete it first to replace it."
            )
        self._map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def get_config(self) -> dict:
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(dict(self._map)),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "OptimizerMap":
        read = {key: deserialize_keras_object(value, custom_objects=custom_objects) for key, value in config.items()}
        return cls(**read)


class MultiOptimizer(Optimizer):
    """Gives each variable to an optimizer of its own.

    Each of them counts its steps, clips the gradients of its variables and has its own learning rate; so
    `learning_rate` of the whole does not exist.

    Args:
        optimizer_map: an `OptimizerMap`, or a callable that returns the optimizer of a variable.
        loss_scale_factor: given to each of the optimizers, in the place of their own.
        name: defaults to `multi_optimizer`, made unique.

    Example:

    >>> import lamella
    >>> from lamella.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap
    >>> kernel, bias = (lamella.Variable([1.0], name=name) for name in ("kernel", "bias"))
    >>> optimizer = MultiOptimizer(OptimizerMap(Adam(), {"kernel": SGD(0.5)}))
    >>> optimizer.apply([[1.0], [1.0]], [kernel, bias])
    >>> kernel.numpy().tolist(), [type(inner).__name__ for inner in optimizer.optimizers]
    ([0.5], ['SGD', 'Adam'])
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if not callable(optimizer_map):
            raise ArgumentError(
                "`optimizer_map` of MultiOptimizer must be an OptimizerMap or a callable that returns the optimizer of "
                f"a variable; got {optimizer_map!r}."
            )
        self._optimizer_map = optimizer_map
        self._optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)
        super().__init__(learning_rate=0.0, name=name, loss_scale_factor=loss_scale_factor)

    def _add(self, optimizer: Optimizer) -> None:
        if all(optimizer is not known for known in self._optimizers):
            self._optimizers.append(optimizer)

    def build(self, var_list):
        if self.built:
            return
        variables = list(var_list)
        self._optimizer_of: list[Optimizer] = []
        for variable in variables:
            optimizer = self._optimizer_map(variable)
            if not isinstance(optimizer, Optimizer):
                raise ArgumentError(
                    f"The optimizer_map of MultiOptimizer {self.name!r} must return an Optimizer instance; for "
                    f"variable {variable.path!r} it returned {optimizer!r}."
                )
            self._add(optimizer)
            self._optimizer_of.append(optimizer)
        for optimizer, group in self._groups(variables, self._optimizer_of):
            optimizer.build(group)
        self.loss_scale_factor = self._loss_scale_factor
        super().build(variables)

    def _groups(self, values: Sequence, optimizers: Sequence[Optimizer]) -> list[tuple[Optimizer, list]]:
        """Each optimizer that has some, with those of `values` that belong to it."""
        groups = [(o, [v for v, owner in zip(values, optimizers) if owner is o]) for o in self._optimizers]
        return [(optimizer, group) for optimizer, group in groups if group]

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, each once."""
        return list(self._optimizers)

    @property
    def variables(self):
        return [*self._variables, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self):
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. "
            "Access it on the optimizers in `.optimizers` instead."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set it on the optimizers in `.optimizers` instead."
        )

    @property
    def loss_scale_factor(self):
        """By which the loss is multiplied, and the gradients divided in each of the optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, loss_scale_factor):
        self._loss_scale_factor = loss_scale_factor
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = loss_scale_factor

    def _build_in_apply(self, variables):
        self.build(variables)  # outside of a name scope: variables of inner optimizers are named after those

    def _make_step(self, grads, variables):
        optimizers = [self._optimizer_of[self._get_variable_index(variable)] for variable in variables]
        for optimizer, pairs in self._groups(list(zip(grads, variables)), optimizers):
            optimizer._make_step([grad for grad, _ in pairs], [variable for _, variable in pairs])
        self._iterations.assign(self._iterations.value + 1)

    def finalize_variable_values(self, var_list):
        optimizers = [self._optimizer_of[self._get_variable_index(variable)] for variable in var_list]
        for optimizer, group in self._groups(var_list, optimizers):
            optimizer.finalize_variable_values(group)

    def get_config(self):
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self._loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        optimizer_map = deserialize_keras_object(config["optimizer_map"], custom_objects=custom_objects)
        return cls(**{**config, "optimizer_map": optimizer_map})
