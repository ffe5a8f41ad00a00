"""Which dtype a layer stores its variables in, and which it computes in.

Micikevicius et al. (2018), "Mixed Precision Training", arXiv:1710.03740: half-precision arithmetic, float32 weights.
"""

from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, DTypeError

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy(Serializable):
    """The dtype of a layer's variables and the dtype of its computation.

    Args:
        name: a dtype name for both ("float32", "bfloat16", "float16", "float64", ...), or "mixed_float16" or
            "mixed_bfloat16" for float32 variables and half-precision computation. None means the global policy's name.

    Raises:
        ArgumentError: for any other name.
        DTypeError: for something that is no string.
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise DTypeError(f"The `name` of a DTypePolicy must be a string such as 'mixed_bfloat16'; got {name!r}.")
        self._name = name
        if name in _MIXED:
            self._compute_dtype, self._variable_dtype = _MIXED[name], "float32"
        else:
            try:
                self._compute_dtype = self._variable_dtype = _dtypes.standardize_dtype(name)
            except ArgumentError:
                raise ArgumentError(
                    f"Cannot convert {name!r} to a mixed precision DTypePolicy. Use 'mixed_float16', "
                    "'mixed_bfloat16', or the name of a dtype such as 'float32'."
                ) from None
        if self._variable_dtype == "float64":
            _registry.active().enable_float64()

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    @property
    def variable_dtype(self) -> str:
        """The dtype variables are stored in."""
        return self._variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype computation runs in; inputs are cast to it."""
        return self._compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The quantization mode, or None."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """`x` as a tensor, cast to `dtype` where it is floating and `autocast` holds.

        NumPy arrays and Python numbers become tensors of the active backend; other objects pass through.
        """
        from lamella.core._keras_tensor import KerasTensor
        from lamella.core._operators import operator
        from lamella.core._variable import Variable

        dtype = _dtypes.standardize_dtype(dtype)
        if isinstance(x, KerasTensor):
            if autocast and _dtypes.is_float_dtype(x.dtype) and x.dtype != dtype:
                return operator("cast")(x, dtype)
            return x
        if isinstance(x, Variable) or _registry.owner(x) is not None:
            adapter = _registry.get(_registry.owner(x) or _registry.backend())
            if isinstance(x, Variable):
                x = x.value
            if autocast and _dtypes.is_float_dtype(have := adapter.dtype(x)) and have != dtype:
                return adapter.asarray(x, dtype)
            return x
        if hasattr(x, "__array__"):
            kind = getattr(getattr(x, "dtype", None), "kind", None)
            if kind in ("U", "S", "O", "T"):
                return x
            adapter = _registry.active()
            have = _dtypes.standardize_dtype(getattr(x, "dtype", None))
            if autocast and _dtypes.is_float_dtype(have):
                return adapter.asarray(x, dtype)
            return adapter.asarray(x)
        return x

    def get_config(self) -> dict:
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        kinds = [DTypePolicy if type(p) is FloatDTypePolicy else type(p) for p in (self, other)]
        return kinds[0] is kinds[1] and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name of `DTypePolicy`, to which it is equal, kept for what was written with it."""


_global: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The policy that layers take when they are given none."""
    return _global if _global is not None else DTypePolicy(_dtypes.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy that layers take when they are given none.

    Args:
        policy: a `DTypePolicy`, or the name of one.

    Raises:
        ArgumentError: for anything else.
    """
    global _global
    if not isinstance(policy, DTypePolicy):
        if not isinstance(policy, str):
            raise ArgumentError(
                f"Invalid `policy` argument. Expected a name such as 'mixed_bfloat16' or a DTypePolicy; got {policy!r}."
            )
        policy = get(policy)
    _global = policy


def get(identifier: Any) -> DTypePolicy:
    """The policy that `identifier` names: None, a name, a dtype, a configuration, or a policy.

    Raises:
        ArgumentError: when it is none of these.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        found = deserialize({"config": {}, **identifier} if "class_name" in identifier else identifier)
        if not isinstance(found, DTypePolicy):
            raise ArgumentError(f"The configuration {identifier!r} does not describe a dtype policy.")
        return found
    if isinstance(identifier, str):
        if identifier.startswith(("int8", "int4", "float8", "gptq", "awq")):
            from lamella.core._quantized_policy import policy_of_name

            return policy_of_name(identifier)
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(_dtypes.standardize_dtype(identifier))
    except ArgumentError:
        raise ArgumentError(
            f"Cannot interpret {identifier!r} as a dtype policy. Expected a name, a dtype, or a DTypePolicy."
        ) from None


def serialize(dtype_policy: DTypePolicy) -> dict:
    """The configuration of a policy, from which `deserialize` makes it again."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: dict | None = None) -> DTypePolicy:
    """The policy of a configuration made by `serialize`."""
    from lamella.core import _quantized_policy

    classes: dict[str, Any] = {cls.__name__: cls for cls in (DTypePolicy, FloatDTypePolicy)}
    classes |= {name: getattr(_quantized_policy, name) for name in _quantized_policy.__all__ if name[0].isupper()}
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=classes)
