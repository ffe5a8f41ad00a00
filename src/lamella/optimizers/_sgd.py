"""Gradient descent, with or without momentum."""

from typing import Any

from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent: `w = w - learning_rate * g`.

    With `momentum` it keeps a velocity per variable,

        velocity = momentum * velocity - learning_rate * g
        w = w + velocity                                        (plain)
        w = w + momentum * velocity - learning_rate * g         (nesterov)

    as in Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning".

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        momentum: a float in [0, 1]; 0 keeps no velocity.
        nesterov: whether to take Nesterov's step.

    The other arguments are those of every optimizer; see `Optimizer`.

    Raises:
        ArgumentError: when `momentum` is not in [0, 1].

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> optimizer = lamella.optimizers.SGD(0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.apply([[1.0]], [w])
    >>> w.numpy().tolist()
    [-0.25]
    """

    _arguments = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ArgumentError(f"`momentum` of SGD must be a float between [0, 1]; got {momentum!r}.")
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum != 0 else []

    def update_step(self, gradient, variable, learning_rate):
        _, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        if self.momentum == 0:
            variable.assign(variable.value - learning_rate * gradient)
            return
        slot = self.momentums[self._get_variable_index(variable)]
        velocity = self.momentum * slot.value - learning_rate * gradient
        slot.assign(velocity)
        step = self.momentum * velocity - learning_rate * gradient if self.nesterov else velocity
        variable.assign(variable.value + step)
