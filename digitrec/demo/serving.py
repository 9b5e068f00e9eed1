"""Which model the app serves, and what it serves if the Hub fails."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from digitrec.errors import DigitrecError
from digitrec.hub.files import SOURCE_FILE
from digitrec.network.pretrained import bundled_folder
from digitrec.recognizer import DigitRecognizer

DOWNLOAD_SECONDS = 6.0  # the rest of a start takes about as long


class ServedModel(NamedTuple):
    recognizer: DigitRecognizer
    revision: str  # "user/name@commit", or "" for a folder that came from no repository
    notice: str  # for the page and the log if it is not the model that was asked for, or ""


def load_served_model() -> ServedModel:
    """Load the model that the environment names, or the bundled one.

    MODEL_REPO ("user/name") and MODEL_REVISION (a branch, tag or commit; default: the main branch)
    name a model on the Hub. If it cannot be loaded, the bundled one is served.

    Raises: BadCheckpointError if the bundled one is damaged.
    """
    repository = os.environ.get("MODEL_REPO")
    notice = ""
    if repository:
        try:
            folder = _download(repository, os.environ.get("MODEL_REVISION") or None)
            recognizer = DigitRecognizer.from_pretrained(folder)
            return ServedModel(recognizer, f"{repository}@{folder.name}", "")
        except DigitrecError as error:
            notice = f"Using the bundled model; the requested one is unavailable. {error}"
    bundled = bundled_folder()
    source = bundled / SOURCE_FILE
    revision = ""
    if source.exists():
        revision = "{repository}@{commit}".format(**json.loads(source.read_text()))
    return ServedModel(DigitRecognizer.from_pretrained(bundled), revision, notice)


def _download(repository: str, revision: str | None) -> Path:
    """Download within DOWNLOAD_SECONDS: huggingface_hub itself tries for up to a minute."""
    from digitrec.hub import client  # 0.2 s, which a bundled model does not need

    return client.within(
        DOWNLOAD_SECONDS,
        lambda: client.download_model(repository, revision),
        f"{repository}: the download took longer than {DOWNLOAD_SECONDS:g} seconds. Restart the "
        "app when the Hub answers again.",
    )
