"""Modules of PyTorch as layers."""

import base64
import io
from collections.abc import Iterator
from typing import Any

from lamella import ops
from lamella.backend import _dtypes, _registry
from lamella.core._keras_tensor import KerasTensor
from lamella.core._serialization import in_safe_mode
from lamella.errors import ArgumentError, BackendError, SerializationError
from lamella.layers._layer import Layer

__all__ = ["TorchModuleWrapper"]


class TorchModuleWrapper(Layer):
    """A `torch.nn.Module` as a layer; on the backend "torch".

    The module's parameters become the weights of the layer, and its buffers those that are not trained. It computes with
    the values of these, in training mode where `training` is true.

    Args:
        module: the module; a lazy one must have been called before.
        name: of the layer.
        output_shape: the shape of the output, for drawing models; found by an abstract run where not given.

    Raises:
        BackendError: on another backend.
        ArgumentError: when `module` is no `torch.nn.Module`, or a lazy one that was not called yet.
    """

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any):
        if _registry.backend() != "torch":
            raise BackendError(
                f"TorchModuleWrapper runs a module of PyTorch, so it needs the backend 'torch'; the backend is "
                f"{_registry.backend()!r}. Set LAMELLA_BACKEND=torch."
            )
        import torch

        super().__init__(name=name, **kwargs)
        if not isinstance(module, torch.nn.Module):
            raise ArgumentError(f"TorchModuleWrapper takes a `torch.nn.Module`; got {module!r}.")
        if any(isinstance(p, torch.nn.parameter.UninitializedTensorMixin) for p in module.parameters()):
            raise ArgumentError(
                "LazyModules are not supported unless they are already initialized. Call the module once before it is "
                f"wrapped. Received: module={module!r}"
            )
        self.module = module
        self.output_shape_given = output_shape
        self._parts = {key: self._variable(key, value, True) for key, value in module.named_parameters()}
        self._parts |= {key: self._variable(key, value, False) for key, value in module.named_buffers()}
        self.built = True

    def _variable(self, key: str, value: Any, is_parameter: bool) -> Any:
        array = value.detach().clone()
        return self.add_weight(
            shape=tuple(value.shape),
            initializer=lambda shape, dtype=None: array,
            dtype=str(value.dtype).removeprefix("torch."),
            trainable=is_parameter and value.requires_grad,
            name=key.replace(".", "_"),
        )

    def parameters(self, recurse: bool = True) -> Iterator:
        """The parameters of the module itself, with the values of the weights."""
        self._write_back()
        return self.module.parameters(recurse=recurse)

    def _write_back(self) -> None:
        import torch

        with torch.no_grad():
            for key, value in [*self.module.named_parameters(), *self.module.named_buffers()]:
                value.copy_(self._parts[key].value.detach())

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        import torch

        if not all(isinstance(x, torch.Tensor) for x in args):  # an abstract run of the model, in another library
            dtypes = [_dtypes.standardize_dtype(x.dtype) for x in args]
            shape = self._meta_shape([x.shape for x in args], dtypes)
            return ops.zeros(shape, dtype=self.compute_dtype)
        self.module.train(bool(training))
        values = {key: variable.value for key, variable in self._parts.items()}
        buffers = {key: values[key].clone() for key, _ in self.module.named_buffers()}  # written to in place
        outputs = torch.func.functional_call(self.module, {**values, **buffers}, args, kwargs)
        if training:
            for key, value in buffers.items():
                self._parts[key].assign(value)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The `output_shape` that was given, else that of an abstract run."""
        if self.output_shape_given is not None:
            return self.output_shape_given
        return super().compute_output_shape(input_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The output as a KerasTensor."""
        if self.output_shape_given is not None:
            return KerasTensor(tuple(self.output_shape_given), dtype=self.compute_dtype)

        tried = [[[size if n is None else n for n in x.shape] for x in args] for size in (120, 240)]
        dtypes = [x.dtype for x in args]
        pairs = zip(*(self._meta_shape(shapes, dtypes) for shapes in tried))
        return KerasTensor(tuple(a if a == b else None for a, b in pairs), dtype=self.compute_dtype)

    def _meta_shape(self, shapes: list, dtypes: list) -> tuple:
        """The shape of the output, by a run on PyTorch's device without memory."""
        import torch

        args = [torch.empty(tuple(s), dtype=getattr(torch, d), device="meta") for s, d in zip(shapes, dtypes)]
        values = {
            key: torch.empty(v.shape, dtype=getattr(torch, v.dtype), device="meta") for key, v in self._parts.items()
        }
        self.module.eval()
        return tuple(torch.func.functional_call(self.module, values, tuple(args)).shape)

    # ---- configuration ---------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The arguments; the module as PyTorch pickles it, which only `safe_mode=False` reads again."""
        import torch

        self._write_back()
        buffer = io.BytesIO()
        torch.save(self.module, buffer)
        return {
            **super().get_config(),
            "module": base64.b64encode(buffer.getvalue()).decode("ascii"),
            "output_shape": self.output_shape_given,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Any:
        """The layer of a configuration that `get_config` returned.

        Raises:
            SerializationError: in safe mode, because reading a pickled module runs the code in it.
        """
        import torch

        config = dict(config)
        if isinstance(config.get("module"), str):
            if safe_mode is not False and (safe_mode or in_safe_mode()):
                raise SerializationError(
                    "The configuration of a TorchModuleWrapper holds a pickled module, and reading it runs code. If you "
                    "trust where it comes from, pass `safe_mode=False`."
                )
            buffer = io.BytesIO(base64.b64decode(config["module"]))
            config["module"] = torch.load(buffer, weights_only=False)
        return super().from_config(config)
