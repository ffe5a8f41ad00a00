"""Models: stacks, drawn graphs, and classes of your own."""

from lamella._lazy import attach
from lamella.models._clone import clone_model, model_from_json
from lamella.models._functional import Functional
from lamella.models._model import Model
from lamella.models._sequential import Sequential

# The files lie above: they load when first asked for.
_ABOVE = {"load_model": "lamella.saving", "save_model": "lamella.saving"}

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

__getattr__, __dir__ = attach(__name__, _ABOVE)
