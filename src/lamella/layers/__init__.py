"""Layers: state, and a computation that uses it."""

from lamella._lazy import missing as _missing
from lamella.layers._activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from lamella.layers._attention import AdditiveAttention, Attention
from lamella.layers._cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from lamella.layers._conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from lamella.layers._convolution import Conv1D, Conv2D, Conv3D, Convolution1D, Convolution2D, Convolution3D
from lamella.layers._convolution_separable import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from lamella.layers._convolution_transposed import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
    Convolution3DTranspose,
)
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
from lamella.layers._feature_space import FeatureSpace as _FeatureSpace  # noqa: F401 (of keras.utils; files name it)
from lamella.layers._input_layer import Input, InputLayer
from lamella.layers._input_spec import InputSpec
from lamella.layers._jax_layer import FlaxLayer, JaxLayer
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
from lamella.layers._pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from lamella.layers._preprocessing_hashing import HashedCrossing, Hashing
from lamella.layers._preprocessing_image_color import (
    AutoContrast,
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterization,
    RandomSaturation,
    Solarization,
)
from lamella.layers._preprocessing_image_filter import (
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
    RandomErasing,
    RandomGaussianBlur,
    RandomSharpness,
)
from lamella.layers._preprocessing_image_mixing import (
    AugMix,
    CutMix,
    MaxNumBoundingBoxes,
    MixUp,
    RandAugment,
)
from lamella.layers._preprocessing_image_shape import (
    RandomElasticTransform,
    RandomFlip,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from lamella.layers._preprocessing_image_size import (
    CenterCrop,
    RandomCrop,
    Resizing,
)
from lamella.layers._preprocessing_lookup import IntegerLookup, StringLookup
from lamella.layers._preprocessing_numbers import CategoryEncoding, Discretization, Normalization
from lamella.layers._preprocessing_text import TextVectorization
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
from lamella.layers._rnn import GRU, LSTM, RNN, SimpleRNN
from lamella.layers._sequence_wrappers import Bidirectional, TimeDistributed
from lamella.layers._serialization import deserialize, serialize
from lamella.layers._spectral_normalization import SpectralNormalization
from lamella.layers._spectrograms import MelSpectrogram, STFTSpectrogram
from lamella.layers._tfsm_layer import TFSMLayer
from lamella.layers._torch_module import TorchModuleWrapper

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
    "JaxLayer",
    "FlaxLayer",
    "TorchModuleWrapper",
    "TFSMLayer",
    "Wrapper",
    "Pipeline",
    # activations
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Softmax",
    # convolution
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    # pooling
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    # recurrence
    "RNN",
    "SimpleRNN",
    "LSTM",
    "GRU",
    "SimpleRNNCell",
    "LSTMCell",
    "GRUCell",
    "StackedRNNCells",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Bidirectional",
    "TimeDistributed",
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
    "Normalization",
    "Discretization",
    "CategoryEncoding",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "Hashing",
    "HashedCrossing",
    # sounds
    "MelSpectrogram",
    "STFTSpectrogram",
    # images
    "AugMix",
    "CutMix",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
    "RandomErasing",
    "RandomGaussianBlur",
    "RandomSharpness",
    "CenterCrop",
    "RandomCrop",
    "Resizing",
    "RandomElasticTransform",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "AutoContrast",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "Solarization",
    # configurations
    "serialize",
    "deserialize",
]

__getattr__ = _missing(__name__)
