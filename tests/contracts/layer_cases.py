"""The table of all layers: a row for each configuration that the contracts of `test_layers.py` run over.

To add a layer, add a row: its name, its arguments, and the shape `x` of one example (a list of shapes for a layer of
several inputs). Every contract then holds it to the Keras layer of the same name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One configuration of a layer.

    Attributes:
        name: of the layer in `keras.layers`.
        args, kwargs: of its constructor. A nested layer is written as a `Case` and made in each library.
        x: the shape of one example, or a list of shapes; the batch axis is added in front.
        call: further arguments of the call.
        integers: the input is integers in [0, integers).
        low, high: the range of floating inputs.
        masked: also run with a mask on the first input, True for about half of the steps (axis 1).
        unknown: axes of the input (counted with the batch) whose size may be unknown besides the batch.
        random: with training=True the output is random, so only its shape is compared.
        states: shapes of the states of one example, for a cell, which is called with a list of them.
        separate: several inputs are several arguments of the call, instead of one list.
        batch: the number of examples.
        gradients: whether to compare them.
        half: whether to compare the mixed-precision outputs.
        steps: loosens the tolerance by the number of dependent operations.
    """

    name: str
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    x: Any = (4,)
    call: dict = field(default_factory=dict)
    integers: int = 0
    low: float = -2.0
    high: float = 2.0
    masked: bool = False
    unknown: tuple = ()
    random: bool = False
    states: tuple = ()
    separate: bool = False
    batch: int = 6
    gradients: bool = True
    half: bool = True
    steps: int = 1

    @property
    def shapes(self) -> list[tuple]:
        """The shapes of the inputs, with the batch axis."""
        first = self.x if isinstance(self.x, list) else [self.x]
        return [(self.batch, *shape) for shape in (*first, *self.states)]

    def __str__(self) -> str:
        arguments = [*map(str, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())]
        call = "".join(f" {k}={v}" for k, v in self.call.items())
        return f"{self.name}({', '.join(arguments)}){call} {self.x}"

    __repr__ = __str__


_OF_CASE = {f for f in Case.__dataclass_fields__ if f not in ("name", "args", "kwargs")}


def case(name: str, /, *args: Any, **options: Any) -> Case:
    """A row: options that belong to `Case` are taken from the arguments of the layer."""
    own = {k: options.pop(k) for k in list(options) if k in _OF_CASE}
    return Case(name, args, options, **own)


WEIGHTS = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "bias_constraint": "max_norm",
}
SCALES = {
    "beta_initializer": "ones",
    "gamma_initializer": "he_normal",
    "beta_regularizer": "l2",
    "gamma_regularizer": "l1",
    "beta_constraint": "non_neg",
    "gamma_constraint": "max_norm",
}

CORE = [
    case("Dense", 3),
    case("Dense", 3, "relu", False, x=(5, 4), masked=True, unknown=(1,)),
    case("Dense", 1, activation="gelu", **WEIGHTS),
    case("Dense", 3, integers=5, half=False),
    case("Dense", 3, dtype="float16", trainable=False, name="d"),
    case("EinsumDense", "abc,cd->abd", (None, 3), bias_axes="d", x=(5, 4), unknown=(1,)),
    case("EinsumDense", "ab,bc->ac", 3, activation="tanh"),
    case("EinsumDense", "abc,cd->abd", (5, 3), bias_axes="bd", x=(5, 4)),
    case("EinsumDense", "abc,cde->abde", (None, 2, 3), bias_axes="de", x=(5, 4), unknown=(1,)),
    case("EinsumDense", "...x,xy->...y", 3, bias_axes="y", x=(5, 4), unknown=(1,)),
    case("EinsumDense", "ab...,bc->ac...", 3, bias_axes="c", x=(4, 5)),
    case(
        "EinsumDense",
        "ab,bc->ac",
        3,
        bias_axes="c",
        **{**WEIGHTS, "activity_regularizer": "l1"},
    ),
    case("Embedding", 7, 3, x=(5,), integers=7, unknown=(1,)),
    case("Embedding", 7, 3, mask_zero=True, x=(5,), integers=7, unknown=(1,)),
    case("Embedding", 7, 3, "ones", "l2", "non_neg", x=(5, 2), integers=7, activity_regularizer="l2"),
    case("ReversibleEmbedding", 7, 3, x=(5,), integers=7, mask_zero=True),
    case("ReversibleEmbedding", 7, 3, x=(5, 3), call={"reverse": True}),
    case(
        "ReversibleEmbedding",
        7,
        3,
        tie_weights=False,
        logit_soft_cap=2.0,
        reverse_dtype="float32",
        embeddings_initializer="he_normal",
        embeddings_regularizer="l2",
        embeddings_constraint="non_neg",
        x=(5, 3),
        call={"reverse": True},
    ),
    case("Identity", x=(3, 4), masked=True),
    case("Masking", x=(5, 2), integers=2),
    case("Masking", mask_value=1.0, x=(5, 2), integers=2, unknown=(1,)),
    case("Pipeline", [case("Dense", 3), case("ReLU")], x=(4,)),
]

