"""Two files of models or weights, compared: what is different, a line each."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella.errors import ArgumentError
from lamella.saving._content import Content
from lamella.saving._entries import Entry, split

__all__ = ["differences"]


def differences(a: Content, b: Content) -> Iterator[str]:
    """What is different between two files: configurations, then arrays. Formats, versions and dates are not compared.

    Where one of them has no configuration, the arrays alone are compared.

    Raises:
        ArgumentError: when one names its arrays as Keras 2 did and the other as Keras 3 does.
    """
    old = [any(split(key) is None for key in content.arrays) for content in (a, b)]
    if a.arrays and b.arrays and old[0] != old[1]:
        raise ArgumentError(
            f"{str(a.path)!r} and {str(b.path)!r} name their arrays differently, one of them as an `.h5` file of a model. "
            "Convert that one first: lamella convert FILE NEW.keras."
        )
    if a.config is not None and b.config is not None:
        yield from _of_trees(_architecture(a.config), _architecture(b.config), "architecture")
        if (a.compiled is None) != (b.compiled is None):
            yield f"compiled: only in the {'first' if b.compiled is None else 'second'} file"
        else:
            yield from _of_trees(a.compiled, b.compiled, "compiled")
    first, second = _by_place(a.arrays, old[0]), _by_place(b.arrays, old[1])
    for place in [*first, *(place for place in second if place not in first)]:
        label, mine = first.get(place, ("", None))
        yield from _of_arrays(label or second[place][0], mine, second.get(place, ("", None))[1])


def _by_place(arrays: dict[str, Entry], old: bool) -> dict[Any, tuple[str, Entry]]:
    """The arrays by what tells that two are the same: their names; in old files the layer and the number in it."""
    if not old:
        return {key: (key, entry) for key, entry in arrays.items()}
    found: dict[Any, tuple[str, Entry]] = {}
    counts: dict[str, int] = {}
    for key, entry in arrays.items():
        layer = key.partition("/")[0]
        counts[layer] = counts.get(layer, -1) + 1
        found[layer, counts[layer]] = (key, entry)
    return found


def _architecture(config: Any) -> Any:
    return {key: value for key, value in config.items() if key != "compile_config"}


def _of_trees(a: Any, b: Any, where: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _of_trees(a.get(key), b.get(key), f"{where}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b)):
            yield from _of_trees(*pair, f"{where}[{i}]")
    elif (first := _named(a)) is not None and (second := _named(b)) is not None:
        for name in [*first, *(name for name in second if name not in first)]:
            if name in first and name in second:
                yield from _of_trees(first[name], second[name], f"{where}[{name!r}]")
            else:
                which, there = ("first", first) if name in first else ("second", second)
                yield f"{where}[{name!r}]: only in the {which} file ({there[name].get('class_name')})"
    elif a != b:
        yield f"{where}: {_short(a)} | {_short(b)}"


def _named(layers: Any) -> dict[str, Any] | None:
    """The configurations of a list by their names; None for another list."""
    if not isinstance(layers, list) or not all(
        isinstance(c, dict) and isinstance(c.get("config"), dict) for c in layers
    ):
        return None
    return {str(c["config"].get("name")): c for c in layers}


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _of_arrays(key: str, a: Entry | None, b: Entry | None) -> Iterator[str]:
    if a is None or b is None:
        there: Any = a or b
        yield f"{key}: only in the {'first' if b is None else 'second'} file, {_described(there)}"
    elif (a.shape, a.dtype) != (b.shape, b.dtype):
        yield f"{key}: {_described(a)} | {_described(b)}"
    else:
        first, second = a.read(), b.read()
        same = first.tobytes() == second.tobytes()
        if not same:
            yield f"{key}: {_distance(first, second)}"


def _described(entry: Entry) -> str:
    return f"{entry.dtype.name} {list(entry.shape)}"


def _distance(a: np.ndarray, b: np.ndarray) -> str:
    """How many elements differ, by their bits, and by how much at most."""
    size = math.prod(a.shape)
    bits = [np.frombuffer(x.tobytes(), np.uint8).reshape(size, -1) for x in (a, b)]
    count = int((bits[0] != bits[1]).any(axis=1).sum())
    if a.dtype.kind in "SU" or a.dtype.kind == "b":
        return f"{count} of {size} elements differ"
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        most = np.max(np.abs(a.astype(wide) - b.astype(wide)))
    return f"{count} of {size} elements differ, by at most {most:.3g}"
