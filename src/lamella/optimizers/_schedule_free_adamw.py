"""Schedule-free AdamW: averaging in the place of a learning-rate schedule."""

from typing import Any

import numpy as np

from lamella.core._arrays import namespace
from lamella.optimizers._optimizer import Optimizer

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule and no planned end of training.

        v = beta_2 * v + (1 - beta_2) * g²
        z = z - rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x = (1 - 1 / t) * x + z / t
        y = (1 - beta_1) * z + beta_1 * x

    with t = 1 at the first update. The gradient g is taken at y, which is the value of the variable while
    training; z is kept as its "momentum", and x follows from both. The rate rises to `learning_rate` in a
    straight line of `warmup_steps`. Defazio et al. (2024), arXiv:2405.15682, equations 1 and 21.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: where between z and x the gradient is taken, in (0, 1].
        beta_2: the decay rate of the second moment, in [0, 1).
        epsilon: added outside the root.
        warmup_steps: the length of the warmup.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.ScheduleFreeAdamW(0.25).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.75
    """

    _arguments = (
        "beta_1",
        "beta_2",
        "epsilon",
        "warmup_steps",
    )

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        for variable, z in zip(var_list, self._momentums):
            if z is not None:
                z.assign(variable.numpy())  # a copy: a program may take over the memory of either

    def step_scalars(self, step, learning_rate):
        if self.warmup_steps > 0:
            done = step / self.warmup_steps
            learning_rate = learning_rate * namespace().minimum(done, namespace().ones_like(done))
        return (learning_rate, 1 / step, 1 / (1 - self.beta_2**step))

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, rate, share, correction = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        fresh = float(1 - np.float32(self.beta_2))  # rounded as in Keras
        velocity.assign(self.beta_2 * velocity.value + fresh * (gradient * gradient))
        x = (variable.value - (1 - self.beta_1) * momentum.value) / self.beta_1
        z = momentum.value - rate * gradient / (xp.sqrt(velocity.value * correction) + self.epsilon)
        x = (1 - share) * x + share * z
        momentum.assign(z)
        variable.assign((1 - self.beta_1) * z + self.beta_1 * x)
