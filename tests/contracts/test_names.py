"""How much of the public surface of Keras 3.15 is here: names, parameters, defaults and members of classes.

`keras_names.txt` has a line for each public name: its kind, and in JSON its parameters (as `name=default`) and the
public members of a class; or the name that it is another name of. A module stands as a name only.
"""

import functools
import importlib
import inspect
import json
import re
import types
from pathlib import Path

import pytest

import lamella

REFERENCE = Path(__file__).with_name("keras_names.txt")

# Per cent of the names, of the parameters of the names that are there, and of the members of their classes. Defaults
# have to be those of Keras everywhere. A family that grows raises its line.
LEAST = {
    "(modules)": (70, 100, 100),
    "applications": (0, 0, 0),
    "layers": (100, 100, 99),
}
COMPLETE = (100, 100, 100)  # every family that `LEAST` does not name


def read() -> dict[str, tuple[str, dict]]:
    """Each public name with its kind, and its parameters and members."""
    found: dict[str, tuple[str, dict]] = {}
    aliases = {}
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        name, kind, rest = [*line.split(" ", 2), ""][:3]
        if kind == "=":
            aliases[name] = rest
        else:
            found[name] = kind, json.loads(rest or "{}")
    return {**found, **{name: (found[of][0], {**found[of][1], "members": []}) for name, of in aliases.items()}}


KERAS = read()


def family_of(name: str) -> str:
    if KERAS[name][0] == "module":
        return "(modules)"
    return name.partition(".")[0] if "." in name else "(root)"


FAMILIES = sorted(set(map(family_of, KERAS)))


def found(name: str) -> object:
    """What lamella has under the dotted name; None for nothing."""
    here: object = lamella
    for part in name.split("."):
        inside = getattr(here, part, None)
        if inside is None and isinstance(here, types.ModuleType):
            try:
                inside = importlib.import_module(f"{here.__name__}.{part}")
            except ImportError:
                return None
        if inside is None:
            return None
        here = inside
    return here


def parameters(thing: object) -> dict[str, str | None]:
    """The parameters of a function or class, each with the text of its default (None: it has none)."""
    try:
        signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)  # type: ignore[misc,arg-type]
    except (TypeError, ValueError):
        return {}
    own = list(signature.parameters.values())[inspect.isclass(thing) :]
    return {
        p.name: None if p.default is p.empty else shown(p.default)
        for p in own
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def shown(value: object) -> str:
    if isinstance(value, (int, float, str, bool, type(None), tuple, list, dict)):
        return repr(value)
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__name__
    return re.sub(r" at 0x[0-9a-f]+", "", f"<{type(value).__name__}>")


@functools.cache
def missing(family: str) -> dict[str, list[str]]:
    """What lamella lacks of a family, and under "all ..." how much there is to have."""
    lacks: dict[str, list[str]] = {k: [] for k in ("names", "parameters", "members", "defaults")}
    totals = dict.fromkeys(("names", "parameters", "members"), 0)
    for name, (_, facts) in KERAS.items():
        if family_of(name) != family:
            continue
        totals["names"] += 1
        thing = found(name)
        if thing is None:
            lacks["names"].append(name)
            continue
        wanted = dict([*p.split("=", 1), None][:2] for p in facts.get("params") or () if not p.startswith("*"))
        have = parameters(thing) if wanted else {}
        members = facts.get("members", ())
        totals["parameters"] += len(wanted)
        totals["members"] += len(members)
        lacks["parameters"] += [f"{name}({p})" for p in wanted if p not in have]
        lacks["defaults"] += [
            f"{name}({p}={default}): {have[p]}" for p, default in wanted.items() if p in have and have[p] != default
        ]
        lacks["members"] += [f"{name}.{m}" for m in members if not hasattr(thing, m)]
    return {**lacks, **{f"all {what}": ["x"] * n for what, n in totals.items()}}


@pytest.mark.parametrize("family", FAMILIES)
def test_names_and_parameters_are_those_of_keras(family):
    lacks = missing(family)
    for what, least in zip(("names", "parameters", "members"), LEAST.get(family, COMPLETE)):
        count = len(lacks[f"all {what}"])
        share = 100 * (count - len(lacks[what])) / count if count else 100
        assert share >= least, f"{share:.1f}% of the {what} of {family}; lacking: {lacks[what]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_those_of_keras(family):
    assert not missing(family)["defaults"]


def test_every_family_that_may_lack_something_is_one():
    assert set(LEAST) <= set(FAMILIES)


def test_the_ops_are_in_the_module_that_keras_has_them_in():
    ops = lamella.ops
    for part in ("numpy", "nn", "linalg", "image"):
        module = getattr(ops, part)
        listed = {n.rpartition(".")[2] for n in KERAS if n.startswith(f"ops.{part}.")}
        assert listed <= set(module.__all__), part
        for name in listed & set(dir(ops)) if part != "image" else ():
            assert getattr(ops, name) is getattr(module, name) or part == "linalg", f"{part}.{name}"
