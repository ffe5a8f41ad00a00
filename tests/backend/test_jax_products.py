"""A product of arrays, by our machine code or as XLA's product of two matrices, equals the library's, with its derivatives."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamella.backend import _jax_native, _native
from lamella.backend import _jax_products as products
from lamella.backend._jax_costs import flops_of
from lamella.backend._jax_products import Matrices
from lamella.backend._native_products import Products

TARGET = _jax_native.target("product")

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
    terms = products._terms(subscripts, first, second)
    assert (terms and products.matrices(*terms)) == how
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
    assert products._terms("abc,cd->abd", *shapes) is None


@pytest.fixture
def without_machine_code(monkeypatch):
    monkeypatch.setattr(_jax_native, "available", lambda kernels: False)


def test_the_gradients_of_a_product_sum_over_one_axis_of_the_librarys(without_machine_code):
    x, kernel = jnp.ones((2, 31, 47)), jnp.ones((47, 53))
    text = jax.jit(jax.grad(lambda x, k: products.matmul(x, k).sum(), (0, 1))).lower(x, kernel).as_text()
    summed = [line for line in text.splitlines() if "dot_general" in line]
    assert len(summed) == 2 and TARGET not in text
    assert all("contracting_dims = [1] x [1]" in line or "contracting_dims = [0] x [0]" in line for line in summed)


# ---- machine code ----------------------------------------------------------------------------------------

# The products of layers: subscripts, shapes.
NATIVE = {
    "dense": ("ab,bc->ac", (33, 130), (130, 45)),
    "dense over steps": ("abc,cd->abd", (3, 17, 24), (24, 32)),
    "to heads": ("abc,cxy->abxy", (2, 19, 24), (24, 3, 16)),
    "from heads": ("abxy,xyc->abc", (2, 19, 3, 16), (3, 16, 40)),
    "scores": ("atxy,asxy->axts", (3, 21, 4, 10), (3, 18, 4, 10)),
    "attended": ("axts,asxy->atxy", (3, 4, 21, 18), (3, 18, 4, 10)),
    "scores of shared heads": ("btghx,bsgx->bghts", (2, 20, 3, 4, 16), (2, 21, 3, 16)),
    "attended of shared heads": ("bghts,bsgx->btghx", (2, 3, 4, 20, 21), (2, 21, 3, 16)),
    "transposed kernel": ("abc,dc->abd", (2, 30, 40), (50, 40)),
    "transposed image": ("ba,bc->ac", (140, 36), (140, 20)),
    "both transposed": ("ba,cb->ac", (140, 36), (20, 140)),
    "columns of the first": ("abc,cd->dab", (2, 30, 40), (40, 50)),
    "axes of one": ("abc,cd->abd", (1, 30, 40), (40, 50)),
    "many terms": ("ab,bc->ac", (12, 1000), (1000, 9)),
}


def _is_ours(function, *operands):
    return TARGET in jax.jit(function).lower(*operands).as_text()


def _operands(shapes, seed=0):
    random = np.random.default_rng(seed)
    return [jnp.asarray(random.normal(size=shape), "float32") for shape in shapes]


def _close(found, expected, terms):
    """To the rounding of sums of so many terms."""
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=4e-7 * terms)


needs_machine_code = pytest.mark.skipif(
    not _jax_native.available(Products), reason="no machine code for this processor"
)


@needs_machine_code
@pytest.mark.parametrize("subscripts, first, second", NATIVE.values(), ids=NATIVE)
def test_machine_code_and_its_gradients(subscripts, first, second):
    a, b = _operands((first, second))
    assert _is_ours(lambda a, b: products.einsum(subscripts, a, b), a, b)
    found, pull = jax.vjp(lambda a, b: products.einsum(subscripts, a, b), a, b)
    wide = [np.asarray(x, "float64") for x in (a, b)]
    _close(found, np.einsum(subscripts, *wide), 1000)
    upstream = _operands([found.shape], 1)[0]
    terms, _, result = subscripts.partition("->")
    one, other = terms.split(",")
    u = np.asarray(upstream, "float64")
    for gradient, expected in zip(
        jax.jit(pull)(upstream),
        (np.einsum(f"{result},{other}->{one}", u, wide[1]), np.einsum(f"{one},{result}->{other}", wide[0], u)),
    ):
        _close(gradient, expected, 1000)


@needs_machine_code
@pytest.mark.parametrize("seed", range(40))
def test_machine_code_for_all_sizes_and_orders(seed):
    random = np.random.default_rng(seed)
    rows, columns = (int(random.integers(least, 200)) for least in (4, 8))
    terms, many = int(random.integers(1, 400)), int(random.integers(1, 4))
    first, second = (random.permutation(list(letters)) for letters in ("zik", "zkj"))
    result = "zij" if seed % 2 else "izj"
    sizes = {"z": many, "i": rows, "j": columns, "k": terms}
    subscripts = f"{''.join(first)},{''.join(second)}->{result}"
    a, b = _operands([[sizes[letter] for letter in term] for term in (first, second)], seed)
    assert _is_ours(lambda a, b: products.einsum(subscripts, a, b), a, b)
    _close(products.einsum(subscripts, a, b), np.einsum(subscripts, *(np.asarray(x, "float64") for x in (a, b))), terms)


@needs_machine_code
@pytest.mark.parametrize(
    "subscripts, first, second",
    [
        ("ab,bc->ac", (1, 64), (64, 64)),
        ("ab,bc->ac", (64, 64), (64, 1)),
        ("ab,bc->ac", (0, 64), (64, 64)),
        ("ab,bc->ac", (64, 0), (0, 64)),
        ("abc,bca->a", (9, 30, 40), (30, 40, 9)),
        ("btghx,bghts->bsgx", (2, 20, 3, 4, 16), (2, 3, 4, 20, 21)),
    ],
    ids=["a row", "a column", "no rows", "no terms", "no rows nor columns", "two axes summed"],
)
def test_what_is_left_to_the_library(subscripts, first, second):
    a, b = _operands((first, second))
    assert not _is_ours(lambda a, b: products.einsum(subscripts, a, b), a, b)
    _close(products.einsum(subscripts, a, b), np.einsum(subscripts, a, b), 1000)


@needs_machine_code
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32"])
def test_other_types_are_left_to_the_library(dtype):
    with jax.enable_x64(True):
        x = jnp.ones((16, 16), dtype)
        assert not _is_ours(products.matmul, x, x)
        np.testing.assert_array_equal(products.matmul(x, x), jnp.full((16, 16), 16, dtype))


@needs_machine_code
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, 2)])
def test_mapped(axes):
    shapes = [(16, 24), (24, 32)]
    shapes = [s if axis is None else (*s[:axis], 5, *s[axis:]) for s, axis in zip(shapes, axes)]
    a, b = _operands(shapes)
    _close(jax.vmap(products.matmul, axes)(a, b), jax.vmap(jnp.matmul, axes)(a, b), 24)


@needs_machine_code
def test_second_derivatives_and_forward_mode():
    a, b = _operands([(8, 6), (6, 8)])
    for derivative in (jax.hessian, jax.jacfwd):
        found, expected = (
            derivative(lambda b, f=f: jnp.square(f(a, b)).sum())(b) for f in (products.matmul, jnp.matmul)
        )
        _close(found, expected, 100)


@needs_machine_code
def test_nothing_that_is_no_number_is_lost():
    a, b = _operands([(16, 16), (16, 16)])
    found = products.matmul(a.at[3, 5].set(jnp.nan).at[4, 5].set(jnp.inf), b)
    assert np.isnan(found[3]).all() and np.isinf(found[4]).all() and np.isfinite(found[5:]).all()


@needs_machine_code
def test_the_same_bits_however_the_work_is_divided():
    script = (
        "import os, sys; os.cpu_count = lambda: int(sys.argv[1]); import numpy as np, jax.numpy as jnp; from lamella.backend import _jax_products as p; r = np.random.default_rng(0);"
        "a, b = (jnp.asarray(r.normal(size=s), 'float32') for s in ((300, 700), (700, 300)));"
        "print(hash(np.asarray(p.matmul(a, b)).tobytes()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(threads)],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in (1, 2, 16)
    }
    assert len(found) == 1


@needs_machine_code
def test_exported_programs_call_nothing_of_ours():
    from jax import export

    x = jnp.ones((16, 16))
    assert TARGET not in export.export(jax.jit(products.matmul))(x, x).mlir_module()


@needs_machine_code
def test_programs_for_several_devices_are_left_to_xla():
    script = (
        "import jax, numpy as np, jax.numpy as jnp; from jax.sharding import *;"
        "from lamella.backend import _jax_products as p, _jax_native as n, _native_products as q;"
        "mesh = Mesh(np.array(jax.devices()), ('d',)); x = jnp.arange(256.0).reshape(16, 16);"
        "y = jax.device_put(x, NamedSharding(mesh, PartitionSpec('d')));"
        "f = jax.jit(p.matmul); t = n.target('product'); assert t in f.lower(x, x).as_text(); assert t not in f.lower(y, x).as_text();"
        "np.testing.assert_allclose(f(y, x), x @ x)"
    )
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


@needs_machine_code
def test_the_code_is_kept_for_the_next_process(tmp_path):
    script = "from lamella.backend import _jax_native as n, _native_products as q; assert n.available(q.Products)"
    environment = {**os.environ, "LAMELLA_CACHE_DIR": str(tmp_path), "LAMELLA_COMPILATION_CACHE": "1"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    (kept,) = (tmp_path / "native").iterdir()
    again = script.replace("assert", "q.Products.__init__ = None; assert")
    subprocess.run([sys.executable, "-c", again], env=environment, check=True)
    assert list((tmp_path / "native").iterdir()) == [kept]


def test_machine_code_can_be_switched_off():
    script = "from lamella.backend import _jax_native as n, _native_products as q; assert not n.available(q.Products)"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "LAMELLA_NATIVE": "0"}, check=True)


def test_the_arithmetic_of_a_product():
    assert flops_of(products.matmul, jnp.ones((3, 16, 20)), jnp.ones((20, 30))) == 2 * 3 * 16 * 20 * 30


@needs_machine_code
@pytest.mark.parametrize("lanes", [4, 8])
def test_shorter_vectors_than_this_processors(lanes):
    """The kernels of other processors, as far as this one can run them."""
    script = """
