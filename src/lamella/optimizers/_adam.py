"""Adam, and Adam with decoupled weight decay."""

from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import cast, namespace
from lamella.errors import ArgumentError
from lamella.optimizers._optimizer import Optimizer

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Steps of the size of the learning rate, by running moments of the gradient.

        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g²
        alpha = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)
        w = w - alpha * m / (sqrt(v) + epsilon)

    with t = 1 at the first update: Kingma and Ba (2015), arXiv:1412.6980, the formula just before section 2.1, whose
    `epsilon` is the paper's epsilon-hat. With `amsgrad`, the largest v so far stands in the root: Reddi, Kale and Kumar
    (2018), "On the convergence of Adam and beyond".

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        beta_1: the decay rate of the first moment, in [0, 1).
        beta_2: the decay rate of the second moment, in [0, 1).
        epsilon: added outside the root.
        amsgrad: whether v may only grow.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.Adam(0.1).apply([[20.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9
    """

    _arguments = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat")

    def step_scalars(self, step, learning_rate):
        return (learning_rate * namespace().sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step),)

    def _update_together(self, gradients, variables, learning_rate):
        rule = _registry.active().adam
        if rule is None or self.amsgrad or type(self).update_step is not Adam.update_step:
            return super()._update_together(gradients, variables, learning_rate)
        places = [self._get_variable_index(variable) for variable in variables]
        groups = (variables, *([slots[i] for i in places] for slots in (self._momentums, self._velocities)))
        values = [[variable.value for variable in group] for group in groups]
        scalars = (cast(learning_rate, "float32"), self._update_count(), self.beta_1, self.beta_2, self.epsilon)
        new = rule(*values, gradients, *scalars)
        if new is None:
            return super()._update_together(gradients, variables, learning_rate)
        for group, arrays in zip(groups, new):
            for variable, array in zip(group, arrays):
                variable.assign(array)
        return None

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, alpha = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        m = momentum.value + (gradient - momentum.value) * (1 - self.beta_1)
        v = velocity.value + (gradient * gradient - velocity.value) * (1 - self.beta_2)
        momentum.assign(m)
        velocity.assign(v)
        if self.amsgrad:
            v = xp.maximum(self._velocity_hats[index].value, v)
            self._velocity_hats[index].assign(v)
        variable.assign(variable.value - m * alpha / (xp.sqrt(v) + self.epsilon))


class AdamW(Adam):
    """Adam whose weights also decay: each step subtracts `learning_rate * weight_decay * w`.

    Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2. Unlike a penalty in the loss, the decay is not divided
    by the running moments.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        weight_decay: a float.
        beta_1: the decay rate of the first moment, in [0, 1).
        beta_2: the decay rate of the second moment, in [0, 1).
        epsilon: added outside the root.
        amsgrad: whether the second moment may only grow.

    The other arguments are those of every optimizer; see `Optimizer`.

    Raises:
        ArgumentError: when `weight_decay` is None.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([1.0])
    >>> lamella.optimizers.AdamW(0.5, weight_decay=0.5).apply([[0.0]], [w])
    >>> w.numpy().tolist()
    [0.75]
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
        if self.weight_decay is None:
            raise ArgumentError("Argument `weight_decay` of AdamW must be a float; got None. Use Adam for none.")