ACTIVATIONS = [
    *(case("Activation", name, x=(3, 4)) for name in ("relu", "tanh", "softmax", "linear")),
    case("Activation", "selu", x=(3, 4), masked=True),
    case("ReLU", x=(3, 4), masked=True),
    case("ReLU", max_value=1.0, negative_slope=0.2, threshold=0.5),
    case("LeakyReLU", masked=True, x=(3, 4)),
    case("LeakyReLU", negative_slope=0.1),
    case("ELU", x=(3, 4), masked=True),
    case("ELU", alpha=0.5),
    case("PReLU", x=(3, 4)),
    case("PReLU", "ones", "l2", "non_neg", [1], x=(3, 4), masked=True),
    case("PReLU", shared_axes=(1, 2), x=(3, 3, 4), unknown=(1, 2)),
    case("Softmax", x=(3, 4)),
    case("Softmax", axis=1, x=(3, 4)),
    case("Softmax", axis=[1, 2], x=(3, 4)),
]

REGULARIZATION = [
    case("Dropout", 0.5, x=(3, 4), random=True, masked=True),
    case("Dropout", 0.0, x=(3, 4)),
    case("Dropout", 0.5, (None, 1, None), seed=3, x=(3, 4), random=True),
    case("SpatialDropout1D", 0.5, seed=1, x=(3, 4), random=True, masked=True),
    case("SpatialDropout2D", 0.5, seed=1, x=(3, 3, 4), random=True),
    case("SpatialDropout2D", 0.5, "channels_first", x=(4, 3, 3), random=True, name="s", dtype="float32"),
    case("SpatialDropout3D", 0.5, "channels_last", 2, x=(3, 3, 2, 4), random=True),
    case("GaussianDropout", 0.5, seed=1, random=True),
    case("GaussianNoise", 0.5, seed=1, random=True),
    case("AlphaDropout", 0.5, noise_shape=(None, 1), seed=1, random=True),
    case("AlphaDropout", 0.0),
    case("ActivityRegularization", l1=0.1, l2=0.2, x=(3, 4), masked=True),
]

