"""Layers that give their inputs mean 0 and variance 1, or length 1."""

import math
from typing import Any

from lamella import constraints, initializers, ops, regularizers
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import axis_within, integer_axes, label, options_of
from lamella.typing import Array

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]


class _Scaled(Layer):
    """A normalization followed by a learned scale `gamma` and shift `beta`."""

    def __init__(
        self,
        *,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True

    def _add_scale_and_shift(self, shape: tuple) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center and not getattr(self, "rms_scaling", False):
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )


def _wide(inputs: Array) -> Array:
    """Half precision as float32: the moments of a batch need it. Integers, too."""
    return inputs if _dtypes.standardize_dtype(inputs.dtype) in ("float32", "float64") else ops.cast(inputs, "float32")


class BatchNormalization(_Scaled):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with moments over all axes but one.

    While training (`training=True`, and the layer trainable) the moments are those of the batch, and the
    moving ones
    follow: `moving = momentum * moving + (1 - momentum) * batch`. Otherwise the moving ones are used.
    Ioffe and Szegedy (2015), arXiv:1502.03167, algorithm 1; the variance divides by n, as there, also in the
    moving one.

    Args:
        axis: the axis of the features, which keep their own moments.
        momentum: of the moving moments, in [0, 1].
        epsilon: added to the variance.
        center: whether to add `beta`.
        scale: whether to multiply by `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they
            start.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.
        renorm: whether to correct the moments of the batch towards the moving ones: Ioffe (2017),
            arXiv:1702.03275.
        renorm_clipping: bounds of the correction: a dictionary with some of "rmax", "rmin", "dmax".
        renorm_momentum: of the moments that the correction uses.
        synchronized: kept for Keras: a compiled program sees the whole batch, so its moments are those of all
            replicas.

    Call arguments:
        inputs: `(batch, ..., features)`, or with the features at `axis`.
        training: whether to use the moments of the batch.
        mask: booleans `(batch, ...)`: the moments leave out what is False.

    Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each `(features,)`; the last two are not
        trainable.

    Example:
        >>> from lamella import layers
        >>> layers.BatchNormalization(epsilon=0.0)([[1.0, 2.0], [3.0, 4.0]], training=True).tolist()
        [[-1.0, -1.0], [1.0, 1.0]]
    """

    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            epsilon=float(epsilon),
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = _correction_bounds(self, renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized

    def build(self, input_shape: Any) -> None:
        axis = axis_within(self, self.axis, input_shape)
        shape = (input_shape[axis],)
        self._add_scale_and_shift(shape)
        self.moving_mean = self._moving("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._moving("moving_variance", shape, self.moving_variance_initializer)
        if self.renorm:

            def deviation(shape: tuple, dtype: str) -> Array:
                return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

            self.moving_stddev = self._moving("moving_stddev", shape, deviation)
            self.renorm_mean = self._moving("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._moving("renorm_stddev", shape, deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: input_shape[axis]})

    def _moving(self, name: str, shape: tuple, initializer: Any) -> Any:
        # Not autocast: half precision would lose the small steps of a moving average.
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False, autocast=False)

    def call(self, inputs: Array, training: bool | None = None, mask: Any = None) -> Array:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ShapeError(
                f"The mask of {label(self)} should have one axis less than the inputs. Received: "
                f"mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        x, axis = _wide(inputs), self.axis % len(inputs.shape)
        if not (training and self.trainable):
            outputs = self._normalized(x, self.moving_mean, self.moving_variance, axis, self.gamma, self.beta)
        else:
            mean, variance = self._moments(x, mask, axis)
            _follow(self.moving_mean, mean, self.momentum)
            if self.renorm:
                r, d = self._correction(mean, variance)
                scale = r if self.gamma is None else ops.multiply(self.gamma, r)
                offset = d if self.gamma is None else ops.multiply(self.gamma, d)
                offset = offset if self.beta is None else ops.add(offset, self.beta)
            else:
                scale, offset = self.gamma, self.beta
                _follow(self.moving_variance, variance, self.momentum)
            outputs = self._normalized(x, mean, variance, axis, scale, offset)
        return ops.cast(outputs, self.compute_dtype)

    def _normalized(self, x: Array, mean: Any, variance: Any, axis: int, scale: Any, offset: Any) -> Array:
        return ops.batch_normalization(
            x, mean=mean, variance=variance, axis=axis, offset=offset, scale=scale, epsilon=self.epsilon
        )

    def _correction(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """`r` and `d`: `r * (x - mean) / stddev + d` is what the slow moments would have given, within the bounds.

        Ioffe (2017), algorithm 1; no gradient goes through them. The standard deviations hold epsilon, and the moving
        variance is the square of the moving one, without it.
        """
        stddev = ops.sqrt(ops.add(variance, self.epsilon))
        bounds: dict = self.renorm_clipping or {}
        r = ops.divide(stddev, self.renorm_stddev)
        r = ops.clip(r, bounds.get("rmin", 0.0), bounds.get("rmax", math.inf))
        d = ops.divide(ops.subtract(mean, self.renorm_mean), self.renorm_stddev)
        if "dmax" in bounds:
            d = ops.clip(d, -bounds["dmax"], bounds["dmax"])
        _follow(self.renorm_mean, mean, self.renorm_momentum)
        _follow(self.renorm_stddev, stddev, self.renorm_momentum)
        _follow(self.moving_stddev, stddev, self.momentum)
        slow = ops.subtract(ops.square(self.moving_stddev), self.epsilon)
        self.moving_variance.assign(ops.maximum(slow, 0.0))
        return ops.stop_gradient(r), ops.stop_gradient(d)

    def _moments(self, x: Array, mask: Any, axis: int) -> tuple[Array, Array]:
        others = [i for i in range(len(x.shape)) if i != axis]
        if mask is None:
            return ops.moments(x, axes=others)
        weights = ops.cast(mask, x.dtype)
        weights = ops.broadcast_to(
            ops.reshape(weights, (*mask.shape, *(1,) * (len(x.shape) - len(mask.shape)))), x.shape
        )
        total = ops.add(ops.sum(weights, axis=others, keepdims=True), _dtypes.epsilon())
        mean = ops.divide(ops.sum(ops.multiply(weights, x), axis=others, keepdims=True), total)
        squared = ops.multiply(weights, ops.square(ops.subtract(x, mean)))
        variance = ops.divide(ops.sum(squared, axis=others, keepdims=True), total)
        return ops.squeeze(mean, others), ops.squeeze(variance, others)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, BatchNormalization)}


def _correction_bounds(layer: Layer, given: dict | None) -> dict:
    """The `renorm_clipping` of batch renormalization, checked."""
    bounds = dict(given or {})
    unknown = set(bounds) - {"rmax", "rmin", "dmax"}
    if unknown:
        raise ArgumentError(
            f"Received invalid keys for the `renorm_clipping` argument of {label(layer)}: {sorted(unknown)}. "
            "Supported: 'rmax', 'rmin', 'dmax'."
        )
    low, high = bounds.get("rmin"), bounds.get("rmax")
    if low is not None and high is not None and low > high:
        raise ArgumentError(f"`renorm_clipping` of {label(layer)} has rmin={low} above rmax={high}.")
    if bounds.get("dmax", 0.0) < 0:
        raise ArgumentError(f"`renorm_clipping` of {label(layer)} has dmax={bounds['dmax']}; it must not be negative.")
    return bounds


def _follow(moving: Any, value: Array, momentum: float) -> None:
    """Move the moving average `moving` towards `value`."""
    moving.assign(ops.add(ops.multiply(moving, momentum), ops.multiply(value, 1.0 - momentum)))


class LayerNormalization(_Scaled):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments of each example.

    Ba, Kiros and Hinton (2016), arXiv:1607.06450, section 3; `epsilon` is not theirs.

    Args:
        axis: the axis of the features, or several: the moments are over these.
        rms_scaling: `gamma * x / sqrt(variance + epsilon)` instead, without a mean and without `beta`; kept for models of
            Keras 2. `RMSNormalization` divides by the root of the mean square.
        epsilon: added to the variance.
        center: whether to add `beta`.
        scale: whether to multiply by `gamma`.
        beta_initializer, gamma_initializer: how they start.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.

    Weights: `gamma` and `beta`, of the sizes of the axes.

    Example:
        >>> from lamella import layers
        >>> layers.LayerNormalization(epsilon=0.0)([[1.0, 3.0], [10.0, 30.0]]).tolist()
        [[-1.0, 1.0], [-1.0, 1.0]]
    """

    rms_scaling: bool

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        self.__dict__["rms_scaling"] = bool(kwargs.pop("rms_scaling", False))
        kwargs.setdefault("autocast", False)  # the input may be larger than half precision holds
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.axis = integer_axes(self, axis)

    def build(self, input_shape: Any) -> None:
        self.axis = sorted(_as_list(self.axis))  # as numbers: -1 comes before 1, as in Keras
        self._add_scale_and_shift(_sizes_along(self, input_shape))
        self.input_spec = _fixed_along(self, input_shape)

    def call(self, inputs: Array) -> Array:
        x = _wide(inputs)
        axes = [a % len(x.shape) for a in _as_list(self.axis)]
        mean, variance = ops.moments(x, axes=axes, keepdims=True)
        centred = x if self.rms_scaling else ops.subtract(x, mean)
        outputs = ops.multiply(centred, ops.rsqrt(ops.add(variance, ops.cast(self.epsilon, x.dtype))))
        if self.gamma is not None:
            outputs = ops.multiply(outputs, _along(self.gamma, axes, x))
        if self.beta is not None:
            outputs = ops.add(outputs, _along(self.beta, axes, x))
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, LayerNormalization), "rms_scaling": self.rms_scaling}


def _as_list(axis: Any) -> list[int]:
    return axis if isinstance(axis, list) else [axis]


def _sizes_along(layer: Any, shape: Any) -> tuple[int, ...]:
    """The sizes of `shape` along the layer's axes."""
    return tuple(shape[axis_within(layer, axis, shape)] for axis in layer.axis)


def _fixed_along(layer: Any, shape: Any) -> InputSpec:
    """Inputs whose sizes along the layer's axes are those of `shape`."""
    return InputSpec(axes={axis: shape[axis] for axis in layer.axis})


def _along(weight: Any, axes: list[int], x: Array) -> Array:
    """`weight`, read row by row, in a shape that broadcasts to `x` along `axes`."""
    return ops.reshape(ops.cast(weight, x.dtype), tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))


class RMSNormalization(Layer):
    """`scale * x / sqrt(mean(x²) + epsilon)`.

    Zhang and Sennrich (2019), arXiv:1910.07467, equation 4.

    Args:
        axis: the axis of the features, or several.
        epsilon: added to the mean square.

    Weights: `scale`, of the sizes of the axes.

    Example:
        >>> from lamella import layers
        >>> layers.RMSNormalization(epsilon=0.0)([[3.0, -3.0]]).tolist()
        [[1.0, -1.0]]
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = integer_axes(self, axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self.axis = sorted(_as_list(self.axis))  # as numbers: -1 comes before 1, as in Keras
        self.scale = self.add_weight(name="scale", shape=_sizes_along(self, input_shape), initializer="ones")
        self.input_spec = _fixed_along(self, input_shape)

    def call(self, x: Array) -> Array:
        axes = [a % len(x.shape) for a in _as_list(self.axis)]
        return ops.rms_normalization(x, scale=_along(self.scale, axes, x), axis=tuple(axes), epsilon=self.epsilon)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, RMSNormalization)}


class GroupNormalization(_Scaled):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments of groups of channels.

    Each example has its own moments, over the channels of a group and all other axes. One group gives layer
    normalization over the whole example, a group for each channel instance normalization.
    Wu and He (2018), arXiv:1803.08494, section 3.

    Args:
        groups: how many; a divisor of the number of channels, or -1 for a group for each.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether to add `beta`.
        scale: whether to multiply by `gamma`.
        beta_initializer, gamma_initializer: how they start.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.

    Weights: `gamma` and `beta`, each `(channels,)`.

    Raises:
        ArgumentError: when the groups do not divide the channels.

    Example:
        >>> from lamella import layers
        >>> layers.GroupNormalization(groups=2, epsilon=0.0)([[1.0, 3.0, 10.0, 30.0]]).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("autocast", False)  # as above
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ArgumentError(
                f"Received an invalid value for argument `groups` of {label(self)}, expected a positive "
                "integer "
                f"(or `-1` for instance normalization). Received: groups={groups!r}"
            )
        self.groups = groups
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        axis = axis_within(self, self.axis, input_shape)
        channels = input_shape[axis]
        if channels is None:
            raise ShapeError(
                f"Axis {self.axis} of the input of {label(self)} should have a defined size, but the layer "
                f"received an input with shape {tuple(input_shape)}."
            )
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups or channels % self.groups:
            raise ArgumentError(
                f"The number of groups ({self.groups}) of {label(self)} must be a divisor of the number of "
                f"channels ({channels})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})
        self._add_scale_and_shift((channels,))

    def call(self, inputs: Array) -> Array:
        shape, axis = tuple(inputs.shape), self.axis % len(inputs.shape)
        x = ops.reshape(
            _wide(inputs),
            (*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1 :]),
        )
        others = [i for i in range(1, len(x.shape)) if i != axis]
        mean, variance = ops.moments(x, axes=others, keepdims=True)
        rate = ops.rsqrt(ops.add(variance, ops.cast(self.epsilon, x.dtype)))
        if self.gamma is not None:
            rate = ops.multiply(rate, self._grouped(self.gamma, axis, x))
        shift = ops.negative(ops.multiply(mean, rate))
        if self.beta is not None:
            shift = ops.add(shift, self._grouped(self.beta, axis, x))
        outputs = ops.add(ops.multiply(x, rate), shift)
        return ops.cast(ops.reshape(outputs, shape), self.compute_dtype)

    def _grouped(self, weight: Any, axis: int, x: Array) -> Array:
        shape = [1] * len(x.shape)
        shape[axis], shape[axis + 1] = x.shape[axis], x.shape[axis + 1]
        return ops.reshape(ops.cast(weight, x.dtype), shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, GroupNormalization)}


class UnitNormalization(Layer):
    """`x / sqrt(sum(x²))`: vectors of length 1; zeros stay zeros.

    Args:
        axis: the axis of the vectors, or several.

    Example:
        >>> from lamella import layers
        >>> [round(v, 4) for v in layers.UnitNormalization()([[3.0, 4.0]])[0].tolist()]
        [0.6, 0.8]
    """

    _built_from_start = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = integer_axes(self, axis)
        self.supports_masking = True

    def call(self, inputs: Array) -> Array:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, UnitNormalization)}
