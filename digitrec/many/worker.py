"""The program of a process that receives chunks of pictures and sends back the answers.

python -m digitrec.many.worker DESCRIPTOR    # started so by `digitrec.many.processes`, of its pipe
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
    """Load the model for a single batch size, so that answers do not depend on the chunks."""
    return DigitRecognizer(*load_model(Path(job.folder)), batch_sizes=BATCH_SIZES[-1:])


def read_chunk(recognizer: DigitRecognizer, job: Job, chunk: Chunk) -> list[Any]:
    """Read pictures.

    Returns: a `Prediction`, a `Number` or an error for each; as a `tables.Row` if the job is for a
        table.
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
    # A picture that could not be loaded came as its error, which is its answer.
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
    except (EOFError, OSError):  # the other process has ended, or was killed
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
