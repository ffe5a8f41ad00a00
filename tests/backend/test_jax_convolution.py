"""Convolution on a CPU equals XLA's, and so do its derivatives of first and second order, in both directions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamella.backend import _jax_convolution as convolution
from lamella.backend import _jax_native
from lamella.backend._jax_convolution import Geometry
from lamella.backend._native_convolution import KernelGradient


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def geometry(rank, strides=1, padding=0, input_dilation=1, dilation=1, groups=1, channels_last=True):
    each = lambda value: (value,) * rank if isinstance(value, int) else tuple(value)  # noqa: E731
    margins = ((padding, padding),) * rank if isinstance(padding, int) else tuple(padding)
    return Geometry(each(strides), margins, each(input_dilation), each(dilation), groups, channels_last)


# image, kernel, how
CASES = {
    "plain": ((5, 7, 6, 4), (3, 3, 4, 6), geometry(2)),
    "prime batch, same": ((7, 5, 6, 17), (3, 2, 17, 3), geometry(2, padding=((1, 1), (0, 1)))),
    "batch of one, strides": ((1, 9, 8, 2), (3, 2, 2, 3), geometry(2, (2, 3), ((0, 1), (1, 1)))),
    "dilation": ((4, 9, 8, 3), (3, 2, 3, 2), geometry(2, 1, 2, dilation=(2, 3))),
    "strides and dilation": ((3, 13, 12, 18), (3, 2, 18, 2), geometry(2, 2, 1, dilation=(2, 3))),
    "one channel": ((3, 8, 7, 1), (3, 3, 1, 5), geometry(2)),
    "one place": ((6, 7, 8, 5), (1, 1, 5, 3), geometry(2, 2)),
    "depthwise": ((3, 7, 8, 5), (3, 3, 1, 5), geometry(2, 1, 1, groups=5)),
    "depthwise, two filters each, strides": ((3, 7, 8, 3), (3, 2, 1, 6), geometry(2, 2, groups=3)),
    "groups": ((5, 7, 6, 6), (3, 3, 2, 9), geometry(2, 2, ((1, 1), (1, 0)), groups=3)),
    "groups, more than are merged": ((2, 4, 4, 48), (3, 3, 12, 8), geometry(2, groups=4)),
    "causal": ((3, 9, 4), (3, 4, 2), geometry(1, padding=((4, 0),), dilation=2)),
    "three axes": ((3, 4, 5, 4, 3), (3, 2, 2, 3, 2), geometry(3, (2, 1, 1), ((2, 0), (0, 0), (1, 0)))),
    "transposed": ((3, 4, 5, 4), (3, 3, 4, 2), geometry(2, padding=((2, 1), (1, 1)), input_dilation=2)),
    "transposed, dilation": (
        (3, 4, 5, 2),
        (3, 3, 2, 3),
        geometry(2, 1, ((4, 1), (1, 2)), input_dilation=(2, 3), dilation=(3, 2)),
    ),
    "transposed, groups": ((3, 4, 5, 6), (3, 3, 2, 3), geometry(2, 1, 1, input_dilation=2, groups=3)),
    "transposed, depthwise": ((3, 4, 5, 4), (2, 3, 1, 4), geometry(2, 1, 1, input_dilation=3, groups=4)),
    "holes in the image and strides": ((2, 4, 5, 2), (3, 2, 2, 3), geometry(2, 2, 1, (2, 3))),
    "channels first": ((3, 4, 7, 8), (3, 3, 4, 2), geometry(2, 2, ((0, 1), (1, 1)), channels_last=False)),
    "cut margins": ((3, 9, 8, 2), (3, 3, 2, 2), geometry(2, (3, 1), ((-1, 1), (1, -2)))),
    "empty batch": ((0, 5, 5, 2), (3, 3, 2, 4), geometry(2)),
}


def operands(image, kernel, dtype="float64"):
    random = np.random.default_rng(0)
    return [jnp.asarray(random.standard_normal(shape), dtype) for shape in (image, kernel)]


def ours(x, kernel, how):
    return convolution.convolution(x, kernel, *how)


def its_own(x, kernel, how):
    return convolution.library_convolution(x, kernel, how=how)


def first(function, x, kernel):
    """The value, both gradients of its squares, and the change along a direction."""
    value, pull = jax.vjp(function, x, kernel)
    return value, pull(value), jax.jvp(function, (x, kernel), (x + 1, kernel - 1))[1]


def second(function, x, kernel):
    """The gradients of a function of the gradients."""

    def of_gradients(x, kernel):
        value, pull = jax.vjp(function, x, kernel)
        return sum(jnp.sum(g * g) for g in pull(value))

    return jax.grad(of_gradients, argnums=(0, 1))(x, kernel)


def compiled(function, *arguments):
    """`function(*arguments)` as a program, made quickly rather than well."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function).lower(*arguments).compile(compiler_options=options)(*arguments)


