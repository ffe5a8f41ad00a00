"""Muon: momentum made orthogonal, for the matrices of a network."""

import re
from collections.abc import Sequence
from typing import Any

from lamella.core._arrays import namespace
from lamella.core._variable import Variable
from lamella.optimizers._optimizer import Optimizer
from lamella.typing import Array

__all__ = ["Muon"]


class Muon(Optimizer):
    """Matrices move along their momentum with its singular values made equal; all else moves by AdamW.

        m = momentum * m + g
        u = orthogonal(g + momentum * m)        (nesterov; else of m)
        w = w - learning_rate * rms_rate * sqrt(max(rows, columns)) * u

    `orthogonal(U S V^T)` is about `U V^T`: some steps of the Newton-Schulz iteration
    `x = a x + (b x x^T + c (x x^T)²) x`, whose odd polynomial of degree 5 brings all singular values near 1. Jordan et
    al. (2024), https://kellerjordan.github.io/posts/muon; the last factor is that of Liu et al. (2025),
    arXiv:2502.16982, section 2.2, and makes steps as large as Adam's.

    AdamW takes the variables that are no matrices, the embeddings, and those that `exclude_layers` names. The output
    layer should be among those.

    Args:
        learning_rate: a float, a schedule, or a callable without arguments.
        adam_beta_1: of AdamW, the decay rate of the first moment.
        adam_beta_2: of AdamW, the decay rate of the second moment.
        adam_weight_decay: the weight decay of the variables that AdamW takes; None for none.
        epsilon: of AdamW, added outside the root.
        weight_decay: the weight decay of the matrices; None for none.
        exclude_layers: regular expressions; a variable in whose path one is found goes to AdamW.
        exclude_embeddings: whether variables with "embedding" in their path do.
        muon_a: a of the iteration.
        muon_b: b of the iteration.
        muon_c: c of the iteration.
        adam_lr_ratio: the learning rate of AdamW relative to `learning_rate`.
        momentum: in [0, 1).
        ns_steps: the number of iterations.
        nesterov: whether to look one step ahead.
        rms_rate: the root mean square of an element of the step; None leaves it as the iteration makes it.

    The other arguments are those of every optimizer; see `Optimizer`.

    Example:

    >>> import lamella
    >>> w = lamella.Variable([[1.0, 0.0], [0.0, 1.0]], name="kernel")
    >>> optimizer = lamella.optimizers.Muon(0.1)
    >>> optimizer.apply([[[1.0, 0.0], [0.0, 1.0]]], [w])
    >>> [variable.name for variable in optimizer.variables]
    ['iteration', 'learning_rate', 'kernel_momentum']
    """

    _arguments = (
        "adam_beta_1",
        "adam_beta_2",
        "epsilon",
        "exclude_layers",
        "muon_a",
        "muon_b",
        "muon_c",
        "adam_lr_ratio",
        "momentum",
        "ns_steps",
        "nesterov",
        "exclude_embeddings",
        "adam_weight_decay",
        "rms_rate",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable: Variable) -> bool:
        return (
            len(variable.shape) != 2
            or (self.exclude_embeddings and "embedding" in variable.path.lower())
            or any(re.search(pattern, variable.path) for pattern in self.exclude_layers)
        )

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self.momentums: list = []
        self.adam_velocities: list = []
        for variable in var_list:
            momentum = velocity = None
            if not variable.overwrite_with_gradient:
                momentum = self.add_variable_from_reference(variable, "momentum")
                if self._should_use_adamw(variable):
                    velocity = self.add_variable_from_reference(variable, "velocity")
            self.momentums.append(momentum)
            self.adam_velocities.append(velocity)

    def step_scalars(self, step, learning_rate):
        correction = namespace().sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
        return (learning_rate, learning_rate * self.adam_lr_ratio * correction)

    def update_step(self, gradient, variable, learning_rate):
        xp, gradient, learning_rate, alpha = self._shared(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        momentum, velocity = self.momentums[index], self.adam_velocities[index]
        if velocity is not None:
            momentum.assign(momentum.value + (gradient - momentum.value) * (1 - self.adam_beta_1))
            velocity.assign(velocity.value + (gradient * gradient - velocity.value) * (1 - self.adam_beta_2))
            variable.assign(variable.value - momentum.value * alpha / (xp.sqrt(velocity.value) + self.epsilon))
            return
        momentum.assign(self.momentum * momentum.value + gradient)
        direction = gradient + self.momentum * momentum.value if self.nesterov else momentum.value
        step = self.lr_adjust(self.zeropower_via_newtonschulz5(direction, self.ns_steps))
        variable.assign(variable.value - learning_rate * step)

    def _apply_weight_decay(self, variables):
        decays = []
        for variable in variables:
            by_adam = self.adam_velocities[self._get_variable_index(variable)] is not None
            decay = self.adam_weight_decay if by_adam else self.weight_decay
            if decay is not None:
                decays.append((variable, decay))
        self._decay_weights(decays)

    def lr_adjust(self, x: Array) -> Array:
        """`x` times `rms_rate * sqrt(max(rows, columns))`, which makes the root mean square of its elements `rms_rate`.

        With `rms_rate` None, `x` as it is.
        """
        if self.rms_rate is None:
            return x
        return x * (self.rms_rate * max(int(n) for n in x.shape[-2:]) ** 0.5)

    def transpose_last_axis(self, X: Array) -> Array:
        """`X` with its last two axes swapped."""
        return namespace().swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Array, steps: int) -> Array:
        """A matrix with the singular vectors of `x` and singular values near 1.

        Args:
            x: (rows, columns).
            steps: the number of iterations; after 5, singular values lie between about 0.7 and 1.2.

        Returns:
            An array of the shape of `x`.
        """
        tall = x.shape[-2] > x.shape[-1]
        if tall:
            x = self.transpose_last_axis(x)
        norm = namespace().sqrt(namespace().sum(x * x, axis=(-2, -1), keepdims=True))
        x = x / (norm + 1e-7)
        for _ in range(steps):
            square = x @ self.transpose_last_axis(x)
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * (square @ square)) @ x
        return self.transpose_last_axis(x) if tall else x
