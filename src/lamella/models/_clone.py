"""Copies of models, with weights of their own."""

from collections.abc import Callable
from typing import Any

from lamella.core import _tree
from lamella.core._damaged import made_from, parse_json
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import Node
from lamella.core._serialization import deserialize_keras_object
from lamella.errors import ArgumentError
from lamella.layers._configuration import make
from lamella.layers._input_layer import Input, InputLayer
from lamella.layers._layer import Layer
from lamella.layers._tracking import unique
from lamella.models._functional import Functional, was_given_graph
from lamella.models._model import Model
from lamella.models._sequential import Sequential

__all__ = ["clone_model", "model_from_json"]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model of the same architecture, whose layers and weights are new.

    Args:
        model: a drawn model or a `Sequential`; a model of another class is made anew from its configuration, and takes
            none of the other arguments.
        input_tensors: the symbolic inputs, or `InputLayer`s, to draw the copy upon; new ones by default.
        clone_function: makes the copy of a layer, for every layer that is not an `InputLayer`. By default a layer is
            made from the configuration of the old one.
        call_function: `(layer, *args, **kwargs)`; calls the new layer, in a drawn model. By default the layer is just
            called.
        recursive: whether the models inside the model are copied layer by layer too, rather than handed to
            `clone_function` whole.

    Returns:
        A model of the same class and name; where the old one is compiled, compiled alike.

    Raises:
        ArgumentError: for something that is no model, or an argument that this kind of model does not take.

    Example:
        >>> import lamella as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> copy = keras.models.clone_model(model)
        >>> copy.layers[0].units, copy.layers[0] is model.layers[0]
        (2, False)
    """
    if kwargs.pop("cache", True) is False or kwargs:
        raise ArgumentError(f"Arguments not recognized by clone_model: {sorted(kwargs)}.")
    if not isinstance(model, Layer):
        raise ArgumentError(f"Expected `model` to be a Model; got {model!r} of type {type(model).__name__}.")
    for name, function in (("clone_function", clone_function), ("call_function", call_function)):
        if function is not None and not callable(function):
            raise ArgumentError(f"The argument `{name}` of clone_model must be callable; got {function!r}.")

    def copy_of(layer: Any) -> Any:
        if recursive and isinstance(layer, (Functional, Sequential)):
            return clone_model(layer, None, clone_function, _taken_by(layer, call_function), recursive)
        if clone_function is None or not isinstance(layer, Layer):
            return type(layer).from_config(layer.get_config())
        return clone_function(layer)

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ArgumentError("`call_function` is for drawn models; a Sequential model calls its layers in order.")
        return _clone_sequential(model, input_tensors, copy_of)
    if isinstance(model, Functional):
        return _clone_functional(model, input_tensors, copy_of, call_function or _call)
    for name, value in (
        ("input_tensors", input_tensors),
        ("clone_function", clone_function),
        ("call_function", call_function),
    ):
        if value is not None:
            raise ArgumentError(
                f"`{name}` is for drawn and Sequential models; {model.name!r} is a {type(model).__name__}, which is copied "
                "whole, from its configuration."
            )
    return type(model).from_config(model.get_config())


def _taken_by(model: Model, call_function: Any) -> Any:
    return None if isinstance(model, Sequential) else call_function


def _call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


def _clone_sequential(model: Sequential, input_tensors: Any, copy_of: Callable) -> Sequential:
    stack = [layer for layer in model._stack if not isinstance(layer, InputLayer)]
    copy_by_layer = {id(layer): copy_of(layer) for layer in unique(stack)}  # a layer may stand twice
    copies = [copy_by_layer[id(layer)] for layer in stack]
    if input_tensors is not None:
        given = _tree.flatten(input_tensors)
        if len(given) != 1:
            raise ArgumentError(f"A Sequential model has one input; got {len(given)} `input_tensors`.")
        copies.insert(0, _symbolic(given[0]))
    elif len(stack) < len(model._stack):
        copies.insert(0, copy_of_input(model._stack[0]))
    return _like(model, type(model)(copies, name=model.name))


def _clone_functional(model: Functional, input_tensors: Any, copy_of: Callable, call: Callable) -> Model:
    if input_tensors is None:
        inputs = [copy_of_input(t._keras_history.operation) for t in model.inputs]  # type: ignore[attr-defined]
    else:
        given, structure = _tree.flatten_with_spec(input_tensors)
        inputs = [_symbolic(t) for t in given]
        if structure != _tree.flatten_with_spec(model.input)[1]:
            raise ArgumentError(
                f"`input_tensors` must have the same structure as the input of model {model.name!r}: expected "
                f"{model.input!r}; got {input_tensors!r}."
            )
    copies: dict[int, Any] = {}

    def called(node: Node) -> Callable:
        key = id(node.operation)
        if key not in copies:
            copies[key] = copy_of(node.operation)
        return lambda *args, **kwargs: call(copies[key], *args, **kwargs)

    structure = _tree.flatten_with_spec(model.input)[1]
    inputs = _tree.unflatten(structure, inputs)
    outputs = model._function.run(inputs, called)
    cls = type(model) if was_given_graph(model) else Functional
    return _like(model, make(cls, {"inputs": inputs, "outputs": outputs, "name": model.name}))


def _like(model: Model, copy: Any) -> Any:
    if not model.trainable:
        copy.trainable = False
    copy._compile_like(model)
    return copy


def copy_of_input(layer: Layer) -> KerasTensor:
    """The output of an `InputLayer` like `layer`."""
    return type(layer).from_config(layer.get_config()).output


def _symbolic(tensor: Any) -> KerasTensor:
    """`tensor` as the output of an `InputLayer`."""
    if isinstance(tensor, InputLayer):
        return tensor.output
    if not isinstance(tensor, KerasTensor):
        raise ArgumentError(
            f"The `input_tensors` of clone_model must be KerasTensors or InputLayers; got {tensor!r} of type "
            f"{type(tensor).__name__}."
        )
    history = getattr(tensor, "_keras_history", None)
    if history is not None and isinstance(history.operation, InputLayer):
        return tensor
    return Input(tensor=tensor, name=f"{tensor.name}CLONE")


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """The model of a text that `Model.to_json` wrote; its weights are new.

    Args:
        json_string: the text.
        custom_objects: names that the text may use, and the classes or functions they stand for.

    Raises:
        SerializationError: when it is no JSON, is damaged, carries code, or names a class that is not in the registry.

    Example:
        >>> import lamella as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> keras.models.model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    config = parse_json(json_string, "The text")
    with made_from("The configuration in the text"):
        return deserialize_keras_object(config, custom_objects=custom_objects)
