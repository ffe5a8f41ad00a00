"""The model that trains a student by its teacher."""

from typing import Any

from lamella import metrics, ops, tree
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.distillation._losses import is_drawn
from lamella.errors import ArgumentError, ShapeError
from lamella.models import Model
from lamella.typing import Array

__all__ = ["Distiller"]


class Distiller(Model):
    """Trains a student on the labels and on what its teacher says about the same data.

    loss = w student_loss + (1 - w) sum_i w_i distillation_loss_i, where w is `student_loss_weight`. The student's loss is the
    one given to `compile`, without `sample_weight`s and without what layers add, as in Keras. Hinton, Vinyals and Dean (2015),
    arXiv:1503.02531.

    Args:
        teacher: a trained model. It is frozen (`trainable = False`), and runs with `training=False`.
        student: the model to train, of the same inputs and outputs.
        distillation_losses: a `DistillationLoss`, or a list of them.
        distillation_loss_weights: a factor for each of the list, dimensionless; 1 by default. A single loss has the factor 1.
        student_loss_weight: w, in [0, 1]. With 0 or 1 the part that would not count is not computed, and logged as 0.
        name: the name of the model.
        **kwargs: `trainable` and `dtype`.

    Attributes:
        teacher, student: the two models; the latter is the one to use afterwards.

    Raises:
        ArgumentError: for something that is no model, other numbers of weights than losses, a weight out of range, or layers
            that a loss names and a model lacks.
        ShapeError: where the inputs or the outputs of the models differ.

    Example:
        >>> import lamella as keras
        >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3)])
        >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> distiller = keras.distillation.Distiller(teacher, student, keras.distillation.LogitsDistillation())
        >>> distiller.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher, self.student = teacher, student
        if distillation_losses is None:
            raise ArgumentError(
                "'distillation_losses' cannot be `None`. Provide a distillation loss (e.g., LogitsDistillation or "
                "FeatureDistillation) or a list of distillation losses."
            )
        if isinstance(distillation_losses, (list, tuple)):
            self.distillation_losses = list(distillation_losses)
            self.distillation_loss_weights = list(distillation_loss_weights or [1.0] * len(distillation_losses))
        else:
            self.distillation_losses = [distillation_losses]
            self.distillation_loss_weights = [1.0]
        if len(self.distillation_loss_weights) != len(self.distillation_losses):
            raise ArgumentError(
                f"Number of distillation_loss_weights ({len(self.distillation_loss_weights)}) must match number of "
                f"distillation_losses ({len(self.distillation_losses)})"
            )
        if not isinstance(student_loss_weight, (int, float)):
            raise ArgumentError(f"student_loss_weight must be a number, got {type(student_loss_weight)}")
        if not 0.0 <= student_loss_weight <= 1.0:
            raise ArgumentError(f"student_loss_weight must be between 0.0 and 1.0, got {student_loss_weight}")
        self.student_loss_weight = student_loss_weight
        for loss in self.distillation_losses:
            if not hasattr(loss, "validate_model_compatibility"):
                raise AttributeError(f"Expected a DistillationLoss in `distillation_losses`; got {loss!r}.")
            loss.validate_model_compatibility(teacher, student)
        teacher.trainable = False
        self._teacher_features = self._extractor(teacher, "teacher_layer_name")
        self._student_features = self._extractor(student, "student_layer_name")
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Say how the student is trained and measured.

        Args:
            optimizer: an optimizer, or the name of one.
            loss: the loss between the labels and the student's outputs.
            metrics: as in `Model.compile`.
            **kwargs: the other arguments of `Model.compile`.

        Raises:
            ArgumentError: without a loss.
        """
        if loss is None:
            raise ArgumentError("'loss' cannot be `None`.")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compile with what `get_compile_config` returned."""
        self._compile_again(deserialize_keras_object(config))

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Array:
        """The weighted sum of the student's loss and the distillation losses, a scalar.

        Args:
            x, y: inputs and labels.
            y_pred: the student's outputs; computed from `x` where they are not given.
            sample_weight: not used.
            training: whether the batch is trained on.
        """
        if y_pred is None:
            y_pred = self(x, training=training)
        weight = self.student_loss_weight
        student_loss: Any = ops.zeros(())
        distillation_loss: Any = ops.zeros(())
        if weight > 0 and self._compile_loss is not None:
            student_loss = ops.mean(self._compile_loss(y, y_pred))
        if weight < 1:
            distillation_loss = self._distillation_loss(x, y_pred, training)
        total = weight * student_loss + (1 - weight) * distillation_loss
        self.student_loss_tracker.update_state(ops.stop_gradient(student_loss))
        self.distillation_loss_tracker.update_state(ops.stop_gradient(distillation_loss))
        self.total_loss_tracker.update_state(ops.stop_gradient(total))
        return total

    def _distillation_loss(self, x: Any, y_pred: Any, training: bool) -> Any:
        final_of_teacher, of_teacher = _features(self.teacher, self._teacher_features, x, False)
        of_student: dict[Any, Any] = {}
        if self._student_features is not None:
            # In Keras 3.15 the student runs here as in training even when it is evaluated, so that evaluating it moves the
            # statistics of its batch normalization.
            _, of_student = _features(self.student, self._student_features, x, training)
        total: Any = ops.zeros(())
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights):
            teacher = of_teacher.get(getattr(loss, "teacher_layer_name", None), final_of_teacher)
            student = of_student.get(getattr(loss, "student_layer_name", None), y_pred)
            loss.validate_outputs(teacher, student)
            value = loss.compute_loss(teacher, student)
            if len(value.shape):
                raise ShapeError(
                    f"Distillation loss {type(loss).__name__} returned a non-scalar loss with shape {tuple(value.shape)}. "
                    "The compute_loss method must return a scalar tensor."
                )
            total = total + weight * value
        return total

    def _extractor(self, model: Any, attribute: str) -> Model | None:
        """The model that returns its final outputs, and those of the layers that losses name; None where they name none."""
        names = {getattr(loss, attribute, None): None for loss in self.distillation_losses}
        names.pop(None, None)
        if not names:
            return None
        layers = {name: model.get_layer(name).output for name in names}
        return Model(model.inputs, [model.output, layers], name=f"{model.name}_features")

    def get_config(self) -> dict:
        """The arguments that make the model again, with both models inside."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self.dtype_policy),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model of a configuration that `get_config` returned."""
        parts = ("teacher", "student", "distillation_losses", "dtype")
        read = {k: deserialize_keras_object(config[k], custom_objects=custom_objects) for k in parts if k in config}
        return cls(**{**config, **read})


