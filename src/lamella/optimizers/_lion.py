"""Lion: steps of equal size, by the sign of the momentum."""

from typing import Any

from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer

__all__ = ["Lion"]


class Lion(Optimizer):
    """Steps by the sign of an interpolation of momentum and gradient.

        w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g

    Chen et al. (2023), arXiv:2302.06675, algorithm 2, "EvoLved sIgn mOmeNtum". It keeps half of what Adam keeps; its
    learning rate is 3 to 10 times smaller than Adam's, and its weight decay as much larger.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: the share of the momentum in the step, in (0, 1].
        beta_2: the decay rate of the momentum.

    The other arguments are those of every optimizer; see `Optimizer`.

    Raises:
        ArgumentError: when `beta_1` is not in (0, 1]; with 0 it would be SignSGD.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0, 1.0])
    >>> lamella.optimizers.Lion(0.5).apply([[-3.0, 7.0]], [w])
    >>> w.numpy().tolist()
    [1.5, 0.5]
    """

    _arguments = (
        "beta_1",
        "beta_2",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ArgumentError(
                f"Argument `beta_1` of Lion must be in (0, 1], otherwise it degenerates to SignSGD; got {beta_1!r}."
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums = self.add_optimizer_variables(var_list, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        momentum = self._momentums[self._get_variable_index(variable)]
        direction = xp.sign(self.beta_1 * momentum.value + (1 - self.beta_1) * gradient)
        variable.assign(variable.value - learning_rate * direction)
        momentum.assign(self.beta_2 * momentum.value + (1 - self.beta_2) * gradient)
