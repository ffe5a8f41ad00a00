"""Two residual blocks of 3x3 convolutions 64->64 with batch normalization at 32x32, batch 64."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 640
BATCH_SIZE = 64
EPOCHS = 4
IMAGES = True
COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
COLUMNS = ("step", "first_epoch", "to_first_epoch", "peak", "loss", "accuracy")
BARS = (Bar("step", "best peer", 1.3),)


def data(library: ModuleType) -> Any:
    x = sources.normal(ROWS, 32, 32, 3)
    return x, sources.classes_of(x, 10)


def model(keras: ModuleType) -> Any:
    layers = keras.layers

    def convolution(x: Any) -> Any:
        return layers.BatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x))

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolution(inputs))
    for _ in range(2):
        residual = convolution(layers.ReLU()(convolution(x)))
        x = layers.ReLU()(layers.Add()([x, residual]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def torch_model() -> Any:
    from torch import nn

    def convolution(channels: int) -> nn.Module:
        # Keras's epsilon; its momentum of 0.99 is PyTorch's 0.01.
        normalization = nn.BatchNorm2d(64, eps=1e-3, momentum=0.01)
        return nn.Sequential(nn.Conv2d(channels, 64, 3, padding="same", bias=False), normalization)

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = nn.Sequential(convolution(64), nn.ReLU(inplace=True), convolution(64))

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(x + self.branch(x))

    return nn.Sequential(
        convolution(3),
        nn.ReLU(inplace=True),
        Residual(),
        Residual(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
