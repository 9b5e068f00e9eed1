"""The files that a published model is made of."""

import os
from pathlib import Path

from digitrec.errors import HubError
from digitrec.hub.card import Links, is_unfinished, make_card
from digitrec.hub.files import ANSWERS, MODEL_FILES, matches, require_repository_id
from digitrec.hub.picture import draw_answers
from digitrec.network import pretrained


def collect_model(
    folder: str | os.PathLike, repository: str, links: Links | None = None
) -> dict[str, bytes]:
    """Give the files of a model by name, with its card and the picture at the top of it.

    Arguments:
        folder: what `pretrained.save_model` wrote, and pictures (*.png).
        repository: "user/name", for the card.
        links: what the card links to.

    Raises: BadCheckpointError; HubError for a name that is none.
    """
    require_repository_id(repository)
    if links and links.space:
        require_repository_id(links.space)
    network, config, metrics = pretrained.load_model(folder)
    content = {
        path.name: path.read_bytes()
        for path in sorted(Path(folder).iterdir())
        if matches(path.name, MODEL_FILES)
    }
    # In training, the seconds that it takes would delay the push.
    answers = None if is_unfinished(metrics) else draw_answers(network, config)
    if answers:
        content[ANSWERS] = answers
    content["README.md"] = str(make_card(repository, config, metrics, content, links)).encode()
    return content


def write_model(content: dict[str, bytes], folder: str | os.PathLike) -> None:
    """Write the files of a model to a folder that is new or empty.

    Raises: HubError.
    """
    folder = Path(folder)
    require_empty(folder, "the model")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise HubError(
            f"{folder} cannot be written ({error.strerror}). Choose a folder that you may write to."
        ) from error


def require_empty(folder: Path, what: str) -> None:
    """Raise HubError for a folder that holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HubError(
            f"{folder} is not an empty folder. Choose another folder to write {what} to."
        )
