"""How far a student's outputs are from its teacher's."""

from collections.abc import Callable
from typing import Any

from lamella import losses, ops, tree
from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError
from lamella.losses import KLDivergence
from lamella.models import Model
from lamella.typing import Array

__all__ = ["DistillationLoss", "FeatureDistillation", "LogitsDistillation"]


class DistillationLoss(Serializable):
    """A distance between the outputs of a teacher and a student. A subclass defines `compute_loss`.

    Example:
        >>> import lamella as keras
        >>> class Distance(keras.distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return keras.ops.mean(keras.ops.abs(teacher_outputs - student_outputs))
    """

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Array:
        """The loss of a batch, a scalar.

        Args:
            teacher_outputs, student_outputs: arrays `(batch, ...)`, or structures of them for several outputs.
            **kwargs: nothing, so far.
        """
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raise a ValueError where teacher and student have outputs of different structures."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise a ValueError where the loss cannot be computed for these models. Any will do here."""


class _LossOfOutputs(DistillationLoss):
    """A mean of a loss function over the batch, summed over the outputs."""

    loss: Any

    def _check_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        self.validate_outputs(teacher_outputs, student_outputs)
        tree.assert_same_structure(self.loss, teacher_outputs)

    def _total(self, distance: Callable[[Any, Any, Any], Array], teacher_outputs: Any, student_outputs: Any) -> Array:
        self._check_outputs(teacher_outputs, student_outputs)
        entries = zip(*map(tree.flatten, (self.loss, teacher_outputs, student_outputs)))
        values = [ops.mean(distance(loss, t, s)) for loss, t, s in entries if loss is not None]
        return sum(values[1:], values[0])

    def get_config(self) -> dict:
        """The arguments that make the loss again."""
        return {"loss": tree.map_structure(serialize_keras_object, self.loss)}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The loss of a configuration that `get_config` returned."""
        return cls(**{**config, "loss": deserialize_keras_object(config["loss"])})


class FeatureDistillation(_LossOfOutputs):
    """The distance between a layer of the teacher and a layer of the student.

    Romero et al. (2015), FitNets, arXiv:1412.6550, whose loss is the squared distance.

    Args:
        loss: a loss or its name, called as `loss(teacher_features, student_features)`; for layers of several outputs a
            structure of them, with None for an output that does not count.
        teacher_layer_name: a layer of a functional or `Sequential` teacher; its final outputs by default.
        student_layer_name: the same of the student.

    Raises:
        ArgumentError: when no output has a loss.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ):
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name
        self.loss = _losses_of(self, loss)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise a ValueError where a layer is named that its model does not have."""
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if not is_drawn(model):
                raise ArgumentError(
                    "FeatureDistillation with specific layer names requires Functional or Sequential models; the "
                    f"{role} {model.name!r} is a subclass, whose layers have no outputs before it is called. Leave out "
                    "the names, to compare the final outputs, or use LogitsDistillation."
                )
            try:
                model.get_layer(name)
            except ArgumentError as error:
                raise ArgumentError(f"In {role} model: {error}") from None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Array:
        """The mean loss between the features, summed over outputs: a scalar.

        Args:
            teacher_outputs, student_outputs: what the two layers return, of the same shapes `(batch, ...)`.
        """
        return self._total(lambda loss, t, s: loss(t, s), teacher_outputs, student_outputs)

    def get_config(self) -> dict:
        """The arguments that make the loss again."""
        return {
            **super().get_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


class LogitsDistillation(_LossOfOutputs):
    """The distance between the outputs of two models, both divided by a temperature.

    Hinton, Vinyals and Dean (2015), arXiv:1503.02531, section 2: the cross-entropy of softmax(teacher / T) and
    softmax(student / T), times T^2. That is what `loss=keras.losses.KLDivergence()` computes, up to the teacher's entropy.
    Any other loss, the name "kl_divergence" too, is applied to the divided outputs as they are, as in Keras 3.15.

    Args:
        temperature: T, dimensionless, above 0; 3 to 5 are usual.
        loss: a loss or its name, called as `loss(teacher, student)`; for models of several outputs a structure of them,
            with None for an output that does not count.

    Raises:
        ArgumentError: for a temperature that is no positive number, or when no output has a loss.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        if not isinstance(temperature, (int, float)):
            raise ArgumentError(f"temperature must be a number, got {type(temperature)}")
        if temperature <= 0.0:
            raise ArgumentError(f"temperature must be positive; got {temperature}.")
        self.temperature = temperature
        self.loss = _losses_of(self, loss)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Array:
        """The mean loss between the divided outputs, summed over outputs: a scalar.

        Args:
            teacher_outputs, student_outputs: logits of the same shapes, `(batch, ..., classes)`.
        """
        return self._total(self._distance, teacher_outputs, student_outputs)

    def _distance(self, loss: Any, teacher: Any, student: Any) -> Array:
        teacher, student = ops.divide(teacher, self.temperature), ops.divide(student, self.temperature)
        if isinstance(loss, KLDivergence):
            return ops.multiply(loss(ops.softmax(teacher), ops.softmax(student)), self.temperature**2)
        return loss(teacher, student)

    def get_config(self) -> dict:
        """The arguments that make the loss again."""
        return {"temperature": self.temperature, **super().get_config()}


def is_drawn(model: Model) -> bool:
    """Whether the layers of a model have symbolic outputs."""
    return bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))


def _losses_of(owner: DistillationLoss, loss: Any) -> Any:
    found = tree.map_structure(losses.get, loss)
    if all(entry is None for entry in tree.flatten(found)):
        raise ArgumentError(
            f"At least one loss must be non-`None`: the `loss` argument in `{type(owner).__name__}` must contain at least "
            f"one non-`None` value; got {loss!r}."
        )
    return found
