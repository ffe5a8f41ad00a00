"""Losses and metrics of a compiled model: which applies to which output, and their sum."""

from collections.abc import Callable
from typing import Any

from lamella import losses as losses_module
from lamella import metrics as metrics_module
from lamella import ops
from lamella.core import _tree
from lamella.core._names import snake_case
from lamella.errors import ArgumentError
from lamella.losses._loss import LossFunctionWrapper
from lamella.metrics import Metric


def output_names_of(y_pred: Any, model_names: list[str] | None) -> list[str]:
    """A name for every output: the keys of a dict, what the model says, or output_0, output_1, ..."""
    if isinstance(y_pred, dict):
        return [str(k) for k in y_pred]
    count = len(_tree.flatten(y_pred))
    if model_names and len(model_names) == count:
        return list(model_names)
    return [f"output_{i}" for i in range(count)] if count > 1 else ["output"]


def per_output(spec: Any, y_pred: Any, names: list[str], what: str) -> list[Any]:
    """The entry of `spec` (one, a list, or a dict by output name) for each output.

    Raises:
        ArgumentError: for a list of another length, or a key that names no output.
    """
    if isinstance(spec, dict):
        unknown = sorted(str(k) for k in spec if str(k) not in names)
        if unknown:
            raise ArgumentError(
                f"In the dict argument `{what}`, the keys {unknown} do not correspond to any model output. "
                f"The outputs are: {names}."
            )
        return [spec.get(name) for name in names]
    if isinstance(spec, (list, tuple)):
        flat = list(spec)
        if len(flat) != len(names):
            raise ArgumentError(
                f"For a model with {len(names)} outputs ({', '.join(names)}), when providing the `{what}` argument as a "
                f"list, it should have as many entries as the model has outputs; got {len(flat)}: {spec!r}."
            )
        return flat
    return [spec] * len(names)


class CompiledLoss:
    """The loss of a model: that of each output, weighted and summed.

    Args:
        loss: a loss, or the name of one; a list by output; or a dict by output name.
        loss_weights: factors in the same form, dimensionless.
        output_names: the names of the model's outputs, where it knows them.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None):
        self.spec = loss
        self.weights_spec = loss_weights
        self._model_names = output_names
        self._built = False
        for entry in _tree.flatten(loss):
            if entry is not None:
                losses_module.get(entry)  # unknown names are told at compile
        if loss_weights is not None and not isinstance(loss_weights, (int, float, list, tuple, dict)):
            raise ArgumentError(
                f"`loss_weights` must be a number, a list of numbers or a dict by output name; got {loss_weights!r}."
            )

    @property
    def built(self) -> bool:
        """Whether the outputs are known."""
        return self._built

    @property
    def metrics(self) -> list:
        """A running mean for the loss of each output, where several outputs have one."""
        return list(self._trackers.values()) if self._built else []

    def build(self, y_pred: Any) -> None:
        """Settle which loss applies to which output."""
        self.names = output_names_of(y_pred, self._model_names)
        spec = self.spec
        if len(self.names) == 1 and isinstance(spec, (list, tuple)) and len(spec) == 1:
            spec = spec[0]
        if isinstance(spec, dict) and not isinstance(y_pred, dict) and len(spec) == len(self.names) == 1:
            spec = next(iter(spec.values()))
        self.functions: list[Callable | None] = []
        if isinstance(spec, dict) and (without := [name for name in self.names if name not in spec]):
            raise ArgumentError(
                f"The dict argument `loss` has no entry for the output(s) {without} of the model; it has "
                f"{sorted(map(str, spec))}. Give None for an output without a loss."
            )
        for entry in per_output(spec, y_pred, self.names, "loss"):
            self.functions.append(None if entry is None else _as_loss(entry))
        weights = per_output(self.weights_spec, y_pred, self.names, "loss_weights")
        self.weights = [None if w is None else float(w) for w in weights]
        with_loss = [name for name, function in zip(self.names, self.functions) if function is not None]
        trackers = {name: metrics_module.Mean(name=f"{name}_loss") for name in with_loss}
        self._trackers = trackers if len(with_loss) > 1 else {}
        self._built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum over the outputs, a scalar; None when no output has a loss."""
        if not self._built:
            self.build(y_pred)
        predictions = outputs_in_order(y_pred, self.names)
        targets = outputs_in_order(y_true, self.names)
        weights = outputs_in_order(sample_weight, self.names, broadcast=True)
        if len(targets) != len(predictions):
            raise ArgumentError(
                f"The model has {len(predictions)} outputs ({', '.join(self.names)}); the targets `y` have "
                f"{len(targets)} entries."
            )
        total = None
        entries = zip(self.names, self.functions, targets, predictions, weights, self.weights)
        for name, function, y, p, w, factor in entries:
            if function is None or y is None:
                continue
            value = ops.cast(function(y, p, w), "float32") if p.dtype == "float16" else function(y, p, w)
            if name in self._trackers:
                self._trackers[name].update_state(ops.stop_gradient(value), sample_weight=_batch_of(p))
            if factor is not None:
                value = ops.multiply(value, factor)
            total = value if total is None else ops.add(total, value)
        return total


