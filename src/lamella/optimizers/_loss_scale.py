"""Dynamic loss scaling, for gradients in float16."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core._arrays import arrays, cast, dtype_of, namespace
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer
from lamella.optimizers._serialization import get
from lamella.typing import Array

__all__ = ["LossScaleOptimizer"]


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with the loss multiplied by a number that it finds itself.

    Small gradients vanish in float16, which has nothing below 6e-8. `scale_loss` therefore multiplies the loss by a
    scale, and `apply` divides the gradients by it. When a gradient is not finite, the step is skipped and the scale
    halved; after `dynamic_growth_steps` finite steps in a row it is doubled. Micikevicius et al. (2018),
    arXiv:1710.03740, section 3.2.

    Args:
        inner_optimizer: the optimizer that makes the steps. Its own `loss_scale_factor` becomes None.
        initial_scale: a positive float: better too high, for it falls faster than it rises.
        dynamic_growth_steps: how many finite steps double the scale.
        name: defaults to `loss_scale_optimizer`, made unique.

    Raises:
        ArgumentError: for any other argument of optimizers: give those to `inner_optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> optimizer = lamella.optimizers.LossScaleOptimizer(lamella.optimizers.SGD(0.5), initial_scale=4.0)
    >>> optimizer.apply([[4.0]], [w])  # the gradient of 4 times the loss
    >>> optimizer.apply([[float("inf")]], [w])
    >>> w.numpy().tolist(), float(optimizer.dynamic_scale)
    ([0.5], 2.0)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.pop("dynamic", True) is not True:
            raise ArgumentError(
                "LossScaleOptimizer is always dynamic: instead of `dynamic=False`, set `loss_scale_factor` on the "
                "`inner_optimizer`, and use that alone."
            )
        usual = inspect.signature(Optimizer.__init__).parameters
        for argument, value in kwargs.items():
            if argument in usual and value == usual[argument].default:  # so Keras wrote configurations once
                continue
            hint = "" if argument == "learning_rate" else f" Instead, set `{argument}` on the `inner_optimizer`."
            raise ArgumentError(f"LossScaleOptimizer does not support `{argument}`.{hint}")
        inner = get(inner_optimizer)
        if not isinstance(inner, Optimizer):
            raise ArgumentError(
                f"`inner_optimizer` of LossScaleOptimizer must be an Optimizer; got {inner_optimizer!r}."
            )
        inner.loss_scale_factor = None  # the dynamic scale stands in its place
        self.inner_optimizer = inner
        super().__init__(learning_rate=0.0, name=name)
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, var_list):
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), initializer=lambda shape, dtype: np.float32(self.initial_scale), name="dynamic_scale"
        )
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    @property
    def variables(self):
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.inner_optimizer.learning_rate = learning_rate

    def _build_in_apply(self, variables):
        self.build(variables)  # outside of a name scope: variables of inner optimizers are named after those

    def _make_step(self, grads, variables):
        finite = self.check_finite(grads)
        _, scale = arrays(self.dynamic_scale)  # what it is now
        unscaled = [
            grad if variable.overwrite_with_gradient else cast(grad, variable.dtype) / cast(scale, variable.dtype)
            for grad, variable in zip(grads, variables)
        ]
        self._when(finite, lambda: self.inner_optimizer._make_step(unscaled, variables))
        xp = namespace()
        count = xp.where(finite, self.step_counter.value + 1, 0)
        grown = count >= self.dynamic_growth_steps
        self.step_counter.assign(xp.where(grown, 0, count))
        self.dynamic_scale.assign(scale * xp.where(finite, xp.where(grown, 2.0, 1.0), 0.5))

    def check_finite(self, grads: Sequence[Array]) -> Array:
        """Whether every element of every gradient is finite: a bool scalar. None counts as finite."""
        xp = namespace()
        finite = xp.asarray(True)
        for grad in grads:
            if grad is not None:
                finite = finite & xp.all(xp.isfinite(cast(grad, dtype_of(grad))))
        return finite

    def scale_loss(self, loss):
        """`loss` times the present scale: what the gradients that are given to `apply` must be computed from."""
        scale = self.dynamic_scale.value if self.built else self.initial_scale
        return loss * scale

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self):
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        inner = deserialize_keras_object(config["inner_optimizer"], custom_objects=custom_objects)
        return cls(**{**config, "inner_optimizer": inner})
