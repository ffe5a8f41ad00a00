"""What users may write where an initializer, a regularizer or a constraint is wanted, and how it is found."""

from typing import Any

from lamella.core._serialization import (
    Serializable,
    builtin_classes,
    deserialize_object,
    get_registered_object,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, unknown_name


class Member(Serializable):
    """Base of such a family: an object that its configuration describes."""

    def __repr__(self) -> str:
        try:
            config = self.get_config()
        except Exception:  # a class of the user's without a configuration
            return super().__repr__()
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in config.items())})"


class Family:
    """The classes of one folder, by name.

    Args:
        kind: what one of them is, in words: "initializer".
        module: their public module, "keras.initializers".
        aliases: other names of theirs, and the names of the classes they stand for.
    """

    def __init__(self, kind: str, module: str, aliases: dict[str, str]):
        self.kind = kind
        self.module = module
        self.aliases = aliases

    def classes(self) -> dict[str, type]:
        """Every name that a string or configuration may use, and its class."""
        found = builtin_classes(self.module)
        return {**found, **{alias: found[name] for alias, name in self.aliases.items()}}

    def deserialize(self, config: Any, custom_objects: dict | None = None) -> Any:
        """The object of a name or a configuration; anything else comes back as it is.

        Raises:
            UnknownNameError: for a string that names none.
            SerializationError: for a configuration that names none.
        """
        if isinstance(config, str):
            known = self.classes()
            found = get_registered_object(config, custom_objects) or known.get(config)
            if found is None:
                raise unknown_name(self.kind, config, known)
            return found() if isinstance(found, type) else found
        if isinstance(config, dict) and "module" not in config and isinstance(config.get("class_name"), str):
            found = self.classes().get(config["class_name"])
            if found is not None:
                config = {"config": {}, **config, "module": self.module, "class_name": found.__name__}
        return deserialize_object(config, custom_objects)

    def get(self, identifier: Any) -> Any:
        """The object that `identifier` (None, a name, a configuration, a class, a callable) stands for.

        Raises:
            UnknownNameError: for a string that names none.
            ArgumentError: for anything that is none of these.
        """
        if identifier is None:
            return None
        found = self.deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
        if isinstance(found, type):
            found = found()
        if callable(found):
            return found
        raise ArgumentError(
            f"Could not interpret the {self.kind} {identifier!r} of type {type(identifier).__name__}. "
            "Expected the "
            f"name of one, a configuration, an object, or a function."
        )

    def serialize(self, obj: Any) -> Any:
        """The configuration from which `deserialize` makes the object again."""
        return serialize_keras_object(obj)
