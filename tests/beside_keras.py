"""One program run with lamella and with Keras, and what it returned compared.

A test is the program a user would write, with the library as its first argument::

    @beside_keras
    def test_names(keras):
        return [keras.layers.Dense(1).name for _ in range(2)]

It passes when both libraries return the same: the same structure, classes, texts and numbers; arrays of the same shape and
dtype with values that agree to rounding. Where Keras raises, lamella must raise something that the same `except` clause
catches; where Keras returns, lamella must return. Names are counted from the start and the dtype policy is float32 in
each run. Further arguments come from `pytest.mark.parametrize`.
"""

import functools
import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import lamella
from lamella.core import _tree

keras = pytest.importorskip("keras")

RELATIVE, ABSOLUTE = 1e-5, 1e-6


def beside_keras(program: Any) -> Any:
    """`program(keras, ...)` as a test that runs it with both libraries."""

    @functools.wraps(program)
    def test(*args: Any, **kwargs: Any) -> None:
        theirs = outcome(program, keras, *args, **kwargs)
        ours = outcome(program, lamella, *args, **kwargs)
        compare(ours, theirs)

    signature = inspect.signature(program)
    test.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    del test.__wrapped__  # pytest would look through it
    return test


class Raised:
    """What a program raised, as its nearest builtin class."""

    def __init__(self, error: BaseException):
        self.error = error
        self.builtin = next(c for c in type(error).__mro__ if c.__module__ == "builtins")

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def outcome(program: Any, library: Any, *args: Any, **kwargs: Any) -> Any:
    """What `program` returned or raised, in plain values."""
    library.utils.clear_session(free_memory=False)
    library.utils.set_random_seed(1)
    library.config.set_dtype_policy("float32")
    try:
        with warnings.catch_warnings():
            if library is keras:
                warnings.simplefilter("ignore")
            return plain(program(library, *args, **kwargs))
    except pytest.skip.Exception:
        raise
    except Exception as error:
        return Raised(error)
    finally:
        library.config.set_floatx("float32")
        library.config.set_dtype_policy("float32")


def plain(value: Any) -> Any:
    """`value` without the classes of either library: arrays in NumPy, symbolic tensors as text."""
    if value is None or isinstance(value, (str, bool, int, float, complex, bytes)):
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else tuple(map(plain, value))
    kind = type(value).__name__
    if kind == "KerasTensor":
        return f"KerasTensor({value.shape}, {value.dtype})"
    if isinstance(value, type):
        return f"class {value.__name__}"
    if isinstance(value, np.ndarray):
        return Numbers("numpy", value)
    if kind in ("Variable", "JaxVariable"):
        return Numbers("variable", value.numpy())
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return Numbers(kind, np.asarray(value))
    if kind.endswith("DTypePolicy"):
        return f"policy {value.name}"
    return f"a {kind}"


class Numbers:
    """An array, and what kind of object it came as."""

    def __init__(self, kind: str, values: Any):
        self.kind, self.values = kind, values

    def __repr__(self) -> str:
        return f"{self.kind} {self.values.dtype}{list(self.values.shape)} {self.values.tolist()}"


def compare(ours: Any, theirs: Any, where: str = "result") -> None:
    """Fail where `ours` is not what `theirs` is."""
    if isinstance(theirs, Raised):
        assert isinstance(ours, Raised), f"Keras raised {theirs}; lamella returned {ours}"
        assert isinstance(ours.error, theirs.builtin), f"Keras raised {theirs}; lamella raised {ours}"
        return
    if isinstance(ours, Raised):
        raise AssertionError(f"lamella raised {ours}; Keras returned {theirs}") from ours.error
    assert type(ours) is type(theirs), f"{where}: {ours!r} from lamella, {theirs!r} from Keras"
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), f"{where}: keys {list(ours)} from lamella, {list(theirs)} from Keras"
        for key in theirs:
            compare(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), f"{where}: {ours!r} from lamella, {theirs!r} from Keras"
        for i, (a, b) in enumerate(zip(ours, theirs)):
            compare(a, b, f"{where}[{i}]")
    elif isinstance(theirs, Numbers):
        head = f"{where}: {ours} from lamella, {theirs} from Keras"
        assert (ours.kind, ours.values.dtype, ours.values.shape) == (
            theirs.kind,
            theirs.values.dtype,
            theirs.values.shape,
        ), head
        if ours.values.dtype.kind in "biuUSO":
            np.testing.assert_array_equal(ours.values, theirs.values, err_msg=head)
        else:
            a, b = (
                np.asarray(v, "complex128" if v.dtype.kind == "c" else "float64") for v in (ours.values, theirs.values)
            )
            half = ours.values.dtype.itemsize == 2
            np.testing.assert_allclose(a, b, 1e-2 if half else RELATIVE, 1e-3 if half else ABSOLUTE, err_msg=head)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, RELATIVE, ABSOLUTE, nan_ok=True), where
    else:
        assert ours == theirs, f"{where}: {ours!r} from lamella, {theirs!r} from Keras"


def leaves(structure: Any) -> list:
    """The leaves of a structure."""
    return _tree.flatten(structure)
