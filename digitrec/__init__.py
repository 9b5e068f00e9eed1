"""Handwritten-digit recognition: from a drawing or a photo to calibrated probabilities."""

from digitrec.errors import (
    BackendError,
    BadCheckpointError,
    BadImageError,
    DatasetUnavailableError,
    DigitrecError,
    HubError,
    HubUnavailableError,
    TableError,
    TrainingError,
    WorkerError,
)
from digitrec.prediction import Number, Prediction
from digitrec.recognizer import DigitRecognizer

__all__ = [
    "BackendError",
    "BadCheckpointError",
    "BadImageError",
    "DatasetUnavailableError",
    "DigitRecognizer",
    "DigitrecError",
    "HubError",
    "HubUnavailableError",
    "Number",
    "Prediction",
    "TableError",
    "TrainingError",
    "WorkerError",
]
