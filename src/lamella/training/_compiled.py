"""Losses and metrics of a compiled model: which applies to which output, and their sum."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella import losses as losses_module
from lamella import metrics as metrics_module
from lamella import ops
from lamella.core import _tree
from lamella.core._names import snake_case
from lamella.errors import ArgumentError, DataError, MissingKeyError
from lamella.losses._loss import LossFunctionWrapper
from lamella.metrics import Metric


class Outputs:
    """The outputs of a model one by one, in the order of `tree.flatten`: where each stands, and what it is called.

    Args:
        y_pred: the structure of the outputs.
        model_names: a name for each output, where the model has them.
    """

    def __init__(self, y_pred: Any, model_names: Sequence[str | None] | None = None):
        self.structure = y_pred
        self.paths: list[tuple] = _tree.paths(y_pred)
        given = model_names if model_names and len(model_names) == len(self.paths) else None
        #: What specifications by name, and errors, call them.
        self.names: list[str] = []
        #: What stands in front of the names of their metrics; None where they have no name of their own.
        self.prefixes: list[str | None] = []
        several = len(self.paths) > 1
        by_key = isinstance(y_pred, dict) and all(len(path) == 1 for path in self.paths)
        for i, path in enumerate(self.paths):
            name = str(path[0]) if by_key else given[i] if given else None
            by_path = "/".join(map(str, path)) if path and self._key(path) is not None else None
            self.names.append(name or by_path or (f"output_{i}" if several else "output"))
            self.prefixes.append(name if several else None)

    def __len__(self) -> int:
        return len(self.paths)

    def _key(self, path: tuple) -> str | None:
        """The key of the output at `path` in its dict; None where it stands in a list."""
        holder = self.structure
        for step in path[:-1]:
            holder = holder[step]
        return str(path[-1]) if isinstance(holder, dict) else None

    def loss_names(self, own: list[str | None]) -> list[str]:
        """A unique name for the loss of each output: its path, which ends with the name of the output, or of the loss.

        Args:
            own: the names of the losses themselves.
        """
        taken: dict[str, None] = {}
        for path, prefix, loss in zip(self.paths, self.prefixes, own):
            last = (self._key(path) if path else None) or prefix or loss
            taken[_unused("/".join([*map(str, path[:-1]), f"{last}_loss"]), taken)] = None
        return list(taken)

    def entries(self, spec: Any, what: str) -> list[Any]:
        """The entry of `spec` for each output.

        Args:
            spec: one entry for all; a structure like that of the outputs, or a list of as many entries; or a dict by name.
            what: the name of the argument, for errors.

        Raises:
            ArgumentError: for a list of another length.
            MissingKeyError: for a key that names no output.
        """
        if not isinstance(spec, (dict, list, tuple)):
            return [spec] * len(self)
        found = self.in_order(spec)
        if found is not None:
            return found
        if isinstance(spec, dict):
            unknown = sorted(str(k) for k in spec if str(k) not in self.names)
            raise MissingKeyError(
                f"In the dict argument `{what}`, the keys {unknown} do not correspond to any model output. "
                f"The outputs are: {self.names}."
            )
        raise ArgumentError(
            f"For a model with {len(self)} outputs ({', '.join(self.names)}), when providing the `{what}` argument as a "
            f"list, it should have as many entries as the model has outputs; got {len(spec)}: {spec!r}."
        )

    def in_order(self, values: Any) -> list[Any] | None:
        """The values of a structure like that of the outputs, a list or a dict by name; None for another structure."""
        if values is None:
            return [None] * len(self)
        by_path = _beside(self.structure, values) if self.paths != [()] else None
        if by_path is not None:
            return [by_path[path] for path in self.paths]
        if isinstance(values, dict):
            known = set(map(str, values)) <= set(self.names)
            return [values.get(name) for name in self.names] if known else None
        if isinstance(values, (list, tuple)):
            return list(values) if len(values) == len(self) else None
        return [values] if len(self) == 1 else None

    def data(self, values: Any, what: str, broadcast: bool = False) -> list[Any]:
        """The arrays of a batch for each output.

        Args:
            values: in one of the forms that `in_order` takes; None for nothing.
            what: what they are, for errors.
            broadcast: whether one array counts for all outputs.

        Raises:
            DataError: when they have another structure than the outputs.
        """
        found = self.in_order(values)
        if found is None and len(self) == 1 and isinstance(values, dict) and len(values) == 1:
            found = list(values.values())
        if found is not None:
            return found
        if broadcast and not isinstance(values, (dict, list, tuple)):
            return [values] * len(self)
        given = f"the keys {sorted(map(str, values))}" if isinstance(values, dict) else f"{_count(values)} entries"
        raise DataError(
            f"The model has {len(self)} outputs ({', '.join(self.names)}); {what} have {given}. Give one array for each "
            "output, in the structure of the outputs."
        )


def _count(values: Any) -> int:
    return len(values) if isinstance(values, (list, tuple)) else 1


def _beside(structure: Any, spec: Any, path: tuple = ()) -> dict[tuple, Any] | None:
    """The entries of `spec` by the paths of the leaves of `structure`; None where `spec` is built otherwise.

    A dict may lack keys, and None may stand for a whole branch: their leaves have None.
    """
    if not isinstance(structure, (dict, list, tuple)):
        return {path: spec}
    if isinstance(structure, dict):
        if spec is not None and not (isinstance(spec, dict) and set(spec) <= set(structure)):
            return None
        parts = [(key, part, spec.get(key) if spec is not None else None) for key, part in structure.items()]
    else:
        if spec is not None and not (isinstance(spec, (list, tuple)) and len(spec) == len(structure)):
            return None
        parts = [(i, part, spec[i] if spec is not None else None) for i, part in enumerate(structure)]
    found: dict[tuple, Any] = {}
    for step, part, entry in parts:
        below = _beside(part, entry, (*path, step))
        if below is None:
            return None
        found.update(below)
    return found


class Branch:
    """A part of the outputs' structure that has one loss, as a leaf."""


