"""Adadelta: steps in the unit of the weights."""

from typing import Any

from lamella.optimizers._optimizer import Optimizer

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps as large as the recent ones were, in relation to the recent gradients.

        accumulated_grad = rho * accumulated_grad + (1 - rho) * g²
        delta = g * sqrt(accumulated_delta + epsilon) / sqrt(accumulated_grad + epsilon)
        accumulated_delta = rho * accumulated_delta + (1 - rho) * delta²
        w = w - learning_rate * delta

    Zeiler (2012), arXiv:1212.5701, algorithm 1, which has no learning rate: for its form, take 1.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        rho: the decay rate of both averages, in [0, 1).
        epsilon: added under the roots.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.Adadelta(1.0, rho=0.75, epsilon=1.0).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)  # 2 * sqrt(0 + 1) / sqrt(0.25 * 4 + 1)
    -0.4142
    """

    _arguments = (
        "rho",
        "epsilon",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            var_list, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, grad, variable, learning_rate):
        xp, grad, learning_rate = self._shared(grad, variable, learning_rate)
        index = self._get_variable_index(variable)
        squares, deltas = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        squares.assign(self.rho * squares.value + (1 - self.rho) * (grad * grad))
        delta = grad * xp.sqrt(deltas.value + self.epsilon) / xp.sqrt(squares.value + self.epsilon)
        deltas.assign(self.rho * deltas.value + (1 - self.rho) * (delta * delta))
        variable.assign(variable.value - learning_rate * delta)
