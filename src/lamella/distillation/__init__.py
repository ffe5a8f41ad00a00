"""Distillation: a small model learns from a large one."""

from lamella._lazy import missing as _missing
from lamella.distillation._distiller import Distiller
from lamella.distillation._losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

__getattr__ = _missing(__name__)