def with_branches(structure: Any, spec: Any, path: tuple = ()) -> Any:
    """`structure` with a `Branch` in the place of every part of it for which `spec` has one entry.

    Raises:
        MissingKeyError: where `spec` has a key, below the first level, that the structure lacks.
    """
    nested = isinstance(structure, (dict, list, tuple))
    if path and isinstance(spec, dict) and "class_name" not in spec:
        lacking = sorted(set(spec) - set(structure)) if isinstance(structure, dict) else [] if nested else [*spec]
        if lacking:
            raise MissingKeyError(
                f"The path {(*path, lacking[0])} in the `loss` argument can't be found in the model's output."
            )
    if spec is None or not nested:
        return structure
    if not isinstance(spec, (dict, list, tuple)):
        return Branch() if path else structure
    if isinstance(spec, dict) and isinstance(structure, dict):
        return {key: with_branches(part, spec.get(key), (*path, key)) for key, part in structure.items()}
    if isinstance(spec, dict) or isinstance(structure, dict) or len(spec) != len(structure):
        return structure
    return [with_branches(part, entry, (*path, i)) for i, (part, entry) in enumerate(zip(structure, spec))]


class CompiledLoss:
    """The loss of a model: that of each output, weighted and summed.

    Args:
        loss: a loss, or the name of one; a structure like that of the outputs, a list in their order, or a dict by name.
            In the place of a part of the structure, it is a loss that takes this part whole.
        loss_weights: factors in the same form, dimensionless.
        output_names: the names of the model's outputs, where it knows them.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None):
        self.spec = loss
        self.weights_spec = loss_weights
        self._model_names = output_names
        self._built = False
        for entry in _tree.flatten(loss):
            if entry is not None and not _is_one_of(_CROSSENTROPY, entry):
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
        """Settle which loss applies to which output, or to which part of their structure."""
        spec = self.spec
        names = dict(zip(_tree.paths(y_pred), self._model_names or ()))
        flat = isinstance(spec, (list, tuple)) and len(spec) == len(_tree.paths(y_pred))
        compared = y_pred if flat else with_branches(y_pred, spec)
        paths = zip(_tree.paths(compared), _tree.flatten(compared))
        self.outputs = Outputs(compared, [str(p[-1]) if isinstance(x, Branch) else names.get(p) for p, x in paths])
        if isinstance(spec, dict) and len(spec) == len(self.outputs) == 1:
            spec = next(iter(spec.values()))  # under whatever name
        named = isinstance(spec, dict) and not isinstance(y_pred, dict)
        if named and (without := [name for name in self.names if name not in spec]):
            raise ArgumentError(
                f"The dict argument `loss` has no entry for the output(s) {without} of the model; it has "
                f"{sorted(map(str, spec))}. Give None for an output without a loss."
            )
        entries = [_single(entry) for entry in self.outputs.entries(spec, "loss")]
        self.functions: list[Callable | None] = [None if entry is None else _as_loss(entry) for entry in entries]
        weights = self.outputs.entries(self.weights_spec, "loss_weights")
        if unusable := [w for w in weights if w is not None and np.ndim(w) > 0]:
            raise ArgumentError(
                f"`loss_weights` must hold one number for each output; got {unusable[0]!r} for one of them."
            )
        self.weights = [None if w is None else float(w) for w in weights]
        labels = self.outputs.loss_names([_name_of(entry) for entry in entries])
        places = {path: place for place, path in enumerate(_beside(spec, spec) or ())}  # as the argument is written
        order = sorted(range(len(labels)), key=lambda i: places.get(self.outputs.paths[i], len(places)))
        trackers = {i: metrics_module.Mean(name=labels[i]) for i in order if self.functions[i] is not None}
        self._trackers = trackers if len(trackers) > 1 else {}
        self._built = True

    @property
    def names(self) -> list[str]:
        """The names of the outputs."""
        return self.outputs.names

    def targets(self, y_true: Any) -> list[Any]:
        """The targets of each output; as many as there are losses may be given in a list, or as one array.

        Raises:
            DataError: when they have another structure than the outputs.
        """
        compared = [i for i, function in enumerate(self.functions) if function is not None]
        given = y_true if isinstance(y_true, (list, tuple)) else [y_true]
        if not isinstance(y_true, dict) and self.outputs.in_order(y_true) is None and len(given) == len(compared):
            found = dict(zip(compared, given))
            return [found.get(i) for i in range(len(self.outputs))]
        return self.outputs.data(y_true, "the targets `y`")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum over the outputs, a scalar; None when no output has a loss."""
        if not self._built:
            self.build(y_pred)
        predictions = self.outputs.data(y_pred, "the predictions")
        targets = self.targets(y_true)
        weights = self.outputs.data(sample_weight, "the sample weights", broadcast=True)
        total = None
        entries = zip(self.functions, targets, predictions, weights, self.weights)
        for i, (function, y, p, w, factor) in enumerate(entries):
            if function is None or y is None:
                continue
            first = _tree.flatten(p)[0]
            value = ops.cast(function(y, p, w), "float32") if first.dtype == "float16" else function(y, p, w)
            if i in self._trackers:
                self._trackers[i].update_state(ops.stop_gradient(value), sample_weight=_batch_of(first))
            if factor is not None:
                value = ops.multiply(value, factor)
            total = value if total is None else ops.add(total, value)
        return total


