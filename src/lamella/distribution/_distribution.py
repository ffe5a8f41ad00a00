"""What is divided over devices when models are made and trained: the data, or the weights too."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from lamella.core import _distribution
from lamella.distribution._mesh import DeviceMesh, LayoutMap, TensorLayout, distribute_tensor, list_devices, parallel
from lamella.errors import ArgumentError
from lamella.typing import Array

__all__ = ["DataParallel", "ModelParallel", "distribution", "set_distribution"]


class Distribution:
    """Base of the distributions: it knows its mesh, and along which axis of it batches are divided.

    Args:
        device_mesh: the devices.
        batch_dim_name: an axis of the mesh; the first by default.
        auto_shard_dataset: whether each of several processes takes its share of a data set.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        names = list(device_mesh.axis_names)
        if batch_dim_name is not None and batch_dim_name not in names:
            raise ArgumentError(
                f"`batch_dim_name` must be an axis of the mesh, one of {names}; got {batch_dim_name!r}."
            )
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name or names[0]
        self._auto_shard_dataset = auto_shard_dataset

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str:
        """The axis of the mesh along which batches are divided."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether each of several processes takes its share of a data set."""
        return self._auto_shard_dataset

    @property
    def num_model_replicas(self) -> int:
        """How many parts of a batch are worked on at once."""
        return self._device_mesh.size_along(self._batch_dim_name)

    @property
    def num_processes(self) -> int:
        """The number of processes of the run."""
        return parallel().process()[1]

    @property
    def data_shard_id(self) -> int:
        """Which share of a data set this process takes, from 0 on."""
        number, processes = parallel().process()
        return number * min(processes, self.num_model_replicas) // processes

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Inside the block the distribution is in force."""
        before = _distribution.current()
        set_distribution(self)
        try:
            yield
        finally:
            _distribution.set_current(before)

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """The layout of a batch of shape `(batch, ...)`: its samples along the axis of batches."""
        axes: list[str | None] = [None] * len(data_shape)
        axes[:1] = [self._batch_dim_name] * len(axes[:1])
        return TensorLayout(axes, self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable; a copy on every device, where nothing else is said."""
        given = getattr(variable, "_layout", None)
        return given if given is not None else TensorLayout([None] * len(variable.shape), self._device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a tensor by its path; None where nothing is said."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The share of this process of a data set: the whole where there is one process.

        Raises:
            ArgumentError: with several processes, for a data set that has no `shard(number of shares, share)`.
        """
        if not self._auto_shard_dataset or self.num_processes == 1:
            return dataset
        if not hasattr(dataset, "shard"):
            raise ArgumentError(
                f"A data set is divided among processes by its `shard`; {type(dataset).__name__} has none. Give each process "
                "its own share, and auto_shard_dataset=False."
            )
        return dataset.shard(min(self.num_processes, self.num_model_replicas), self.data_shard_id)

    distribute_tf_dataset = distribute_dataset

    # ---- what models and training ask of the distribution in force --------------------------------

    def replicate(self, array: Array) -> Array:
        """A copy of `array` on every device."""
        return distribute_tensor(array, TensorLayout([None] * len(array.shape), self._device_mesh))

    def lay_out_batch(self, array: Array) -> Array:
        """`array` with its samples divided among devices; as it is, where they do not divide evenly."""
        if not len(array.shape) or array.shape[0] % self.num_model_replicas:
            return array
        return distribute_tensor(array, self.get_data_layout(array.shape))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self._device_mesh}>"


class DataParallel(Distribution):
    """Each device works on a part of every batch; each has a copy of the weights.

    The results are those of one device, up to the order of sums. A batch that the devices do not divide evenly, as the last
    of an epoch may be, is worked on by all of them alike, with the same result.

    Args:
        device_mesh: the devices, along one axis; of a mesh of several the first divides the data.
        devices: names of devices, instead of a mesh; all by default.
        auto_shard_dataset: whether each of several processes takes its share of a data set.

    Raises:
        ArgumentError: for something else than a mesh.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ):
        if device_mesh is None:
            names = list_devices() if devices is None or not len(devices) else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError(
                f"Expect `mesh` to be an instance of `DeviceMesh`. Received: mesh={device_mesh} (of type {type(device_mesh)})"
            )
        elif len(device_mesh.shape) != 1:
            warnings.warn(
                f"Expect the input mesh to be 1D, but received device_mesh.devices.ndim={len(device_mesh.shape)}. The first "
                "axis will be used for data-parallel sharding.",
                stacklevel=2,
            )
        super().__init__(device_mesh, None, auto_shard_dataset)


class ModelParallel(Distribution):
    """Weights are divided as a `LayoutMap` says, batches along an axis of the mesh.

    Args:
        layout_map: layouts by the paths of variables. What it does not name has a copy on every device.
        batch_dim_name: the axis of the mesh along which batches are divided; the first by default.
        auto_shard_dataset: whether each of several processes takes its share of a data set.
        **kwargs: taken and not used, as in Keras.

    Raises:
        ArgumentError: without a `LayoutMap`, or for an axis that the mesh does not have.

    Example:
        >>> import lamella as keras
        >>> mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), devices=["cpu:0"])
        >>> layouts = keras.distribution.LayoutMap(mesh)
        >>> layouts[".*dense.*kernel"] = (None, "model")
        >>> with keras.distribution.ModelParallel(layout_map=layouts).scope():
        ...     layer = keras.layers.Dense(2, name="dense")
        ...     layer.build((None, 3))
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ):
        if layout_map is None:
            raise ArgumentError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(
                f"Argument `layout_map` must be a `LayoutMap` instance. Received: layout_map={layout_map}"
            )
        if layout_map.device_mesh is None:
            raise ArgumentError("The `layout_map` of ModelParallel needs a device mesh; its own is None.")
        super().__init__(layout_map.device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout that the map has for the variable's path; a copy on every device, where it has none."""
        given = getattr(variable, "_layout", None)
        named = given if given is not None else self._layout_map[variable.path]
        return named if named is not None else super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout that the map has for a path; None where it has none."""
        return self._layout_map[path]


def distribution() -> Distribution | None:
    """The distribution in force, or None."""
    return _distribution.current()


def set_distribution(value: Distribution | None) -> None:
    """Make `value` the distribution of what is made and trained from now on; None for none.

    Raises:
        ArgumentError: for something else.
    """
    if value is not None and not isinstance(value, Distribution):
        raise ArgumentError(f"Expected a distribution, such as DataParallel(), or None; got {value!r}.")
    _distribution.set_current(value)
