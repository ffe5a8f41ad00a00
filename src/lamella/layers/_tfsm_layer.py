"""SavedModels of TensorFlow as layers."""

from typing import Any

from lamella.backend import _registry
from lamella.core._serialization import in_safe_mode
from lamella.errors import ArgumentError, BackendError, SerializationError
from lamella.layers._layer import Layer

__all__ = ["TFSMLayer"]


class TFSMLayer(Layer):
    """A SavedModel of TensorFlow, as a layer that computes what one of its endpoints does; on the backend "tensorflow".

    Args:
        filepath: the folder of the SavedModel.
        call_endpoint: the name of the endpoint to call: an attribute of the SavedModel, or one of its signatures.
        call_training_endpoint: the one to call with `training=True`; by default the same.
        trainable: kept for Keras; the variables of a SavedModel are not trained.
        name: of the layer.
        dtype: the dtype policy.

    Raises:
        BackendError: on another backend.
        ArgumentError: when the SavedModel has no endpoint of that name.
    """

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ):
        if _registry.backend() != "tensorflow":
            raise BackendError(
                f"TFSMLayer runs a SavedModel of TensorFlow, so it needs the backend 'tensorflow'; the backend is "
                f"{_registry.backend()!r}. Set LAMELLA_BACKEND=tensorflow."
            )
        import tensorflow as tf

        super().__init__(trainable=trainable, name=name, dtype=dtype)
        self.filepath = str(filepath)
        self.call_endpoint = call_endpoint
        self.call_training_endpoint = call_training_endpoint
        self._loaded = tf.saved_model.load(self.filepath)
        self._endpoint = self._endpoint_of(call_endpoint)
        self._training_endpoint = self._endpoint_of(call_training_endpoint or call_endpoint)
        self.built = True

    def _endpoint_of(self, name: str) -> Any:
        if hasattr(self._loaded, name):
            return getattr(self._loaded, name)
        if name in self._loaded.signatures:
            return self._loaded.signatures[name]
        raise ArgumentError(
            f"The endpoint {name!r} is neither an attribute of the SavedModel at {self.filepath!r} nor one of its "
            f"signatures, which are {sorted(self._loaded.signatures)}. Name another as `call_endpoint`."
        )

    def call(self, inputs: Any, training: bool = False, **kwargs: Any) -> Any:
        return (self._training_endpoint if training else self._endpoint)(inputs, **kwargs)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filepath": self.filepath,
            "call_endpoint": self.call_endpoint,
            "call_training_endpoint": self.call_training_endpoint,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> Any:
        """The layer of a configuration that `get_config` returned.

        Raises:
            SerializationError: in safe mode, because a SavedModel is read from the file system, and may do anything.
        """
        if safe_mode is not False and (safe_mode or in_safe_mode()):
            raise SerializationError(
                f"The configuration of a TFSMLayer names the SavedModel at {config.get('filepath')!r}, and running it runs "
                "whatever stands there. If you trust it, pass `safe_mode=False`."
            )
        return super().from_config(config)
