"""The base of learning-rate schedules."""

from typing import Any

from lamella.core._serialization import Serializable

__all__ = ["LearningRateSchedule"]


class LearningRateSchedule(Serializable):
    """A function of the step, to be given to an optimizer as its learning rate.

    A schedule of your own defines `__call__(step)`, with operations that take arrays (`lamella.ops`), since
    in a compiled program `step` is one; and `get_config`, where it shall be saved.

    Example:

    >>> import lamella
    >>> class Halving(lamella.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.5**step
    >>> optimizer = lamella.optimizers.SGD(Halving())
    >>> float(optimizer.learning_rate)
    1.0
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of the step number `step`, 0 for the first: an integer or an array of them."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict:
        """The arguments that make the schedule again."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable."
        )

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The schedule of a configuration that `get_config` returned."""
        return cls(**config)
