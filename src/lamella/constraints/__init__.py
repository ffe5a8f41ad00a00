"""What values a variable may have."""

from lamella._lazy import missing as _missing
from lamella.constraints._constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from lamella.constraints._names import deserialize, get, serialize

# Keras's other names of the same classes.
max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

__getattr__ = _missing(__name__)
