"""The array libraries that tests compare, and which of them are installed."""

import functools
import importlib.util

import pytest

# Every adapter of ours besides JAX's, and whether it has gradients.
OTHERS = {"numpy": False, "torch": True, "tensorflow": True}


@functools.cache
def installed(backend: str) -> bool:
    """Whether `backend` can be used here: its library and its adapter are there."""
    found = importlib.util.find_spec
    return found(backend) is not None and found(f"lamella.backend._{backend}") is not None


def why_not(backend: str) -> str:
    """What a test says that is skipped because `backend` is not installed."""
    return f"{backend} is not installed: make test-backends installs it"


def backends(differentiable: bool = False, jax: bool = True) -> list:
    """A pytest parameter for each backend, to be skipped where it is not installed.

    Args:
        differentiable: only those with gradients.
        jax: whether JAX is one of them.
    """
    names = [*(["jax"] if jax else []), *(n for n, has in OTHERS.items() if has or not differentiable)]
    return [pytest.param(n, marks=[] if installed(n) else pytest.mark.skip(reason=why_not(n))) for n in names]
