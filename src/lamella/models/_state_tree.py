"""A model's state as nested dicts of values, by the paths of its variables."""

from typing import Any

from lamella.core._variable import Variable
from lamella.errors import ArgumentError


def state_tree(model: Any, value_format: str) -> dict[str, dict]:
    """What `Model.get_state_tree` returns."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ArgumentError(
            f"Invalid `value_format` argument. Expected one of 'numpy_array', 'backend_tensor'; got {value_format!r}."
        )
    out: dict[str, dict] = {}
    for name, variables in _groups(model).items():
        tree: dict[str, Any] = {}
        for variable in variables:
            node = tree
            *parents, leaf = variable.path.split("/")
            for key in parents:
                node = node.setdefault(key, {})
            node[leaf] = variable.value if value_format == "backend_tensor" else variable.numpy()
        out[name] = tree
    return out


def assign_state_tree(model: Any, state_tree: dict[str, dict]) -> None:
    """Give the variables of the model the values of `state_tree`."""
    groups = _groups(model)
    for name, tree in state_tree.items():
        if name not in groups:
            raise ArgumentError(f"Unknown variable name: {name}. Expected one of {sorted(groups)}.")
        by_path = {v.path: v for v in groups[name]}
        for path, value in _paths_of(tree):
            if path not in by_path:
                raise ArgumentError(f"{name}: model {model.name!r} has no variable {path!r}.")
            by_path[path].assign(value)


def _groups(model: Any) -> dict[str, list[Variable]]:
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": list(model.optimizer.variables) if model.optimizer is not None else [],
        "metrics_variables": model.metrics_variables,
    }


def _paths_of(tree: dict, prefix: str = "") -> Any:
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _paths_of(value, f"{path}/")
        else:
            yield path, value
