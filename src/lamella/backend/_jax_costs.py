"""The arithmetic of a function, counted on what JAX traces: products and convolutions, and an operation an element."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax

from lamella.backend._jax_native import REFERENCES

# What moves numbers, or makes them without arithmetic.
_FREE = {
    "broadcast_in_dim",
    "concatenate",
    "convert_element_type",
    "copy",
    "copy_p",
    "device_put",
    "dynamic_slice",
    "dynamic_update_slice",
    "expand_dims",
    "gather",
    "iota",
    "pad",
    "reshape",
    "rev",
    "scatter",
    "select_n",
    "slice",
    "split",
    "squeeze",
    "stop_gradient",
    "transpose",
    "bitcast_convert_type",
    "random_bits",
    "random_seed",
    "random_split",
    "random_unwrap",
    "random_wrap",
    "threefry2x32",
}
_REDUCING = ("reduce_", "cum", "arg", "window_")


def flops_of(function: Callable, *args: Any) -> int:
    """The operations on numbers of one call; a product counts two for each pair, a loop of unknown length one turn."""
    return _in(jax.make_jaxpr(function)(*args).jaxpr)


def _in(jaxpr: Any) -> int:
    return sum(_of(equation) for equation in jaxpr.eqns)


def _of(equation: Any) -> int:
    name, parameters = equation.primitive.name, equation.params
    if name in REFERENCES:
        given = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars]
        return _in(jax.make_jaxpr(functools.partial(REFERENCES[name], **parameters))(*given).jaxpr)
    values = jax.tree.leaves(list(parameters.values()), is_leaf=lambda v: _jaxpr(v) is not None)
    inner = [_in(jaxpr) for jaxpr in map(_jaxpr, values) if jaxpr is not None]
    if inner:
        if name == "cond":
            return max(inner)
        return sum(inner) * (parameters["length"] if name == "scan" else 1)
    result = sum(math.prod(v.aval.shape) for v in equation.outvars)
    given = [v.aval.shape for v in equation.invars]
    if name == "dot_general":
        (contracted, _), _ = parameters["dimension_numbers"]
        return 2 * result * math.prod(given[0][axis] for axis in contracted)
    if name == "product":
        sizes = {letter: size for term, shape in zip(parameters["terms"], given) for letter, size in zip(term, shape)}
        return 2 * math.prod(sizes.values())
    if name == "conv_general_dilated":
        of_outputs = parameters["dimension_numbers"].rhs_spec[0]
        return 2 * result * (math.prod(given[1]) // given[1][of_outputs])
    if "convolution" in name:  # our own: (window, channels in, channels out)
        return 2 * result * math.prod(given[1][:-1])
    if name in _FREE:
        return 0
    return math.prod(given[0]) if name.startswith(_REDUCING) else result


def _jaxpr(value: Any) -> Any:
    value = getattr(value, "jaxpr", value)
    return value if hasattr(value, "eqns") else None
