"""Arrays over several devices, by JAX's meshes and shardings: XLA divides the programs that compute with them."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from lamella.errors import BackendError

_used = False  # whether an array was ever distributed: until then programs need not look at where arrays are


def device_names(kind: str | None = None) -> list[str]:
    """The names "cpu:0", "gpu:1", ... of the devices of one kind, of all processes."""
    return [f"{device.platform}:{device.id}" for device in jax.devices(kind.lower() if kind else None)]


@functools.cache
def _mesh(shape: tuple[int, ...], axis_names: tuple[str, ...], names: tuple[str, ...]) -> Mesh:
    kind = names[0].partition(":")[0].lower()
    by_name = {f"{device.platform}:{device.id}": device for device in jax.devices(kind)}
    if unknown := [name for name in names if name.lower() not in by_name]:
        raise BackendError(f"There are no devices {unknown}; there are {list(by_name)}.")
    devices = np.array([by_name[name.lower()] for name in names], object).reshape(shape)
    return Mesh(devices, axis_names)


def mesh(shape: Sequence[int], axis_names: Sequence[str], names: Sequence[str]) -> Mesh:
    """The devices called `names`, laid out as an array of `shape`."""
    return _mesh(tuple(shape), tuple(axis_names), tuple(map(str, names)))


def layout(of: Mesh, axes: Sequence[str | None]) -> NamedSharding:
    """An array whose axis i is divided along the axis `axes[i]` of the mesh; None for an axis that is not divided."""
    return NamedSharding(of, PartitionSpec(*axes))


def distribute(array: Any, sharding: Any) -> Any:
    """`array` in another layout; in a program, a demand upon XLA."""
    global _used
    _used = True
    if isinstance(array, Tracer):
        return jax.lax.with_sharding_constraint(array, sharding)
    return jax.device_put(array, sharding)


def one_copy(array: Any) -> Any:
    """An array of which each device has a copy, as that of one device, free to be moved."""
    if isinstance(array, Tracer) or len(array.sharding.device_set) == 1 or not array.is_fully_replicated:
        return array
    return jax.device_put(np.array(array.addressable_data(0)))


def placements(leaves: Sequence[Any]) -> tuple:
    """Where arrays are, for the signature of a program; nothing as long as all are on one device."""
    return tuple(getattr(leaf, "sharding", None) for leaf in leaves) if _used else ()


def devices_of(where: tuple) -> str:
    """The devices of `placements`, which the text of a program does not name."""
    meshes = [s for s in where if s is not None and len(s.device_set) > 1]
    return str([device.id for device in meshes[0]._device_assignment]) if meshes else ""


def process() -> tuple[int, int]:
    """The number of this process, and of all."""
    return jax.process_index(), jax.process_count()


def initialize(coordinator: str | None, processes: int | None, number: int | None) -> None:
    """Join the processes of a run over several hosts."""
    jax.distributed.initialize(coordinator_address=coordinator, num_processes=processes, process_id=number)