NORMALIZATION = [
    case("BatchNormalization", steps=4),
    case("BatchNormalization", x=(5, 4), masked=True, unknown=(1,), steps=4),
    case("BatchNormalization", axis=1, momentum=0.5, epsilon=0.1, x=(4, 3, 3), steps=4),
    case("BatchNormalization", momentum=1, epsilon=1, integers=5, half=False, steps=4),
    case("BatchNormalization", center=False, scale=False, x=(3, 3, 4), unknown=(1, 2), steps=4),
    case(
        "BatchNormalization",
        moving_mean_initializer="ones",
        moving_variance_initializer="he_uniform",
        trainable=False,
        **{**SCALES, "gamma_initializer": "ones"},
        steps=4,
    ),
    case("BatchNormalization", renorm=True, renorm_momentum=0.9, momentum=0.8, steps=8),
    case("BatchNormalization", renorm=True, renorm_clipping={"rmax": 1.2, "rmin": 0.9, "dmax": 0.1}, steps=8),
    case("LayerNormalization", x=(3, 4), masked=True, unknown=(1,), steps=4),
    case("LayerNormalization", axis=[1, 2], epsilon=0.1, x=(3, 4), **{**SCALES, "gamma_initializer": "ones"}),
    case("LayerNormalization", axis=(-1, 1), x=(3, 4), steps=4),
    case("LayerNormalization", axis=1, center=False, scale=False, x=(3, 4), steps=4),
    case("RMSNormalization", x=(3, 4), unknown=(1,), steps=4),
    case("RMSNormalization", axis=[1, 2], epsilon=0.1, x=(3, 4), steps=4),
    case("GroupNormalization", 2, x=(3, 4), masked=True, unknown=(1,), steps=4),
    case("GroupNormalization", groups=-1, x=(3, 3, 4), steps=4),
    case("GroupNormalization", groups=3, axis=1, epsilon=0.1, center=False, scale=False, x=(6, 4), steps=4),
    case("GroupNormalization", 1, **{**SCALES, "gamma_initializer": "ones"}, steps=4),
    case("UnitNormalization", x=(3, 4), masked=True, steps=4),
    case("UnitNormalization", axis=[1, 2], x=(3, 4), steps=4),
    case("SpectralNormalization", case("Dense", 3), steps=4, half=False),
    case("SpectralNormalization", case("Conv2D", 3, 2), power_iterations=3, x=(4, 4, 2), steps=4, half=False),
]

SHAPES = [
    case("Flatten", x=(3, 4, 2)),
    case("Flatten", data_format="channels_first", x=(3, 4, 2), unknown=(2,)),
    case("Flatten", x=()),
    case("Reshape", (6, 2), x=(3, 4), unknown=(1, 2)),
    case("Reshape", (-1, 3), x=(3, 4), unknown=(2,)),
    case("Permute", (2, 1), x=(3, 4), unknown=(1,)),
    case("Permute", (3, 1, 2), x=(3, 4, 2)),
    case("RepeatVector", 3, x=(4,)),
    case("Cropping1D", x=(5, 2), unknown=(1,)),
    case("Cropping1D", (0, 2), x=(5, 2)),
    case("Cropping2D", 1, x=(5, 4, 2)),
    case("Cropping2D", ((1, 0), 2), "channels_first", x=(2, 4, 6), unknown=(2, 3)),
    case("Cropping3D", x=(3, 4, 5, 2)),
    case("Cropping3D", (0, 1, 2), "channels_first", x=(2, 3, 4, 5)),
    case("ZeroPadding1D", x=(5, 2), unknown=(1,)),
    case("ZeroPadding1D", (0, 2), "channels_first", x=(2, 5)),
    case("ZeroPadding2D", x=(3, 4, 2), unknown=(1, 2)),
    case("ZeroPadding2D", ((1, 2), (0, 3)), "channels_first", x=(2, 3, 4)),
    case("ZeroPadding3D", x=(2, 3, 4, 2)),
    case("ZeroPadding3D", (1, 0, 2), "channels_first", x=(2, 2, 3, 4)),
    case("UpSampling1D", x=(5, 2), unknown=(1,)),
    case("UpSampling1D", 3, x=(5, 2)),
    case("UpSampling2D", x=(3, 4, 2), unknown=(1, 2)),
    case("UpSampling2D", (2, 3), "channels_first", x=(2, 3, 4)),
    case("UpSampling2D", 2, interpolation="bilinear", x=(3, 4, 2), steps=4),
    case("UpSampling2D", (2, 3), "channels_first", interpolation="bicubic", x=(2, 3, 4), steps=4),
    case("UpSampling3D", x=(2, 3, 4, 2)),
    case("UpSampling3D", (1, 2, 3), "channels_first", x=(2, 2, 3, 4)),
    case("Rescaling", 0.5, x=(3, 4), masked=True),
    case("Rescaling", [1.0, 2.0, 3.0, 4.0], offset=-1.0, integers=9),
    case("Normalization", mean=0.5, variance=4.0, x=(3, 4), masked=True),
    case("Normalization", axis=1, mean=[1.0, 2.0, 3.0], variance=[2.0, 0.5, 1.0], invert=True, x=(3, 4)),
    case("Discretization", bin_boundaries=[-1.0, 0.5], gradients=False, half=False, x=(3,)),
    case("Discretization", bin_boundaries=[-1.0, 0.5], output_mode="count", gradients=False, x=(3,)),
    case("CategoryEncoding", 5, x=(3,), integers=5),
    case("CategoryEncoding", 5, "one_hot", x=(3,), integers=5, unknown=(1,)),
]

