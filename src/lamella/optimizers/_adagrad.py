"""Adagrad: gradients divided by the root of the sum of all their squares."""

from typing import Any

from lamella.optimizers._optimizer import Optimizer, filled_with

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps that shrink for the weights that were updated often.

        accumulator = accumulator + g²
        w = w - learning_rate * g / sqrt(accumulator + epsilon)

    Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online learning and stochastic optimization".

    Args:
        learning_rate: a float, a schedule, or a callable without arguments; the paper's is 1.
        initial_accumulator_value: what the accumulators start from, zero or more.
        epsilon: added under the root.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.Adagrad(0.5, initial_accumulator_value=0.0).apply([[4.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
    """

    _arguments = (
        "initial_accumulator_value",
        "epsilon",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._accumulators = self.add_optimizer_variables(
            var_list,
            "accumulator",
            initializer=filled_with(self.initial_accumulator_value),
        )

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        accumulator = self._accumulators[self._get_variable_index(variable)]
        accumulator.assign(accumulator.value + gradient * gradient)
        variable.assign(variable.value - learning_rate * gradient / xp.sqrt(accumulator.value + self.epsilon))
