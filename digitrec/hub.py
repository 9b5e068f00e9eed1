"""The Hugging Face Hub: the only module that speaks to the network."""

import os
import re
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from digitrec.errors import HubError
from digitrec.pretrained import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE

FILES = [WEIGHTS_FILE, CONFIG_FILE, METRICS_FILE, "*.png"]


def is_repository_id(text: str) -> bool:
    """Tell whether a text has the form "user/name"."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text) is not None


def download_model(repository: str, revision: str | None = None) -> Path:
    """Fetch a published model, through huggingface_hub's cache.

    Arguments:
        repository: "user/name".
        revision: a branch, tag or commit (default: the main branch).

    Returns: the folder.
    Raises: HubError.
    """
    try:
        return Path(
            huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=FILES)
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise HubError(
            f"{repository} should be a folder here or a model on the Hugging Face Hub, but "
            f"neither could be had ({_first_line(error)}); check the name, the network, and for a "
            "private model your token (hf auth login)."
        ) from error


def push_model(folder: str | os.PathLike, repository: str, *, private: bool | None = None) -> str:
    """Publish a model's folder in one commit, making the repository where there is none.

    Arguments:
        repository: "user/name".
        private: for a new repository (default: as the account is set).

    Returns: the commit's address.
    Raises: HubError.
    """
    try:
        huggingface_hub.create_repo(repository, private=private, exist_ok=True)
        commit = huggingface_hub.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=FILES,
            commit_message="Upload the model",
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise HubError(
            f"{repository}: the model should be pushed to the Hugging Face Hub, but was not "
            f"({_first_line(error)}); log in with a token that may write (hf auth login) and push "
            "again."
        ) from error
    return str(commit.commit_url)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
