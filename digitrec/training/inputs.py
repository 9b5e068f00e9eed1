"""What a run trains on besides MNIST: pen strokes and corrections."""

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from digitrec.training.corrections import read_corrections
from digitrec.training.data import Examples
from digitrec.training.strokes import TRAINING_WRITERS, PenDigit, read_unipen


@dataclass(frozen=True)
class Inputs:
    digits: Sequence[PenDigit] = ()
    strokes: str | None = None  # the file of the digits, as it was given
    strokes_sha256: str | None = None
    corrections: Examples | None = None
    extra_data: str | None = None  # the folder, or the dataset at its commit
    extra_data_sha256: str | None = None


def read_inputs(
    strokes: str | None, extra_data: str | None, writers: Container[int] = TRAINING_WRITERS
) -> Inputs:
    """Read the pen strokes and the corrections, if they are given.

    Arguments:
        strokes: a file, for `strokes.read_unipen`.
        extra_data: a folder or a dataset, for `corrections.read_corrections`.
        writers: whose pen strokes to take.

    Raises: DatasetUnavailableError; HubError.
    """
    digits, strokes_sha256 = (), None
    if strokes is not None:
        digits = read_unipen(strokes, writers)
        strokes_sha256 = hashlib.sha256(Path(strokes).read_bytes()).hexdigest()
    corrections, digest = None, None
    if extra_data is not None:
        corrections, extra_data, digest = read_corrections(extra_data)
    return Inputs(digits, strokes, strokes_sha256, corrections, extra_data, digest)
