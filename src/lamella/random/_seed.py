"""Where randomness comes from: the state that turns one seed into many keys, and the process-wide seed.

A key is two 32-bit words; each draw is a pure function of its key. The words that a `SeedGenerator` hands out
are the seed and a count of the draws so far.
"""

import operator
import random
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _names, _scopes
from lamella.core._serialization import Serializable
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.typing import Array, Seed

__all__ = ["SeedGenerator", "draw_seed", "make_default_seed", "set_random_seed"]


class SeedGenerator(Serializable):
    """Hands out a new key for each draw, in an order that depends only on its seed.

    Its state is a variable, so that a compiled program can carry it along and a saved model can go on where
    it was. A layer that draws makes one in its constructor and passes it as the `seed` of each draw.

    Args:
        seed: an integer in [0, 2**32); None for one from Python's `random`.
        name: defaults to `seed_generator`, `seed_generator_1`, ...

    Attributes:
        state: a Variable, uint32 of shape (2,): the seed and the count.

    Raises:
        ArgumentError: for a seed that is not such an integer, or a name that is not a string or contains "/".

    Example:
        >>> import lamella
        >>> seeds = lamella.random.SeedGenerator(seed=42)
        >>> seeds.next().tolist(), seeds.next().tolist()
        ([42, 0], [42, 1])
    """

    _tracked_as = "seed_generators"

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        kwargs.pop("backend", None)
        if kwargs:
            raise ArgumentError(f"SeedGenerator got unrecognized keyword arguments: {kwargs}.")
        if name is None:
            name = _names.unique_name("seed_generator")
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"The `name` of a SeedGenerator must be a string without '/'; got {name!r}.")
        self.name = name
        self._initial_seed = seed
        first = make_default_seed() if seed is None else _checked(seed, "The `seed` of a SeedGenerator")
        with _scopes.name_scope(name, caller=self):
            self.state = Variable(
                _key(first), dtype="uint32", trainable=False, aggregation="none", name="seed_generator_state"
            )

    def next(self, ordered: bool = True) -> Array:
        """The current state, as a key; the state moves on.

        Args:
            ordered: count up by one. False mixes both words instead: the keys are then less predictable.

        Returns:
            An array of shape (2,), uint32.
        """
        return _registry.active().asarray(self._next(ordered))

    def _next(self, ordered: bool = True) -> Array:
        """`next`; a NumPy array where the state has values now."""
        key = self.state.__lamella_array__()  # what it is now, whatever becomes of the state
        adapter = _registry.get(_registry.owner(key) or "numpy")
        if adapter.is_concrete(key):  # on the host: an addition there is faster than handing it to a library
            key = np.array(adapter.to_numpy(key))
            following = _following(key, ordered, np.uint32, np)
        else:
            uint32 = lambda value: adapter.asarray(np.asarray(value, np.uint32))  # noqa: E731
            following = _following(key, ordered, uint32, adapter.xp)
        self.state.assign(following)
        return key

    def get_config(self) -> dict:
        """Its arguments; `seed` is None where none was given."""
        return {"seed": self._initial_seed, "name": self.name}


def _following(key: Array, ordered: bool, uint32: Any, xp: Any) -> Array:
    if ordered:
        return xp.add(key, uint32([0, 1]))
    # A linear congruential step per word, with the constants of Keras on JAX, so that unseeded draws are the
    # same.
    return xp.remainder(xp.multiply(xp.add(key, uint32(1)), uint32(5387)), uint32(933199))


def _key(seed: int) -> np.ndarray:
    return np.array([seed, 0], np.uint32)


def _checked(seed: Any, what: str) -> int:
    try:
        number = operator.index(seed)
    except TypeError:
        raise ArgumentError(f"{what} must be an integer; got {seed!r} of type {type(seed).__name__}.") from None
    if not 0 <= number < 2**32:
        raise ArgumentError(f"{what} must be between 0 and 2**32 - 1; got {seed!r}.")
    return number


_global: dict[str, SeedGenerator] = {}  # by backend: programs of one cannot change the arrays of another
_drawn_without_seed = False


def _global_generator() -> SeedGenerator:
    """The generator of draws without a seed on the active backend."""
    name = _registry.backend()
    if name not in _global:
        _global[name] = SeedGenerator(name="global_seed_generator")
    return _global[name]


def make_default_seed() -> int:
    """A seed from Python's `random`, for an object that was given none.

    Returns:
        An integer in [1, 1e9].

    Example:
        >>> from lamella import random
        >>> 1 <= random.make_default_seed() <= 1e9
        True
    """
    return random.randint(1, int(1e9))


def draw_seed(seed: Seed) -> Array:
    """The key of one draw.

    Args:
        seed: an integer in [0, 2**32) for the same key each time, a `SeedGenerator` for its next one, a key
            itself (uint32 of shape (2,)), or None for the next one of the process.

    Returns:
        An array of shape (2,), uint32: NumPy's, except in a program being traced.

    Raises:
        ArgumentError: for anything else, and for None in a program being traced that does not carry the state of
            the process along, as `fit` and its kin do: it would draw the same numbers each time it runs.

    Example:
        >>> from lamella import random
        >>> random.draw_seed(7).shape
        (2,)
    """
    if isinstance(seed, SeedGenerator):
        return seed._next()
    if seed is None:
        global _drawn_without_seed
        _drawn_without_seed = True
        if _scopes.symbolic_scope() is not None:
            return _key(0)  # only shapes are wanted
        if _registry.active().is_tracing() and not _is_carried():
            raise ArgumentError(
                "A random op without a seed was called in a program being compiled, which would draw the "
                "same numbers each time it runs. Make a `lamella.random.SeedGenerator` in the constructor of "
                "your layer or model, keep it as an attribute, and pass it as the `seed` of the op."
            )
        return _global_generator()._next(ordered=False)
    if getattr(seed, "shape", None) == (2,) and hasattr(seed, "dtype"):
        return seed
    return _key(_checked(seed, "The `seed` of a random op, if not a SeedGenerator,"))


def carried_state() -> list[Variable]:
    """The state of draws without a seed, for a program that may make some; nothing where none were ever made."""
    return [_global_generator().state] if _drawn_without_seed else []


def global_state() -> np.ndarray | None:
    """The state of draws without a seed; None where none were ever made."""
    generator = _global.get(_registry.backend())
    return None if generator is None else np.array(generator.state.numpy())


def set_global_state(state: np.ndarray) -> None:
    """Let draws without a seed go on from what `global_state` returned."""
    _global_generator().state.assign(state)


def _is_carried() -> bool:
    scope = _scopes.stateless_scope()
    generator = _global.get(_registry.backend())
    return scope is not None and generator is not None and scope.get_current_value(generator.state) is not None


def set_random_seed(seed: int) -> None:
    """Seed everything: Python's `random`, NumPy's global generator, and the draws of lamella that are given
    no seed.

    A program that makes the same objects in the same order then draws the same numbers.

    Args:
        seed: an integer in [0, 2**32).

    Raises:
        ArgumentError: for anything else.

    Example:
        >>> import lamella
        >>> lamella.random.set_random_seed(0)
        >>> first = lamella.random.normal((2,)).tolist()
        >>> lamella.random.set_random_seed(0)
        >>> lamella.random.normal((2,)).tolist() == first
        True
    """
    seed = _checked(seed, "The `seed` of `set_random_seed`")
    random.seed(seed)
    np.random.seed(seed)
    _global.clear()


def forget_global_seed() -> None:
    """Make a new global generator when one is next needed."""
    _global.clear()
