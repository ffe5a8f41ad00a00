"""Nadam: Adam with Nesterov momentum."""

from typing import Any

import numpy as np

from lamella.core._arrays import cast
from lamella.core._variable import Variable
from lamella.optimizers._optimizer import Optimizer

__all__ = ["Nadam"]


class Nadam(Optimizer):
    """Adam with Nesterov momentum.

        u_t = beta_1 * (1 - 0.96^t / 2)                          p_t = u_1 * u_2 * ... * u_t
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g²
        m_hat = u_(t+1) * m / (1 - p_(t+1)) + (1 - u_t) * g / (1 - p_t)
        w = w - learning_rate * m_hat / (sqrt(v / (1 - beta_2^t)) + epsilon)

    with t = 1 at the first update: Dozat (2016), "Incorporating Nesterov momentum into Adam", algorithm 2 with the
    schedule of momentum of its section 3.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: the decay rate of the first moment, in [0, 1).
        beta_2: the decay rate of the second moment, in [0, 1).
        epsilon: added outside the root.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.Nadam(0.1).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.8937
    """

    _arguments = (
        "beta_1",
        "beta_2",
        "epsilon",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        # float32 whatever the variables are: a product of rates has no use for the range of float16
        self._u_product = Variable(np.ones((), "float32"), trainable=False, autocast=False)

    def _momentum_at(self, step: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * 0.96**step)

    def _update_variables(self, grads, variables):
        self._u_product.assign(self._u_product.value * self._momentum_at(cast(self._update_count(), "float32") + 1))
        super()._update_variables(grads, variables)

    def step_scalars(self, step, learning_rate):
        u, u_next = self._momentum_at(step), self._momentum_at(step + 1)
        product = self._u_product.value
        return (
            learning_rate * u_next / (1 - product * u_next),
            learning_rate * (1 - u) / (1 - product),
            1 / (1 - self.beta_2**step),
        )

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, of_momentum, of_gradient, correction = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        momentum.assign(self.beta_1 * momentum.value + (1 - self.beta_1) * gradient)
        fresh = float(1 - np.float32(self.beta_2))  # rounded as in Keras
        velocity.assign(self.beta_2 * velocity.value + fresh * (gradient * gradient))
        step = of_momentum * momentum.value + of_gradient * gradient
        variable.assign(variable.value - step / (xp.sqrt(velocity.value * correction) + self.epsilon))
