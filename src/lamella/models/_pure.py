"""A model's loss and steps as pure functions of the values of its variables."""

from typing import Any

from lamella.core import _scopes
from lamella.training import _steps


def loss_and_updates(model: Any, state: tuple, x: Any, y: Any, sample_weight: Any, training: bool) -> tuple:
    """What `Model.compute_loss_and_updates` returns; `state` has its four groups of values, the last may be None."""
    trainable_variables, non_trainable_variables, metrics_variables, optimizer_variables = state
    mapping = [
        *zip(model.trainable_variables, trainable_variables),
        *zip(model.non_trainable_variables, non_trainable_variables),
        *zip(model.metrics_variables, metrics_variables),
    ]
    if optimizer_variables is not None:
        mapping += zip(model.optimizer.variables, optimizer_variables)
    with _scopes.StatelessScope(mapping) as scope:
        y_pred = _steps.call_model(model, x, training=training)
        loss = model._loss_of(x, y, y_pred, sample_weight, training)
        scaled = model.optimizer.scale_loss(loss) if training and model.optimizer is not None else loss
        non_trainable = [scope.get_current_value(v) for v in model.non_trainable_variables]
        metrics = [scope.get_current_value(v) for v in model.metrics_variables]
    return scaled, (loss, y_pred, non_trainable, metrics)


def loss_with_state(
    model: Any, values: tuple, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
) -> tuple:
    """What `Model.stateless_compute_loss` returns, for the values of its three groups of variables."""
    groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
    with _scopes.StatelessScope([p for g, v in zip(groups, values) for p in zip(g, v)]) as scope:
        loss = model._loss_of(x, y, y_pred, sample_weight, training)
        state = tuple([scope.get_current_value(v) for v in group] for group in groups)
    return loss, state


def run_step(model: Any, kind: str, state: Any, data: Any) -> Any:
    """The default step of `kind`, on `(state, data)` as a pure function, or on the data alone."""
    body = _steps.DEFAULTS[kind]
    if data is None:  # the stateful form, called with the data alone
        return body(model, state)
    groups = _steps.state_variables(model, kind)
    groups = {"train": groups, "test": (*groups[:2], groups[3]), "predict": groups[:2]}[kind]
    with _scopes.StatelessScope([p for g, v in zip(groups, state) for p in zip(g, v)]) as scope:
        outputs = body(model, data)
        new = tuple([scope.get_current_value(v) for v in group] for group in groups)
    return outputs, (new[1] if kind == "predict" else new)
