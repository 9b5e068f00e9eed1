"""Names on the Hub: of repositories, and of the files in models, datasets and Spaces of digitrec.

Nothing here loads huggingface_hub, which takes 0.2 s of a core.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatch

from digitrec.errors import HubError
from digitrec.network.pretrained import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE

MODEL_FILES = (WEIGHTS_FILE, CONFIG_FILE, METRICS_FILE, "*.png")
# Of a dataset that trains: corrections, or labelled pictures.
PICTURE_FILES = ("*.png", "*.jpg", "*.jpeg", "*.webp", "*.bmp", "*.gif", "*.tif", "*.tiff")
DATASET_FILES = ("*.jsonl", "*.npz", *PICTURE_FILES)
METADATA_FILE = "metadata.jsonl"  # of a dataset: the Hub shows its lines next to the images
SOURCE_FILE = "source.json"  # of a Space's model: the repository and commit it was copied from
OTHER_FILES = ("README.md", ".gitattributes", "LICENSE")  # what any repository may hold

ANSWERS = "answers.png"  # at the top of a model's card; drawn when it is published
# The pictures in a model's folder, and the captions they get in the card and in the app.
PICTURES = {
    "misread.png": "Misread images",
    "confusion_matrix.png": "Confusion matrix",
    "training_curves.png": "Training",
    "reliability.png": "Predicted probabilities, and how often they are right",
}
# The misread test images side by side, for the app; `metrics.json` says which digits they are.
MISREAD_DIGITS = "misread_digits.png"


def is_repository_id(text: str) -> bool:
    """Tell whether a text has the form "user/name"."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text) is not None


def require_repository_id(text: str) -> None:
    """Raise HubError for what is not a repository's name."""
    if not is_repository_id(text):
        raise HubError(f"{text}: a repository's name is USER/NAME. Give both parts.")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a file's name fits one of the patterns, such as MODEL_FILES."""
    return any(fnmatch(name, pattern) for pattern in patterns)
