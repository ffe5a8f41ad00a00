"""`utils.Config`, beside that of Keras."""

import json

import pytest

from lamella.errors import ArgumentError
from lamella.utils import Config

keras = pytest.importorskip("keras")

STEPS = [
    lambda c: c.update({"b": [1, 2]}, c="x"),
    lambda c: setattr(c, "d", 3),
    lambda c: c.__setitem__("e", None),
    lambda c: c.pop("d"),
    lambda c: c.pop("none", 7),
    lambda c: c.__delitem__("c"),
    lambda c: c.get("none"),
    lambda c: c.get("none", 5),
    lambda c: c["a"],
    lambda c: c.a,
    lambda c: c["none"],
    lambda c: c.none,
    lambda c: "a" in c,
    lambda c: (len(c), list(c), list(c.keys()), list(c.values()), list(c.items()), bool(c)),
    lambda c: dict(**c),
    lambda c: c.to_json(),
    lambda c: setattr(c, "frozen", True),
    lambda c: (c.freeze(), c.frozen),
    lambda c: setattr(c, "a", 2),
    lambda c: c.__setitem__("a", 2),
    lambda c: c.__delitem__("a"),
    lambda c: c.update(a=2),
    lambda c: c.pop("a"),
    lambda c: (c.unfreeze(), c.frozen),
    lambda c: setattr(c, "a", 2),
    lambda c: c.as_dict(),
    lambda c: repr(c),
    lambda c: c.update(odd=print) or c.to_json(),
]


def run(step, config):
    try:
        return step(config)
    except Exception as error:
        return next(kind for kind in (KeyError, AttributeError, TypeError, ValueError) if isinstance(error, kind))


def test_each_step_does_what_that_of_keras_does():
    mine, other = Config(a=1), keras.utils.Config(a=1)
    for number, step in enumerate(STEPS):
        assert run(step, mine) == run(step, other), number
        assert mine.as_dict() == other.as_dict(), number


def test_a_frozen_config_says_so():
    config = Config(rate=0.1)
    config.freeze()
    with pytest.raises(ArgumentError, match="frozen"):
        config.rate = 0.2
    assert json.loads(config.to_json()) == {"rate": 0.1}
