"""How a layer is built: the shapes it is built for, and what stands around its `build`."""

import functools
import inspect
from collections.abc import Iterable
from typing import Any

from lamella.core import _scopes
from lamella.errors import ArgumentError, LamellaError, ShapeError
from lamella.layers._call import signature_of


def recorded(build: Any) -> Any:
    """`build`, remembering the shapes it was given and opening the layer's name scope around itself."""

    @functools.wraps(build)
    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        self._check_initialized()
        if self._building:
            build(self, *args, **kwargs)
            return
        shapes = dict(list(inspect.signature(build).bind(self, *args, **kwargs).arguments.items())[1:])
        self._building = True
        try:
            with self._name_scope():
                self._path = _scopes.current_path()
                build(self, *args, **kwargs)
        finally:
            self._building = False
        self._build_shapes_dict = shapes
        self.built = True
        self._locked = True
        if not self._trainable:
            self.trainable = False  # of the variables that were just made, too

    return run


def build_arguments(layer: Any, shapes: dict[str, Any]) -> dict[str, Any]:
    """What `build` of the layer is called with: `shapes` by the names it knows them by."""
    parameters = list(signature_of(type(layer).build).parameters.values())[1:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return shapes
    if len(named) == 1 and named[0].name not in shapes:
        if not shapes:
            raise ArgumentError(f"Layer {layer.name!r} was called without a tensor, so it cannot be built.")
        return {named[0].name: next(iter(shapes.values()))}
    missing = [p.name for p in named if p.name not in shapes and p.default is p.empty]
    if missing:
        raise ArgumentError(
            f"For a `build()` method with more than one argument, all arguments should have a `_shape` suffix and "
            f"match an argument from `call()`. Layer {layer.name!r}: build() asks for {missing}; the call has tensors "
            f"for {sorted(shapes)}."
        )
    return {p.name: shapes[p.name] for p in named if p.name in shapes}


def positional_arguments(args: tuple, **given: Any) -> tuple:
    """The values of the arguments `given` to `add_weight` by name, the first of them taken from `args`.

    Raises:
        ArgumentError: when a name stands first, as in Keras 2.
        TypeError: for too many arguments, or one that is given twice.
    """
    if args and isinstance(args[0], str):
        raise ArgumentError(
            f"The first argument of `add_weight` is the `shape`; got the string {args[0]!r}. "
            f"Write add_weight(shape=..., name={args[0]!r})."
        )
    if len(args) > 3:
        raise TypeError(f"add_weight() takes at most 3 positional arguments but {len(args)} were given.")
    for key, positional in zip(given, args):
        if given[key] is not None:
            raise TypeError(f"add_weight() got multiple values for argument {key!r}.")
        given[key] = positional
    return tuple(given.values())


def known_shape(shape: Any, weight: str | None, layer: str) -> tuple[int, ...]:
    """`shape` as a tuple of sizes, `()` for None.

    Raises:
        ShapeError: when a size is unknown.
    """
    shape = () if shape is None else tuple(shape) if isinstance(shape, Iterable) else (shape,)
    if None in shape:
        raise ShapeError(
            f"Layer {layer!r} asked for a weight {weight!r} of shape {shape}; every size must be known. Give the "
            "input a known size in that axis."
        )
    return shape


def legacy_input_shape(kwargs: dict) -> Any:
    """The `batch_input_shape` of `input_shape=`, `input_dim=`, `batch_shape=` and kin, taken out of `kwargs`."""
    batch_size = kwargs.pop("batch_size", None)
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        return (batch_size, *(shape if isinstance(shape, (tuple, list)) else (shape,)))
    if "input_dim" in kwargs:
        length = kwargs.pop("input_length", None)
        dim = kwargs.pop("input_dim")
        return (batch_size, dim) if length is None else (batch_size, length, dim)
    return None


def forgotten_init(layer: Any) -> LamellaError:
    """The error for an object whose constructor did not call that of `Layer`."""
    name = type(layer).__name__
    return _ForgottenInitError(
        f"In layer {name!r}, you forgot to call `super().__init__()` as the first statement in the `__init__()` method. "
        "Go add it!"
    )


class _ForgottenInitError(LamellaError, RuntimeError):
    """A subclass of Layer that does not call `super().__init__()` first."""
