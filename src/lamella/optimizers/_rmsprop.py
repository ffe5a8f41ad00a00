"""RMSprop: gradients divided by a running root mean square."""

from typing import Any

from lamella.optimizers._optimizer import Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Divides each gradient by a running root of its mean square.

        velocity = rho * velocity + (1 - rho) * g²
        step = learning_rate * g / sqrt(velocity + epsilon)

    With `centered` the square of the mean gradient is subtracted from `velocity` under the root. With
    `momentum` the steps go into `m = momentum * m + step`, and `w = w - m`. Tieleman and Hinton (2012),
    lecture 6.5 of "Neural networks for machine learning"; the centered form is that of Graves (2013),
    arXiv:1308.0850, equations 38-45.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        rho: the decay rate of the mean square, in [0, 1).
        momentum: in [0, 1); 0 keeps none.
        epsilon: added under the root.
        centered: normalise by the variance instead of the mean square.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.RMSprop(0.1, rho=0.75).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)  # 0.1 * 2 / sqrt(0.25 * 4)
    0.8
    """

    _arguments = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._velocities = self.add_optimizer_variables(var_list, "velocity")
        self._momentums = self.add_optimizer_variables(var_list, "momentum") if self.momentum > 0 else []
        self._average_gradients = self.add_optimizer_variables(var_list, "average_gradient") if self.centered else []

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        velocity = self.rho * self._velocities[index].value + (1 - self.rho) * (gradient * gradient)
        self._velocities[index].assign(velocity)
        variance = velocity
        if self.centered:
            mean = self.rho * self._average_gradients[index].value + (1 - self.rho) * gradient
            self._average_gradients[index].assign(mean)
            variance = velocity - mean * mean
        step = learning_rate * gradient / xp.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            step = self.momentum * self._momentums[index].value + step
            self._momentums[index].assign(step)
        variable.assign(variable.value - step)