MERGING = [
    *(
        case(name, x=[(3, 4), (3, 4), (3, 4)], unknown=(1,), masked=True)
        for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    ),
    case("Add", x=[(4,), (3, 4)]),
    case("Add", x=[(3, 4), (3, 1)]),
    case("Average", x=[(4,), (4,)], integers=5),
    case("Subtract", x=[(3, 4), (3, 4)], masked=True),
    case("Concatenate", x=[(3, 4), (3, 2)], unknown=(1,), masked=True),
    case("Concatenate", axis=1, x=[(3, 4), (2, 4), (1, 4)], masked=True),
    case("Dot", 1, x=[(4,), (4,)]),
    case("Dot", (1, 2), x=[(3, 4), (5, 3)], masked=True, unknown=(1,)),
    case("Dot", -1, normalize=True, x=[(3, 4), (5, 4)], steps=4),
    case("Dot", (1, 3), x=[(3, 4), (2, 5, 3)]),
]

ATTENTION = [
    case("Attention", x=[(3, 4), (5, 4)], masked=True, unknown=(1,), steps=4),
    case("Attention", use_scale=True, x=[(3, 4), (5, 2), (5, 4)], steps=4),
    case("Attention", use_scale=True, x=[(2, 3, 4), (2, 5, 4)], call={"use_causal_mask": True}, steps=4),
    case("Attention", True, "concat", 0.5, 3, x=[(3, 4), (5, 4)], steps=4, random=True),
    case("Attention", x=[(4, 4), (4, 4)], call={"use_causal_mask": True}, masked=True, steps=4),
    case("Attention", score_mode="concat", x=[(3, 4), (5, 4)], call={"return_attention_scores": True}, steps=4),
    case("AdditiveAttention", x=[(3, 4), (5, 4)], masked=True, steps=4),
    case("AdditiveAttention", x=[(2, 3, 4), (2, 5, 4)], steps=4),
    case("AdditiveAttention", False, 0.5, x=[(3, 4), (5, 4)], random=True, steps=4),
    case("MultiHeadAttention", 2, 3, x=[(3, 4), (5, 4)], separate=True, masked=True, unknown=(1,), steps=8),
    case(
        "MultiHeadAttention",
        num_heads=2,
        key_dim=3,
        value_dim=5,
        output_shape=(2, 3),
        use_bias=False,
        use_gate=True,
        x=[(3, 4), (5, 3), (5, 2)],
        separate=True,
        call={"return_attention_scores": True},
        masked=True,
        steps=8,
    ),
    case("MultiHeadAttention", 2, 3, use_gate=True, x=[(3, 4), (5, 4)], separate=True, steps=8),
    case("MultiHeadAttention", 2, 3, dropout=0.5, seed=3, x=[(3, 4)] * 2, separate=True, random=True, steps=8),
    case(
        "MultiHeadAttention",
        2,
        3,
        sliding_window=2,
        flash_attention=False,
        x=[(5, 4), (5, 4)],
        separate=True,
        call={"use_causal_mask": True},
        masked=True,
        steps=8,
    ),
    case("MultiHeadAttention", 2, 3, attention_axes=(1, 2), x=[(3, 2, 4), (2, 5, 4)], separate=True, steps=8),
    case(
        "MultiHeadAttention",
        2,
        3,
        attention_axes=2,
        x=[(3, 2, 4), (3, 5, 4)],
        separate=True,
        call={"return_attention_scores": True},
        steps=8,
    ),
    case("MultiHeadAttention", 2, 3, output_shape=5, x=[(3, 4)] * 2, separate=True, steps=8, **WEIGHTS),
    case("GroupQueryAttention", 3, 4, 2, x=[(3, 4), (5, 4)], separate=True, masked=True, unknown=(1,), steps=8),
    case(
        "GroupQueryAttention",
        head_dim=2,
        num_query_heads=4,
        num_key_value_heads=1,
        use_gate=True,
        use_bias=False,
        sliding_window=3,
        flash_attention=False,
        x=[(5, 4), (5, 4), (5, 2)],
        separate=True,
        call={"use_causal_mask": True, "return_attention_scores": True},
        steps=8,
    ),
    case("GroupQueryAttention", 3, 2, 2, dropout=0.5, seed=1, x=[(3, 4)] * 2, separate=True, random=True, steps=8),
    case("GroupQueryAttention", 3, 2, 1, x=[(3, 4)] * 2, separate=True, steps=8, **WEIGHTS),
]


