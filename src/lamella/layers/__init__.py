"""Layers: state, and a computation that uses it."""

from lamella._lazy import missing
from lamella.layers._activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from lamella.layers._attention import AdditiveAttention, Attention
from lamella.layers._core import ActivityRegularization, Identity, Masking, Pipeline, Wrapper
from lamella.layers._dense import Dense
from lamella.layers._dropout import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from lamella.layers._einsum_dense import EinsumDense
from lamella.layers._embedding import Embedding, ReversibleEmbedding
from lamella.layers._input_layer import Input, InputLayer
from lamella.layers._input_spec import InputSpec
from lamella.layers._lambda import Lambda
from lamella.layers._layer import Layer
from lamella.layers._merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from lamella.layers._multi_head_attention import GroupQueryAttention, MultiHeadAttention
from lamella.layers._normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from lamella.layers._rescaling import Rescaling
from lamella.layers._reshaping import Flatten, Permute, RepeatVector, Reshape
from lamella.layers._resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from lamella.layers._serialization import deserialize, serialize
from lamella.layers._spectral_normalization import SpectralNormalization

__all__ = [
    # the base
    "Layer",
    "InputSpec",
    "Input",
    "InputLayer",
    # core
    "Dense",
    "EinsumDense",
    "Embedding",
    "ReversibleEmbedding",
    "Identity",
    "Masking",
    "Lambda",
    "Wrapper",
    "Pipeline",
    # activations
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Softmax",
    # attention
    "Attention",
    "AdditiveAttention",
    "MultiHeadAttention",
    "GroupQueryAttention",
    # normalization
    "BatchNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "GroupNormalization",
    "UnitNormalization",
    "SpectralNormalization",
    # regularization
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
    # shapes
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    # several inputs
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Concatenate",
    "Dot",
    "add",
    "subtract",
    "multiply",
    "average",
    "maximum",
    "minimum",
    "concatenate",
    "dot",
    # preprocessing
    "Rescaling",
    # configurations
    "serialize",
    "deserialize",
]

__getattr__ = missing(__name__)
