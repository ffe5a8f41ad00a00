"""Callbacks: what is told about training, and may act on it."""

from lamella._lazy import missing as _missing
from lamella.callbacks._backup import BackupAndRestore
from lamella.callbacks._checkpoint import ModelCheckpoint
from lamella.callbacks._early_stopping import EarlyStopping, ReduceLROnPlateau
from lamella.callbacks._ema import SwapEMAWeights
from lamella.callbacks._logging import JSONLogger, MLflowLogger, WandbLogger
from lamella.callbacks._orbax import OrbaxCheckpoint
from lamella.callbacks._remote import RemoteMonitor
from lamella.callbacks._simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN
from lamella.callbacks._tensorboard import TensorBoard
from lamella.training._callback import Callback, CallbackList, History
from lamella.training._progress import ProgbarLogger

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "MLflowLogger",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "WandbLogger",
]

__getattr__ = _missing(__name__)
