"""Initializers that draw from a distribution.

An initializer draws the same values each time it is called with the same shape, unless its seed is a
`SeedGenerator`. Without a seed it is given one, from Python's `random`, when it is made.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.initializers._base import Initializer, from_host, sizes
from lamella.random import SeedGenerator, make_default_seed, normal, truncated_normal, uniform
from lamella.typing import Array, Seed

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
]

# The standard deviation of a standard normal that is cut at two standard deviations.
_CUT_DEVIATION = 0.87962566103423978


class _RandomInitializer(Initializer):
    """An initializer with a seed.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
    """

    def __init__(self, seed: Seed = None):
        self._init_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        if not isinstance(seed, (int, np.integer, SeedGenerator)):
            raise ArgumentError(
                f"The `seed` of the initializer {type(self).__name__} must be an integer, a SeedGenerator or "
                "None; "
                f"got {seed!r} of type {type(seed).__name__}."
            )
        self.seed = seed

    def get_config(self) -> dict:
        """Its arguments; the seed is None where none was given."""
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(_RandomInitializer):
    """Draws from the normal distribution.

    Args:
        mean: its centre.
        stddev: its standard deviation.
        seed: an integer, a `SeedGenerator`, or None.

    Example:
        >>> import lamella
        >>> lamella.initializers.RandomNormal(stddev=0.01, seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        return normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Its arguments."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(_RandomInitializer):
    """Draws from the normal distribution, restricted to within two standard deviations of the mean.

    Args:
        mean: its centre.
        stddev: its standard deviation before the restriction.
        seed: an integer, a `SeedGenerator`, or None.

    Example:
        >>> import lamella
        >>> bool(abs(lamella.initializers.TruncatedNormal(stddev=0.5, seed=1)((9,))).max() <= 1)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        return truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Its arguments."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(_RandomInitializer):
    """Draws from the uniform distribution over [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound.
        seed: an integer, a `SeedGenerator`, or None.

    Example:
        >>> import lamella
        >>> bool(abs(lamella.initializers.RandomUniform(-0.1, 0.1, seed=1)((9,))).max() <= 0.1)
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        return uniform(shape, self.minval, self.maxval, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Its arguments."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(_RandomInitializer):
    """Draws with mean 0 and variance `scale / n`, n the number of inputs or outputs of a unit.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks",
    section 4.2.1; He et al. (2015), arXiv:1502.01852, section 2.2.

    Args:
        scale: positive.
        mode: what n is: "fan_in", "fan_out", or "fan_avg", their mean.
        distribution: "uniform" over [-limit, limit) with `limit = sqrt(3 scale / n)`; "untruncated_normal";
            or "truncated_normal" ("normal"), cut at two standard deviations and widened to have the same
            variance.
        seed: an integer, a `SeedGenerator`, or None.
        input_axes: the axes whose sizes multiply to the fan in. Without it and `output_axes`, the last two
            axes are inputs and outputs, and those before them (of a convolution's kernel) count for both.
        output_axes: the axes whose sizes multiply to the fan out.

    Raises:
        ArgumentError: for a `scale`, `mode` or `distribution` that is none of these.

    Example:
        >>> import lamella
        >>> lamella.initializers.VarianceScaling(2.0, mode="fan_out", seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(seed)
        if not scale > 0:
            raise ArgumentError(f"The `scale` of {type(self).__name__} must be positive; got {scale!r}.")
        distribution = distribution.lower() if isinstance(distribution, str) else distribution
        distribution = "truncated_normal" if distribution == "normal" else distribution
        for name, value, known in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("uniform", "truncated_normal", "untruncated_normal")),
        ):
            if value not in known:
                raise ArgumentError(
                    f"The `{name}` of {type(self).__name__} must be one of {', '.join(map(repr, known))}; "
                    "got "
                    f"{value!r}."
                )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        fan_in, fan_out = compute_fans(sizes(shape), self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        scale = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return normal(shape, 0.0, math.sqrt(scale), dtype=dtype, seed=self.seed)
        return truncated_normal(shape, 0.0, math.sqrt(scale) / _CUT_DEVIATION, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Its arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Preset(VarianceScaling):
    """A `VarianceScaling` whose first three arguments are fixed."""

    _fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(*self._fixed, seed, input_axes, output_axes)

    def get_config(self) -> dict:
        """Its arguments."""
        config = super().get_config()
        return {key: config[key] for key in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Preset):
    """Draws from the uniform distribution over [-limit, limit), `limit = sqrt(6 / (fan_in + fan_out))`.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks",
    equation 16. Also known as Xavier uniform; the default of most layers.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> bool(abs(lamella.initializers.GlorotUniform(seed=1)((2, 4))).max() <= 1)
        True
    """

    _fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance `2 / (fan_in + fan_out)`.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks",
    equation 12. Also known as Xavier normal.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> lamella.initializers.GlorotNormal(seed=1)((2, 4)).shape
        (2, 4)
    """

    _fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Draws from the uniform distribution over [-limit, limit), `limit = sqrt(6 / fan_in)`.

    He et al. (2015), arXiv:1502.01852, section 2.2: keeps the variance through layers of rectifiers.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> bool(abs(lamella.initializers.HeUniform(seed=1)((6, 4))).max() <= 1)
        True
    """

    _fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance `2 / fan_in`.

    He et al. (2015), arXiv:1502.01852, equation 10: keeps the variance through layers of rectifiers.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> lamella.initializers.HeNormal(seed=1)((6, 4)).shape
        (6, 4)
    """

    _fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Draws from the uniform distribution over [-limit, limit), `limit = sqrt(3 / fan_in)`.

    LeCun, Bottou, Orr and Müller (1998), "Efficient BackProp", section 4.6.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> bool(abs(lamella.initializers.LecunUniform(seed=1)((3, 4))).max() <= 1)
        True
    """

    _fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance `1 / fan_in`.

    LeCun, Bottou, Orr and Müller (1998), "Efficient BackProp", section 4.6.

    Args:
        seed: an integer, a `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> import lamella
        >>> lamella.initializers.LecunNormal(seed=1)((3, 4)).shape
        (3, 4)
    """

    _fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_RandomInitializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    Saxe, McClelland and Ganguli (2013), arXiv:1312.6120: the Q of the QR factorisation of a normal matrix,
    its columns signed so that the diagonal of R is positive, which makes it uniform over the orthogonal
    matrices (Mezzadri, 2006, arXiv:math-ph/0609050, section 5). More than two axes: all but the last count as
    rows.

    Args:
        gain: what the matrix is multiplied by.
        seed: an integer, a `SeedGenerator`, or None.

    Example:
        >>> import lamella
        >>> q = lamella.initializers.Orthogonal(seed=1)((3, 3))
        >>> bool(abs(q @ q.T - lamella.ops.eye(3)).max() < 1e-6)
        True
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None):
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        from scipy.linalg import (
            qr,
        )  # the LAPACK that JAX uses on a CPU, without compiling a program for the shape

        shape = sizes(shape)
        if len(shape) < 2:
            raise ShapeError(f"The initializer Orthogonal needs at least two axes; got shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        dtype = _dtypes.standardize_dtype(dtype)
        if not _dtypes.is_float_dtype(dtype):
            raise DTypeError(f"The initializer Orthogonal needs a floating `dtype`; got {dtype!r}.")
        kind = dtype if dtype in ("float32", "float64") else "float32"
        draws = normal((max(rows, columns), min(rows, columns)), dtype=kind, seed=self.seed)
        factors: Any = qr(np.array(_registry.to_numpy(draws)), mode="economic")
        q = factors[0] * np.sign(np.diag(factors[1]))
        q = (q.T if rows < columns else q).reshape(shape)
        return from_host(q.dtype.type(self.gain) * q, dtype)

    def get_config(self) -> dict:
        """Its arguments."""
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: tuple[int, ...],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """How many inputs and outputs a unit of a kernel of `shape` has: (fan in, fan out)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (shape or (1,))[0], (shape or (1,))[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field
