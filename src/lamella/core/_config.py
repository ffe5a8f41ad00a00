"""Switches of the process that are not about numbers: what is printed, filtered, or limited."""

from dataclasses import dataclass

from lamella.errors import ArgumentError, SerializationError


@dataclass
class _Switches:
    interactive_logging: bool = True
    traceback_filtering: bool = True
    flash_attention: bool | None = None
    portable_random: bool = False
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    learning_phase: int | None = None


_switches = _Switches()


def enable_interactive_logging() -> None:
    """Progress goes to standard output (the default)."""
    _switches.interactive_logging = True


def disable_interactive_logging() -> None:
    """Progress goes to the `logging` module instead of standard output."""
    _switches.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to standard output."""
    return _switches.interactive_logging


def enable_traceback_filtering() -> None:
    """Hide the framework's own frames in tracebacks (the default)."""
    _switches.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show whole tracebacks."""
    _switches.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the framework's own frames are hidden in tracebacks."""
    return _switches.traceback_filtering


def enable_unsafe_deserialization() -> None:
    """Refused: what a file may do is said for that file, not once for the process.

    Raises:
        SerializationError: always. Pass `safe_mode=False` to the call that loads a file you trust.
    """
    raise SerializationError(
        "lamella has no switch that lets every file run the code it carries: one forgotten file would be enough. Pass "
        "`safe_mode=False` to the very call that loads a file you trust, as in `load_model(path, safe_mode=False)`."
    )


def enable_flash_attention() -> None:
    """Let attention use the library's fused kernel where the shapes and the device allow it."""
    _switches.flash_attention = True


def disable_flash_attention() -> None:
    """Never use the library's fused attention kernel."""
    _switches.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """True or False as set, None when nothing was said: then it is used where it can be."""
    return _switches.flash_attention


def set_portable_random(enabled: bool) -> None:
    """Make random draws equal on all backends, bit for bit, or leave them to each library (the default).

    Portable draws are computed on the host in NumPy from threefry bits; a compiled program calls the host for those
    that are more than bits. They cost more than native ones.

    Args:
        enabled: whether draws shall be portable.
    """
    _switches.portable_random = bool(enabled)


def is_portable_random_enabled() -> bool:
    """Whether random draws are equal on all backends."""
    return _switches.portable_random


def max_epochs() -> int | None:
    """The number of epochs that `fit` will not exceed, or None."""
    return _switches.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, for a quick trial of a long program.

    Args:
        max_epochs: a positive integer, or None for no limit.
    """
    _switches.max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The number of steps per epoch that `fit`, `evaluate` and `predict` will not exceed, or None."""
    return _switches.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every epoch, for a quick trial of a long program.

    Args:
        max_steps_per_epoch: a positive integer, or None for no limit.
    """
    _switches.max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def learning_phase() -> int | None:
    """1 for training, 0 for inference, None when the process was told neither (the default)."""
    return _switches.learning_phase


def set_learning_phase(value: int | None) -> None:
    """Say for the whole process what `learning_phase()` of Keras 2's backend is, or nothing (None)."""
    _switches.learning_phase = value


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ArgumentError(f"`{name}` must be a positive integer or None; got {value!r}.")
    return value


def is_nnx_enabled() -> bool:
    """False: lamella's variables are its own, not Flax NNX's."""
    return False
