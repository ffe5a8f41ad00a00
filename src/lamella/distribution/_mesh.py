"""Devices in an array, and how tensors lie over it."""

import os
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _distribution
from lamella.errors import ArgumentError, BackendError
from lamella.typing import Array

__all__ = [
    "DeviceMesh",
    "LayoutMap",
    "TensorLayout",
    "distribute_tensor",
    "get_device_count",
    "initialize",
    "list_devices",
]


def parallel() -> Any:
    """The part of the active backend that knows several devices.

    Raises:
        BackendError: when it has none.
    """
    adapter = _registry.active()
    if adapter.distribution is None:
        raise BackendError(
            f"Only the jax backend distributes over several devices; the active one is {adapter.name!r}."
        )
    return adapter.distribution


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of the devices of one kind, of all processes: "cpu:0", "gpu:1", ...

    Args:
        device_type: "cpu", "gpu" or "tpu"; the fastest kind there is by default.

    Raises:
        RuntimeError: when there is none of the kind, or the backend knows one device only.
    """
    return parallel().device_names(device_type)


def get_device_count(device_type: str | None = None) -> int:
    """The number of `list_devices(device_type)`."""
    return len(list_devices(device_type))


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Join the processes of a run over several hosts, before anything is computed.

    What is not given is read from the environment: `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES`
    and `KERAS_DISTRIBUTION_PROCESS_ID`; and what is not there either, JAX asks of the cluster.

    Args:
        job_addresses: the addresses `host:port` of all processes, with commas between them; the first is enough.
        num_processes: how many there are.
        process_id: the number of this one, from 0 on.
    """

    def given(value: Any, name: str) -> Any:
        return os.environ.get(f"KERAS_DISTRIBUTION_{name}") if value is None else value

    addresses = given(job_addresses, "JOB_ADDRESSES")
    if addresses is not None and not isinstance(addresses, str):
        raise TypeError(f"`job_addresses` must be a text such as '10.0.0.1:1234,10.0.0.2:1234'; got {addresses!r}.")
    count, number = given(num_processes, "NUM_PROCESSES"), given(process_id, "PROCESS_ID")
    if count is None and addresses is not None and "," in addresses:
        count = addresses.count(",") + 1
    coordinator = None if addresses is None else addresses.partition(",")[0]
    parallel().initialize(coordinator, None if count is None else int(count), None if number is None else int(number))


class DeviceMesh:
    """Devices as an array, whose axes have names.

    Args:
        shape: the numbers of devices along each axis: `(8,)` for data alone, `(4, 2)` for data and model.
        axis_names: a name for each axis.
        devices: names as `list_devices` gives them, as many as the shape has places; all by default.

    Raises:
        ArgumentError: when shape, names and devices do not fit together.

    Example:
        >>> import lamella as keras
        >>> keras.distribution.DeviceMesh((1,), ("batch",), devices=["cpu:0"])
        <DeviceMesh shape=(1,), axis_names=('batch',)>
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str] | None = None):
        if not shape or not axis_names:
            raise ArgumentError(
                f"Shape and axis_names cannot be empty. Received: shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ArgumentError(
                f"Shape and axis_names should have same size. Received: shape={shape}, axis_names={axis_names}"
            )
        names = np.array(list_devices() if devices is None else devices)
        if np.prod(shape) != names.size:
            raise ArgumentError(
                f"Shape does not match the number of devices. Received: shape={shape}; devices.shape={names.shape}"
            )
        self._shape = shape
        self._axis_names = axis_names
        self._devices = names.reshape(tuple(shape))

    @property
    def shape(self) -> Sequence[int]:
        """The numbers of devices along each axis."""
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The names of the devices, of the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Any:
        """What the backend has for it: a `jax.sharding.Mesh`."""
        return parallel().mesh(self._shape, self._axis_names, self._devices.ravel().tolist())

    def size_along(self, axis_name: str) -> int:
        """The number of devices along an axis."""
        return int(self._shape[list(self._axis_names).index(axis_name)])

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self._shape}, axis_names={self._axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are divided.

    Args:
        axes: for each axis of the tensor the name of an axis of the mesh, or None where it is not divided.
        device_mesh: the mesh; it may be given later.

    Raises:
        ArgumentError: for a name that no axis of the mesh has.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The names, or None, by axis of the tensor."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it can be set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ArgumentError(f"Cannot override device mesh value. Existing value is {self._device_mesh}")
        self._device_mesh = device_mesh
        self._check()

    @property
    def backend_layout(self) -> Any:
        """What the backend has for it: a `jax.sharding.NamedSharding`."""
        if self._device_mesh is None:
            raise ArgumentError("Cannot create sharding when device mesh is not set for TensorLayout.")
        return parallel().layout(self._device_mesh.backend_mesh, self._axes)

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        valid, used = set(self._device_mesh.axis_names), set(self._axes) - {None}
        if not used <= valid:
            raise ArgumentError(f"Invalid axis names for Layout. Valid axis names: {valid}, Got {used}")

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self._axes}, device_mesh={self._device_mesh}>"


class LayoutMap(MutableMapping):
    """Layouts by the paths of variables, which keys match as regular expressions, from beginning to end.

    Args:
        device_mesh: the mesh of layouts that name none.

    Example:
        >>> import lamella as keras
        >>> mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), devices=["cpu:0"])
        >>> layouts = keras.distribution.LayoutMap(mesh)
        >>> layouts[".*dense.*kernel"] = (None, "model")
        >>> layouts["dense_1/kernel"].axes, layouts["dense_1/bias"]
        ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh | None):
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh of layouts that name none."""
        return self._device_mesh

    def __getitem__(self, key: str) -> Any:
        """The layout of the key itself, or of the one key that matches it; None where none does.

        Raises:
            ArgumentError: when several keys match.
        """
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Path '{key}' matches multiple layout specification keys: {matching}. Please make sure each "
                "tensor/variable path only matches at most one layout specification key in the LayoutMap."
            )
        return self._layouts[matching[0]] if matching else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ArgumentError(
                f"{key} already exist in the LayoutMap with value {self._layouts[key]}. Please make sure to not use "
                "duplicated keys."
            )
        if isinstance(layout, (tuple, list)):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(f"{layout} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


def distribute_tensor(tensor: Any, layout: Any) -> Array:
    """The tensor in another layout: moved there, or in a program laid out so by the compiler.

    Args:
        tensor: an array.
        layout: a `TensorLayout`, or one of the backend.

    Raises:
        ValueError: when the devices along an axis of the mesh do not divide the tensor's axis evenly.
    """
    parallel()
    return _distribution.laid_out(_registry.active().asarray(tensor), layout)
