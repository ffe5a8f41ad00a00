"""Which dtypes layers compute in and store their variables in."""

from lamella._lazy import missing
from lamella.core._policy import DTypePolicy, FloatDTypePolicy, deserialize, get, serialize

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]

__getattr__ = missing(__name__)