import sys, jax, jax.numpy as jnp, numpy as np
from lamella.backend import _native
_native._lanes = lambda: int(sys.argv[1])
from lamella.backend import _jax_attention, _jax_convolution, _jax_native, _jax_products, _jax_recurrence
def results():
    r = np.random.default_rng(0)
    def normal(*shape): return jnp.asarray(r.normal(size=shape) / 2, "float32")
    q, x, how = normal(2, 33, 2, 9), normal(3, 6, 7, 13), _jax_convolution.Geometry((1, 1), ((1, 1),) * 2, (1, 1), (1, 1), 1, True)
    yield jax.jit(_jax_products.matmul)(normal(45, 260), normal(260, 37))
    yield jax.jit(lambda a, b: _jax_products.einsum("ka,kb->ba", a, b))(normal(300, 21), normal(300, 50))
    yield jax.jit(jax.grad(lambda q: jnp.square(_jax_attention.attention(q, q, q, None, 0.5, True)).sum()))(q)
    loop = lambda *a: _jax_recurrence._known("lstm", *a, None, False)[0].sum()
    yield from jax.jit(jax.grad(loop, (0, 1)))(normal(4, 9, 52), normal(13, 52), normal(52), [normal(9, 13)] * 2)
    bind = _jax_convolution.kernel_gradient_p.bind
    yield jax.jit(lambda x, u: bind(x, u, how=how, window=(3, 3)))(x, normal(3, 6, 7, 32))
