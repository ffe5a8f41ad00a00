"""Adafactor: second moments kept as a row and a column."""

from typing import Any

import numpy as np

from lamella.core._arrays import namespace
from lamella.core._variable import Variable
from lamella.optimizers._optimizer import Optimizer
from lamella.optimizers.schedules._schedule import LearningRateSchedule
from lamella.typing import Array

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Steps relative to the size of the weights, by second moments of rows and columns.

        beta_2 = 1 - t^beta_2_decay                     s = g² + epsilon_1
        row = beta_2 * row + (1 - beta_2) * mean(s, axis=-1)
        column = beta_2 * column + (1 - beta_2) * mean(s, axis=-2)
        v = row[..., None] * column[..., None, :] / mean(row, axis=-1)
        u = g / sqrt(v)                                 u = u / max(1, rms(u) / clip_threshold)
        w = w - rate * max(epsilon_2, rms(w)) * u

    with t = 1 at the first update, and rms the root of the mean square; a variable with less than two axes keeps
    `v = beta_2 * v + (1 - beta_2) * s`. The rate is `learning_rate`, and with `relative_step`, where it is not a
    schedule, at most `1 / sqrt(t)`. Shazeer and Stern (2018), arXiv:1804.04235, algorithms 4 and 5.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_2_decay: a negative float.
        epsilon_1: keeps v from zero.
        epsilon_2: the least size of weights that steps are relative to.
        clip_threshold: the root mean square that a step may have before it is scaled by the rate.
        relative_step: whether the learning rate falls by itself.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([2.0])
    >>> lamella.optimizers.Adafactor(0.25).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    1.5
    """

    _arguments = (
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "relative_step",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._r: list = []
        self._c: list = []
        self._v: list = []
        for variable in var_list:
            shape = tuple(variable.shape)
            if variable.overwrite_with_gradient:
                slots: tuple = (None, None, None)
            else:
                rows, columns = (shape[:-1], shape[:-2] + shape[-1:]) if len(shape) > 1 else (None, None)
                slots = (
                    self._factor(variable, rows),
                    self._factor(variable, columns),
                    self.add_variable_from_reference(variable, "velocity"),
                )
            for slot_list, slot in zip((self._r, self._c, self._v), slots):
                slot_list.append(slot)

    def _factor(self, variable: Variable, shape: tuple | None) -> Variable:
        """The moments of rows or columns, or an empty place for them, so that the order of variables is fixed."""
        if shape is not None:
            return self.add_variable(shape, dtype=variable.dtype, name=variable.name)
        place = Variable(np.zeros((), "int32"), name=variable.name, trainable=False)
        self._track_variable(place)
        return place

    def step_scalars(self, step, learning_rate):
        if self.relative_step and not isinstance(self._learning_rate, LearningRateSchedule):
            learning_rate = namespace().minimum(learning_rate, 1 / namespace().sqrt(step))
        return (learning_rate, 1 - step**self.beta_2_decay)

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, rate, beta_2 = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        row, column, velocity = self._r[index], self._c[index], self._v[index]
        squares = gradient * gradient + self.epsilon_1
        if len(variable.shape) > 1:
            row.assign(beta_2 * row.value + (1 - beta_2) * xp.mean(squares, axis=-1))
            column.assign(beta_2 * column.value + (1 - beta_2) * xp.mean(squares, axis=-2))
            share = row.value / xp.mean(row.value, axis=-1, keepdims=True)
            velocity.assign(share[..., None] * column.value[..., None, :])
        else:
            velocity.assign(beta_2 * velocity.value + (1 - beta_2) * squares)
        step = gradient / xp.sqrt(velocity.value)
        scale = rate * _at_least(xp, _rms(xp, variable.value), self.epsilon_2)
        variable.assign(variable.value - scale / _at_least(xp, _rms(xp, step) / self.clip_threshold, 1.0) * step)


def _rms(xp: Any, x: Array) -> Array:
    return xp.sqrt(xp.mean(x * x))


def _at_least(xp: Any, x: Array, least: float) -> Array:
    return xp.maximum(x, xp.full_like(x, least))
