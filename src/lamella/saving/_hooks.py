"""Hands the bodies of `Model.save` and its kin down to `models`, which lies below."""

from lamella.models._model import FILES
from lamella.saving._export import export_model
from lamella.saving._model_file import save_model
from lamella.saving._weights import load_weights, save_weights


class _Files:
    save_model = staticmethod(save_model)
    save_weights = staticmethod(save_weights)
    load_weights = staticmethod(load_weights)
    export_model = staticmethod(export_model)


FILES[:] = [_Files]
