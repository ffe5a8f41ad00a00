"""What the tables of cases are asked: whether they give every argument."""

import inspect
from typing import Any


def own_arguments(cls: type, *shared: str) -> set[str]:
    """The arguments of a constructor, but those that are `shared` by all classes of the kind."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name for p in parameters if p.kind not in kinds}.difference(shared)


def given(name: str, cases: list, attribute: str) -> set[Any]:
    """The arguments that the cases of a class give."""
    return {argument for case in cases if case.name == name for argument in getattr(case, attribute)}