def _weights(*kinds: str, activity: bool = True) -> dict:
    """One choice of initializer, regularizer and constraint for each kind of weight."""
    initializers, regularizers, constraints = ("he_normal", "ones"), ("l2", "l1"), ("non_neg", "max_norm")
    out = {}
    for i, kind in enumerate(kinds):
        out[f"{kind}_initializer"] = initializers[i % 2]
        out[f"{kind}_regularizer"] = regularizers[i % 2]
        out[f"{kind}_constraint"] = constraints[i % 2]
    return {**out, "activity_regularizer": "l2"} if activity else out


FIRST = "channels_first"
DEPTHWISE = _weights("depthwise", "bias")
SEPARABLE = _weights("depthwise", "pointwise", "bias")

CONVOLUTION = [
    case("Conv1D", 3, 2, x=(6, 4), unknown=(1,), steps=4),
    case("Conv1D", 3, 3, 2, "same", x=(7, 4), unknown=(1,), steps=4),
    case("Conv1D", 4, 2, padding="causal", dilation_rate=2, groups=2, activation="tanh", x=(6, 4), steps=4),
    case("Conv1D", 3, 2, padding="causal", data_format=FIRST, x=(4, 6), use_bias=False, steps=4),
    case("Conv1D", 2, 2, x=(5, 3), steps=4, **WEIGHTS),
    case("Conv2D", 3, 2, x=(4, 5, 2), unknown=(1, 2), steps=4),
    case("Conv2D", 3, (2, 3), (2, 1), "same", x=(5, 5, 2), unknown=(1, 2), steps=4),
    case("Conv2D", 4, 2, 1, "valid", FIRST, (1, 2), 2, "relu", x=(2, 4, 5), steps=4),
    case("Conv2D", 2, 2, use_bias=False, x=(3, 3, 2), steps=4, **_weights("kernel")),
    case("Conv2D", 2, 2, x=(3, 3, 2), steps=4, **WEIGHTS),
    case("Conv3D", 2, 2, x=(3, 4, 3, 2), unknown=(1,), steps=4),
    case("Conv3D", 2, 2, use_bias=False, x=(3, 3, 3, 1), steps=4),
    case("Conv3D", 2, (1, 2, 3), (1, 2, 1), "same", FIRST, groups=2, activation="tanh", x=(2, 3, 4, 3), steps=4),
    case("Conv3D", 2, 2, dilation_rate=(1, 2, 1), x=(3, 4, 3, 1), steps=4, **WEIGHTS),
    case("Conv1DTranspose", 3, 2, x=(4, 2), unknown=(1,), steps=4),
    case("Conv1DTranspose", 3, 3, 2, "same", 1, x=(4, 2), steps=4, activation="tanh", use_bias=False),
    case("Conv1DTranspose", 3, 3, 2, "valid", None, FIRST, x=(2, 4), steps=4),
    case("Conv1DTranspose", 3, 2, dilation_rate=2, x=(4, 2), steps=4, **WEIGHTS),
    case("Conv2DTranspose", 3, 2, x=(3, 4, 2), unknown=(1, 2), steps=4),
    case("Conv2DTranspose", 3, (3, 2), (2, 2), "same", (1, 0), x=(3, 4, 2), steps=4, activation="relu"),
    case("Conv2DTranspose", 2, 2, 2, "same", data_format=FIRST, x=(2, 3, 3), use_bias=False, steps=4),
    case("Conv2DTranspose", 2, 2, dilation_rate=(2, 2), x=(3, 3, 2), steps=4, **WEIGHTS),
    case("Conv3DTranspose", 2, 2, x=(2, 3, 2, 2), steps=4),
    case("Conv3DTranspose", 2, 2, (1, 2, 1), "same", output_padding=None, x=(2, 3, 2, 2), activation="tanh", steps=4),
    case("Conv3DTranspose", 2, 2, 2, "valid", data_format=FIRST, use_bias=False, x=(2, 2, 2, 2), steps=4),
    case("Conv3DTranspose", 2, 3, (2, 2, 2), "same", output_padding=(1, 1, 1), x=(2, 2, 2, 1), steps=4, **WEIGHTS),
    case("Conv3DTranspose", 2, 2, dilation_rate=(1, 2, 2), x=(2, 2, 3, 1), steps=4),
    case("DepthwiseConv1D", 2, x=(5, 2), unknown=(1,), steps=4),
    case("DepthwiseConv1D", 3, 2, "same", 2, activation="tanh", x=(6, 2), steps=4),
    case("DepthwiseConv1D", 2, data_format=FIRST, dilation_rate=2, use_bias=False, x=(2, 6), steps=4),
    case("DepthwiseConv1D", 2, x=(5, 2), steps=4, **DEPTHWISE),
    case("DepthwiseConv2D", 2, x=(4, 5, 2), unknown=(1, 2), steps=4),
    case("DepthwiseConv2D", (2, 3), 2, "same", 2, activation="relu", x=(5, 4, 2), steps=4),
    case("DepthwiseConv2D", 2, data_format=FIRST, dilation_rate=(2, 2), use_bias=False, x=(2, 5, 4), steps=4),
    case("DepthwiseConv2D", 2, x=(3, 3, 2), steps=4, **DEPTHWISE),
    case("SeparableConv1D", 3, 2, x=(5, 2), unknown=(1,), steps=8),
    case("SeparableConv1D", 3, 3, 2, "same", depth_multiplier=2, activation="tanh", x=(6, 2), steps=8),
    case("SeparableConv1D", 3, 2, data_format=FIRST, dilation_rate=2, use_bias=False, x=(2, 6), steps=8),
    case("SeparableConv1D", 3, 2, x=(5, 2), steps=8, **SEPARABLE),
    case("SeparableConv2D", 3, 2, x=(4, 5, 2), unknown=(1, 2), steps=8),
    case("SeparableConv2D", 3, (2, 3), 2, "same", depth_multiplier=2, activation="relu", x=(5, 4, 2), steps=8),
    case("SeparableConv2D", 3, 2, data_format=FIRST, dilation_rate=(2, 2), use_bias=False, x=(2, 5, 4), steps=8),
    case("SeparableConv2D", 3, 2, x=(3, 3, 2), steps=8, **SEPARABLE),
]

