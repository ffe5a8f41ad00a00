"""Learning rates that change with the step."""

from lamella._lazy import missing as _missing
from lamella.optimizers.schedules._decay import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)
from lamella.optimizers.schedules._schedule import LearningRateSchedule
from lamella.optimizers.schedules._serialization import deserialize, serialize

__all__ = [
    "LearningRateSchedule",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "deserialize",
    "serialize",
]

__getattr__ = _missing(__name__)
