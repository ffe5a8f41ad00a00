"""How a model is to be quantized: which bits, in which groups, with which data."""

from typing import Any

from lamella.core._serialization import Serializable
from lamella.errors import ArgumentError
from lamella.quantizers._names import deserialize, serialize
from lamella.quantizers._quantizers import AbsMaxQuantizer

__all__ = [
    "AWQConfig",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
]


class QuantizationConfig(Serializable):
    """Base of the configurations. One of your own defines the property `mode`.

    Args:
        weight_quantizer: for the weights, or None.
        activation_quantizer: for the activations, or None.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None):
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The name of the way to quantize."""
        raise NotImplementedError(
            "Subclasses must implement this property. Do not instantiate QuantizationConfig directly."
        )

    def get_config(self) -> dict:
        quantizers = {"weight_quantizer": self.weight_quantizer, "activation_quantizer": self.activation_quantizer}
        return {name: None if quantizer is None else serialize(quantizer) for name, quantizer in quantizers.items()}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The configuration that `get_config` wrote."""
        names = ("weight_quantizer", "activation_quantizer")
        return cls(**{k: deserialize(v) if k in names and isinstance(v, dict) else v for k, v in config.items()})

    @staticmethod
    def weight_quantizer_or_default(config: Any, default: Any) -> Any:
        """The quantizer for the weights that `config` has, or `default`."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config: Any, default: Any) -> Any:
        """The quantizer for the activations of `config`, which may be None; without a configuration `default`."""
        return default if config is None else config.activation_quantizer

    def _check_dtype(self) -> None:
        for which, quantizer in (("weight", self.weight_quantizer), ("activation", self.activation_quantizer)):
            if quantizer is not None and (got := getattr(quantizer, "output_dtype", None)) != "int8":
                raise ArgumentError(
                    f"{type(self).__name__} requires a {which}_quantizer with output_dtype='int8'. Received: output_dtype={got}"
                )


class Int8QuantizationConfig(QuantizationConfig):
    """Weights and activations in eight bits.

    Args:
        weight_quantizer: for the weights; None for the layer's own.
        activation_quantizer: for the activations: "default" for `AbsMaxQuantizer` along the last axis, None for none.

    Raises:
        ArgumentError: for a quantizer with another dtype than int8.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default"):
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)
        self._check_dtype()

    @property
    def mode(self) -> str:
        """ "int8"."""
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in four bits.

    Args:
        weight_quantizer: for the weights; None for the layer's own.
        activation_quantizer: for the activations: "default" for `AbsMaxQuantizer` along the last axis where all inputs
            share a scale, and none otherwise.
        block_size: how many weights along the inputs share a scale; None or -1 for all.

    Raises:
        ArgumentError: for another block size, or quantizers together with blocks.
    """

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ):
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ArgumentError(
                f"block_size must be None, -1, or a positive integer. Received: block_size={block_size}"
            )
        blocks = block_size is not None and block_size > 0
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = None if blocks else AbsMaxQuantizer()
        if blocks and (weight_quantizer is not None or activation_quantizer is not None):
            raise ArgumentError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom quantizers. Either set block_size "
                "to None or -1 for per-channel quantization, or leave the quantizers out."
            )
        super().__init__(weight_quantizer, activation_quantizer)
        self.block_size = block_size
        self._check_dtype()

    @property
    def mode(self) -> str:
        """ "int4"."""
        return "int4"

    def get_config(self) -> dict:
        return {**super().get_config(), "block_size": self.block_size}


class Float8QuantizationConfig(QuantizationConfig):
    """Training with products in float8. It has no quantizers."""

    def __init__(self) -> None:
        super().__init__(None, None)

    @property
    def mode(self) -> str:
        """ "float8"."""
        return "float8"

    def get_config(self) -> dict:
        return {}