def _single(entry: Any) -> Any:
    """What a list of one loss holds."""
    return entry[0] if isinstance(entry, (list, tuple)) and len(entry) == 1 else entry


def _batch_of(array: Any) -> int | None:
    return int(array.shape[0]) if len(array.shape) and array.shape[0] is not None else None


def _as_loss(entry: Any) -> Callable:
    if _is_one_of(_CROSSENTROPY, entry):
        return LossFunctionWrapper(_crossentropy, name=entry)
    function = losses_module.get(entry)
    if isinstance(function, losses_module.Loss):
        return function
    return LossFunctionWrapper(function, name=_name_of(function))


def _name_of(entry: Any) -> str | None:
    """The name of a loss: the text it was given as, its own, or that of its function."""
    if entry is None or isinstance(entry, str):
        return entry
    function = losses_module.get(entry)
    if isinstance(function, losses_module.Loss):
        return function.name
    return getattr(function, "__name__", type(function).__name__)


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
                if isinstance(entry, str) and not _is_one_of(_ACCURACY | _CROSSENTROPY, entry):
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
        self.outputs = Outputs(y_pred, self._model_names)
        targets = self.outputs.data(y_true, "the targets `y`")
        predictions = self.outputs.data(y_pred, "the predictions")
        self._groups = []
        for kind, spec in zip(("metrics", "weighted_metrics"), self.specs):
            self._groups.append(self._of_each_output(kind, spec, targets, predictions))
        self._built = True

    def _of_each_output(self, kind: str, spec: Any, targets: list, predictions: list) -> list[list]:
        if spec is None or len(spec) == 0:
            return [[] for _ in predictions]
        if len(self.outputs) == 1 and not isinstance(spec, dict):
            entries: list[Any] = [_tree.flatten(list(spec))]
        elif isinstance(spec, dict) and len(self.outputs) == 1 and len(spec) == 1:
            entries = [next(iter(spec.values()))]
        else:
            entries = self.outputs.entries(spec, kind)
        out = []
        for entry, y, p in zip(entries, targets, predictions):
            listed = [] if y is None else list(entry) if isinstance(entry, (list, tuple)) else [entry]
            out.append([(resolve_metric(e, y, p), e if isinstance(e, str) else None) for e in listed if e is not None])
        return out

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Give every metric its output of a batch."""
        if not self._built:
            self.build(y_true, y_pred)
        targets = self.outputs.data(y_true, "the targets `y`")
        predictions = self.outputs.data(y_pred, "the predictions")
        weights = self.outputs.data(sample_weight, "the sample weights", broadcast=True)
        plain, weighted = self._groups
        for i, (y, p) in enumerate(zip(targets, predictions)):
            if y is None:
                continue
            for metric, _ in plain[i]:
                metric.update_state(y, p)
            for metric, _ in weighted[i]:
                metric.update_state(y, p, sample_weight=weights[i])

    def result(self) -> dict[str, Any]:
        """Metric name -> value, or a dict of values; with several outputs, the output's name stands in front."""
        return {name: metric.result() for name, metric in self.by_name()} if self._built else {}

    def by_name(self) -> list[tuple[str, Any]]:
        """Pairs (name in the logs, metric)."""
        found: dict[str, Any] = {}
        for group, weighted in zip(self._groups, ("", "weighted_")):
            for prefix, metrics in zip(self.outputs.prefixes if self._built else (), group):
                front = f"{prefix}_" if prefix else ""
                for metric, given in metrics:
                    name = f"{front}{given or metric.name}"
                    if name in found:
                        name = f"{front}{weighted}{given or metric.name}"
                    found[_unused(name, found)] = metric
        return list(found.items())


