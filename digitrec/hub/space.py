"""The folder that a Hugging Face Space is made of."""

import os
import re
import shutil
from pathlib import Path

from huggingface_hub import SpaceCard

from digitrec.errors import HubError
from digitrec.hub import client
from digitrec.hub.files import MODEL_FILES, SOURCE_FILE
from digitrec.hub.model import require_empty
from digitrec.network import pretrained
from digitrec.network.finder import finder_folder

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("reading", "network", "many", "hub", "demo")  # of digitrec: all but training
SOURCES = ("*.py", *(f"{room}/*.py" for room in ROOMS), "demo/page/**/*")
BODY = """
# digitrec

Draw a digit or a number and see at once how it is read: a small Flax network behind a Gradio page.
It can also be called from code ("Use via API" below the app).

The model is in `checkpoints/`. To serve another one, set the variable `MODEL_REPO` (`user/name` on
the Hub) in the Space's settings, and `MODEL_REVISION` (a commit) to keep it at one version. To
collect corrections from visitors who agree, set the variable `FEEDBACK_DATASET` (`user/name`) and
the secret `HF_TOKEN` (with write permission).
"""


def build_space(folder: str | os.PathLike, model: str | None = None) -> None:
    """Write the files that a Space needs, and nothing else.

    Arguments:
        folder: new, or empty.
        model: "user/name" on the Hub, or "user/name@revision", to be served at the commit that
            it has now (default: the checkpoint of this checkout).

    Raises: HubError; BadCheckpointError.
    """
    folder = Path(folder)
    require_empty(folder, "the Space")
    if not (ROOT / "app.py").exists():
        raise HubError(
            "A Space can only be built in a checkout of digitrec. Clone the repository and run "
            "the command there."
        )
    source = pretrained.bundled_folder()
    if model is not None:
        repository, _, revision = model.partition("@")
        source = client.download_model(repository, revision or None)
    pretrained.load_model(source)
    for name in ("app.py", "LICENSE"):
        _copy(ROOT / name, folder / name)
    for pattern in SOURCES:
        for path in (ROOT / "digitrec").glob(pattern):
            if path.is_file():
                _copy(path, folder / path.relative_to(ROOT))
    for pattern in MODEL_FILES:
        for path in source.glob(pattern):
            _copy(path, folder / "checkpoints" / path.name)
    for path in finder_folder().iterdir():
        _copy(path, folder / "checkpoints" / "finder" / path.name)
    if model is not None:
        pretrained.write_json(
            folder / "checkpoints" / SOURCE_FILE,
            {"repository": repository, "commit": source.name},
        )
    # The Space installs Gradio itself, at the sdk_version of the README; a second pin would clash.
    requirements = (ROOT / "requirements.txt").read_text()
    (folder / "requirements.txt").write_text(
        "# Gradio's version is the sdk_version in README.md.\n"
        + re.sub(r"(?m)^(#.*|gradio==.*)\n", "", requirements)
    )
    card = SpaceCard.load(ROOT / "README.md")
    card.data["models"] = [repository] if model is not None else None
    card.text = BODY
    card.save(folder / "README.md")


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
