"""Convolution and its two gradients beside XLA's convolution and what JAX derives from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamella.backend import _jax_convolution as convolution
from lamella.backend._jax_convolution import Geometry

# image, kernel, strides, margins, dilation of the image, of the kernel, groups
SHAPES: dict[str, tuple] = {
    "3x3, 64 -> 64": ((64, 32, 32, 64), (3, 3, 64, 64), 1, (1, 1), 1, 1, 1),
    "3x3, prime batch": ((37, 32, 32, 64), (3, 3, 64, 64), 1, (1, 1), 1, 1, 1),
    "1x1": ((64, 32, 32, 64), (1, 1, 64, 64), 1, (0, 0), 1, 1, 1),
    "5x5": ((64, 16, 16, 64), (5, 5, 64, 64), 1, (2, 2), 1, 1, 1),
    "one channel (MNIST, first)": ((128, 28, 28, 1), (3, 3, 1, 32), 1, (0, 0), 1, 1, 1),
    "32 -> 64 (MNIST, second)": ((128, 13, 13, 32), (3, 3, 32, 64), 1, (0, 0), 1, 1, 1),
    "three channels": ((64, 32, 32, 3), (3, 3, 3, 64), 1, (1, 1), 1, 1, 1),
    "7x7 stem, stride 2": ((32, 64, 64, 3), (7, 7, 3, 64), 2, (2, 3), 1, 1, 1),
    "3x3, stride 2": ((64, 32, 32, 64), (3, 3, 64, 64), 2, (0, 1), 1, 1, 1),
    "1x1, stride 2": ((64, 32, 32, 64), (1, 1, 64, 128), 2, (0, 0), 1, 1, 1),
    "3x3, dilation 2": ((64, 32, 32, 64), (3, 3, 64, 64), 1, (2, 2), 1, 2, 1),
    "depthwise": ((64, 32, 32, 64), (3, 3, 1, 64), 1, (1, 1), 1, 1, 64),
    "depthwise, stride 2": ((64, 32, 32, 64), (3, 3, 1, 64), 2, (0, 1), 1, 1, 64),
    "4 groups": ((32, 32, 32, 64), (3, 3, 16, 64), 1, (1, 1), 1, 1, 4),
    "causal": ((32, 128, 64), (5, 64, 128), 1, (4, 0), 1, 1, 1),
    "three axes": ((8, 16, 16, 16, 16), (3, 3, 3, 16, 32), 1, (1, 1), 1, 1, 1),
    "transposed": ((64, 16, 16, 64), (3, 3, 64, 32), 1, (2, 1), 2, 1, 1),
    "8x8, 256 channels": ((64, 8, 8, 256), (3, 3, 256, 256), 1, (1, 1), 1, 1, 1),
}


def cases() -> Iterator[tuple[str, Callable, Callable, tuple[Any, ...]]]:
    """Each shape forward, by the image, and by the kernel."""
    random = np.random.default_rng(0)
    for name, (image, window, *rest) in SHAPES.items():
        rank = len(window) - 2
        strides, margins, input_dilation, dilation, groups = rest
        how = Geometry((strides,) * rank, (margins,) * rank, (input_dilation,) * rank, (dilation,) * rank, groups, True)
        x = jnp.asarray(random.standard_normal(image, "float32"))
        kernel = jnp.asarray(random.standard_normal(window, "float32") / np.sqrt(np.prod(window[:-1])), "float32")

        def ours(x: Any, kernel: Any, how: Geometry = how) -> Any:
            return convolution.convolution(x, kernel, *how)

        def theirs(x: Any, kernel: Any, how: Geometry = how) -> Any:
            return convolution.library_convolution(x, kernel, how=how)

        upstream = jax.jit(ours)(x, kernel)
        yield f"{name}: forward", ours, theirs, (x, kernel)
        yield f"{name}: by the image", *_both(ours, theirs, _by_image, x), (upstream, kernel)
        yield f"{name}: by the kernel", *_both(ours, theirs, _by_kernel, kernel), (x, upstream)


def _both(ours: Callable, theirs: Callable, gradient: Callable, like: Any) -> tuple[Callable, Callable]:
    shape = jax.ShapeDtypeStruct(like.shape, like.dtype)
    return gradient(ours, shape), gradient(theirs, shape)


def _by_image(function: Callable, shape: Any) -> Callable:
    return lambda upstream, kernel: jax.linear_transpose(lambda x: function(x, kernel), shape)(upstream)[0]


def _by_kernel(function: Callable, shape: Any) -> Callable:
    return lambda x, upstream: jax.linear_transpose(lambda kernel: function(x, kernel), shape)(upstream)[0]
