"""What a run trains on besides MNIST, or instead of it."""

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from digitrec.training.base import Base, read_base
from digitrec.training.corrections import read_corrections
from digitrec.training.data import Examples
from digitrec.training.own_data import OwnData, read_own_data
from digitrec.training.strokes import TRAINING_WRITERS, PenDigit, read_unipen


@dataclass(frozen=True)
class Inputs:
    digits: Sequence[PenDigit] = ()
    strokes: str | None = None  # the file of the digits, as it was given
    strokes_sha256: str | None = None
    corrections: Examples | None = None
    extra_data: str | None = None  # the folder, or the dataset at its commit
    extra_data_sha256: str | None = None
    own: OwnData | None = None  # instead of MNIST
    data: str | None = None  # the place of it, as it was given, or the dataset at its commit
    base: Base | None = None
    start: str | None = None  # the base, as it was given, or the model at its commit

    @property
    def data_sha256(self) -> str | None:
        return self.own and self.own.sha256

    @property
    def start_sha256(self) -> str | None:
        return self.base and self.base.sha256

    def describe(self, *, with_mnist: bool) -> dict | None:
        """Give what `config.json` says about one's own data, for the card and the page."""
        if self.own is None:
            return None
        writers = self.own.writers
        return {
            "name": self.own.name,
            "pictures": len(self.own.examples.labels),
            "per_class": self.own.count(),
            "writers": None if writers is None else int(writers.max()) + 1,
            "with_mnist": with_mnist,
            "from": self.base and {"name": self.base.name, "data": self.base.data},
        }


def read_inputs(
    strokes: str | None,
    extra_data: str | None,
    writers: Container[int] = TRAINING_WRITERS,
    *,
    data: str | None = None,
    start: str | None = None,
) -> Inputs:
    """Read what is given.

    Arguments:
        strokes: a file, for `strokes.read_unipen`.
        extra_data: a folder or a dataset, for `corrections.read_corrections`.
        writers: whose pen strokes to take.
        data: a folder, a file or a dataset, for `own_data.read_own_data`.
        start: a model, for `base.read_base`.

    Raises: BadCheckpointError; DatasetUnavailableError; HubError.
    """
    digits, strokes_sha256 = (), None
    if strokes is not None:
        digits = read_unipen(strokes, writers)
        strokes_sha256 = hashlib.sha256(Path(strokes).read_bytes()).hexdigest()
    corrections, digest = None, None
    if extra_data is not None:
        corrections, extra_data, digest = read_corrections(extra_data)
    own = None if data is None else read_own_data(data)
    base = None if start is None else read_base(start)
    return Inputs(
        *(digits, strokes, strokes_sha256, corrections, extra_data, digest),
        own=own,
        data=own.name if own and "@" in own.name else data,
        base=base,
        start=base.name if base and "@" in base.name else start,
    )
