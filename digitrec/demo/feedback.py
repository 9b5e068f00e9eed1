"""Corrections from visitors who agreed, collected in a dataset on the Hub."""

import io
import json
import logging
import os
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from httpx2 import HTTPError
from huggingface_hub import CommitScheduler, HfApi, constants
from jaxtyping import UInt8
from PIL import Image

from digitrec.errors import first_line
from digitrec.hub.files import DATASET_FILES, METADATA_FILE, is_repository_id
from digitrec.prediction import Prediction

MOST_CORRECTIONS = 10_000  # in the dataset; each has about 700 bytes
MINUTES = 5.0  # between two commits

_log = logging.getLogger(__name__)


class Feedback:
    """Keeps corrections in a folder, and pushes the folder to a dataset on the Hub.

    What cannot be pushed stays in the folder and is tried again, also after a restart.
    """

    def __init__(
        self,
        dataset: str,
        folder: str | os.PathLike,
        minutes: float = MINUTES,
        most: int = MOST_CORRECTIONS,
    ):
        """Start to push in the background; the Hub may be unreachable.

        Arguments:
            dataset: "user/name"; it is created as a private one if it does not exist.
            folder: created if it does not exist; corrections in it are pushed as well.
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
        threading.Thread(target=self._connect, daemon=True).start()

    def add(
        self, image: UInt8[np.ndarray, "28 28"], label: int, prediction: Prediction, revision: str
    ) -> bool:
        """Keep a correction.

        Arguments:
            image: what the network saw.
            label: the digit that it shows, 0-9.
            prediction: the answer.
            revision: of the model that gave it.

        Returns: False if it could not be stored.
        Raises: ValueError for another label.
        """
        if label not in range(10):
            raise ValueError(f"label must be from 0 to 9, not {label!r}.")
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
                "day": f"{datetime.now(UTC):%Y-%m-%d}",  # the time of day could reveal who it was
            }
            # The image first, so that no commit has a line without its image.
            try:
                path.write_bytes(content.getvalue())
                with (self._own / METADATA_FILE).open("a") as lines:
                    lines.write(json.dumps(line) + "\n")
            except OSError as error:
                _log.warning("%s: a correction could not be stored (%s)", path, error.strerror)
                return False
        return True

    def _connect(self) -> None:
        scheduler = None
        while True:
            try:
                scheduler = CommitScheduler(
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
                    "%s: corrections are kept here until they can be pushed (%s)",
                    *(self._dataset, first_line(error)),
                )
                if scheduler is not None:
                    return
                time.sleep(60 * self._minutes)


def open_feedback() -> Feedback | None:
    """Start to collect corrections if FEEDBACK_DATASET ("user/name") is set.

    Returns: None if it is not set, names no dataset, or nothing can be stored.
    """
    dataset = os.environ.get("FEEDBACK_DATASET")
    if not dataset:
        return None
    if not is_repository_id(dataset):
        _log.warning(
            "FEEDBACK_DATASET is %s, which does not have the form USER/NAME. "
            "Corrections are not collected.",
            dataset,
        )
        return None
    folder = Path(constants.HF_HOME) / "digitrec-feedback" / dataset.replace("/", "--")
    try:
        return Feedback(dataset, folder)
    except OSError as error:
        _log.warning(
            "%s: corrections cannot be stored there (%s). They are not collected.",
            *(folder, error.strerror),
        )
        return None
