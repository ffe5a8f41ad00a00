"""Dtype policies of quantized layers, and policies by the paths of layers."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from lamella.core import _policy
from lamella.core._policy import DTypePolicy
from lamella.errors import ArgumentError, DTypeError

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicyMap",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "policy_of_name",
]

QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer whose weights are quantized.

    Args:
        mode: "int8", "float8", "int4", "gptq" or "awq".
        source_name: the name of the policy before quantization; None for the global one.

    Raises:
        ArgumentError: for another mode, or int8 with computation in float16, whose range is too small.
    """

    def __init__(self, mode: str, source_name: str | None = None):
        source = DTypePolicy(source_name)
        self._quantization_mode = self._checked_mode(mode)
        self._mode = mode
        if (
            self._quantization_mode == "int8"
            and source.compute_dtype == "float16"
            and type(self) is QuantizedDTypePolicy
        ):
            raise ArgumentError(
                f"Quantization mode={mode!r} doesn't work well with compute_dtype='float16'. Use 'bfloat16'."
            )
        self._source_name = source.name
        self._name = f"{mode}_from_{source.name}"
        self._compute_dtype, self._variable_dtype = source.compute_dtype, source.variable_dtype

    def _checked_mode(self, mode: Any) -> str:
        if mode not in QUANTIZATION_MODES:
            raise ArgumentError(
                f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: mode={mode}"
            )
        return mode

    @property
    def quantization_mode(self) -> str:
        """How the weights are quantized."""
        return self._quantization_mode

    def get_config(self) -> dict:
        return {"mode": self._mode, "source_name": self._source_name}

    def __hash__(self) -> int:
        return hash((type(self), self._name))

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self._name}">'


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that multiplies in float8, and scales by the largest values that it has seen.

    Args:
        mode: "float8".
        source_name: the name of the policy before quantization; None for the global one.
        amax_history_length: how many steps back the largest values are remembered.

    Raises:
        DTypeError: for a length that is no integer.
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise DTypeError(
                f"`amax_history_length` must be an integer. Received: amax_history_length={amax_history_length}"
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """How many steps back the largest values are remembered."""
        return self._amax_history_length

    def get_config(self) -> dict:
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


class _Parameterized(QuantizedDTypePolicy):
    """A policy whose mode carries integers after slashes: `family/first/...`, named in `_parts`."""

    _family = ""
    _parts: tuple[str, ...] = ()

    def _checked_mode(self, mode: Any) -> str:
        form = "/".join([self._family, *(f"<{part}>" for part in self._parts)])
        family, *values = str(mode).split("/")
        numbers = [int(v) for v in values if re.fullmatch(r"[+-]?\d+", v)]
        if family != self._family or len(values) != len(self._parts) or len(numbers) != len(values):
            raise ArgumentError(
                f"Invalid mode for {type(self).__name__}. Expected format '{form}' with integers, but got {mode!r}."
            )
        self._check(dict(zip(self._parts, numbers)), mode)
        for part, number in zip(self._parts, numbers):
            setattr(self, part, number)
        return family

    def _check(self, values: dict[str, int], mode: str) -> None:
        for part in ("block_size", "group_size"):
            if part in values and values[part] != -1 and values[part] <= 0:
                raise ArgumentError(
                    f"Invalid {part} in mode. Supported values are -1 (for all together) or a positive integer, but got "
                    f"{values[part]} from {mode!r}."
                )
        bits, known = values.get("weight_bits"), self._weight_bits
        if bits is not None and bits not in known:
            raise ArgumentError(
                f"Invalid weight_bits in mode. Supported values are {known}, but got {bits} from {mode!r}."
            )

    _weight_bits: tuple[int, ...] = ()


class Int4DTypePolicy(_Parameterized):
    """The policy of a layer with weights of four bits.

    Args:
        mode: "int4/<block_size>": how many weights share a scale along the inputs; -1 for all.
        source_name: the name of the policy before quantization; None for the global one.

    Raises:
        ArgumentError: for a mode of another form.
    """

    _family, _parts = "int4", ("block_size",)


class GPTQDTypePolicy(_Parameterized):
    """The policy of a layer that GPTQ quantized: Frantar et al. (2022), arXiv:2210.17323.

    Args:
        mode: "gptq/<weight_bits>/<group_size>": 2, 3, 4 or 8 bits; how many weights share a scale, -1 for all.
        source_name: the name of the policy before quantization; None for the global one.

    Raises:
        ArgumentError: for a mode of another form.
    """

    _family, _parts, _weight_bits = "gptq", ("weight_bits", "group_size"), (2, 3, 4, 8)


class AWQDTypePolicy(_Parameterized):
    """The policy of a layer that AWQ quantized: Lin et al. (2023), arXiv:2306.00978.

    Args:
        mode: "awq/<weight_bits>/<group_size>": 4 bits; how many weights share a scale, -1 for all.
        source_name: the name of the policy before quantization; None for the global one.

    Raises:
        ArgumentError: for a mode of another form.
    """

    _family, _parts, _weight_bits = "awq", ("weight_bits", "group_size"), (4,)


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers; a path that matches none has the default one.

    A key is a path, or a regular expression that has to match a whole path.

    Args:
        default_policy: the policy of all others, or its name; None for the global one.
        policy_map: a dictionary of policies by path.

    Raises:
        DTypeError: when `policy_map` is no dictionary.

    Example:
        >>> from lamella import dtype_policies
        >>> policies = dtype_policies.DTypePolicyMap(default_policy="float32")
        >>> policies["encoder/.*"] = "bfloat16"
        >>> policies["encoder/dense"].name, policies["decoder/dense"].name
        ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None):
        if policy_map is not None and not isinstance(policy_map, dict):
            raise DTypeError(
                f"If specified, `policy_map` must be a dict. Received: policy_map={policy_map} of type {type(policy_map)}"
            )
        self._given = default_policy
        self._default = None if default_policy is None else _policy.get(default_policy)
        self._policies: dict[str, DTypePolicy] = dict(policy_map or {})

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of all paths that match no key."""
        return self._default if self._default is not None else _policy.dtype_policy()

    @property
    def name(self) -> str:
        """That of the default policy, with `map_` before it."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """That of the default policy."""
        return self.default_policy.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Path {key!r} matches multiple dtype policy specification keys: {matching}. Please make sure each path "
                "matches at most one."
            )
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ArgumentError(
                f"{key} already exist in the DTypePolicyMap with value {self._policies[key]}. Please make sure to not use "
                "duplicated keys."
            )
        try:
            self._policies[key] = _policy.get(policy)
        except Exception as error:
            raise ArgumentError(
                "Cannot interpret the assigned value by `keras.dtype_policies.get`. Received: "
                f"{policy} of type {type(policy)}"
            ) from error

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict:
        policies = {path: _policy.serialize(policy) for path, policy in self._policies.items()}
        return {"default_policy": self._given, "policy_map": policies}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "DTypePolicyMap":
        """The map of a configuration that `get_config` returned."""
        policies = config.get("policy_map") or {}
        return cls(config.get("default_policy"), {path: _policy.get(policy) for path, policy in policies.items()})

    __hash__ = None  # type: ignore[assignment] # it changes

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other)
            and self._default == other._default  # type: ignore[attr-defined]
            and self._policies == other._policies  # type: ignore[attr-defined]
        )

    def __repr__(self) -> str:
        mapping = [(path, policy.name) for path, policy in self._policies.items()]
        return f"<DTypePolicyMap at {hex(id(self))} default_policy={self.default_policy.name}, mapping={mapping}>"


_BY_FORM = (
    ("float8", QuantizedFloat8DTypePolicy),
    ("int4/", Int4DTypePolicy),
    ("gptq/", GPTQDTypePolicy),
    ("awq/", AWQDTypePolicy),
    ("", QuantizedDTypePolicy),
)


def policy_of_name(name: str) -> QuantizedDTypePolicy:
    """The policy of a name such as `int8_from_float32`.

    Raises:
        ArgumentError: for a name of another form.
    """
    mode, _, source = name.partition("_from_")
    if not source:
        raise ArgumentError(
            "Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate `QuantizedDTypePolicy`. "
            f"Expected a name such as 'int8_from_float32'. Received: policy={name!r}"
        )
    return next(policy for start, policy in _BY_FORM if mode.startswith(start))(mode, source)
