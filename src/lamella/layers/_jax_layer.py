"""Functions of JAX, and modules of Flax, as layers."""

import inspect
from collections.abc import Callable
from typing import Any

from lamella import random
from lamella.backend import _registry
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, BackendError
from lamella.layers._layer import Layer
from lamella.layers._options import label

__all__ = ["FlaxLayer", "JaxLayer"]

_CALL = {"params", "state", "rng", "inputs", "training"}
_INIT = {"rng", "inputs", "training"}


class JaxLayer(Layer):
    """A model written as functions of JAX, as a layer; on the backend "jax".

    Args:
        call_fn: the computation. It takes some of `params`, `state`, `rng`, `inputs` and `training`, by these names,
            and returns the outputs; where it takes `state`, `(outputs, new state)`.
        init_fn: makes the parameters where they are not given: takes `rng`, `inputs` (zeros) and maybe `training`, and
            returns `params`, or `(params, state)` where `call_fn` takes a state.
        params: the trainable parameters, a tree of arrays.
        state: what the computation changes by itself, a tree of arrays.
        seed: an integer, for the same draws in every run.
        native_serialization_platforms: kept for Keras.

    Weights: a variable for each array of `params` and `state`, in the order of JAX's trees.

    Raises:
        BackendError: on another backend.
        ArgumentError: when neither `init_fn` nor parameters are given, or a function takes other arguments.

    Example:
        >>> import numpy as np
        >>> from lamella import layers
        >>> layer = layers.JaxLayer(lambda params, inputs: inputs @ params["w"], params={"w": np.eye(2)})
        >>> layer([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ):
        if _registry.backend() != "jax":
            raise BackendError(
                f"{type(self).__name__} runs functions of JAX, so it needs the backend 'jax'; the backend is "
                f"{_registry.backend()!r}. Set LAMELLA_BACKEND=jax."
            )
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.seed = seed
        self.native_serialization_platforms = native_serialization_platforms
        self._call_arguments = _arguments_of(self, "call_fn", call_fn, _CALL)
        self._init_arguments_taken = set() if init_fn is None else _arguments_of(self, "init_fn", init_fn, _INIT)
        self.has_state = "state" in self._call_arguments
        self.has_rng = "rng" in self._call_arguments
        self.has_training = "training" in self._call_arguments
        if init_fn is None and params is None and state is None:
            raise ArgumentError(f"`init_fn`, `params` and `state` of {label(self)} cannot all be `None`.")
        self.seed_generator = random.SeedGenerator(seed)
        self._given = (params, state)
        self._trees: dict[str, Any] = {}

    def build(self, input_shape: Any) -> None:
        import jax

        params, state = self._given
        if params is None and state is None:
            assert self.init_fn is not None
            kwargs: dict[str, Any] = {"inputs": _zeros(input_shape, self.compute_dtype)}
            if "rng" in self._init_arguments_taken:
                kwargs["rng"] = self._key()
            if "training" in self._init_arguments_taken:
                kwargs["training"] = True
            made = self.init_fn(**kwargs)
            params, state = made if self.has_state else (made, None)
        for name, tree, trainable in (("params", params, True), ("state", state, False)):
            leaves, structure = jax.tree_util.tree_flatten_with_path({} if tree is None else tree)
            variables = [self._variable(path, leaf, trainable) for path, leaf in leaves]
            setattr(self, f"_{name}_variables", variables)
            self._trees[name] = structure
        self._given = (None, None)

    def _variable(self, path: Any, value: Any, trainable: bool) -> Variable:
        import jax

        array = _registry.active().asarray(value)
        name = "_".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)
        floating = jax.numpy.issubdtype(array.dtype, jax.numpy.inexact)
        return self.add_weight(
            shape=tuple(array.shape),
            initializer=lambda shape, dtype=None: array,
            dtype=str(array.dtype),
            trainable=trainable and bool(floating),
            name=name or ("params" if trainable else "state"),
        )

    def _key(self) -> Any:
        import jax

        return jax.random.wrap_key_data(self.seed_generator.next(), impl="threefry2x32")

    def _tree_of(self, name: str) -> Any:
        import jax

        values = [v.value for v in getattr(self, f"_{name}_variables")]
        return jax.tree_util.tree_unflatten(self._trees[name], values)

    def _variables_of(self, name: str) -> Any:
        import jax

        if name not in self._trees:
            return None
        return jax.tree_util.tree_unflatten(self._trees[name], getattr(self, f"_{name}_variables"))

    @property
    def params(self) -> Any:
        """The variables for the parameters, in their structure; None before the layer is built."""
        return self._variables_of("params")

    @property
    def state(self) -> Any:
        """The variables for the state, in its structure; None before the layer is built."""
        return self._variables_of("state")

    def call(self, inputs: Any, training: bool = False) -> Any:
        import jax

        kwargs: dict[str, Any] = {"inputs": inputs}
        if "params" in self._call_arguments:
            kwargs["params"] = self._tree_of("params")
        if self.has_state:
            kwargs["state"] = self._tree_of("state")
        if self.has_rng:
            kwargs["rng"] = self._key()
        if self.has_training:
            kwargs["training"] = bool(training)
        outputs = self.call_fn(**kwargs)
        if not self.has_state:
            return outputs
        outputs, state = outputs
        leaves, structure = jax.tree_util.tree_flatten(state)
        if structure != self._trees["state"]:
            raise ArgumentError(
                f"`call_fn` of {label(self)} must return a state of the structure it was given, {self._trees['state']}; it "
                f"returned {structure}."
            )
        for variable, value in zip(self._state_variables, leaves):  # type: ignore[attr-defined]
            variable.assign(value)
        return outputs

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "call_fn": serialize_keras_object(self.call_fn),
            "init_fn": None if self.init_fn is None else serialize_keras_object(self.init_fn),
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The layer of a configuration that `get_config` returned; its functions must be registered."""
        config = dict(config)
        for key in ("call_fn", "init_fn"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key])
        return super().from_config(config)


