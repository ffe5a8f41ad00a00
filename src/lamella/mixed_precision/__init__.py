"""The dtype policies, by their older names."""

from lamella._lazy import missing as _missing
from lamella.core._policy import DTypePolicy, dtype_policy, set_dtype_policy
from lamella.core._policy import DTypePolicy as Policy
from lamella.core._policy import dtype_policy as global_policy
from lamella.core._policy import set_dtype_policy as set_global_policy
from lamella.optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

__getattr__ = _missing(__name__)
