"""A layer whose weights have spectral norm 1."""

import math
from typing import Any

from lamella import initializers, ops
from lamella.backend import _dtypes
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.layers._core import Wrapper
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label
from lamella.typing import Array

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    """Divides the weights of a layer by their largest singular value, so that the layer's slope stays near 1.

    The singular value is followed by power iteration from one call with `training=True` to the next.
    Miyato, Kataoka, Koyama and Yoshida (2018), arXiv:1802.05957, algorithm 1.

    Args:
        layer: a layer with a `kernel`, or with `embeddings`.
        power_iterations: how many iterations per call.

    Weights: those of the layer, and `vector_u` `(1, outputs)`, which is not trainable.

    Raises:
        ArgumentError: when `power_iterations` is not positive, or the layer has no such weights.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SpectralNormalization(layers.Dense(2))(ops.ones((1, 3)), training=True).shape
        (1, 2)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ArgumentError(
                f"`power_iterations` of {label(self)} should be greater than zero. Received: "
                f"`power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))
        kernel: Variable | None = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            raise ArgumentError(
                f"{type(self.layer).__name__} {self.layer.name!r}, which {label(self)} wraps, has neither a "
                "`kernel` nor `embeddings` to normalize."
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=self.kernel.dtype,
        )

    def call(self, inputs: Array, training: bool = False) -> Array:
        if training:
            vector_u, kernel = self.normalized_weights()
            self.vector_u.assign(vector_u)
            self.kernel.assign(kernel)
        return ops.cast(self.layer(inputs), _dtypes.standardize_dtype(inputs.dtype))

    def normalized_weights(self) -> tuple[Array, Array]:
        """`(vector_u, kernel)` after the power iterations: what follows, and the kernel of norm 1."""
        shape = self.kernel.shape
        weights = ops.reshape(self.kernel, (math.prod(shape[:-1]), shape[-1]))
        u, v = ops.convert_to_tensor(self.vector_u), None
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(weights)), axis=-1)
            u = ops.normalize(ops.matmul(v, weights), axis=-1)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.matmul(ops.matmul(v, weights), ops.transpose(u))
        sigma = ops.where(ops.equal(sigma, 0.0), ops.ones_like(sigma), sigma)  # a kernel of zeros stays
        return u, ops.reshape(ops.divide(weights, sigma), shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "power_iterations": self.power_iterations}