def _batch_of(array: Any) -> int | None:
    return int(array.shape[0]) if len(array.shape) and array.shape[0] is not None else None


def _as_loss(entry: Any) -> Callable:
    function = losses_module.get(entry)
    if isinstance(function, losses_module.Loss):
        return function
    name = getattr(function, "__name__", type(function).__name__)
    return LossFunctionWrapper(function, name=name)


def outputs_in_order(values: Any, names: list[str], broadcast: bool = False) -> list:
    """The entries of `values` in the order of the outputs."""
    if values is None:
        return [None] * len(names)
    if isinstance(values, dict):
        return [values.get(name) for name in names]
    if isinstance(values, (list, tuple)):
        return list(values)
    return [values] * len(names) if broadcast else [values]


class CompiledMetrics(Metric):
    """The metrics of a model, by output, as one metric whose result is a dict by name.

    Args:
        metrics: a list (for one output), a list of lists or a dict by output name (for several).
        weighted_metrics: the same, for metrics that take the sample weights into account.
        output_names: the names of the model's outputs, where it knows them.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any = None, output_names: list[str] | None = None):
        super().__init__(name="compile_metrics")
        self._groups: list[list[list[tuple]]] = []
        for kind, spec in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if spec is not None and not isinstance(spec, (list, tuple, dict)):
                raise ArgumentError(
                    f"Expected `{kind}` argument to be a list, tuple, or dict; got {spec!r} of type "
                    f"{type(spec).__name__}. Write {kind}=[{spec!r}]."
                )
            for entry in _tree.flatten(spec):
                if isinstance(entry, str) and entry not in _BY_SHAPE:
                    metrics_module.get(entry)  # unknown names are told at compile
        self.specs = (metrics, weighted_metrics)
        self._model_names = output_names
        self._built = False

    @property
    def built(self) -> bool:
        """Whether the outputs are known."""
        return self._built

    @property
    def metrics(self) -> list:
        """The metrics, flat."""
        return [metric for group in self._groups for metrics in group for metric, _ in metrics]

    @property
    def metrics_names(self) -> list[str]:
        """The name of each of `metrics`: the text that was given, or its own."""
        return [given or metric.name for group in self._groups for metrics in group for metric, given in metrics]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Settle which metric applies to which output; 'accuracy' becomes the accuracy that fits its shape."""
        self.names = output_names_of(y_pred, self._model_names)
        targets = outputs_in_order(y_true, self.names)
        predictions = outputs_in_order(y_pred, self.names)
        self._groups = []
        for kind, spec in zip(("metrics", "weighted_metrics"), self.specs):
            self._groups.append(self._of_each_output(kind, spec, targets, predictions))
        self._built = True

    def _of_each_output(self, kind: str, spec: Any, targets: list, predictions: list) -> list[list]:
        if spec is None or len(spec) == 0:
            return [[] for _ in self.names]
        if len(self.names) == 1 and not isinstance(spec, dict):
            entries: list[Any] = [_tree.flatten(list(spec))]
        elif isinstance(spec, dict) and len(self.names) == 1 and self.names[0] not in spec and len(spec) == 1:
            entries = [next(iter(spec.values()))]
        elif isinstance(spec, dict):
            entries = per_output(spec, None, self.names, kind)
        else:
            entries = per_output(spec, None, self.names, kind)
        out = []
        for entry, y, p in zip(entries, targets, predictions):
            listed = [] if entry is None else list(entry) if isinstance(entry, (list, tuple)) else [entry]
            out.append([(resolve_metric(e, y, p), e if isinstance(e, str) else None) for e in listed if e is not None])
        return out

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Give every metric its output of a batch."""
        if not self._built:
            self.build(y_true, y_pred)
        targets = outputs_in_order(y_true, self.names)
        predictions = outputs_in_order(y_pred, self.names)
        weights = outputs_in_order(sample_weight, self.names, broadcast=True)
        plain, weighted = self._groups
        for i, (y, p) in enumerate(zip(targets, predictions)):
            if y is None:
                continue
            for metric, _ in plain[i]:
                metric.update_state(y, p)
            for metric, _ in weighted[i]:
                metric.update_state(y, p, sample_weight=weights[i])

    def result(self) -> dict[str, Any]:
        """Metric name -> value; with several outputs, the output's name stands in front."""
        if not self._built:
            return {}
        results: dict[str, Any] = {}
        for name, metric in self.by_name():
            value = metric.result()
            results.update(value if isinstance(value, dict) else {name: value})
        return results

    def by_name(self) -> list[tuple[str, Any]]:
        """Pairs (name in the logs, metric)."""
        found: dict[str, Any] = {}
        several = self._built and len(self.names) > 1
        for group, weighted in zip(self._groups, ("", "weighted_")):
            for output, metrics in zip(self.names, group):
                for metric, given in metrics:
                    name = f"{output}_{given or metric.name}" if several else given or metric.name
                    found[_unused(name, weighted, found)] = metric
        return list(found.items())