ours = list(results())
jax.clear_caches()
_jax_native.available = lambda kernels: False
for a, b in zip(ours, results(), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(jnp.abs(b).max()))
"""
    if lanes > _native._lanes():
        pytest.skip("longer than this processor's vectors")
    subprocess.run([sys.executable, "-c", script, str(lanes)], check=True)


def test_operations_of_our_own_in_shard_map():
    """Where JAX wants to know how results vary among devices, they are XLA's, and gradients are summed over devices."""
    script = """
import jax, numpy as np, jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec as P
from lamella import ops
mesh = Mesh(np.array(jax.devices()), ("d",))
def normal(*shape): return jnp.asarray(np.random.default_rng(0).normal(size=shape), "float32")
for function, x, weights in (
    (ops.matmul, normal(64, 32), normal(32, 16)),
    (lambda x, w: ops.dot_product_attention(x * w, x, x), normal(4, 8, 2, 16), normal(16)),
    (lambda x, w: ops.conv(x, w, padding="same"), normal(4, 9, 9, 16), normal(3, 3, 16, 32)),
    (lambda x, w: ops.max_pool(x * w, 2), normal(4, 8, 8, 16), normal(16)),
    (lambda x, w: ops.average_pool(x * w, 2), normal(4, 8, 8, 16), normal(16)),
):
    divided = jax.shard_map(function, mesh=mesh, in_specs=(P("d"), P()), out_specs=P("d"))
    results = []
    for f in (divided, function):
        loss = jax.jit(jax.value_and_grad(lambda x, w, f=f: jnp.square(f(x, w)).mean(), (0, 1)))
        results.append(jax.tree.leaves(loss(x, weights)))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(jnp.abs(b).max()))
"""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
