"""Schedules as formulas of the step."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import cast, dtype_of
from lamella.errors import ArgumentError
from lamella.optimizers.schedules._schedule import LearningRateSchedule
from lamella.typing import Array

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
]


class _Decay(LearningRateSchedule):
    """A schedule that starts from a learning rate: checks, dtype and configuration are common, `_rate` is its formula.

    Attributes:
        _arguments: the arguments of the constructor, which are also its attributes.
        _positive: those that must be greater than 0.
    """

    _arguments: tuple[str, ...] = ()
    _positive: tuple[str, ...] = ()

    initial_learning_rate: Any

    def _check_positive(self) -> None:
        for name in self._positive:
            if getattr(self, name) <= 0:
                raise ArgumentError(
                    f"Argument `{name}` of {type(self).__name__} must be > 0; got {name}={getattr(self, name)!r}."
                )

    def __call__(self, step: Any) -> Array:
        """The learning rate of `step`, an integer or an array of them, in the dtype of the initial one."""
        adapter = _registry.owner_of_any([step])
        with _registry.use(adapter):
            initial = self._initial()
            return self._rate(adapter.xp, initial, cast(step, dtype_of(initial)))

    def _initial(self) -> Array:
        rate = self.initial_learning_rate
        return cast(rate, _dtypes.floatx() if _dtypes.weak_dtype(rate) else _dtypes.float_result(dtype_of(rate)))

    def _rate(self, xp: Any, initial: Array, step: Array) -> Array:
        raise NotImplementedError

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in self._arguments}


class ExponentialDecay(_Decay):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: a float.
        decay_steps: a positive number of steps, in which the rate is multiplied by `decay_rate` once.
        decay_rate: a float.
        staircase: round `step / decay_steps` down, so that the rate falls in steps.
        name: a string or None.

    Raises:
        ArgumentError: when `decay_steps` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.ExponentialDecay(0.5, decay_steps=10, decay_rate=0.25)
    >>> [float(schedule(step)) for step in (0, 5, 10)]
    [0.5, 0.25, 0.125]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
    _positive = ("decay_steps",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = "ExponentialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        self._check_positive()

    def _rate(self, xp, initial, step):
        periods = step / self.decay_steps
        return initial * self.decay_rate ** (xp.floor(periods) if self.staircase else periods)


class StepDecay(_Decay):
    """`initial_learning_rate * drop ** floor(step / steps_per_drop)`: the rate falls by the factor `drop` at intervals.

    It is `ExponentialDecay` with a staircase, under the name that textbooks use.

    Args:
        initial_learning_rate: a float.
        drop: the factor, usually in (0, 1).
        steps_per_drop: a positive number of steps between two drops.
        name: a string or None.

    Raises:
        ArgumentError: when `steps_per_drop` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.StepDecay(1.0, drop=0.5, steps_per_drop=10)
    >>> [float(schedule(step)) for step in (0, 9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """

    _arguments = ("initial_learning_rate", "drop", "steps_per_drop", "name")
    _positive = ("steps_per_drop",)

    def __init__(
        self,
        initial_learning_rate: float,
        drop: float,
        steps_per_drop: int,
        name: str | None = "StepDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.drop = drop
        self.steps_per_drop = steps_per_drop
        self.name = name
        self._check_positive()

    def _rate(self, xp, initial, step):
        return initial * self.drop ** xp.floor(step / self.steps_per_drop)


class InverseTimeDecay(_Decay):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: a float.
        decay_steps: a positive number of steps.
        decay_rate: a float.
        staircase: round `step / decay_steps` down, so that the rate falls in steps.
        name: a string or None.

    Raises:
        ArgumentError: when `decay_steps` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.InverseTimeDecay(1.0, decay_steps=10, decay_rate=1.0)
    >>> [float(schedule(step)) for step in (0, 10, 30)]
    [1.0, 0.5, 0.25]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
    _positive = ("decay_steps",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = "InverseTimeDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        self._check_positive()

    def _rate(self, xp, initial, step):
        periods = step / self.decay_steps
        return initial / (1 + self.decay_rate * (xp.floor(periods) if self.staircase else periods))


class PolynomialDecay(_Decay):
    """From one learning rate to another along a power of the time left.

        left = 1 - min(step, decay_steps) / decay_steps
        rate = (initial_learning_rate - end_learning_rate) * left ** power + end_learning_rate

    Args:
        initial_learning_rate: a float.
        decay_steps: a positive number of steps.
        end_learning_rate: a float.
        power: a float; 1 is a straight line.
        cycle: once beyond `decay_steps`, stretch it to the least multiple of it that `step` does not exceed, so that
            the rate rises again.
        name: a string or None.

    Raises:
        ArgumentError: when `decay_steps` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.5)
    >>> [float(schedule(step)) for step in (0, 5, 10, 20)]
    [1.0, 0.75, 0.5, 0.5]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
    _positive = ("decay_steps",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = "PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        self._check_positive()

    def _rate(self, xp, initial, step):
        if self.cycle:
            cycles = xp.where(step == 0, xp.ones_like(step), xp.ceil(step / self.decay_steps))
            left = 1 - step / (self.decay_steps * cycles)
        else:
            left = 1 - xp.where(step < self.decay_steps, step, xp.ones_like(step) * self.decay_steps) / self.decay_steps
        return (initial - self.end_learning_rate) * left**self.power + self.end_learning_rate


class CosineDecay(_Decay):
    """Half a period of the cosine, from the initial learning rate to `alpha` times it, and a linear warmup before it.

        fraction = min(step, decay_steps) / decay_steps
        rate = initial_learning_rate * ((1 - alpha) * (1 + cos(pi * fraction)) / 2 + alpha)

    Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5. With a `warmup_target`, the rate first goes from
    `initial_learning_rate` to `warmup_target` in a straight line of `warmup_steps`, and the decay starts from there.

    Args:
        initial_learning_rate: a float.
        decay_steps: a positive number of steps, without those of the warmup.
        alpha: the last learning rate as a fraction of the one that the decay starts from.
        name: a string or None.
        warmup_target: a float; None for no warmup.
        warmup_steps: the length of the warmup.

    Raises:
        ArgumentError: when `decay_steps` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.CosineDecay(1.0, decay_steps=10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10)]
    [1.0, 0.5, 0.0]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
    _positive = ("decay_steps",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str | None = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        self._check_positive()

    def _rate(self, xp, initial, step):
        if self.warmup_target is None:
            return initial * self._factor(xp, step)
        decayed = self.warmup_target * self._factor(xp, step - self.warmup_steps)
        if not self.warmup_steps:
            return decayed
        warmed = initial + (self.warmup_target - initial) * (step / self.warmup_steps)
        return xp.where(step < self.warmup_steps, warmed, decayed)

    def _factor(self, xp: Any, step: Array) -> Array:
        fraction = xp.where(step < self.decay_steps, step, xp.ones_like(step) * self.decay_steps) / self.decay_steps
        return (1 - self.alpha) * 0.5 * (1 + xp.cos(math.pi * fraction)) + self.alpha


class CosineDecayRestarts(_Decay):
    """Cosine decays one after another, each `t_mul` times as long as the last and starting from `m_mul` times its rate.

    Loshchilov and Hutter (2017), arXiv:1608.03983, "SGDR: stochastic gradient descent with warm restarts".

    Args:
        initial_learning_rate: a float.
        first_decay_steps: the positive length of the first decay.
        t_mul: by which each decay is longer than the one before.
        m_mul: by which its initial rate is larger than that of the one before.
        alpha: the last learning rate of a decay as a fraction of its first.
        name: a string or None.

    Raises:
        ArgumentError: when `first_decay_steps` is not positive.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.CosineDecayRestarts(1.0, first_decay_steps=10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 1.0, 0.5]
    """

    _arguments = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
    _positive = ("first_decay_steps",)

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name
        self._check_positive()

    def _rate(self, xp, initial, step):
        periods = step / self.first_decay_steps  # in units of the first decay
        if self.t_mul == 1.0:
            restarts = xp.floor(periods)
            fraction = periods - restarts
        else:
            # the decays so far took (t_mul ** restarts - 1) / (t_mul - 1) units
            restarts = xp.floor(xp.log(1 - periods * (1 - self.t_mul)) / math.log(self.t_mul))
            before = (1 - self.t_mul**restarts) / (1 - self.t_mul)
            fraction = (periods - before) / self.t_mul**restarts
        height = 0.5 * self.m_mul**restarts * (1 + xp.cos(math.pi * fraction))
        return initial * ((1 - self.alpha) * height + self.alpha)


class PiecewiseConstantDecay(_Decay):
    """`values[i]` while `step <= boundaries[i]`, and the last value after the last boundary.

    Args:
        boundaries: increasing numbers of steps.
        values: one learning rate more than there are boundaries.
        name: a string or None.

    Raises:
        ArgumentError: when there is not one value more than there are boundaries.

    Example:

    >>> import lamella
    >>> schedule = lamella.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
    >>> [float(schedule(step)) for step in (0, 10, 11, 21)]
    [1.0, 1.0, 0.5, 0.25]
    """

    _arguments = ("boundaries", "values", "name")

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str | None = "PiecewiseConstant",
    ):
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "PiecewiseConstantDecay needs one value more than boundaries; got "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step):
        adapter = _registry.owner_of_any([step])
        with _registry.use(adapter):
            values = adapter.asarray(np.asarray(self.values))
            dtype = dtype_of(step)
            passed = [cast(step > adapter.asarray(b, dtype), "int32") for b in self.boundaries]
            return adapter.xp.take(values, sum(passed, cast(step, "int32") * 0), axis=0)
