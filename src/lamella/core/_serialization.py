"""Objects as plain configurations, and back; the registry of the classes that may be named in one.

A configuration is `{"module", "class_name", "config", "registered_name"}`, as Keras writes it. It names an entry of the
registry: the classes of lamella (which register themselves when defined), what the user registered, and what the user
hands in as `custom_objects`. Nothing is imported, looked up or called because a configuration says so.
"""

import contextlib
import contextvars
import importlib
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lamella.core._code import decode_lambda, encode_lambda
from lamella.core._operation_names import op_of_class
from lamella.core._operators import OPERATORS
from lamella.errors import ArgumentError, SerializationError, nearest_names

# (Keras module, class name) -> class, for the classes of lamella itself.
_BUILTIN: dict[tuple[str, str], type] = {}
# "package>name" -> what the user registered.
_REGISTERED: dict[str, Any] = {}
_REGISTERED_NAMES: dict[Any, str] = {}
_scope: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("custom_objects", default={})  # noqa: B039

# Where each family's classes live, so that a configuration can be read before the family was first used.
_FAMILIES = {
    "keras": "lamella.models",
    "keras.src.models.functional": "lamella.models",
    "keras.layers": "lamella.layers",
    "keras.src.layers.preprocessing.feature_space": "lamella.layers",
    "keras.models": "lamella.models",
    "keras.initializers": "lamella.initializers",
    "keras.regularizers": "lamella.regularizers",
    "keras.constraints": "lamella.constraints",
    "keras.losses": "lamella.losses",
    "keras.metrics": "lamella.metrics",
    "keras.optimizers": "lamella.optimizers",
    "keras.optimizers.schedules": "lamella.optimizers.schedules",
    "keras.dtype_policies": "lamella.dtype_policies",
    "keras.quantizers": "lamella.quantizers",
    "keras.activations": "lamella.activations",
    "keras.random": "lamella.random",
    "keras.callbacks": "lamella.callbacks",
    "keras.distillation": "lamella.distillation",
    "keras.utils": "lamella.utils",
    "keras.applications": "lamella.applications",
}
# Classes whose public module is not that of their folder.
_ROOT_CLASSES = {
    "Sequential": "keras",
    "Functional": "keras.src.models.functional",
    "Model": "keras",
    "DTypePolicy": "keras",
    "FloatDTypePolicy": "keras",
    "OpCall": "lamella",
    "FeatureSpace": "keras.utils",
    **dict.fromkeys(("Cross", "Feature", "TFDIdentity"), "keras.src.layers.preprocessing.feature_space"),
    "InputSpec": "keras",
    **dict.fromkeys(
        (
            "QuantizedDTypePolicy",
            "QuantizedFloat8DTypePolicy",
            "Int4DTypePolicy",
            "GPTQDTypePolicy",
            "AWQDTypePolicy",
            "DTypePolicyMap",
        ),
        "keras.dtype_policies",
    ),
}


class Serializable:
    """Base of the families whose members can be named in a configuration.

    A class defined in lamella registers itself under its family's public module; a class of the user does so by
    `register_keras_serializable`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parts = cls.__module__.split(".")
        if parts[0] == "lamella" and not cls.__name__.startswith("_"):
            _BUILTIN[(_public_module(cls), _public_name(cls))] = cls

    def get_config(self) -> dict:
        """The arguments that make the object again, as plain values."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The object of a configuration that `get_config` returned."""
        return cls(**config)


# Classes that are public under another name than their own.
_PUBLIC_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}


def _public_name(cls: type) -> str:
    return _PUBLIC_NAMES.get(cls.__name__, cls.__name__)


def _public_module(cls: type) -> str:
    if cls.__name__ in _ROOT_CLASSES:
        return _ROOT_CLASSES[cls.__name__]
    parts = cls.__module__.split(".")
    if "schedules" in cls.__module__:
        return "keras.optimizers.schedules"
    return f"keras.{parts[1]}"