SPACE = {1: (7,), 2: (5, 6), 3: (4, 3, 5)}


def _pooling() -> Iterator[Case]:
    """Every pooling layer over one, two and three axes of space."""
    for rank, space in SPACE.items():
        last, first, axes = (*space, 2), (2, *space), tuple(range(1, rank + 1))
        for kind in ("Max", "Average"):
            size = () if kind == "Max" else (2,)
            yield case(f"{kind}Pooling{rank}D", *size, x=last, unknown=axes)
            yield case(f"{kind}Pooling{rank}D", 3, 1, "same", x=last, unknown=axes)
            yield case(f"{kind}Pooling{rank}D", (2,) * rank, strides=(1,) * rank, data_format=FIRST, name="p", x=first)
            yield case(f"Global{kind}Pooling{rank}D", x=last, unknown=axes, masked=(kind, rank) == ("Average", 1))
            yield case(f"Global{kind}Pooling{rank}D", FIRST, keepdims=True, x=first)
            yield case(f"Adaptive{kind}Pooling{rank}D", 2, x=last)
            yield case(f"Adaptive{kind}Pooling{rank}D", (3,) + (1,) * (rank - 1), FIRST, x=first)


POOLING = list(_pooling())

RECURRENT_WEIGHTS = _weights("kernel", "recurrent", "bias")
CELL_WEIGHTS = _weights("kernel", "recurrent", "bias", activity=False)
SEQUENCE = (5, 4)