def _features(model: Model, extractor: Model | None, x: Any, training: bool) -> tuple[Any, dict[Any, Any]]:
    """The final outputs, and those of the named layers."""
    if extractor is None:
        return model(x, training=training), {}
    final, layers = extractor(x, training=training)
    return final, layers


def _check_models(teacher: Any, student: Any) -> None:
    for role, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise ArgumentError(f"{role} must be a keras.Model, got {type(model)}")
    if not (is_drawn(teacher) and is_drawn(student)):
        return
    for what, of_teacher, of_student in (
        ("input", teacher.input, student.input),
        ("output", teacher.output, student.output),
    ):
        tree.assert_same_structure(of_teacher, of_student)
        for t, s in zip(tree.flatten(of_teacher), tree.flatten(of_student)):
            if len(t.shape) != len(s.shape):
                raise ShapeError(
                    f"Teacher and student {what} shapes have different dimensions. Teacher: {t.shape}, Student: {s.shape}."
                )
            if any(a is not None and b is not None and a != b for a, b in zip(t.shape, s.shape)):
                raise ShapeError(
                    f"Teacher and student {what} shapes are incompatible. Teacher: {t.shape}, Student: {s.shape}. All "
                    "dimensions must match."
                )
            if t.dtype != s.dtype:
                raise ArgumentError(
                    f"Teacher and student {what} dtypes must match. Teacher: {t.dtype}, Student: {s.dtype}."
                )
