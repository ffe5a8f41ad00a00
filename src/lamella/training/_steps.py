"""One step of training, evaluation and prediction: first as a person writes it, then as a pure function of the state.

A model's own `train_step(self, data)` or `train_step(self, state, data)` takes the place of the default; so do
`test_step` and `predict_step`. The state is the tuple (trainable, non-trainable, optimizer, metric) of lists of values.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core import _scopes, _tree
from lamella.core._gradient import value_and_grad
from lamella.core._variable import Variable
from lamella.data._packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from lamella.errors import ArgumentError
from lamella.layers._tracking import held_by, unique
from lamella.random._seed import carried_state

Step = Callable[[Any, Any], tuple[Any, tuple]]


def train(model: Any, data: Any) -> dict[str, Any]:
    """The default step of training: forward, loss, backward, update, metrics. Returns the running metrics."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)

    def loss_fn() -> tuple[Any, tuple[Any, Any]]:
        y_pred = call_model(model, x, training=True)
        loss = model._loss_of(x, y, y_pred, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss) if model.optimizer is not None else loss
        return scaled, (loss, y_pred)

    variables = model.trainable_variables
    if variables:
        (_, (loss, y_pred)), gradients = value_and_grad(loss_fn, variables, has_aux=True)()
        model.optimizer.apply(gradients, variables)
    else:
        _, (loss, y_pred) = loss_fn()
    model._loss_tracker.update_state(loss, sample_weight=batch_size_of(x))
    return model._metrics_of(x, y, y_pred, sample_weight)


def test(model: Any, data: Any) -> dict[str, Any]:
    """The default step of evaluation: forward, loss, metrics. Returns the running metrics."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    y_pred = call_model(model, x, training=False)
    loss = model._loss_of(x, y, y_pred, sample_weight, training=False)
    model._loss_tracker.update_state(loss, sample_weight=batch_size_of(x))
    return model._metrics_of(x, y, y_pred, sample_weight)


def predict(model: Any, data: Any) -> Any:
    """The default step of prediction: the outputs for a batch."""
    x, _, _ = unpack_x_y_sample_weight(data)
    return call_model(model, x, training=False)


def call_model(model: Any, x: Any, training: bool) -> Any:
    """`model(x)`, with `training` where the model's call takes it."""
    return model(x, training=training) if model._call_has_training else model(x)


def batch_size_of(x: Any) -> int:
    """The number of samples in a batch."""
    return int(next(leaf for leaf in _tree.flatten(x) if leaf is not None).shape[0])


DEFAULTS: dict[str, Callable[[Any, Any], Any]] = {"train": train, "test": test, "predict": predict}


def state_variables(model: Any, kind: str) -> tuple[list[Variable], ...]:
    """The variables that a step of `kind` reads and writes: (trainable, non-trainable, optimizer, metric).

    The optimizer variables are those of `model.optimizer`, then those of other optimizers the model holds. The metric
    variables are those of `model.metrics`; a step that is not handed the state may also use the metrics of `compile`,
    which a model that overrides `metrics` leaves out, and draw without a seed.
    """
    optimizers = [model.optimizer, *held_by(model, "optimizers")] if kind == "train" else []
    metrics = model.metrics_variables if kind != "predict" else []
    non_trainable = model.non_trainable_variables
    if not own_step(model, kind)[1]:
        non_trainable = [*non_trainable, *carried_state()]
        if kind != "predict":
            metrics = unique([*metrics, *(v for metric in model._compiled_metrics for v in metric.variables)])
    return (
        model.trainable_variables,
        non_trainable,
        unique(v for optimizer in optimizers if optimizer is not None for v in optimizer.variables),
        metrics,
    )


