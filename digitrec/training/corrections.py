"""Corrections that `digitrec.demo.feedback` collected, as training data."""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from digitrec.errors import DatasetUnavailableError
from digitrec.hub.client import download_dataset
from digitrec.hub.files import METADATA_FILE, is_repository_id
from digitrec.network.model import DIGITS
from digitrec.reading.drawing import IMAGE_SIZE
from digitrec.training.data import Examples


def read_corrections(place: str) -> tuple[Examples, str, str]:
    """Read a folder or a dataset of corrections.

    Arguments:
        place: a folder, or a dataset on the Hub, "user/name" or "user/name@revision".

    Returns: images and labels; the place, for a dataset with its commit; and the SHA-256 of images
        and labels, which does not depend on their order.
    Raises: DatasetUnavailableError; HubError when a dataset cannot be downloaded.
    """
    repository, _, revision = place.partition("@")
    folder = Path(place)
    if not folder.exists() and is_repository_id(repository):
        folder = download_dataset(repository, revision or None)
        place = f"{repository}@{folder.name}"
    found = sorted(
        (_read_image(file.parent, line, f"{file}, line {number}"))
        for file in folder.rglob(METADATA_FILE)
        for number, line in enumerate(file.read_text().splitlines(), 1)
    )
    if not found:
        raise DatasetUnavailableError(
            f"--extra-data {place} holds no corrections (no entry in a {METADATA_FILE}). Give a "
            "folder, or a dataset USER/NAME, in which an app collected some."
        )
    pixels, labels = zip(*found, strict=True)
    images = np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1)
    digest = hashlib.sha256(b"".join(pixels) + bytes(labels))
    return Examples(images, np.array(labels, np.int32)), place, digest.hexdigest()


def _read_image(folder: Path, line: str, where: str) -> tuple[bytes, int]:
    try:
        entry = json.loads(line)
        name, label = entry["file_name"], entry["label"]
        if type(label) is not int or label not in range(len(DIGITS)):
            raise ValueError(f"the label is {label!r}")
        if Path(name).name != name:
            raise ValueError(f"the file is {name!r}, in another folder")
        with Image.open(folder / name, formats=["PNG"]) as image:
            if (image.size, image.mode) != ((IMAGE_SIZE, IMAGE_SIZE), "L"):
                raise ValueError(f"{name} is {image.width}x{image.height}, mode {image.mode}")
            return image.tobytes(), label
    except (KeyError, TypeError, ValueError, OSError, UnidentifiedImageError) as error:
        raise DatasetUnavailableError(
            f"{where} does not name a grey PNG of {IMAGE_SIZE}x{IMAGE_SIZE} pixels and a label "
            f"from 0 to 9 ({error}). Remove the line."
        ) from error
