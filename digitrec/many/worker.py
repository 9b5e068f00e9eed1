"""A process that reads pictures for another: chunks come in by a line, answers go out by it.

python -m digitrec.many.worker DESCRIPTOR      # of the line, as `digitrec.many.processes` starts it
"""

import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digitrec.errors import BadImageError
from digitrec.many.processes import Job
from digitrec.many.sources import Chunk, Loaded
from digitrec.many.tables import as_row
from digitrec.network.pretrained import load_model
from digitrec.prediction import Number, Prediction
from digitrec.recognizer import BATCH_SIZES, DigitRecognizer


def make_recognizer(job: Job) -> DigitRecognizer:
    """Load the model; for one size of batches, so that answers do not depend on the chunks."""
    return DigitRecognizer(*load_model(Path(job.folder)), batch_sizes=BATCH_SIZES[-1:])


def read_chunk(recognizer: DigitRecognizer, job: Job, chunk: Chunk) -> list[Any]:
    """Read pictures.

    Returns: of each its `Prediction` or `Number`, or its error; as a `tables.Row` if the job says
        so.
    """
    answers = _read_images(recognizer, chunk.images, job.numbers)
    if not job.table:
        return answers
    return [
        as_row(job.table, path, answer, numbers=job.numbers)
        for path, answer in zip(chunk.paths, answers, strict=True)
    ]


def _read_images(
    recognizer: DigitRecognizer, images: list[Loaded], numbers: bool
) -> list[Prediction | Number | BadImageError]:
    # Errors are passed on: a picture that could not even be loaded.
    loaded = [image for image in images if not isinstance(image, BadImageError)]
    read = iter((recognizer.read_numbers_each if numbers else recognizer.predict_each)(loaded))
    return [image if isinstance(image, BadImageError) else next(read) for image in images]


def main(descriptor: int) -> None:
    line = Connection(descriptor)
    try:
        job = line.recv()
        recognizer = make_recognizer(job)
        line.send("ready")
        while True:
            line.send(read_chunk(recognizer, job, line.recv()))
    except (EOFError, OSError):  # the other process has no more, or has ended
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