def _unused(name: str, taken: dict) -> str:
    """`name`, with a number where it is taken."""
    unique, n = name, 0
    while unique in taken:
        n += 1
        unique = f"{name}_{n}"
    return unique


_ACCURACY = {"accuracy", "acc"}
_CROSSENTROPY = {"crossentropy", "ce"}


def _is_one_of(names: set[str], entry: Any) -> bool:
    return isinstance(entry, str) and entry.lower() in names


def _kind_of(y_true: Any, y_pred: Any) -> str:
    """What the shapes of targets and predictions say of the classes: "binary", "sparse_categorical" or "categorical"."""
    y_shape, p_shape = tuple(y_true.shape), tuple(y_pred.shape)
    if not p_shape or p_shape[-1] == 1:
        return "binary"
    is_sparse = len(y_shape) < len(p_shape) or (y_shape[-1] == 1 and p_shape[-1] > 1)
    return "sparse_categorical" if is_sparse else "categorical"


def _crossentropy(y_true: Any, y_pred: Any) -> Any:
    """The crossentropy that fits the shapes."""
    return getattr(losses_module, f"{_kind_of(y_true, y_pred)}_crossentropy")(y_true, y_pred)


def resolve_metric(entry: Any, y_true: Any, y_pred: Any) -> Any:
    """The metric that `entry` names; 'accuracy' and 'crossentropy' by the shapes of targets and predictions."""
    if _is_one_of(_ACCURACY | _CROSSENTROPY, entry):
        kind = "Accuracy" if _is_one_of(_ACCURACY, entry) else "Crossentropy"
        prefix = _kind_of(y_true, y_pred).title().replace("_", "")
        return getattr(metrics_module, f"{prefix}{kind}")(name=entry)
    metric = metrics_module.get(entry)
    if isinstance(metric, metrics_module.Metric):
        return metric
    if callable(metric):
        name = entry if isinstance(entry, str) else snake_case(getattr(metric, "__name__", type(metric).__name__))
        if isinstance(entry, losses_module.Loss):
            name = entry.name
        return metrics_module.MeanMetricWrapper(metric, name=name)
    raise ArgumentError(f"Could not interpret {entry!r} as a metric.")
