"""Handwritten-digit recognition: from a drawing or a photo to calibrated probabilities."""

from importlib.metadata import PackageNotFoundError, version

from digitrec.errors import (
    BackendError,
    BadCheckpointError,
    BadImageError,
    DatasetUnavailableError,
    DigitrecError,
    ExportError,
    HubError,
    HubUnavailableError,
    MissingPackageError,
    TableError,
    TrainingError,
    WorkerError,
)
from digitrec.prediction import Number, Prediction
from digitrec.reading.picture import ImageLike
from digitrec.recognizer import DigitRecognizer

try:
    __version__ = version("digitrec")
except PackageNotFoundError:  # a Space runs the folder, without installing it
    __version__ = "0+unknown"

__all__ = [
    "BackendError",
    "BadCheckpointError",
    "BadImageError",
    "DatasetUnavailableError",
    "DigitRecognizer",
    "DigitrecError",
    "ExportError",
    "HubError",
    "HubUnavailableError",
    "ImageLike",
    "MissingPackageError",
    "Number",
    "Prediction",
    "TableError",
    "TrainingError",
    "WorkerError",
    "__version__",
]