def assert_close(got, expected, rtol):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        scale = np.max(np.abs(np.asarray(b, "float64")), initial=0.0)
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=0, atol=rtol * scale)


def assert_same(derivatives, name):
    image, kernel, how = CASES[name]
    both = lambda x, k: [derivatives(functools.partial(f, how=how), x, k) for f in (ours, its_own)]  # noqa: E731
    assert_close(*compiled(both, *operands(image, kernel)), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_the_library(name):
    assert_same(first, name)


@pytest.mark.parametrize("name", ["strides and dilation", "groups", "transposed, depthwise", "channels first"])
def test_derivatives_of_second_order_are_those_of_the_library(name):
    assert_same(second, name)


@pytest.mark.parametrize("batch", [1, 2, 7, 8])
def test_a_float32_kernel_gradient_inside_a_loop(batch):
    """The formulation for float32 is another: the batch as channels, in slices."""
    how = geometry(2, 2, 1)
    x, kernel = operands((batch, 8, 7, 6), (3, 3, 6, 4), "float32")

    def trained(function):
        def step(k, at):
            return k - 0.01 * jax.grad(lambda k: jnp.sum(function(x * at, k, how) ** 2))(k), None

        return lax.scan(step, kernel, jnp.arange(3, dtype="float32"))[0]

    assert_close(*compiled(lambda: [trained(ours), trained(its_own)]), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_summed_up_in_float32(dtype):
    x, kernel = operands((4, 6, 6, 40), (3, 3, 40, 3), dtype)
    how = geometry(2, padding=1)
    got, pull = jax.vjp(functools.partial(ours, how=how), x, kernel)
    wide = [a.astype("float32") for a in (x, kernel)]
    expected, pull_wide = jax.vjp(functools.partial(its_own, how=how), *wide)
    upstream = jnp.ones_like(got)
    assert got.dtype == dtype
    narrow = jax.tree.map(lambda a: a.astype(dtype), (expected, pull_wide(upstream.astype("float32"))))
    assert_close((got, pull(upstream)), narrow, rtol=float(jnp.finfo(dtype).eps))


def test_integers_are_the_librarys():
    x, kernel = jnp.arange(16).reshape(1, 4, 4, 1), jnp.arange(4).reshape(2, 2, 1, 1)
    how = geometry(2)
    assert_close(ours(x, kernel, how), its_own(x, kernel, how), rtol=0)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, 2)])
def test_a_mapped_convolution_and_its_gradients(axes):
    x, kernel = operands((3, 2, 5, 5, 4), (3, 3, 3, 4, 2))
    x, kernel = (a if axis is not None else a[0] for a, axis in zip((x, kernel), axes))
    kernel = jnp.moveaxis(kernel, 0, 2) if axes[1] == 2 else kernel
    x = jnp.moveaxis(x, 0, 1) if axes[0] == 1 else x

    def mapped(function):
        each = functools.partial(first, functools.partial(function, how=geometry(2, padding=1)))
        return jax.vmap(each, in_axes=axes)

    assert_close(*compiled(lambda x, k: [mapped(f)(x, k) for f in (ours, its_own)], x, kernel), rtol=1e-12)


def test_the_hessian_of_a_loss():
    x, kernel = operands((2, 4, 4, 2), (2, 2, 2, 1))

    def hessian(function):
        return jax.hessian(lambda k: jnp.sum(function(x, k, geometry(2)) ** 3))(kernel)

    assert_close(*compiled(lambda: [hessian(ours), hessian(its_own)]), rtol=1e-12)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="a formulation for CPUs")