def own_step(model: Any, kind: str) -> tuple[Callable | None, bool]:
    """The model's own step of `kind`, if it has one, and whether that takes the state.

    It takes the data packed as Keras packs it: `(x, y)` where there are no sample weights, `x` where there is no `y`.
    """
    method = getattr(model, f"{kind}_step")
    if getattr(method, "is_default_step", False):
        return None, False
    parameters = [
        p
        for p in inspect.signature(method).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    takes_state = len(parameters) >= 2
    if takes_state:
        return lambda state, data: method(state, _packed(data)), True
    return lambda data: method(_packed(data)), False


def _packed(data: Any) -> Any:
    return pack_x_y_sample_weight(*unpack_x_y_sample_weight(data))


def stateful_step(model: Any, kind: str) -> Callable[[Any], Any]:
    """The step as a function of the data alone, that changes the model's variables."""
    method, takes_state = own_step(model, kind)
    if method is None:
        return lambda data: DEFAULTS[kind](model, data)
    if not takes_state:
        return method
    groups = state_variables(model, kind)

    def run(data: Any) -> Any:
        asarray = _registry.active().asarray
        values = tuple([asarray(v) for v in group] for group in groups)
        outputs, state = method(_shape_state(values, kind), data)
        for group, new in zip(groups, _full_state(state, values, kind)):
            for variable, value in zip(group, new):
                variable.assign(value)
        return outputs

    return run


def pure_step(model: Any, kind: str) -> Step:
    """The step as a pure function `(state, data) -> (logs or outputs, state)`."""
    method, takes_state = own_step(model, kind)
    groups = state_variables(model, kind)

    if method is not None and takes_state:

        def explicit(state: Any, data: Any) -> tuple[Any, tuple]:
            outputs, new = method(_shape_state(state, kind), data)
            return outputs, _like(state, _full_state(new, state, kind))

        return explicit

    body = method or (lambda data: DEFAULTS[kind](model, data))
    known = {id(v) for group in groups for v in group}

    def implicit(state: Any, data: Any) -> tuple[Any, tuple]:
        mapping = [pair for group, values in zip(groups, state) for pair in zip(group, values)]
        with _scopes.StatelessScope(mapping) as scope:
            outputs = body(data)
            new = tuple([scope.get_current_value(v) for v in group] for group in groups)
        strangers = [v.path for v, _ in scope.updates() if id(v) not in known]
        if strangers:
            raise ArgumentError(
                f"The {kind} step of model {model.name!r} assigned to variables that the model does not hold, so their new "
                f"values would be lost: {strangers}. Make them attributes of the model or of one of its layers."
            )
        return outputs, new

    return implicit


def in_place_step(model: Any, kind: str) -> Step:
    """The step as a function `(state, data) -> (logs, state)` that changes the variables and passes on what it is given."""
    run = stateful_step(model, kind)
    return lambda state, data: (run(data), state)


def dry_run(model: Any, kind: str, data: Any) -> None:
    """Run the model's own step without keeping what it computes, so that what it makes at its first calls is made.

    A step may ask for the variables of a layer before it calls the layer, so it runs until nothing new is made.
    """
    method, takes_state = own_step(model, kind)
    if method is None or takes_state:
        return
    adapter = _registry.active()
    data = _tree.map_structure(lambda a: None if a is None else adapter.asarray(a), data)

    def body(data: Any) -> list:
        with _scopes.StatelessScope():
            return [x for x in _tree.flatten(method(data)) if _registry.owner(x) is not None]

    eager = model.run_eagerly or not model.jit_compile
    made = -1
    while made != (made := sum(len(group) for group in state_variables(model, kind))):
        if eager and made and all(layer.built for layer in model._flatten_layers(include_self=False)):
            break
        if eager:
            body(data)
        else:
            adapter.shape_of_result(functools.partial(body), data)  # a new function: libraries remember old traces


def metric_results(model: Any, variables: list[Variable], values: list | None) -> dict[str, Any]:
    """The model's metrics, as its variables would have them with `values`, or have them now where that is None."""
    if values is None:
        return model.get_metrics_result()
    with _scopes.StatelessScope(zip(variables, values)):
        return model.get_metrics_result()


def _shape_state(state: Any, kind: str) -> tuple:
    """The state as Keras hands it to a model's own step of that kind."""
    trainable, non_trainable, optimizer, metrics = state
    if kind == "train":
        return (list(trainable), list(non_trainable), list(optimizer), list(metrics))
    if kind == "test":
        return (list(trainable), list(non_trainable), list(metrics))
    return (list(trainable), list(non_trainable))


def _full_state(new: Any, old: Any, kind: str) -> tuple:
    """The four lists again, from what a model's own step returned."""
    expected = {"train": 4, "test": 3, "predict": 1}[kind]
    if kind == "predict":
        non_trainable = new[1] if isinstance(new, tuple) and len(new) == 2 else new
        return (old[0], non_trainable, old[2], old[3])
    if not isinstance(new, (tuple, list)) or len(new) != expected:
        raise ArgumentError(
            f"`{kind}_step(self, state, data)` must return `(logs, state)` with the same {expected} lists in the state as "
            f"it was given; got a state of {len(new) if isinstance(new, (tuple, list)) else type(new).__name__}."
        )
    if kind == "test":
        return (new[0], new[1], old[2], new[2])
    return tuple(new)


def _like(old: Any, new: Any) -> tuple:
    """`new` with the dtypes of `old`: a loop carries the same types around."""
    adapter = _registry.active()
    return tuple(
        [adapter.asarray(n, adapter.dtype(o)) for o, n in zip(before, after)] for before, after in zip(old, new)
    )


def scalar_logs(logs: Any) -> dict[str, Any]:
    """The logs of a step as a dict of arrays; a dict in their midst, as a metric of several values has, is part of it.

    Raises:
        ArgumentError: when a step returns something else.
    """
    if logs is None:
        return {}
    if not isinstance(logs, dict):
        raise ArgumentError(
            f"A `train_step` or `test_step` must return a dict from metric names to values; got {type(logs).__name__}."
        )
    scalars: dict[str, Any] = {}
    for name, value in logs.items():
        scalars.update(scalar_logs(value) if isinstance(value, dict) else {name: ops.convert_to_tensor(value)})
    return scalars
