"""How programs are compiled: one trace at a time, and what XLA leaves to a library on a CPU."""

import threading
import time

import jax
import jax.numpy as jnp
import pytest

from lamella.backend import _jax, _jax_convolution, _registry
from lamella.backend._jax_options import compiler_options

cpu_only = pytest.mark.skipif(jax.default_backend() != "cpu", reason="an option of XLA's compiler for CPUs")


def text(channels, results=16):
    def program(x, kernel):
        return _jax_convolution.convolution(x, kernel, (1, 1), ((1, 1),) * 2, (1, 1), (1, 1), 1, True)

    return jax.jit(program).lower(jnp.ones((2, 8, 8, channels)), jnp.ones((3, 3, channels, results))).as_text()


def left_to_the_library(text):
    kinds = compiler_options(text)["xla_cpu_experimental_ynn_fusion_type"]
    return {kind.removeprefix("LIBRARY_FUSION_TYPE_") for kind in kinds.split(",")}


def products(*shapes, dtype="float32"):
    """The program of a product, or of a batch of them, for each of the shapes."""
    arrays = [[jax.ShapeDtypeStruct(shape, dtype) for shape in pair] for pair in shapes]
    return jax.jit(lambda arrays: [a @ b for a, b in arrays]).lower(arrays).as_text()


@cpu_only
def test_many_channels_are_left_to_xla_itself():
    assert left_to_the_library(text(16)) == {"INDIVIDUAL_DOT", "REDUCE"}


@cpu_only
def test_few_channels_and_other_programs_get_no_option():
    assert compiler_options(text(3)) == compiler_options(text(16, results=3)) == {}
    assert compiler_options(jax.jit(jnp.sin).lower(1.0).as_text()) == {}


@cpu_only
def test_the_larger_part_decides():
    assert compiler_options(text(3) + text(16)) != {}
    assert compiler_options(text(7) * 3 + text(16)) == {}


LONG = ((4096, 64), (64, 32))


@cpu_only
def test_products_of_many_rows_are_left_to_xla_itself():
    assert left_to_the_library(products(LONG)) == {"INDIVIDUAL_CONVOLUTION", "REDUCE"}
    assert left_to_the_library(text(16) + products(LONG)) == {"REDUCE"}


@cpu_only
@pytest.mark.parametrize(
    "shapes, dtype",
    [
        ([((512, 64), (64, 32))], "float32"),
        ([((2048, 1024), (1024, 32))], "float32"),
        ([LONG, ((32, 64), (64, 32))], "float32"),
        ([((4, 2048, 64), (4, 64, 32))], "float32"),
        ([LONG], "bfloat16"),
        ([((0, 64), (64, 32))], "float32"),
    ],
    ids=["few rows", "long rows", "small ones, perhaps in a loop", "a batch", "half precision", "no rows"],
)
def test_other_products_get_no_option(shapes, dtype):
    assert compiler_options(products(*shapes, dtype=dtype)) == {}


@cpu_only
def test_products_for_rows_that_few_others_accompany():
    assert left_to_the_library(products(((32768, 512), (512, 512)), ((32, 64), (64, 10)))) == {
        "INDIVIDUAL_CONVOLUTION",
        "REDUCE",
    }


def test_programs_are_traced_one_at_a_time():
    """The program of a last, smaller batch is prepared in a thread, and optimizers keep values while they are traced."""
    inside, together = [], []

    def program(x):
        inside.append(x)
        together.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return x + 1

    compiled = _jax.Program(program)
    threads = [threading.Thread(target=compiled.executable, args=(jnp.ones(n),)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1, 1, 1, 1]


def test_programs_made_while_variables_are_made_hold_no_constants():
    """A large draw was compiled with all its counters inside: 35 seconds for 50 million numbers."""

    def counted(x):
        with _registry.get("jax").eagerly():
            texts.append(jax.jit(lambda x: x + jnp.arange(500)).lower(jnp.ones(500)).as_text())
        return x

    texts: list[str] = []
    jax.jit(counted)(1.0)
    assert len(texts[0]) < 1000