# ---- the user's registry -----------------------------------------------------------------------------


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """A decorator that lets configurations name a class or function.

    Args:
        package: the namespace it is registered in.
        name: defaults to the object's own name.

    Returns:
        A decorator, which returns the object unchanged.

    Raises:
        ArgumentError: when a class has no `get_config`.
    """

    def decorator(thing: Any) -> Any:
        registered = f"{package}>{name or thing.__name__}"
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ArgumentError(
                f"Cannot register the class {thing.__name__}: it has no `get_config()` method. Add one that returns "
                "the arguments of its constructor."
            )
        _REGISTERED[registered] = thing
        _REGISTERED_NAMES[thing] = registered
        return thing

    return decorator


def get_registered_name(obj: Any) -> str:
    """The name that a class or function was registered under, or its own name."""
    return _REGISTERED_NAMES.get(obj) or obj.__name__


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None) -> Any:
    """The class or function registered as `name`, or None."""
    for table in (_scope.get(), _REGISTERED, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The dictionary of what the user registered, by registered name; it may be changed."""
    return _REGISTERED


class CustomObjectScope:
    """Configurations read inside the block may name the given objects.

    Args:
        custom_objects: names and the classes or functions they stand for.
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> "CustomObjectScope":
        self._token = _scope.set({**_scope.get(), **self.custom_objects})
        return self

    def __exit__(self, *exc: object) -> None:
        _scope.reset(self._token)


# ---- writing -----------------------------------------------------------------------------------------


def serialize_keras_object(obj: Any) -> Any:
    """`obj` as values that JSON can hold: scalars, lists, dicts.

    Args:
        obj: None, a scalar, a nested structure, a NumPy array, a function, or an object with `get_config`.

    Returns:
        Objects become `{"module", "class_name", "config", "registered_name"}` (and `"build_config"` for layers).

    Raises:
        SerializationError: for an object without `get_config`.
    """
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, (list, types.GeneratorType)) and not hasattr(obj, "get_config"):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_keras_object(item) for item in obj)
    if isinstance(obj, dict) and not hasattr(obj, "get_config"):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {
            "class_name": "__slice__",
            "config": {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")},
        }
    if type(obj) is type(Ellipsis):
        return {"class_name": "__ellipsis__", "config": {}}
    special = _serialize_array_like(obj)
    if special is not None:
        return special
    if isinstance(obj, types.FunctionType) and obj.__name__ == "<lambda>":
        warnings.warn(
            f"The configuration will hold the code of the lambda {obj!r}, which only this version of Python runs and "
            "which loading refuses unless told `safe_mode=False`. Define a named function instead and decorate it with "
            "@register_keras_serializable().",
            stacklevel=2,
        )
        return encode_lambda(obj)
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return _serialize_function(obj)
    if isinstance(obj, type):
        return _serialize_type(obj)
    if not hasattr(obj, "get_config"):
        if callable(obj) and isinstance(getattr(obj, "__name__", None), str):  # such as jax.nn.relu: no plain function
            return _serialize_function(obj)
        raise SerializationError(
            f"Cannot turn {obj!r} of type {type(obj).__name__} into a configuration: it has no `get_config()` method."
        )
    with _shared_objects() as shared:
        return _serialize_object(obj, shared)


def _serialize_object(obj: Any, shared: dict[int, tuple]) -> dict:
    module, class_name, registered_name = _class_names(type(obj))
    out: dict[str, Any] = {
        "module": module,
        "class_name": class_name,
        "config": _serialize_config(obj),
        "registered_name": registered_name,
    }
    if getattr(obj, "_tracked_as", None) == "layers":  # one that stands in several places must stay one
        first, number, _ = shared.setdefault(id(obj), (out, len(shared) + 1, obj))  # kept, so that no other has its id
        if first is not out:
            first["shared_object_id"] = out["shared_object_id"] = number
    build = getattr(obj, "get_build_config", None)
    if build is not None and (build_config := build()) is not None:
        out["build_config"] = serialize_dict(build_config)
    compiled = getattr(obj, "get_compile_config", None)
    if compiled is not None and (compile_config := compiled()) is not None:
        out["compile_config"] = serialize_dict(compile_config)
    return out


# id -> (its configuration, its number, the layer), for the layers that the configuration being written has met.
_written: contextvars.ContextVar[dict[int, tuple] | None] = contextvars.ContextVar("written", default=None)


@contextlib.contextmanager
def _shared_objects() -> Iterator[dict[int, tuple]]:
    around = _written.get()
    if around is not None:
        yield around
        return
    table: dict[int, tuple] = {}
    token = _written.set(table)
    try:
        yield table
    finally:
        _written.reset(token)


def serialize_dict(config: dict) -> dict:
    """`serialize_keras_object` of every value."""
    return {key: serialize_keras_object(value) for key, value in config.items()}


def _serialize_config(obj: Any) -> dict:
    config = obj.get_config()
    if not isinstance(config, dict):
        raise SerializationError(
            f"The `get_config()` method of {type(obj).__name__} must return a dict; it returned {config!r}."
        )
    return serialize_dict(config)


def _class_names(cls: type) -> tuple[str | None, str, str | None]:
    """(module, class_name, registered_name) by which a configuration names `cls`."""
    cls = vars(cls).get("_twin_of", cls)
    module = _public_module(cls) if cls.__module__.startswith("lamella.") else None
    name = _public_name(cls)
    if module is not None and _BUILTIN.get((module, name)) is cls:
        return module, name, name if module.startswith("keras.src.") else None
    where = None if cls.__module__ == "__main__" else cls.__module__  # the next program has another main
    return where, cls.__name__, get_registered_name(cls)


def _serialize_type(cls: type) -> dict:
    if cls in (bool, int, float, str, complex, list, tuple, dict):
        return {
            "module": "builtins",
            "class_name": "type",
            "config": cls.__name__,
            "registered_name": "type",
        }
    module, class_name, registered_name = _class_names(cls)
    return {"module": module, "class_name": "type", "config": class_name, "registered_name": registered_name}


# Where Keras looks for a function that a configuration calls one of its "builtins".
_FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints")


def _serialize_function(fn: Any) -> dict:
    parts = (fn.__module__ or "").split(".")
    elsewhere = parts[0] == "lamella" and parts[1] not in _FUNCTIONS
    return {
        "module": f"keras.{parts[1]}" if elsewhere else "builtins",
        "class_name": "function",
        "config": get_registered_name(fn),
        "registered_name": "function",
    }


def _serialize_array_like(obj: Any) -> Any:
    from lamella.backend import _dtypes, _registry
    from lamella.core._keras_tensor import KerasTensor

    if isinstance(obj, KerasTensor):
        history = getattr(obj, "_keras_history", None)
        if history:
            history = [history.operation.name, history.node_index, history.tensor_index]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": obj.shape, "dtype": obj.dtype, "keras_history": history},
        }
    kind = type(obj).__module__.partition(".")[0]
    if _registry.owner(obj) is not None and hasattr(obj, "shape"):
        array = _registry.to_numpy(obj)
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": str(array.dtype)}}
    if kind in ("numpy", "ml_dtypes"):
        import numpy as np

        if isinstance(obj, np.ndarray) and obj.ndim == 0:
            return obj.item()
        if isinstance(obj, np.ndarray):
            return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": str(obj.dtype)}}
        if isinstance(obj, np.generic):
            return obj.item()
        if isinstance(obj, np.dtype):
            return _dtypes.standardize_dtype(obj)
    if isinstance(obj, type) and (obj.__module__.partition(".")[0] in ("numpy", "ml_dtypes") or kind == "jax"):
        return _dtypes.standardize_dtype(obj)  # np.float32, jnp.bfloat16
    if kind in ("jax", "torch", "tensorflow") and type(obj).__name__ in ("dtype", "DType"):
        return _dtypes.standardize_dtype(obj)
    if type(obj).__name__ == "TensorShape":
        sizes: Any = obj
        return [None if size is None else int(size) for size in sizes]
    return None


