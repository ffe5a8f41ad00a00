"""Models: stacks, drawn graphs, and classes of your own."""

from lamella._lazy import missing
from lamella.models._functional import Functional
from lamella.models._model import Model
from lamella.models._sequential import Sequential

__all__ = ["Functional", "Model", "Sequential"]

__getattr__ = missing(__name__)
