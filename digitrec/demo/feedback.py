"""Corrections that people agreed to give, collected in a dataset on the Hub."""

import io
import json
import logging
import os
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from httpx2 import HTTPError
from huggingface_hub import CommitScheduler, HfApi, constants
from jaxtyping import UInt8
from PIL import Image

from digitrec.errors import first_line
from digitrec.hub.client import is_repository_id
from digitrec.hub.files import DATASET_FILES, METADATA_FILE
from digitrec.prediction import Prediction

MOST_CORRECTIONS = 10_000  # in the dataset; each has about 700 bytes
MINUTES = 5.0  # between two commits

_log = logging.getLogger(__name__)


class Feedback:
    """Keeps corrections in a folder, and the folder in a dataset on the Hub.

    What cannot be pushed stays in the folder and is tried again, after a restart as well.
    """

    def __init__(
        self,
        dataset: str,
        folder: str | os.PathLike,
        minutes: float = MINUTES,
        most: int = MOST_CORRECTIONS,
    ):
        """Begin to push; the Hub may be out of reach.

        Arguments:
            dataset: "user/name"; it is made, private, where there is none.
            folder: is made where there is none; what it holds already is pushed as well.
            minutes: between two commits.
            most: corrections that the dataset and the folder may hold together.
        """
        self._dataset = dataset
        self._folder = Path(folder)
        self._own = self._folder / "data" / uuid.uuid4().hex  # no two processes share a file
        self._own.mkdir(parents=True)
        self._minutes = minutes
        self._most = most
        self._lock = threading.Lock()
        self._names = {
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*.png")
        }
        self._scheduler = None
        self._stopped = threading.Event()
        threading.Thread(target=self._connect, daemon=True).start()

    def add(
        self, image: UInt8[np.ndarray, "28 28"], label: int, prediction: Prediction, revision: str
    ) -> bool:
        """Keep a correction: the small image, what it shows, and what was answered.

        Arguments:
            image: what the network saw.
            label: what it shows, 0-9.
            prediction: the answer.
            revision: of the model that gave it.

        Returns: False when there is no room for it.
        Raises: ValueError for another label.
        """
        if label not in range(10):
            raise ValueError(f"label should be from 0 to 9, but is {label!r}; give a digit.")
        content = io.BytesIO()
        Image.fromarray(image).save(content, "PNG")
        with self._lock:
            path = self._own / f"{len(self._names):05d}.png"
            if len(self._names) >= self._most:
                return False
            self._names.add(path.relative_to(self._folder).as_posix())
            line = {
                "file_name": path.name,
                "label": int(label),
                "answer": prediction.digit,
                "probabilities": [round(float(share), 3) for share in prediction.probabilities],
                "revision": revision,
                "day": f"{datetime.now(UTC):%Y-%m-%d}",  # no time: it could tell who it was
            }
            # The image first: a commit that falls between has no line without an image.
            try:
                path.write_bytes(content.getvalue())
                with (self._own / METADATA_FILE).open("a") as lines:
                    lines.write(json.dumps(line) + "\n")
            except OSError as error:
                _log.warning("%s: a correction could not be kept (%s)", path, error.strerror)
                return False
        return True

    def stop(self) -> None:
        """Push what is left and end."""
        self._stopped.set()
        if self._scheduler is not None:
            self._scheduler.trigger().exception()
            self._scheduler.stop()

    def _connect(self) -> None:
        while not self._stopped.is_set():
            try:
                self._scheduler = CommitScheduler(
                    repo_id=self._dataset,
                    repo_type="dataset",
                    folder_path=self._folder,
                    every=self._minutes,
                    private=True,
                    allow_patterns=list(DATASET_FILES),
                )
                there = HfApi().list_repo_files(self._dataset, repo_type="dataset")
                with self._lock:
                    self._names |= {name for name in there if name.endswith(".png")}
                return
            except (HTTPError, OSError, ValueError) as error:
                _log.warning(
                    "%s: corrections stay here for now (%s)", self._dataset, first_line(error)
                )
                if self._scheduler is not None:
                    return
                self._stopped.wait(60 * self._minutes)


def open_feedback() -> Feedback | None:
    """Begin to collect corrections if FEEDBACK_DATASET ("user/name") is set.

    Returns: None when it is not set, names no dataset, or nothing can be kept.
    """
    dataset = os.environ.get("FEEDBACK_DATASET")
    if not dataset:
        return None
    if not is_repository_id(dataset):
        _log.warning("FEEDBACK_DATASET should be USER/NAME, but is %s; none is collected", dataset)
        return None
    folder = Path(constants.HF_HOME) / "digitrec-feedback" / dataset.replace("/", "--")
    try:
        return Feedback(dataset, folder)
    except OSError as error:
        _log.warning(
            "%s should be a folder to keep corrections in, but is not (%s); none is collected",
            folder,
            error.strerror,
        )
        return None
