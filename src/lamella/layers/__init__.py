"""Layers: state, and a computation that uses it."""

from lamella._lazy import missing
from lamella.layers._activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
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
from lamella.layers._normalization import BatchNormalization
from lamella.layers._rescaling import Rescaling
from lamella.layers._reshaping import Flatten, Permute, RepeatVector, Reshape
from lamella.layers._serialization import deserialize, serialize

__all__ = [
    # the base
    "Layer",
    "InputSpec",
    "Input",
    "InputLayer",
    # core
    "Dense",
    "Embedding",
    "ReversibleEmbedding",
    "Lambda",
    # activations
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Softmax",
    # regularization
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    # normalization
    "BatchNormalization",
    # shapes
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
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
