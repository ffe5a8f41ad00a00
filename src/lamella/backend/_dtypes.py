"""Names of dtypes, and the lattice on which mixed operands meet.

The lattice is the one of JAX's type promotion (jax.readthedocs.io, "Type promotion semantics", figure 1), which
Keras follows: a bool gives way to an integer, an integer of any width to any float, and Python scalars are weak,
that is, they take the dtype of the array beside them. Where only weak or integer values must become floating, they
become the default float (`floatx`).
"""

import functools
from collections.abc import Iterable
from typing import Any

from lamella.errors import ArgumentError, DTypeError

FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
COMPLEX_TYPES = ("complex64", "complex128")
INT_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
ALLOWED_DTYPES = (*FLOAT_TYPES[:4], *INT_TYPES, "bool", "string", *COMPLEX_TYPES, *FLOAT_TYPES[4:])

WEAK_INT, WEAK_FLOAT, WEAK_COMPLEX = "int", "float", "complex"

# Each dtype, and those one step above it. Everything reachable upwards is what it can become.
_ABOVE = {
    "bool": (WEAK_INT,),
    WEAK_INT: ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": (WEAK_FLOAT,),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": (WEAK_FLOAT,),
    WEAK_FLOAT: ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", WEAK_COMPLEX),
    "float8_e4m3fn": (),  # float8 converts to nothing implicitly, as in Keras
    "float8_e5m2": (),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    WEAK_COMPLEX: ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}


@functools.cache
def _upper_bounds(dtype: str) -> frozenset[str]:
    return frozenset({dtype}.union(*(_upper_bounds(above) for above in _ABOVE.get(dtype, ()))))


@functools.cache
def join(dtypes: frozenset[str]) -> str:
    """The least dtype of the lattice that every one of `dtypes` (weak ones included) can become."""
    common = frozenset.intersection(*(_upper_bounds(d) for d in dtypes))
    for candidate in common:
        if common == _upper_bounds(candidate):
            return candidate
    raise DTypeError(f"There is no dtype that all of {sorted(dtypes)} can become. Cast them explicitly.")


_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """The default float dtype, as a name (`"float32"` unless set otherwise)."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype.

    Args:
        value: `"bfloat16"`, `"float16"`, `"float32"` or `"float64"`.

    Raises:
        ArgumentError: for any other value.
    """
    global _floatx
    if value not in FLOAT_TYPES[:4]:
        raise ArgumentError(f"Unknown floatx: {value!r}. Expected one of 'bfloat16', 'float16', 'float32', 'float64'.")
    _floatx = value


def epsilon() -> float:
    """The fuzz factor that numeric expressions use to stay away from zero (1e-7 unless set otherwise)."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor returned by `epsilon()`.

    Args:
        value: a positive float, dimensionless.
    """
    global _epsilon
    _epsilon = value


def image_data_format() -> str:
    """`"channels_last"` (the default) or `"channels_first"`."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default layout of images.

    Args:
        data_format: `"channels_last"` for (batch, height, width, channels), or `"channels_first"` for
            (batch, channels, height, width).

    Raises:
        ArgumentError: for any other value.
    """
    global _image_data_format
    _image_data_format = standardize_data_format(str(data_format))


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case, or the default where it is None.

    Raises:
        ArgumentError: when it is neither `"channels_first"` nor `"channels_last"`.
    """
    if data_format is None:
        return _image_data_format
    lowered = str(data_format).lower()
    if lowered not in ("channels_first", "channels_last"):
        raise ArgumentError(
            f"The `data_format` argument must be one of 'channels_first', 'channels_last'; got {data_format!r}."
        )
    return lowered


_ALIASES = {"half": "float16", "float": "float32", "double": "float64", "bool_": "bool", "str": "string"}
_PYTHON_TYPES = {bool: "bool", int: "int32", complex: "complex64", str: "string"}


def standardize_dtype(dtype: Any) -> str:
    """The canonical name of `dtype`, which may be a name, a Python type, or a dtype of any array library.

    `None` and `float` mean `floatx()`, `int` means `"int32"`.

    Raises:
        ArgumentError: when it names no dtype that lamella has.
    """
    if dtype is None or dtype is float:
        return _floatx
    try:
        return _standard_name(dtype)
    except TypeError:  # something that cannot be hashed is no dtype
        return _standard_name(str(dtype))


@functools.cache  # a NumPy dtype takes microseconds to say its name
def _standard_name(dtype: Any) -> str:
    if isinstance(dtype, str):
        name = dtype
    elif isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    else:
        name = _name_of(dtype)
    name = _ALIASES.get(name, name) if name not in ALLOWED_DTYPES else name
    if name in (WEAK_INT, "int"):
        name = "int32"
    if name not in ALLOWED_DTYPES:
        raise ArgumentError(f"Invalid dtype: {dtype!r}. Expected one of {', '.join(ALLOWED_DTYPES)}.")
    return name


def _name_of(dtype: Any) -> str:
    text = str(getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or dtype)
    text = text.rpartition(".")[2]  # "torch.float32", "array_api_strict.float32"
    if text.startswith(("str", "object", "<U")):
        text = "string"
    return text


def is_int_dtype(dtype: Any) -> bool:
    """Whether `dtype` is a signed or unsigned integer dtype (`bool` is not)."""
    return standardize_dtype(dtype) in INT_TYPES


def is_float_dtype(dtype: Any) -> bool:
    """Whether `dtype` is a real floating dtype, `bfloat16` and the float8 types included."""
    return standardize_dtype(dtype) in FLOAT_TYPES


def weak_dtype(value: Any) -> str | None:
    """`"int"`, `"float"`, `"complex"` or `"bool"` for a Python scalar, None for anything else."""
    kind = type(value)
    if kind is bool:
        return "bool"
    if kind is int:
        return WEAK_INT
    if kind is float:
        return WEAK_FLOAT
    if kind is complex:
        return WEAK_COMPLEX
    return None


def concrete(dtype: str) -> str:
    """The dtype that a (possibly weak) result of `join` is stored with."""
    if dtype == WEAK_INT:
        return "int32"
    if dtype == WEAK_FLOAT:
        return _floatx
    if dtype == WEAK_COMPLEX:
        return "complex128" if _floatx == "float64" else "complex64"
    return dtype


def join_dtypes(dtypes: Iterable[str]) -> str:
    """`join`, with its result made concrete."""
    return concrete(join(frozenset(dtypes)))


def finite_range(dtype: str) -> tuple[float, float]:
    """The smallest and the largest finite number of a real dtype."""
    import ml_dtypes

    if dtype == "bool":
        return 0, 1
    info = ml_dtypes.iinfo(dtype) if dtype in INT_TYPES else ml_dtypes.finfo(dtype)
    convert = int if dtype in INT_TYPES else float
    return convert(info.min), convert(info.max)


def float_result(dtype: str) -> str:
    """`dtype` where it is floating or complex, else `floatx()`: the dtype of `sin`, `mean`, true division, ...

    A 64-bit integer also becomes `floatx()`, never float64.
    """
    return dtype if dtype in FLOAT_TYPES or dtype in COMPLEX_TYPES else _floatx
