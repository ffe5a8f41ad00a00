"""Python lambdas as values of a configuration: the one place where code enters or leaves a file.

The form is that of Keras: the marshalled bytecode in base64, the default arguments, and the values of the closure.
Bytecode runs only in the version of Python that wrote it.
"""

import base64
import binascii
import builtins
import marshal
import sys
import types
from typing import Any

from lamella.errors import SerializationError


def encode_lambda(fn: types.FunctionType) -> dict:
    """The configuration of a lambda."""
    closure = None if fn.__closure__ is None else [cell.cell_contents for cell in fn.__closure__]
    defaults = None if fn.__defaults__ is None else list(fn.__defaults__)
    code = base64.encodebytes(marshal.dumps(fn.__code__)).decode("ascii")
    return {"class_name": "__lambda__", "config": {"code": code, "defaults": defaults, "closure": closure}}


def decode_lambda(config: dict, names: dict[str, Any]) -> types.FunctionType:
    """The function of a configuration that `encode_lambda` made. Whoever calls the result runs what is in it.

    Args:
        config: the `config` of the configuration.
        names: globals of the function, besides `keras`, `lamella`, `ops`, `np` and the builtins.

    Raises:
        SerializationError: when it is no code of this version of Python.
    """
    import numpy as np

    try:
        code = marshal.loads(base64.b64decode(config["code"]))
    except (ValueError, EOFError, TypeError, KeyError, binascii.Error) as error:
        raise SerializationError(
            f"The lambda in the configuration is no bytecode of this version of Python: {error}. Give the function itself "
            "in `custom_objects`, under a name, in a model that names it."
        ) from error
    if not isinstance(code, types.CodeType):
        raise SerializationError(f"The lambda in the configuration holds a {type(code).__name__} instead of code.")
    root = sys.modules[__name__.partition(".")[0]]
    variables: dict[str, Any] = {"__builtins__": builtins, "keras": root, "lamella": root, "np": np, "ops": root.ops}
    defaults = config.get("defaults")
    cells = tuple(types.CellType(value) for value in config.get("closure") or ())
    return types.FunctionType(
        code, {**variables, **names}, "<lambda>", None if defaults is None else tuple(defaults), cells or None
    )
