"""Download from the Hugging Face Hub, and push to it."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import huggingface_hub
from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceHardware
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.hf_api import RepoFile

from digitrec.errors import (
    BadCheckpointError,
    DigitrecError,
    HubError,
    HubUnavailableError,
    first_line,
)
from digitrec.hub.card import Links
from digitrec.hub.files import (
    DATASET_FILES,
    MODEL_FILES,
    OTHER_FILES,
    matches,
    require_repository_id,
)
from digitrec.hub.model import collect_model
from digitrec.network import pretrained
from digitrec.network.pretrained import CONFIG_FILE

LARGEST_FILE = 100_000_000  # bytes; the weights have 0.9 million
PAUSES = (1, 2, 5)  # seconds between attempts to push
COMMIT_SECONDS = 120.0  # for a commit of 1 to 4 MB: behind some proxies huggingface_hub never ends
Result = TypeVar("Result")
_TOKENS_PAGE = "https://huggingface.co/settings/tokens"


def download_model(repository: str, revision: str | None = None) -> Path:
    """Download a published model through huggingface_hub's cache: its weights, JSON and pictures.

    Arguments:
        repository: "user/name".
        revision: a branch, tag or commit (default: the main branch).

    Returns: the folder; its name is the commit.
    Raises: HubError.
    """
    folder = _download(repository, revision, "model", MODEL_FILES)
    try:
        pretrained.read_files(folder)
    except BadCheckpointError:
        # Perhaps damaged on the way, and the cache would keep it so. The caller checks it again.
        folder = _download(repository, folder.name, "model", MODEL_FILES, force_download=True)
    return folder


def download_dataset(repository: str, revision: str | None = None) -> Path:
    """Download a dataset of pictures, as `download_model` downloads a model."""
    return _download(repository, revision, "dataset", DATASET_FILES)


def within(seconds: float, action: Callable[[], Result], late: str) -> Result:
    """Do something that may wait for ever, in a thread that is left alone if it does.

    Raises: HubUnavailableError with the message `late`; what `action` raises.
    """
    result: Future[Result] = Future()

    def work():
        try:
            result.set_result(action())
        except Exception as error:  # raised by the caller
            result.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        if result.done():  # the action's own
            raise
        raise HubUnavailableError(late) from None


def prepare_model(repository: str, *, private: bool | None = None) -> None:
    """Create a model's repository if it does not exist, and check that we may push to it.

    Arguments:
        repository: "user/name".
        private: for a new repository (default: the account's setting).

    Raises: HubError; HubUnavailableError when it may work later.
    """
    with _explained(repository, "push the model"):
        HfApi().create_repo(repository, private=private, exist_ok=True)
        files = HfApi().list_repo_files(repository)
        others = [name for name in files if not matches(name, MODEL_FILES + OTHER_FILES)]
        if not others and CONFIG_FILE in files:
            config = HfApi().hf_hub_download(repository, CONFIG_FILE)
            if "weights_sha256" not in json.loads(Path(config).read_bytes()):
                others = [CONFIG_FILE]
    _require_ours(repository, "a model of digitrec", others)


def push_model(
    folder: str | os.PathLike,
    repository: str,
    *,
    private: bool | None = None,
    links: Links | None = None,
    pauses: Iterable[float] = PAUSES,
    pause: Callable[[float], bool | None] = time.sleep,
) -> str:
    """Publish a model's folder with a model card, in one commit.

    Arguments:
        folder: what `pretrained.save_model` wrote, and pictures (*.png).
        repository: "user/name"; it is created if it does not exist.
        private: for a new repository (default: the account's setting).
        links: what the card links to.
        pauses: seconds before each further attempt, while the Hub is unreachable or busy.
        pause: waits that long; returns true to give up. Before the commit it is called with 0.

    Returns: the commit's address.
    Raises: BadCheckpointError; HubError; HubUnavailableError when it may work later.
    """
    content = collect_model(folder, repository, links)

    def push():
        prepare_model(repository, private=private)
        with _explained(repository, "push the model"):
            parent = HfApi().repo_info(repository).sha
        # Only now, after the parent is known: if we are told to give up later, the caller's own
        # push makes this parent outdated, and the Hub refuses ours.
        if pause(0):
            raise HubUnavailableError(f"{repository}: the push was cancelled.")
        return _commit(repository, "model", content, "Upload the model", parent=parent)

    return _retry(push, pauses, pause)


def push_space(
    folder: str | os.PathLike,
    repository: str,
    *,
    private: bool | None = None,
    hardware: str | None = None,
    pause: Callable[[float], bool | None] = time.sleep,
) -> str:
    """Publish a Space's folder, as `space.build_space` made it, in one commit.

    Arguments:
        repository: "user/name"; it is created if it does not exist. Files of an earlier push
            that the folder no longer holds are deleted.
        private: for a new Space (default: the account's setting).
        hardware: for a new Space, such as "zero-a10g" (default: "cpu-basic").
        pause: as for `push_model`.

    Returns: the commit's address.
    Raises: HubError; HubUnavailableError when it may work later.
    """
    folder = Path(folder)
    content = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

    def push():
        with _explained(repository, "push the Space"):
            HfApi().create_repo(
                repository,
                repo_type="space",
                space_sdk="gradio",
                space_hardware=cast(SpaceHardware | None, hardware),
                private=private,
                exist_ok=True,
            )
            files = HfApi().list_repo_files(repository, repo_type="space")
        others = [name for name in files if not matches(name, OTHER_FILES)]
        _require_ours(
            repository, "a Space of digitrec", [] if "digitrec/__init__.py" in files else others
        )
        stale = [name for name in others if name not in content]
        return _commit(repository, "space", content, "Upload the app", stale)

    return _retry(push, PAUSES, pause)


def _download(
    repository: str,
    revision: str | None,
    kind: str,
    patterns: Sequence[str],
    *,
    force_download: bool = False,
) -> Path:
    with _explained(repository, f"read the {kind}"):
        # A full commit is resolved without asking the Hub.
        commit = HfApi().resolve_revision(repository, repo_type=kind, revision=revision)
        where = {"repo_type": kind, "revision": commit, "allow_patterns": list(patterns)}
        if not force_download:
            with suppress(LocalEntryNotFoundError):
                return Path(
                    huggingface_hub.snapshot_download(repository, local_files_only=True, **where)
                )
        tree = HfApi().list_repo_tree(repository, repo_type=kind, revision=commit, recursive=True)
        sizes = {file.path: file.size for file in tree if isinstance(file, RepoFile)}
        for name, size in sizes.items():
            if matches(name, patterns) and size > LARGEST_FILE:
                raise HubError(
                    f"{repository}: {name} has {size:,} bytes, and digitrec downloads at most "
                    f"{LARGEST_FILE:,}. Name a repository that digitrec wrote."
                )
        return Path(
            huggingface_hub.snapshot_download(repository, force_download=force_download, **where)
        )


def _require_ours(repository: str, what: str, others: list[str]) -> None:
    if others:
        raise HubError(
            f"{repository} holds other content such as {others[0]}. Name {what}, or a new "
            "repository."
        )


def _commit(
    repository: str,
    kind: str,
    content: dict[str, bytes],
    message: str,
    stale: Iterable[str] = (),
    parent: str | None = None,
) -> str:
    operations = [CommitOperationAdd(path, data) for path, data in content.items()]
    operations += [CommitOperationDelete(path) for path in stale]
    with _explained(repository, f"push the {kind}"):
        # `upload_folder` may make several commits.
        commit = within(
            COMMIT_SECONDS,
            lambda: HfApi().create_commit(
                repository, operations, commit_message=message, repo_type=kind, parent_commit=parent
            ),
            f"{repository}: the push took longer than {COMMIT_SECONDS:g} seconds. Check the "
            "network; if it blocks the Hub's Xet storage, set HF_HUB_DISABLE_XET=1.",
        )
    return str(commit.commit_url)


def _retry(
    action: Callable[[], str], pauses: Iterable[float], pause: Callable[[float], bool | None]
) -> str:
    for seconds in pauses:
        try:
            return action()
        except HubUnavailableError:
            if pause(seconds):
                raise
    return action()


@contextmanager
def _explained(repository: str, action: str):
    """Turn the client's errors into a message: what could not be done, why, and what to do."""
    require_repository_id(repository)
    try:
        yield
    except DigitrecError:  # most derive from ValueError or OSError
        raise
    except (HTTPError, HFValidationError, RevisionResolutionError, OSError, ValueError) as error:
        kind, found, advice = _diagnose(error)
        raise kind(f"{repository}: cannot {action}: {found}. {advice}.") from error


def _diagnose(error: BaseException) -> tuple[type[HubError], str, str]:
    while isinstance(error, LocalEntryNotFoundError | RevisionResolutionError) and error.__cause__:
        error = error.__cause__
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    login = f"Make a token with write permission at {_TOKENS_PAGE} and run: hf auth login"
    if isinstance(error, RevisionNotFoundError):
        return HubError, "it has no such revision", "Name one of its branches, tags or commits"
    if isinstance(error, RepositoryNotFoundError) and status != 401:
        advice = "Check the name; if it is private, log in with: hf auth login"
        return HubError, "there is no such repository on the Hub", advice
    if status == 401 and huggingface_hub.get_token() is None:
        return HubError, "no token was found", login
    if status == 401:
        return HubError, "the Hub refused the token", login
    if status == 402:
        advice = "Get one, or create the Space on ZeroGPU with --hardware zero-a10g"
        return HubError, "the Hub asks for a PRO account", advice
    if status == 403:
        return HubError, "the token does not allow it (403)", login
    if isinstance(error, OfflineModeIsEnabled):
        return HubError, "HF_HUB_OFFLINE is set and the cache has no copy", "Unset it"
    if status == 412:
        return HubUnavailableError, "another push came first (412)", "Try again"
    if status in (408, 429) or (status or 0) >= 500:
        return HubUnavailableError, f"the Hub answered {status}", "Try again later"
    said = first_line(error).rstrip(".:")
    if status is None and isinstance(error, HTTPError | OSError):
        advice = "Check the network and try again"
        return HubUnavailableError, f"the Hub could not be reached ({said})", advice
    return HubError, f"the request failed ({said})", "Check the name and run: hf auth login"