def _unused(name: str, prefix: str, taken: dict) -> str:
    """`name`, with `prefix` and then a number where it is taken."""
    if name in taken:
        name = f"{prefix}{name}"
    unique, n = name, 0
    while unique in taken:
        n += 1
        unique = f"{name}_{n}"
    return unique


_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def resolve_metric(entry: Any, y_true: Any, y_pred: Any) -> Any:
    """The metric that `entry` names; 'accuracy' and 'crossentropy' by the shapes of targets and predictions."""
    if isinstance(entry, str) and entry in _BY_SHAPE:
        kind = "accuracy" if entry in ("accuracy", "acc") else "crossentropy"
        is_binary = y_pred.shape[-1] == 1 if len(y_pred.shape) else True
        y_shape, p_shape = tuple(y_true.shape), tuple(y_pred.shape)
        is_sparse = len(y_shape) < len(p_shape) or (y_shape[-1] == 1 and p_shape[-1] > 1)
        prefix = "Binary" if is_binary else "SparseCategorical" if is_sparse else "Categorical"
        return getattr(metrics_module, f"{prefix}{kind.capitalize()}")(name=entry)
    metric = metrics_module.get(entry)
    if isinstance(metric, metrics_module.Metric):
        return metric
    if callable(metric):
        name = entry if isinstance(entry, str) else snake_case(getattr(metric, "__name__", type(metric).__name__))
        if isinstance(entry, losses_module.Loss):
            name = entry.name
        return metrics_module.MeanMetricWrapper(metric, name=name)
    raise ArgumentError(f"Could not interpret {entry!r} as a metric.")