@pytest.mark.parametrize("filters, products", [(9, 1), (8, 0)])
def test_a_convolution_of_one_channel_that_a_backward_pass_reads_is_a_product(filters, products):
    """For few filters the patches would be more than the result."""
    x, kernel = operands((2, 5, 5, 1), (3, 3, 1, filters))
    function = functools.partial(ours, how=geometry(2, padding=1))

    def count(program):
        return jax.jit(program).lower(x, kernel).as_text().count("stablehlo.dot_general")

    assert count(function) == 0
    assert count(lambda x, k: jax.vjp(function, x, k)[0]) == products
    np.testing.assert_allclose(jax.vjp(function, x, kernel)[0], function(x, kernel), rtol=1e-12)


def test_accelerators_get_the_librarys_own():
    how = geometry(2, 1, 1, groups=8)
    gradient = jax.grad(lambda x, k: jnp.sum(ours(x, k, how) ** 2), argnums=(0, 1))
    x, kernel = operands((2, 4, 4, 8), (3, 3, 1, 8))
    traced = jax.jit(gradient).trace(x, kernel)
    counts = [
        traced.lower(lowering_platforms=(platform,)).as_text().count("stablehlo.convolution")
        for platform in ("cuda", "cpu")
    ]
    assert counts == [3, 0]  # depthwise convolutions on a CPU are sums of shifted images


# ---- machine code ----------------------------------------------------------------------------------------

# batch, image, channels, filters, window, padding: of one axis, more padding than window, more channels than are looked at
# together, more images than sums
NATIVE = [
    (3, (7, 9), 8, 32, (3, 3), ((1, 1), (1, 1))),
    (5, (12, 10), 40, 64, (3, 5), ((0, 2), (2, 2))),
    (20, (15,), 70, 32, (4,), ((1, 2),)),
    (2, (5, 5), 9, 96, (5, 5), ((2, 2), (2, 2))),
    (3, (4, 4), 16, 32, (2, 2), ((3, 3), (0, 0))),
    (33, (9, 8), 130, 32, (3, 3), ((0, 0), (0, 0))),
    (1, (3, 3), 8, 32, (3, 3), ((0, 0), (0, 0))),
]


@pytest.mark.skipif(not _jax_native.available(KernelGradient), reason="no machine code for this processor")
@pytest.mark.parametrize("batch, spatial, channels, filters, window, padding", NATIVE, ids=str)
def test_the_gradient_by_the_kernel_by_machine_code(batch, spatial, channels, filters, window, padding):
    ones = (1,) * len(spatial)
    how = Geometry(ones, padding, ones, ones, 1, True)
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(batch, *spatial, channels)), "float32")
    upstream = jnp.asarray(random.normal(size=(batch, *how.result(spatial, window), filters)), "float32")
    gradient = jax.jit(lambda x, u: convolution.kernel_gradient_p.bind(x, u, how=how, window=window))
    assert _jax_native.target("kernel_gradient") in gradient.lower(x, upstream).as_text()
    with jax.enable_x64(True):
        wide = (jnp.asarray(np.asarray(a), "float64") for a in (x, upstream))
        expected = np.asarray(convolution.library_kernel_gradient(*wide, how=how, window=window))
    np.testing.assert_allclose(gradient(x, upstream), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.skipif(not _jax_native.available(KernelGradient), reason="no machine code for this processor")
@pytest.mark.parametrize("filters, strides, dilation", [(33, 1, 1), (32, 2, 1), (32, 1, 2)])
def test_gradients_by_the_kernel_that_are_left_to_xla(filters, strides, dilation):
    how = Geometry((strides,) * 2, ((1, 1), (1, 1)), (1, 1), (dilation,) * 2, 1, True)
    x = jnp.ones((2, 9, 9, 16), "float32")
    upstream = jnp.ones((2, *how.result((9, 9), (3, 3)), filters), "float32")
    gradient = jax.jit(lambda x, u: convolution.kernel_gradient_p.bind(x, u, how=how, window=(3, 3)))
    assert _jax_native.target("kernel_gradient") not in gradient.lower(x, upstream).as_text()
    expected = convolution.library_kernel_gradient(x, upstream, how=how, window=(3, 3))
    np.testing.assert_allclose(gradient(x, upstream), expected, rtol=1e-5)