def _recurrent() -> Iterator[Case]:
    """Every recurrent layer with a cell of its own."""
    for name in ("SimpleRNN", "LSTM", "GRU"):
        yield case(name, 3, x=SEQUENCE, masked=True, unknown=(1,), steps=8)
        yield case(name, 3, return_sequences=True, x=SEQUENCE, masked=True, unknown=(1,), steps=8)
        yield case(
            name, 3, return_sequences=True, return_state=True, go_backwards=True, x=SEQUENCE, masked=True, steps=8
        )
        yield case(name, 3, dropout=0.5, recurrent_dropout=0.3, seed=1, x=SEQUENCE, random=True, steps=8)
        yield case(name, 3, unroll=True, use_bias=False, activation="relu", x=SEQUENCE, masked=True, steps=8)
        yield case(name, 3, stateful=True, return_state=True, x=SEQUENCE, masked=True, steps=8)
        # Keras's SimpleRNN forgets its activity regularizer.
        yield case(name, 2, x=SEQUENCE, steps=8, **(CELL_WEIGHTS if name == "SimpleRNN" else RECURRENT_WEIGHTS))
        yield case(f"{name}Cell", 3, x=(4,), steps=4, states=((3,),) * (2 if name == "LSTM" else 1))
        yield case(
            f"{name}Cell",
            2,
            use_bias=False,
            dropout=0.5,
            recurrent_dropout=0.3,
            seed=1,
            activation="relu",
            x=(4,),
            states=((2,),) * (2 if name == "LSTM" else 1),
            random=True,
            steps=4,
        )
        yield case(f"{name}Cell", 2, x=(4,), states=((2,),) * (2 if name == "LSTM" else 1), steps=4, **CELL_WEIGHTS)
    for name in ("LSTM", "GRU"):
        yield case(name, 3, recurrent_activation="hard_sigmoid", use_cudnn=False, x=SEQUENCE, steps=8)
        yield case(
            f"{name}Cell", 3, recurrent_activation="tanh", x=(4,), states=((3,),) * (1 + (name == "LSTM")), steps=4
        )
    yield case("LSTM", 3, unit_forget_bias=False, x=SEQUENCE, steps=8)
    yield case("LSTMCell", 3, unit_forget_bias=False, x=(4,), states=((3,), (3,)), steps=4)
    yield case("GRU", 3, reset_after=False, return_sequences=True, x=SEQUENCE, masked=True, steps=8)
    yield case("GRUCell", 3, reset_after=False, x=(4,), states=((3,),), steps=4)


def _convolutional_recurrence() -> Iterator[Case]:
    """The convolutional LSTMs over one, two and three axes of space."""
    for rank, space in {1: (5,), 2: (4, 3), 3: (3, 3, 2)}.items():
        last, first = (3, *space, 2), (3, 2, *space)
        yield case(f"ConvLSTM{rank}D", 2, 2, x=last, steps=8)
        yield case(
            f"ConvLSTM{rank}D",
            2,
            3,
            1,
            "same",
            FIRST,
            return_sequences=True,
            return_state=True,
            go_backwards=True,
            recurrent_activation="hard_sigmoid",
            activation="relu",
            unit_forget_bias=False,
            x=first,
            steps=8,
        )
        space = tuple(n + 1 for n in space)
        options = {"dilation_rate": 2, "use_bias": False, "stateful": True}
        yield case(f"ConvLSTM{rank}D", 2, 2, **options, x=(3, *space, 2), steps=8)
        options = {"dropout": 0.5, "recurrent_dropout": 0.3, "seed": 1}
        yield case(f"ConvLSTM{rank}D", 2, 2, **options, x=last, random=True, steps=8)
        yield case(f"ConvLSTM{rank}D", 2, 2, strides=2, x=last, steps=8, **RECURRENT_WEIGHTS)


