"""Adamax: Adam with the largest gradient in the place of the root mean square."""

from typing import Any

from lamella.optimizers._optimizer import Optimizer

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam by the infinity norm.

        m = beta_1 * m + (1 - beta_1) * g
        u = max(beta_2 * u, |g|)
        w = w - learning_rate / (1 - beta_1^t) * m / (u + epsilon)

    with t = 1 at the first update: Kingma and Ba (2015), arXiv:1412.6980, section 7.1, whose algorithm 2 has
    no epsilon.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: the decay rate of the first moment, in [0, 1).
        beta_2: the decay rate of the norm, in [0, 1).
        epsilon: added to the norm.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.Adamax(0.5).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
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
        self._m, self._u = self.add_optimizer_variables(var_list, ["momentum", "norm"])

    def step_scalars(self, step, learning_rate):
        return (learning_rate / (1 - self.beta_1**step),)

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        m, u = self._m[index], self._u[index]
        m.assign(m.value + (gradient - m.value) * (1 - self.beta_1))
        u.assign(xp.maximum(self.beta_2 * u.value, xp.abs(gradient)))
        variable.assign(variable.value - learning_rate * m.value / (u.value + self.epsilon))
