"""Which dtypes layers compute in and store their variables in."""

from lamella._lazy import missing as _missing
from lamella.core._policy import DTypePolicy, FloatDTypePolicy, deserialize, get, serialize
from lamella.core._quantized_policy import (
    AWQDTypePolicy,
    DTypePolicyMap,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]

__getattr__ = _missing(__name__)
