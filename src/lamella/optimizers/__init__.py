"""Update rules: how gradients change weights."""

from lamella._lazy import missing
from lamella.optimizers import schedules
from lamella.optimizers._adam import Adam, AdamW
from lamella.optimizers._optimizer import Optimizer
from lamella.optimizers._rmsprop import RMSprop
from lamella.optimizers._serialization import deserialize, get, serialize
from lamella.optimizers._sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "deserialize",
    "get",
    "serialize",
    "schedules",
]

__getattr__ = missing(__name__)
