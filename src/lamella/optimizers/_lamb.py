"""Lamb: Adam with steps in proportion to the norm of each variable."""

from typing import Any

from lamella.core._arrays import cast
from lamella.optimizers._gradients import l2_norm
from lamella.optimizers._optimizer import Optimizer

__all__ = ["Lamb"]


class Lamb(Optimizer):
    """Adam whose step, for each variable, is as large as its norm times the learning rate.

        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g²
        step = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        w = w - learning_rate * (norm(w) / norm(step)) * step

    with t = 1 at the first update and L2 norms; where one of them is 0, their ratio is 1. You et al. (2020),
    arXiv:1904.00962, algorithm 2, for large batches. `weight_decay` is applied before, outside of the ratio.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: the decay rate of the first moment, in [0, 1).
        beta_2: the decay rate of the second moment, in [0, 1).
        epsilon: added outside the root.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([2.0])
    >>> lamella.optimizers.Lamb(0.25).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    1.5
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

    def step_scalars(self, step, learning_rate):
        return (learning_rate, 1 / (1 - self.beta_1**step), 1 / (1 - self.beta_2**step))

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate, of_momentum, of_velocity = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        momentum, velocity, w = self._momentums[index], self._velocities[index], variable.value
        momentum.assign(momentum.value + (gradient - momentum.value) * (1 - self.beta_1))
        velocity.assign(velocity.value + (gradient * gradient - velocity.value) * (1 - self.beta_2))
        step = momentum.value * of_momentum / (xp.sqrt(velocity.value * of_velocity) + self.epsilon)
        of_weights, of_step = l2_norm(w), l2_norm(step)
        both = (of_weights > 0) & (of_step > 0)
        ratio = xp.where(both, of_weights / xp.where(both, of_step, xp.ones_like(of_step)), xp.ones_like(of_step))
        variable.assign(w - cast(ratio, variable.dtype) * learning_rate * step)