# ---- reading -----------------------------------------------------------------------------------------

_BUILTIN_TYPES = {t.__name__: t for t in (bool, int, float, str, complex, list, tuple, dict)}


def deserialize_keras_object(
    config: Any, custom_objects: dict | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object of a configuration that `serialize_keras_object` made.

    Args:
        config: a configuration, or any structure of plain values, which is returned as it is.
        custom_objects: names that the configuration may use, and the classes or functions they stand for.
        safe_mode: refuse configurations that carry code.

    Raises:
        SerializationError: when it names a class that is not in the registry, or carries code in safe mode.
    """
    module_objects = kwargs.pop("module_objects", None)
    with contextlib.ExitStack() as stack:
        if custom_objects:
            stack.enter_context(CustomObjectScope(custom_objects))
        if _reading.get() is None:
            stack.enter_context(reading(safe_mode))
        return _deserialize(config, module_objects)


def deserialize_object(config: Any, custom_objects: dict | None = None) -> Any:
    """`deserialize_keras_object` for a family of objects; one of them, already made, comes back as it is.

    Raises:
        SerializationError: for what `deserialize_keras_object` refuses.
        ArgumentError: for a dictionary that names no class.
    """
    if callable(config) or isinstance(config, Serializable):
        return config
    if isinstance(config, dict) and "class_name" not in config:
        raise ArgumentError(f"Expected a configuration with a `class_name`; got {config!r}.")
    return deserialize_keras_object(config, custom_objects=custom_objects)


class _Reading:
    """One reading of a configuration, from the outermost call on.

    Attributes:
        safe_mode: whether it may not carry code; the outermost call decides.
        families: where classes are looked for whose module is not named.
        shared: the layers read so far that stand in several places.
    """

    def __init__(self, safe_mode: bool):
        self.safe_mode = safe_mode
        self.families: tuple[str, ...] = ()
        self.shared: dict[tuple, Any] = {}


_reading: contextvars.ContextVar[_Reading | None] = contextvars.ContextVar("reading", default=None)


@contextlib.contextmanager
def reading(safe_mode: bool) -> Iterator[None]:
    """Inside it configurations are read in this mode, whatever is said around it or within it."""
    token = _reading.set(_Reading(bool(safe_mode)))
    try:
        yield
    finally:
        _reading.reset(token)


@contextlib.contextmanager
def classes_of(*families: str) -> Iterator[None]:
    """Inside it a configuration of the old kind, which names no module, names a class of these families."""
    around = _reading.get()
    if around is None:
        raise AssertionError("there is no reading")
    before, around.families = around.families, families
    try:
        yield
    finally:
        around.families = before


def in_safe_mode() -> bool:
    """Whether the configuration being read here may not carry code."""
    around = _reading.get()
    return around is None or around.safe_mode


def _deserialize(config: Any, module_objects: dict | None = None) -> Any:
    if config is None or isinstance(config, (bool, int, float)):
        return config
    if isinstance(config, str):
        found = get_registered_object(config, module_objects=module_objects)
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return type(config)(_deserialize(item) for item in config)
    if not isinstance(config, dict):
        raise SerializationError(f"Expected a configuration (a dict); got {config!r} of type {type(config).__name__}.")
    if "class_name" not in config or ("config" not in config and config["class_name"] != "__tuple__"):
        return {key: _deserialize(value) for key, value in config.items()}

    class_name, inner = config["class_name"], config.get("config") or {}
    if class_name in _PLAIN:
        try:
            return _PLAIN[class_name](config)
        except SerializationError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise SerializationError(
                f"This is no configuration of a {class_name!r}: {config!r} ({error!r})."
            ) from error
    if not isinstance(inner, dict) and class_name not in ("function", "type"):
        raise SerializationError(f"The `config` of {class_name!r} must be a dict; got {inner!r} in {config!r}.")
    if class_name == "function":
        return _find_function(config)
    if class_name == "type":
        if config.get("module") == "builtins" and config["config"] in _BUILTIN_TYPES:
            return _BUILTIN_TYPES[config["config"]]
        return _find_class(config.get("module"), config["config"], config.get("registered_name"))
    if config.get("module") == "builtins" and class_name in _BUILTIN_TYPES:
        return _BUILTIN_TYPES[class_name]

    op = op_of_class(config.get("module"), class_name, inner)
    if op is not None:
        return _op_call(op, inner)
    cls = _find_class(config.get("module"), class_name, config.get("registered_name"), module_objects)
    if isinstance(cls, types.FunctionType):
        return cls
    if not hasattr(cls, "from_config"):
        raise SerializationError(f"Cannot make a {class_name} from a configuration: it has no `from_config()` method.")
    key = (config.get("shared_object_id"), class_name, inner.get("name"))
    shared = around.shared if (around := _reading.get()) is not None else {}
    if key[0] is not None and key in shared:
        return shared[key]
    obj = _from_config(cls, inner)
    build_config = config.get("build_config")
    if build_config and hasattr(obj, "build_from_config") and not getattr(obj, "built", False):
        obj.build_from_config(_deserialize(build_config))
    compile_config = config.get("compile_config")
    if compile_config and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(compile_config)
    if key[0] is not None and getattr(obj, "_tracked_as", None) == "layers":
        shared[key] = obj
    return obj


def _op_call(op: str, inner: dict) -> Any:
    options = {key: _deserialize(value) for key, value in inner.items() if key != "name"}
    return _find_class("lamella", "OpCall", None).from_config({"name": inner.get("name"), "op": op, "options": options})


def _from_config(cls: Any, inner: dict) -> Any:
    try:
        return cls.from_config(inner)
    except SerializationError:
        raise
    except TypeError as error:
        if "from_config" in str(error) or "__init__" in str(error):
            raise SerializationError(
                f"{cls.__name__} could not be made from its configuration {inner!r}: {error}. "
                "A class with arguments of its own needs a `get_config()` that returns them all."
            ) from error
        raise


def _lambda(config: dict) -> Any:
    if in_safe_mode():
        raise SerializationError(
            "The configuration carries a Python lambda, that is, code that loading would run. If you trust whoever wrote "
            "it, pass `safe_mode=False` to this call of the loading function; or give a named function in "
            "`custom_objects`."
        )
    inner = {key: _deserialize(value) for key, value in config["config"].items()}
    if isinstance(inner.get("value"), (list, tuple)):  # as files of earlier versions have it
        inner = dict(zip(("code", "defaults", "closure"), inner["value"]))
    return decode_lambda(inner, _scope.get())


def _array(config: dict) -> Any:
    import numpy as np

    from lamella.backend import _registry
    from lamella.backend._numpy_arrays import numpy_dtype

    inner = config["config"]
    value = np.array(inner["value"], dtype=numpy_dtype(inner["dtype"]))
    return value if config["class_name"] == "__numpy__" else _registry.active().asarray(value)


def _keras_tensor(config: dict) -> Any:
    from lamella.core._keras_tensor import KerasTensor

    inner = config["config"]
    return KerasTensor(shape=inner["shape"], dtype=inner["dtype"])


_PLAIN: dict[str, Callable[[dict], Any]] = {
    "__tuple__": lambda c: tuple(_deserialize(item) for item in c["items"]),
    "__bytes__": lambda c: c["config"]["value"].encode("utf-8"),
    "__ellipsis__": lambda c: Ellipsis,
    "__slice__": lambda c: slice(*(_deserialize(c["config"][k]) for k in ("start", "stop", "step"))),
    "__typespec__": lambda c: _BUILTIN_TYPES[c["config"]],
    "__lambda__": _lambda,
    "__numpy__": _array,
    "__tensor__": _array,
    "__keras_tensor__": _keras_tensor,
}


def builtin_classes(module: str) -> dict[str, type]:
    """The classes of lamella whose public module is `module`, such as "keras.layers", by name."""
    if module in _FAMILIES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(_FAMILIES[module])
    return {name: cls for (where, name), cls in _BUILTIN.items() if where == module}


def _find_class(module: Any, name: Any, registered_name: Any, module_objects: dict | None = None) -> Any:
    for key in (registered_name, name):
        if isinstance(key, str) and (found := get_registered_object(key, module_objects=module_objects)) is not None:
            return found
    for family in _families_of(module):
        if name in (classes := builtin_classes(family)):
            _check_not_registered(name, registered_name)
            return classes[name]
    where = sorted(m for m, n in _BUILTIN if n == name)
    known = {n for _, n in _BUILTIN} | {k.rpartition(">")[2] for k in _REGISTERED}
    near = nearest_names(str(name), known)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    if where:
        hint = f" There is one in {' and '.join(where)}: give that as its `module`."
    raise SerializationError(
        f"Could not find the class {name!r} (module {module!r}, registered name {registered_name!r}).{hint} A class of "
        "your own must be registered with @register_keras_serializable() before it is loaded, or be passed in "
        "`custom_objects`."
    )


def _families_of(module: Any) -> Sequence[str]:
    """Where to look for a builtin class of a configuration with this `module`."""
    if isinstance(module, str) and module.startswith(("keras", "lamella")):
        return _family(module), "keras", "keras.layers", "keras.src.models.functional"
    around = _reading.get()
    return () if module is not None or around is None else around.families


def _check_not_registered(name: str, registered_name: Any, *also: str) -> None:
    """Refuse a builtin class or function in the place of a registered one."""
    if registered_name not in (None, "", name, *also):
        raise SerializationError(
            f"{name!r} is a class or function of lamella itself, and these are not registered; the configuration names it "
            f"{registered_name!r}. Register that one before loading, or take `registered_name` out of the configuration."
        )


def what_it_needs(config: Any, where: str = "the configuration") -> Iterator[str]:
    """What reading a configuration needs beyond lamella, in words: code that it carries, classes and functions that are not
    known here. Nothing is made."""
    if isinstance(config, (list, tuple)):
        for item in config:
            yield from what_it_needs(item, where)
    if not isinstance(config, dict):
        return
    class_name, inner = config.get("class_name"), config.get("config")
    if isinstance(inner, dict) and isinstance(inner.get("name"), str):
        where = repr(inner["name"])
    if class_name == "__lambda__" or (class_name == "Lambda" and isinstance(inner, dict) and _is_code(inner)):
        yield f"code: a Python lambda in {where}"
    elif isinstance(class_name, str) and "config" in config and class_name not in _PLAIN:
        try:
            if class_name in ("function", "type"):
                _find_function(config) if class_name == "function" else _deserialize(config)
            elif config.get("module") != "builtins" and op_of_class(config.get("module"), class_name, inner) is None:
                _find_class(config.get("module"), class_name, config.get("registered_name"))
        except SerializationError:
            kind = "class" if class_name != "function" else "function"
            name = inner if class_name in ("function", "type") else config.get("registered_name") or class_name
            yield f"{kind}: {name!r} of module {config.get('module')!r}, in {where}"
    for value in config.values():
        yield from what_it_needs(value, where)


def _is_code(config: dict) -> bool:
    return config.get("function_type") == "lambda" or isinstance(config.get("function"), list)


def _family(module: str) -> str:
    if module in _FAMILIES:
        return module
    parts = module.replace("keras.src.", "keras.").split(".")  # the private paths that some Keras files contain
    if "schedules" in module:
        return "keras.optimizers.schedules"
    return ".".join(parts[:2])


def _functions_called(name: Any) -> list:
    """The registered functions of this name, of whatever package: files of Keras 3.6 say no package."""
    return [
        fn for key, fn in _REGISTERED.items() if key.rpartition(">")[2] == name and isinstance(fn, types.FunctionType)
    ]


def _find_function(config: dict) -> Any:
    name, module = config["config"], config.get("module")
    for key in (config.get("registered_name"), name):
        if isinstance(key, str) and key != "function" and (found := get_registered_object(key)) is not None:
            return found
    if (module, config.get("registered_name")) == ("builtins", "function") and len(fns := _functions_called(name)) == 1:
        return fns[0]
    if isinstance(name, str):
        for family in _FUNCTIONS:
            if module in (None, "builtins", f"keras.{family}"):
                facade = importlib.import_module(f"lamella.{family}")
                found = getattr(facade, name, None) if name in facade.__all__ else None
                if isinstance(found, types.FunctionType):
                    _check_not_registered(name, config.get("registered_name"), "function")
                    return found
        if module in (None, "builtins", "keras.ops"):
            importlib.import_module("lamella.ops")
            if name in OPERATORS:
                _check_not_registered(name, config.get("registered_name"), "function")
                return OPERATORS[name]
    raise SerializationError(
        f"Could not find the function {name!r} (module {module!r}). A function of your own must be registered with "
        "@register_keras_serializable() before it is loaded, or be passed in `custom_objects`."
    )
