"""Array libraries behind one small interface, and the names of `keras.backend`, the present and the old ones.

The adapters live in this folder. The functions that people know as `K.dot`, `K.mean`, ... are ops, so this module
only points at them: they are loaded when first asked for.
"""

from lamella._lazy import attach
from lamella.backend._adapter import Adapter
from lamella.backend._dtypes import (
    epsilon,
    floatx,
    image_data_format,
    is_float_dtype,
    is_int_dtype,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
    standardize_dtype,
)
from lamella.backend._registry import active, backend, known, namespace, register, set_backend, use