class FlaxLayer(JaxLayer):
    """A `flax.linen.Module` as a layer; on the backend "jax".

    Args:
        module: the module. Its method may take `training`, or `deterministic` for the opposite, beside the inputs.
        method: the method to run, or its name; `__call__` by default.
        variables: the variables of the module, as its `init` returns them; made at the first call where not given.

    Draws in the module take the generators "params" and "dropout".

    Weights: a trainable variable for each array of the collection "params", and one for each of the others.
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any):
        self.module = module
        self.method = method
        function = getattr(module, method) if isinstance(method, str) else method or type(module).__call__
        taken = inspect.signature(function).parameters
        flag = next((name for name in ("training", "deterministic") if name in taken), None)

        def mode(training: bool) -> dict:
            return {} if flag is None else {flag: training if flag == "training" else not training}

        def split(variables: Any) -> tuple[Any, Any]:
            rest = {k: v for k, v in variables.items() if k != "params"}
            return variables.get("params", {}), rest

        def generators(rng: Any) -> dict:
            import jax

            return dict(zip(("params", "dropout"), jax.random.split(rng)))

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> tuple:
            outputs = module.apply(
                {"params": params, **state},
                inputs,
                rngs=generators(rng),
                method=method,
                mutable=list(state) if training else [],
                **mode(training),
            )
            return outputs[0], {**state, **outputs[1]}

        def init_fn(rng: Any, inputs: Any) -> tuple:
            return split(module.init(generators(rng), inputs, method=method, **mode(True)))

        params, state = (None, None) if variables is None else split(variables)
        super().__init__(call_fn, init_fn, params, state, **kwargs)

    def get_config(self) -> dict:
        config = {k: v for k, v in super(JaxLayer, self).get_config().items()}
        method = self.method if self.method is None or isinstance(self.method, str) else self.method.__name__
        return {**config, "module": serialize_keras_object(self.module), "method": method}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The layer of a configuration that `get_config` returned; the module's class must be registered."""
        config = dict(config)
        if isinstance(config.get("module"), dict):
            config["module"] = deserialize_keras_object(config["module"])
        return super().from_config(config)


def _arguments_of(layer: Layer, name: str, function: Any, known: set[str]) -> set[str]:
    parameters = inspect.signature(function).parameters
    needed = {
        k for k, p in parameters.items() if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    if needed - known or "inputs" not in parameters:
        raise ArgumentError(
            f"`{name}` of {label(layer)} must take `inputs`, and may take {sorted(known - {'inputs'})}, by these names; "
            f"it takes {list(parameters)}."
        )
    return set(parameters) & known


def _zeros(shape: Any, dtype: str) -> Any:
    """Zeros of a structure of shapes, 1 where a size is unknown."""
    import jax.numpy as jnp

    if isinstance(shape, dict):
        return {k: _zeros(v, dtype) for k, v in shape.items()}
    if all(n is None or isinstance(n, int) for n in shape):
        return jnp.zeros([1 if n is None else n for n in shape], dtype)
    return type(shape)(_zeros(v, dtype) for v in shape)
