"""Which model the app serves, and what it does when the Hub fails it."""

import json
import os
import threading
from pathlib import Path
from typing import NamedTuple

from digitrec.errors import DigitrecError, HubUnavailableError
from digitrec.hub.client import download_model
from digitrec.hub.files import SOURCE_FILE
from digitrec.network.pretrained import bundled_folder
from digitrec.recognizer import DigitRecognizer

DOWNLOAD_SECONDS = 6.0  # the rest of a start takes about as long


class ServedModel(NamedTuple):
    recognizer: DigitRecognizer
    revision: str  # "user/name@commit", or "" for a folder that came from no repository
    notice: str  # one sentence for the page and the log when it is not the one asked for, or ""


def load_served_model() -> ServedModel:
    """Load the model that the environment names, or the one that came with digitrec.

    MODEL_REPO ("user/name") and MODEL_REVISION (a branch, tag or commit; default: the main branch)
    name a model on the Hub. Whatever is wrong with it, the one that came with digitrec is served.

    Raises: BadCheckpointError when that is damaged.
    """
    repository = os.environ.get("MODEL_REPO")
    notice = ""
    if repository:
        try:
            folder = _download(repository, os.environ.get("MODEL_REVISION") or None)
            recognizer = DigitRecognizer.from_pretrained(folder)
            return ServedModel(recognizer, f"{repository}@{folder.name}", "")
        except DigitrecError as error:
            notice = (
                f"The model that came with the app answers, since this was not to be had: {error}"
            )
    bundled = bundled_folder()
    source = bundled / SOURCE_FILE
    revision = ""
    if source.exists():
        revision = "{repository}@{commit}".format(**json.loads(source.read_text()))
    return ServedModel(DigitRecognizer.from_pretrained(bundled), revision, notice)


def _download(repository: str, revision: str | None) -> Path:
    """Download within DOWNLOAD_SECONDS: huggingface_hub itself tries for up to a minute."""
    result = []

    def download():
        try:
            result.append(download_model(repository, revision))
        except DigitrecError as error:
            result.append(error)

    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    thread.join(DOWNLOAD_SECONDS)
    if not result:
        raise HubUnavailableError(
            f"{repository}: the model should be downloaded within {DOWNLOAD_SECONDS:g} seconds, "
            "but was not; restart the app when the Hub answers again."
        )
    if isinstance(result[0], DigitrecError):
        raise result[0]
    return result[0]
