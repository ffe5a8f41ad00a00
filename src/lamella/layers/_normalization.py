"""Layers that give their inputs mean 0 and variance 1, or length 1."""

from typing import Any

from lamella import constraints, initializers, ops, regularizers
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import axis_within, label, options_of
from lamella.typing import Array

__all__ = ["BatchNormalization"]


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
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )


def _wide(inputs: Array) -> Array:
    """Half precision as float32: the moments of a batch need it."""
    return (
        ops.cast(inputs, "float32")
        if _dtypes.standardize_dtype(inputs.dtype) in ("float16", "bfloat16")
        else inputs
    )


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
        self.axis = int(axis)
        self.momentum = momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        unknown = set(renorm_clipping or ()) - {"rmax", "rmin", "dmax"}
        if unknown:
            raise ArgumentError(
                f"Received invalid keys for the `renorm_clipping` argument of {label(self)}: "
                f"{sorted(unknown)}. Supported: "
                "'rmax', 'rmin', 'dmax'."
            )
        self.renorm = renorm
        self.renorm_clipping = renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized

    def build(self, input_shape: Any) -> None:
        axis = axis_within(self, self.axis, input_shape)
        shape = (input_shape[axis],)
        self._add_scale_and_shift(shape)
        self.moving_mean = self._moving("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._moving("moving_variance", shape, self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = self._moving(
                "moving_stddev",
                shape,
                lambda shape, dtype: ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype)),
            )
            self.renorm_mean = self._moving("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._moving("renorm_stddev", shape, "ones")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: input_shape[axis]})

    def _moving(self, name: str, shape: tuple, initializer: Any) -> Any:
        # Not autocast: half precision would lose the small steps of a moving average.
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=False, autocast=False
        )

    def call(self, inputs: Array, training: bool | None = None, mask: Any = None) -> Array:
        if mask is not None and len(mask.shape) > len(inputs.shape) - 1:
            raise ShapeError(
                f"The mask of {label(self)} should have at most {len(inputs.shape) - 1} axes; got shape "
                f"{mask.shape} "
                f"for inputs of shape {inputs.shape}."
            )
        dtype = _dtypes.standardize_dtype(inputs.dtype)
        x = _wide(inputs)
        axis = self.axis % len(inputs.shape)
        if not (training and self.trainable):
            return ops.cast(self._normalized(x, self.moving_mean, self.moving_variance, axis), dtype)
        mean, variance = self._moments(x, mask, axis)
        _follow(self.moving_mean, mean, self.momentum)
        _follow(self.moving_variance, variance, self.momentum)
        return ops.cast(self._normalized(x, mean, variance, axis), dtype)

    def _normalized(self, x: Array, mean: Any, variance: Any, axis: int) -> Array:
        return ops.batch_normalization(
            x,
            mean=mean,
            variance=variance,
            axis=axis,
            offset=self.beta,
            scale=self.gamma,
            epsilon=self.epsilon,
        )

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


def _follow(moving: Any, value: Array, momentum: float) -> None:
    """Move the moving average `moving` towards `value`."""
    moving.assign(ops.add(ops.multiply(moving, momentum), ops.multiply(value, 1.0 - momentum)))
