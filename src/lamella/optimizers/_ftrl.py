"""Follow the regularized leader: sparse weights by proximal steps."""

from typing import Any

from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer, filled_with

__all__ = ["Ftrl"]


class Ftrl(Optimizer):
    """Follow the regularized leader: many weights become exactly zero.

        n' = n + g²
        sigma = (n'^-learning_rate_power - n^-learning_rate_power) / learning_rate
        z = z + g - sigma * w
        w = 0                                                                              where |z| <= l1
        w = (sign(z) * l1 - z) / ((beta + n'^-learning_rate_power) / learning_rate + 2 * l2)      elsewhere

    McMahan et al. (2013), "Ad click prediction: a view from the trenches", algorithm 1; its l2 is twice ours. With
    `l2_shrinkage_regularization_strength`, `g + 2 * strength * w` stands for g in z (not in n).

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        learning_rate_power: how fast the learning rate falls as gradients accumulate, at most 0; 0 keeps it.
        initial_accumulator_value: what n starts from, zero or more.
        l1_regularization_strength: l1, zero or more.
        l2_regularization_strength: l2, zero or more.
        l2_shrinkage_regularization_strength: of the penalty that is added to the loss, zero or more.
        beta: the paper's, zero or more.

    The other arguments are those of every optimizer; see `Optimizer`.

    Raises:
        ArgumentError: when one of them is outside its range.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0, 1.0])
    >>> optimizer = lamella.optimizers.Ftrl(1.0, initial_accumulator_value=0.0, l1_regularization_strength=1.0)
    >>> optimizer.apply([[2.0, 5.0]], [w])
    >>> w.numpy().tolist()
    [0.0, 0.0]
    """

    _arguments = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        for name, value, sign in (
            ("initial_accumulator_value", initial_accumulator_value, 1),
            ("learning_rate_power", learning_rate_power, -1),
            ("l1_regularization_strength", l1_regularization_strength, 1),
            ("l2_regularization_strength", l2_regularization_strength, 1),
            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, 1),
        ):
            if value * sign < 0:
                wanted = "positive" if sign > 0 else "negative"
                raise ArgumentError(f"`{name}` of Ftrl needs to be {wanted} or zero; got {value!r}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._accumulators, self._linears = self.add_optimizer_variables(
            var_list,
            ["accumulator", "linear"],
            initializer=[
                filled_with(self.initial_accumulator_value),
                "zeros",
            ],
        )

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        accumulator, linear, w = self._accumulators[index], self._linears[index], variable.value
        total = accumulator.value + gradient * gradient
        power = total**-self.learning_rate_power
        sigma = (power - accumulator.value**-self.learning_rate_power) / learning_rate
        # online l2 with beta folded into it, as a penalty of l2 * w²
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        z = linear.value + gradient + 2 * self.l2_shrinkage_regularization_strength * w - sigma * w
        l1 = self.l1_regularization_strength
        accumulator.assign(total)
        linear.assign(z)
        variable.assign((xp.clip(z, -l1, l1) - z) / (power / learning_rate + 2 * l2))
