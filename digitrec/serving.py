"""Which model the app serves, and what it does when the Hub fails it."""

import json
import os
import threading
from pathlib import Path
from typing import NamedTuple

from digitrec import hub
from digitrec.errors import DigitrecError, HubUnavailableError
from digitrec.recognizer import DigitRecognizer

SOURCE_FILE = "source.json"  # in the bundled folder: the repository and commit it was copied from
PATIENCE = 6.0  # seconds for a download; the rest of a start takes about as long


class ServedModel(NamedTuple):
    recognizer: DigitRecognizer
    revision: str  # "user/name@commit", or "" for a folder that came from no repository
    notice: str  # one sentence for the page and the log when it is not the one asked for, or ""


def load_served_model(bundled: str | os.PathLike, patience: float = PATIENCE) -> ServedModel:
    """Load the model that the environment names, or the bundled one.

    MODEL_REPO ("user/name") and MODEL_REVISION (a branch, tag or commit; default: the main branch)
    name a model on the Hub. Whatever is wrong with it, the bundled one is served instead.

    Arguments:
        bundled: a published model's folder.
        patience: seconds that a download may take.

    Raises: BadCheckpointError when the bundled one is damaged.
    """
    repository = os.environ.get("MODEL_REPO")
    notice = ""
    if repository:
        try:
            folder = _download(repository, os.environ.get("MODEL_REVISION") or None, patience)
            recognizer = DigitRecognizer.from_pretrained(folder)
            return ServedModel(recognizer, f"{repository}@{folder.name}", "")
        except DigitrecError as error:
            notice = f"The model that came with the app answers, for {error}"
    source = Path(bundled) / SOURCE_FILE
    revision = ""
    if source.exists():
        revision = "{repository}@{commit}".format(**json.loads(source.read_text()))
    return ServedModel(DigitRecognizer.from_pretrained(bundled), revision, notice)


def _download(repository: str, revision: str | None, patience: float) -> Path:
    """Download within so many seconds: huggingface_hub itself tries for up to a minute."""
    result = []

    def download():
        try:
            result.append(hub.download_model(repository, revision))
        except DigitrecError as error:
            result.append(error)

    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    thread.join(patience)
    if not result:
        raise HubUnavailableError(
            f"{repository}: the model should be downloaded within {patience:g} seconds, but was "
            "not; restart the app when the Hub answers again."
        )
    if isinstance(result[0], DigitrecError):
        raise result[0]
    return result[0]