RECURRENT = [
    *_recurrent(),
    *_convolutional_recurrence(),
    case("RNN", case("LSTMCell", 3), x=SEQUENCE, masked=True, unknown=(1,), steps=8),
    case("RNN", case("GRUCell", 3), True, True, True, x=SEQUENCE, masked=True, steps=8),
    case("RNN", case("SimpleRNNCell", 3), return_sequences=True, unroll=True, x=SEQUENCE, masked=True, steps=8),
    case("RNN", case("GRUCell", 3), True, zero_output_for_mask=True, x=SEQUENCE, masked=True, steps=8),
    case("RNN", [case("LSTMCell", 3), case("SimpleRNNCell", 2)], return_state=True, x=SEQUENCE, masked=True, steps=8),
    case("RNN", case("GRUCell", 3), stateful=True, return_sequences=True, x=SEQUENCE, masked=True, steps=8),
    case("StackedRNNCells", [case("GRUCell", 3), case("SimpleRNNCell", 2)], x=(4,), states=((3,), (2,)), steps=8),
]

WRAPPERS = [
    case("Bidirectional", case("LSTM", 3), x=SEQUENCE, masked=True, unknown=(1,), steps=8),
    case("Bidirectional", case("GRU", 3, return_sequences=True), "sum", x=SEQUENCE, masked=True, steps=8),
    case("Bidirectional", case("SimpleRNN", 3, return_sequences=True), merge_mode=None, x=SEQUENCE, steps=8),
    case("Bidirectional", case("LSTM", 3, return_state=True), "ave", x=SEQUENCE, steps=8),
    case(
        "Bidirectional",
        case("LSTM", 3),
        "mul",
        backward_layer=case("GRU", 3, go_backwards=True, name="back"),
        x=SEQUENCE,
        steps=8,
    ),
    case("Bidirectional", case("GRU", 3, stateful=True), x=SEQUENCE, masked=True, steps=8),
    case("TimeDistributed", case("Dense", 3), x=SEQUENCE, masked=True, unknown=(1,)),
    case("TimeDistributed", case("Conv2D", 2, 2), x=(3, 4, 4, 1), steps=4),
    case("TimeDistributed", case("BatchNormalization"), x=(3, 5, 2), steps=4),
]

_FRAMES = {"frame_length": 8, "frame_step": 3, "fft_length": 16}
SOUNDS = [
    *(
        case("STFTSpectrogram", mode, x=(20, 2), **_FRAMES, half=False, steps=8)
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ),
    case("STFTSpectrogram", "psd", frame_length=8, padding="same", expand_dims=True, x=(20, 2), half=False, steps=8),
    case("STFTSpectrogram", "stft", **_FRAMES, data_format=FIRST, window=None, x=(2, 20), half=False, steps=8),
    case(
        "STFTSpectrogram",
        "stft",
        **_FRAMES,
        data_format=FIRST,
        expand_dims=True,
        window="hamming",
        periodic=True,
        scaling="spectrum",
        trainable=False,
        x=(2, 20),
        half=False,
        steps=8,
    ),
    case("MelSpectrogram", **(_MEL := {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 6}), x=(60,), steps=30),
    case("MelSpectrogram", **_MEL, window="hamming", sequence_length=20, top_db=6.0, mag_exp=1.0, x=(60,), steps=30),
    case(
        "MelSpectrogram",
        **_MEL,
        window=None,
        sampling_rate=11025,
        min_freq=100.0,
        max_freq=4000.0,
        power_to_db=False,
        x=(60,),
        steps=30,
    ),
    case("MelSpectrogram", **_MEL, min_power=1e-3, ref_power=2.0, x=(60,), steps=30, integers=9),
]

CASES = [
    *ATTENTION,
    *CORE,
    *ACTIVATIONS,
    *REGULARIZATION,
    *NORMALIZATION,
    *SHAPES,
    *MERGING,
    *CONVOLUTION,
    *POOLING,
    *RECURRENT,
    *WRAPPERS,
    *SOUNDS,
]
