"""Update rules: how gradients change weights."""

from lamella._lazy import missing as _missing
from lamella.optimizers import schedules
from lamella.optimizers._adadelta import Adadelta
from lamella.optimizers._adafactor import Adafactor
from lamella.optimizers._adagrad import Adagrad
from lamella.optimizers._adam import Adam, AdamW
from lamella.optimizers._adamax import Adamax
from lamella.optimizers._ftrl import Ftrl
from lamella.optimizers._lamb import Lamb
from lamella.optimizers._lion import Lion
from lamella.optimizers._loss_scale import LossScaleOptimizer
from lamella.optimizers._multi import MultiOptimizer, OptimizerMap
from lamella.optimizers._muon import Muon
from lamella.optimizers._nadam import Nadam
from lamella.optimizers._optimizer import Optimizer
from lamella.optimizers._rmsprop import RMSprop
from lamella.optimizers._schedule_free_adamw import ScheduleFreeAdamW
from lamella.optimizers._serialization import deserialize, get, serialize
from lamella.optimizers._sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "ScheduleFreeAdamW",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "OptimizerMap",
    "deserialize",
    "get",
    "serialize",
    "schedules",
]

__getattr__ = _missing(__name__)
