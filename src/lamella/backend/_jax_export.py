"""Programs as StableHLO, for every batch size and several kinds of device."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import export

from lamella.errors import BackendError

PLATFORMS = ("cpu", "cuda", "tpu")


class Exporter:
    """Makes one program into bytes that JAX alone can run."""

    def __init__(self) -> None:
        self._scope = export.SymbolicScope()
        self._others = 0

    def spec(self, shape: Sequence[int | None], dtype: Any) -> Any:
        """A stand-in for an argument; unknown sizes (None) stay open, that of the first axis alike in all arguments."""
        names = []
        for axis, size in enumerate(shape):
            if size is None and axis:
                self._others += 1
                names.append(f"n{self._others}")
            else:
                names.append("batch" if size is None else str(size))
        return jax.ShapeDtypeStruct(export.symbolic_shape(",".join(names), scope=self._scope), dtype)

    def serialized(self, fn: Callable, args: Sequence[Any], platforms: Sequence[str] = PLATFORMS) -> bytes:
        """`fn`, traced on arguments like `args`, lowered for each of the platforms.

        Raises:
            BackendError: when it needs sizes to be known, or `flatbuffers` is not installed.
        """
        try:
            return bytes(export.export(jax.jit(fn), platforms=tuple(platforms))(*args).serialize())
        except ImportError as error:
            raise BackendError(
                "Exported programs are written by the package flatbuffers: pip install flatbuffers."
            ) from error
        except (jax.errors.JAXTypeError, TypeError) as error:
            raise BackendError(
                f"The program cannot be exported for unknown sizes: {error}. Give an `input_signature` in which every size is "
                "known."
            ) from error


def callable_of(data: bytes) -> Callable:
    """The function of what `Exporter.serialized` made."""
    try:
        return export.deserialize(bytearray(data)).call
    except ImportError as error:
        raise BackendError("Exported programs are read by the package flatbuffers: pip install flatbuffers.") from error
    except Exception as error:
        raise BackendError(
            f"These {len(data)} bytes are no exported program of this version of JAX: {error!r}"
        ) from error
