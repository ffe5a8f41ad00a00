"""Callbacks: what is told about training, and may act on it."""

from lamella._lazy import missing
from lamella.callbacks._early_stopping import EarlyStopping, ReduceLROnPlateau
from lamella.callbacks._simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN
from lamella.training._callback import Callback, CallbackList, History
from lamella.training._progress import ProgbarLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]

__getattr__ = missing(__name__)
