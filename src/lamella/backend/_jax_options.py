"""What XLA is told when it compiles a program for a CPU: to which library it leaves products and convolutions.

Each choice holds for a whole program, so the larger part of its arithmetic decides.
"""

import functools
import math
import re
from typing import Any

import jax

_OPTION = "xla_cpu_experimental_ynn_fusion_type"
_SHAPE = r"tensor<((?:\d+x)+)\w+>"
_CONVOLUTION = re.compile(rf"stablehlo\.convolution.*: \(tensor<[^>]*>, {_SHAPE}\) -> {_SHAPE}")
_PRODUCT = re.compile(  # of single precision, and not one for each of a batch
    r"stablehlo\.dot_general [^,]*, [^,]*, contracting_dims = \[([\d, ]+)\] x [^:]*: "
    r"\(tensor<((?:\d+x)+)f32>, [^)]*\) -> tensor<((?:\d+x)+)f32>"
)


def compiler_options(text: str) -> dict[str, Any]:
    """XLA's options for the program `text` (StableHLO) on this device.

    By default XLA leaves both to a library (YNNPACK). Its convolutions are faster than XLA's own code where the image
    or the result has few channels, and slower elsewhere, up to twice for the kernel's gradient. Its products are
    slower, by up to a quarter, where one matrix has many more rows than the other has entries in a column, as those of
    every position of a text, and faster elsewhere, by up to a fifth for the small ones in recurrent loops.
    """
    if jax.default_backend() != "cpu":
        return {}
    own_convolution, own_product = _many_channels(text), _many_rows(text)
    if not (own_convolution or own_product) or not _knows_option():
        return {}
    left = ["REDUCE"] + ["INDIVIDUAL_DOT"] * (not own_product) + ["INDIVIDUAL_CONVOLUTION"] * (not own_convolution)
    return _leaving(left)


def _leaving(kinds: list[str]) -> dict[str, Any]:
    return {_OPTION: ",".join(f"LIBRARY_FUSION_TYPE_{kind}" for kind in kinds)}


def _many_channels(text: str) -> bool:
    few = many = 0
    for kernel, result in _CONVOLUTION.findall(text):
        *window, depth, channels = _sizes(kernel)
        work = math.prod(window) * depth * math.prod(_sizes(result))
        few, many = (few + work, many) if min(depth, channels) < 8 else (few, many + work)
    return many > few


# How often the body of a loop runs is not in the text, and small products are those that are in loops.
_TURNS = 4096


def _many_rows(text: str) -> bool:
    few = many = 0
    for summed, first, result in _PRODUCT.findall(text):
        sizes, axes = _sizes(first), [int(axis) for axis in summed.split(",")]
        terms = math.prod(sizes[axis] for axis in axes)
        rows, work = math.prod(sizes) // max(terms, 1), terms * math.prod(_sizes(result))
        if axes[-1] == len(sizes) - 1:  # of the others XLA leaves none to the library
            few, many = (few, many + work) if rows >= max(1024, 4 * terms) else (few + work, many)
    return many > _TURNS * few


def _sizes(shape: str) -> list[int]:
    return [int(size) for size in shape[:-1].split("x")]


@functools.cache
def _knows_option() -> bool:
    """Whether this release of XLA has the option."""
    try:
        jax.jit(lambda: 0).lower().compile(compiler_options=_leaving(["REDUCE"]))
    except Exception:
        return False
    return True
