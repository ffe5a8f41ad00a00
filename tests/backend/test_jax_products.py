"""A product of arrays that is made one of two matrices equals the library's, with its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamella.backend import _jax_products as products
from lamella.backend._jax_products import Matrices

# subscripts, shapes, what matrices they are
CASES = {
    "dense": ("...x,xy->...y", (2, 3, 4), (4, 5), Matrices(1, 1, 0, False)),
    "heads": ("aed,dxy->aexy", (2, 3, 4), (4, 2, 5), Matrices(1, 1, 0, False)),
    "out of heads": ("aexy,xyX->aeX", (2, 3, 2, 4), (2, 4, 5), Matrices(2, 1, 0, False)),
    "first axes": ("ba,bcd->acd", (3, 2), (3, 4, 5), Matrices(1, 0, 0, False)),
    "kernel transposed": ("abc,dc->abd", (2, 3, 4), (5, 4), Matrices(1, 1, 1, False)),
    "kernel first in the result": ("abc,cd->dab", (2, 3, 4), (4, 5), Matrices(1, 1, 0, True)),
    "ellipsis behind": ("b...,bc->c...", (2, 3, 4), (2, 5), Matrices(1, 0, 0, True)),
    "a vector": ("abc,c->ab", (2, 3, 4), (4,), Matrices(1, 1, 1, False)),
    "to a scalar": ("abc, abc -> ", (2, 3, 4), (2, 3, 4), Matrices(3, 1, 1, False)),
    "nothing in it": ("abc,cd->abd", (2, 0, 4), (4, 5), Matrices(1, 1, 0, False)),
    "nothing summed": ("abc,cd->abd", (2, 3, 0), (0, 5), Matrices(1, 1, 0, False)),
    "a batch": ("abc,bcd->abd", (2, 3, 4), (3, 4, 5), None),
    "an axis between": ("abc,bd->acd", (2, 3, 4), (3, 5), None),
    "other order": ("yxab,xy->ab", (3, 2, 4, 5), (2, 3), None),
    "result in other order": ("abc,cd->bad", (2, 3, 4), (4, 5), None),
    "summed alone": ("abc,cd->ad", (2, 3, 4), (4, 5), None),
    "a diagonal": ("aac,cd->ad", (2, 2, 4), (4, 5), None),
    "outer": ("abc,d->abcd", (2, 3, 4), (5,), None),
    "two ellipses": ("...c,...c->...", (2, 3, 4), (2, 3, 4), None),
    "no result given": ("abc,cd", (2, 3, 4), (4, 5), None),
    "an axis of one": ("abc,cd->abd", (2, 3, 1), (4, 5), None),
}


@pytest.mark.parametrize("subscripts, first, second, how", CASES.values(), ids=CASES)
def test_einsum(subscripts, first, second, how):
    assert products.matrices(subscripts, first, second) == how
    with jax.enable_x64(True):
        random = np.random.default_rng(0)
        operands = [jnp.asarray(random.normal(size=shape)) for shape in (first, second)]
        ours, theirs = (
            jax.vjp(lambda a, b, f=function: f(subscripts, a, b), *operands)
            for function in (products.einsum, jnp.einsum)
        )
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
        upstream = jnp.asarray(random.normal(size=ours[0].shape))
        for a, b in zip(ours[1](upstream), theirs[1](upstream)):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shapes", [((2, 3, 4), (5, 6)), ((2, 3), (3, 4, 5)), ((2, 3, 4, 4), (4,))])
def test_shapes_that_do_not_fit_are_left_to_the_library(shapes):
    assert products.matrices("abc,cd->abd", *shapes) is None


def test_the_gradients_of_a_product_sum_over_one_axis():
    x, kernel = jnp.ones((2, 3, 4)), jnp.ones((4, 5))
    gradient = jax.make_jaxpr(jax.grad(lambda x, k: products.matmul(x, k).sum(), (0, 1)))(x, kernel)
    summed = [e.params["dimension_numbers"][0] for e in gradient.jaxpr.eqns if e.primitive.name == "dot_general"]
    assert summed and all(len(axes) == 1 for pair in summed for axes in pair)
