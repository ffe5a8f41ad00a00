"""The table of optimizers: each with several configurations."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 20240305
SHAPES = ((3, 2), (2,))  # few, since each shape compiles each operation again
MORE_SHAPES = {"Adafactor": ((3, 2), (2,), (2, 3, 2)), "Muon": ((3, 2), (2,), (2, 4), (2, 3, 2))}


@dataclass
class Case:
    """One optimizer with some arguments.

    Attributes:
        name: of the class.
        arguments: of the constructor, but for `name`.
        schedule: whether its learning rate is an exponential decay.
        constraint: whether the first variable has one.
        dtype: of the variables.
        least: of the size of a gradient.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    schedule: bool = False
    constraint: bool = False
    dtype: str = "float32"
    least: float = 0.0

    def __str__(self) -> str:
        texts = [f"{k}={v}" for k, v in self.arguments.items()]
        texts += [k for k in ("schedule", "constraint") if getattr(self, k)]
        return f"{self.name}({','.join(texts)}){'' if self.dtype == 'float32' else self.dtype}"

    def make(self, keras: Any) -> Any:
        """The optimizer, of whichever library."""
        arguments = dict(self.arguments)
        if self.schedule:
            arguments["learning_rate"] = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        return getattr(keras.optimizers, self.name)(name="opt", **arguments)

    def variables(self, keras: Any) -> list:
        """What it trains."""
        draw = np.random.default_rng(SEED)
        made = [
            keras.Variable(draw.normal(size=shape).astype("float32"), dtype=self.dtype, name=f"v{i}")
            for i, shape in enumerate(self.shapes)
        ]
        if self.constraint:
            made[0].constraint = lambda w: w * 0.9
        return made

    def gradients(self, step: int) -> list[np.ndarray]:
        """The gradients of one step, of sizes from 0.01 to 10."""
        draw = np.random.default_rng([SEED, step])
        sizes = [draw.normal(size=shape) * 10 ** draw.uniform(-2, 1) for shape in self.shapes]
        return [(size + np.copysign(self.least, size)).astype("float32") for size in sizes]

    @property
    def shapes(self) -> tuple:
        """Of the variables that it trains."""
        return MORE_SHAPES.get(self.name, SHAPES)


# What every optimizer is tried with: the arguments of the base class.
COMMON: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1, "clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
]
# What the base class does in the same way for all, tried on two. Keras compiles anew at each step that accumulates.
OF_THE_BASE: list[dict[str, Any]] = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.5},
    {"global_clipnorm": 0.5},
    {"use_ema": True},
    {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    {"loss_scale_factor": 8.0, "clipvalue": 0.3},
]
ACCUMULATING: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"gradient_accumulation_steps": 3, "momentum": 0.9}),
    ("Adam", {"gradient_accumulation_steps": 2, "loss_scale_factor": 8.0, "clipvalue": 0.3}),
    ("Nadam", {"gradient_accumulation_steps": 2}),
    (
        "RMSprop",
        {
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.5,
            "ema_overwrite_frequency": 2,
            "weight_decay": 0.1,
            "global_clipnorm": 0.5,
        },
    ),
]
OWN: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"learning_rate": 0.3, "momentum": 1.0, "nesterov": True},
    ],
    "RMSprop": [
        {"momentum": 0.9},
        {"centered": True},
        {"centered": True, "momentum": 0.5, "rho": 0.7, "epsilon": 1e-3},
    ],
    "Adam": [{"amsgrad": True}, {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2}, {"learning_rate": 1.0}],
    "AdamW": [{"amsgrad": True}, {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2}],
    "Adadelta": [{"rho": 0.5, "epsilon": 1e-2}],
    "Adagrad": [{"initial_accumulator_value": 0.0, "epsilon": 0.1}],
    "Adamax": [{"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1}],
    "Nadam": [{"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1}],
    "Ftrl": [
        {"l1_regularization_strength": 0.1, "initial_accumulator_value": 0.7},
        {"l2_regularization_strength": 0.1, "beta": 0.3},
        {"l2_shrinkage_regularization_strength": 0.1},
        {"learning_rate_power": 0.0, "beta": 0.5},
        {
            "l1_regularization_strength": 0.2,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.1,
            "beta": 0.4,
            "learning_rate_power": -0.7,
        },
    ],
    "Lion": [{"beta_1": 0.3, "beta_2": 0.6}, {"beta_1": 1.0}],
    "Lamb": [{"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1}],
    "Adafactor": [
        {"learning_rate": 0.6},
        {"learning_rate": 0.1, "relative_step": False},
        {"beta_2_decay": -0.5, "epsilon_1": 0.1, "epsilon_2": 0.5, "clip_threshold": 0.3},
    ],
    "Muon": [
        {"rms_rate": None, "momentum": 0.3},
        {"nesterov": False, "ns_steps": 2, "adam_beta_1": 0.3, "adam_beta_2": 0.3},
        {"adam_lr_ratio": 3, "weight_decay": 0.5, "adam_weight_decay": 0.2},
        {"weight_decay": None},
        {"adam_weight_decay": None},
        {"exclude_layers": ["v0", "^w"]},
        {"epsilon": 0.1, "muon_a": 3.0, "muon_b": -4.0, "muon_c": 1.5, "exclude_embeddings": False},
    ],
    "ScheduleFreeAdamW": [{"warmup_steps": 4}, {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1}],
}
NAMES = tuple(OWN)

CASES = [
    *(Case(name, arguments) for name in OWN for arguments in COMMON + OWN[name]),
    *(Case(name, arguments) for name in ("SGD", "Adam") for arguments in OF_THE_BASE),
    *(Case(name, {}, schedule=True, constraint=True) for name in OWN),
    *(Case(name, arguments) for name, arguments in ACCUMULATING),
    Case("Adam", {"gradient_accumulation_steps": 2}, schedule=True, constraint=True),
]
