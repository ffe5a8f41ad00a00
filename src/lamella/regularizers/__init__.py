"""Penalties on weights and outputs."""

from lamella._lazy import missing as _missing
from lamella.regularizers._names import deserialize, get, serialize
from lamella.regularizers._regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

# Keras's other names of the same classes.
l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

__getattr__ = _missing(__name__)
