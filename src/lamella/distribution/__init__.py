"""Training over several devices, by the data (`DataParallel`) or by the weights too (`ModelParallel`)."""

from lamella._lazy import missing as _missing
from lamella.distribution._distribution import DataParallel, ModelParallel, distribution, set_distribution
from lamella.distribution._mesh import (
    DeviceMesh,
    LayoutMap,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    initialize,
    list_devices,
)

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

__getattr__ = _missing(__name__)
