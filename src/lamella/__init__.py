"""lamella: the Keras 3 API on an engine that compiles whole epochs.

`import lamella as keras`, or run a program that says `import keras` with `lamella run program.py`. Names load when they
are first used, so importing lamella is quick and loads no array library.
"""

from lamella._lazy import attach
from lamella._version import __version__

_SUBMODULES = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "distillation", "distribution",
    "dtype_policies", "errors", "export", "initializers", "layers", "losses", "metrics", "mixed_precision", "models", "ops",
    "optimizers", "preprocessing", "quantizers", "random", "regularizers", "saving", "tree", "utils", "visualization", "wrappers",
)  # fmt: skip

_NAMES = {
    "DTypePolicy": "lamella.dtype_policies",
    "FloatDTypePolicy": "lamella.dtype_policies",
    "Function": ("lamella.core._function", "Function"),
    "Initializer": "lamella.initializers",
    "Input": "lamella.layers",
    "InputSpec": "lamella.layers",
    "KerasTensor": ("lamella.core._keras_tensor", "KerasTensor"),
    "Layer": "lamella.layers",
    "Loss": "lamella.losses",
    "Metric": "lamella.metrics",
    "Model": "lamella.models",
    "Operation": ("lamella.core._operation", "Operation"),
    "Optimizer": "lamella.optimizers",
    "Quantizer": "lamella.quantizers",
    "Regularizer": "lamella.regularizers",
    "RematScope": ("lamella.core._remat", "RematScope"),
    "Sequential": "lamella.models",
    "StatelessScope": ("lamella.core._scopes", "StatelessScope"),
    "SymbolicScope": ("lamella.core._scopes", "SymbolicScope"),
    "Variable": ("lamella.core._variable", "Variable"),
    "device": ("lamella.core._device", "device"),
    "name_scope": ("lamella.core._scopes", "name_scope"),
    "remat": ("lamella.core._remat", "remat"),
    # lamella's own
    "install_as_keras": "lamella._install",
    "value_and_grad": ("lamella.core._gradient", "value_and_grad"),
}

__all__ = [*_NAMES, *_SUBMODULES, "__version__", "version"]


def version() -> str:
    """The version of lamella."""
    return __version__


__getattr__, __dir__ = attach(__name__, {**{name: f".{name}" for name in _SUBMODULES}, **_NAMES})