class _Calibrated(QuantizationConfig):
    """A configuration of a method that looks at data."""

    _arguments: tuple[str, ...] = ()
    _bits: tuple[int, ...] = ()

    def _store(self, dataset: Any, tokenizer: Any, **arguments: Any) -> None:
        super().__init__(None, None)
        if arguments["weight_bits"] not in self._bits:
            raise ArgumentError(
                f"Unsupported weight_bits={arguments['weight_bits']} for {type(self).__name__}. Supported values are "
                f"{', '.join(map(str, self._bits))}."
            )
        for name in ("num_samples", "sequence_length", "num_grid_points"):
            if arguments.get(name, 1) <= 0:
                raise ArgumentError(f"{name} must be a positive integer. Received: {name}={arguments[name]}")
        group_size = arguments["group_size"]
        if group_size != -1 and group_size <= 0:
            raise ArgumentError(
                f"Invalid group_size. Supported values are -1 (for all) or a positive integer, but got {group_size}."
            )
        self.dataset, self.tokenizer = dataset, tokenizer
        self._arguments = tuple(arguments)
        vars(self).update(arguments)

    def get_config(self) -> dict:
        """The arguments; the data and the tokenizer are left out."""
        return {"dataset": None, "tokenizer": None, **{name: getattr(self, name) for name in self._arguments}}

    def dtype_policy_string(self) -> str:
        """The mode of the dtype policy: `mode/weight_bits/group_size`."""
        arguments = vars(self)
        return f"{self.mode}/{arguments['weight_bits']}/{arguments['group_size']}"


class GPTQConfig(_Calibrated):
    """Weights quantized one after the other, each error made up for by the weights that follow.

    Frantar, Ashkboos, Hoefler and Alistarh (2022), "GPTQ", arXiv:2210.17323.

    Args:
        dataset: texts or token numbers that show what the model reads.
        tokenizer: turns texts into token numbers.
        weight_bits: 2, 3, 4 or 8.
        num_samples: how many examples to look at.
        per_channel: whether each output has its scale.
        sequence_length: tokens of an example.
        hessian_damping: what is added to the diagonal of the Hessian, as a share of its mean, in [0, 1].
        group_size: how many weights share a scale; -1 for all.
        symmetric: whether the range is symmetric about 0.
        activation_order: whether the weights of the largest activations come first.
        quantization_layer_structure: which layers come before the blocks, and which are blocks.

    Raises:
        ArgumentError: for a value out of its range.
    """

    _bits = (2, 3, 4, 8)

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: dict | None = None,
    ):
        if not 0 <= hessian_damping <= 1:
            raise ArgumentError(f"hessian_damping must be between 0 and 1. Received: hessian_damping={hessian_damping}")
        self._store(
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            per_channel=per_channel,
            sequence_length=sequence_length,
            hessian_damping=hessian_damping,
            group_size=group_size,
            symmetric=symmetric,
            activation_order=activation_order,
            quantization_layer_structure=quantization_layer_structure,
        )

    @property
    def mode(self) -> str:
        """ "gptq"."""
        return "gptq"


class AWQConfig(_Calibrated):
    """Weights of four bits, scaled before so that those of large activations lose least.

    Lin et al. (2023), "AWQ", arXiv:2306.00978.

    Args:
        dataset: texts or token numbers that show what the model reads.
        tokenizer: turns texts into token numbers.
        weight_bits: 4.
        num_samples: how many examples to look at.
        sequence_length: tokens of an example.
        group_size: how many weights share a scale; -1 for all.
        num_grid_points: how many strengths of scaling are tried.
        quantization_layer_structure: which layers come before the blocks, and which are blocks.

    Raises:
        ArgumentError: for a value out of its range.
    """

    _bits = (4,)

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: dict | None = None,
    ):
        self._store(
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            num_grid_points=num_grid_points,
            quantization_layer_structure=quantization_layer_structure,
        )

    @property
    def mode(self) -> str:
        """ "awq"."""
        return "awq"
