"""Your own labelled pictures as training data: a folder, an .npz file or a dataset on the Hub."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from digitrec.errors import BadImageError, DatasetUnavailableError, first_line
from digitrec.hub.client import download_dataset
from digitrec.hub.files import is_repository_id
from digitrec.network.model import MOST_CLASSES
from digitrec.reading.drawing import IMAGE_SIZE, to_mnist
from digitrec.training.data import Examples

PARTS = {"train", "training", "test", "testing", "validation", "valid", "val"}
LONGEST_NAME = 20  # characters of a class
FORM = (
    "Give a folder with a folder of pictures for each label, named by it, such as 7/one.png; an "
    ".npz file with images (N, H, W) and labels (N,); or a dataset USER/NAME on the Hugging Face "
    "Hub that holds either."
)


class OwnData(NamedTuple):
    examples: Examples  # labels count the classes from 0
    classes: tuple[str, ...]
    writers: Int[np.ndarray, " count"] | None  # who wrote each, if the data says so
    name: str  # the last part of the place; of a dataset, with its commit
    sha256: str
    unreadable: tuple[str, ...]  # a message for each picture that was left out

    def count(self) -> dict[str, int]:
        """Count the pictures of each class."""
        counts = np.bincount(self.examples.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


class _Picture(NamedTuple):
    name: str  # for messages
    image: Any  # what `to_mnist` takes
    label: str
    writer: str | None


def read_own_data(place: str) -> OwnData:
    """Read labelled pictures of any size and polarity, as `to_mnist` reads them.

    A picture that cannot be read, or shows nothing, is left out and named.

    Arguments:
        place: a folder, an .npz file, or a dataset on the Hub, "user/name" or "user/name@revision".

    Raises: DatasetUnavailableError; HubError when a dataset cannot be downloaded.
    """
    repository, _, revision = place.partition("@")
    path = Path(place).expanduser()
    name = path.resolve().name
    if not path.exists() and is_repository_id(repository):
        path = download_dataset(repository, revision or None)
        name = f"{repository}@{path.name}"
        if len(files := sorted(path.rglob("*.npz"))) == 1:
            (path,) = files
    if not path.exists():
        raise DatasetUnavailableError(f"--data {place}: there is no such folder or file. {FORM}")
    pictures = _find_in_folder(path, place) if path.is_dir() else _find_in_arrays(path)
    return _read(pictures, place, name)


def _read(pictures: Iterable[_Picture], place: str, name: str) -> OwnData:
    images, labels, writers, unreadable = [], [], [], []
    seen = set()
    for picture in pictures:
        seen.add(picture.label)
        try:
            image = to_mnist(picture.image)
        except BadImageError as error:
            unreadable.append(f"{picture.name} is left out: {error}")
            continue
        if image is None:
            unreadable.append(f"{picture.name} is left out: nothing is drawn or written on it.")
            continue
        images.append(image)
        labels.append(picture.label)
        writers.append(picture.writer)
    if not seen:
        raise DatasetUnavailableError(f"--data {place} holds no labelled pictures. {FORM}")
    classes = _sort(seen)
    _check(classes, place)
    if missing := seen - set(labels):
        raise DatasetUnavailableError(
            f"--data {place}: no picture of {min(missing)!r} can be read. {unreadable[0]}"
        )
    pixels = np.array(images, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1)
    places = np.array([classes.index(label) for label in labels], np.int32)
    groups = None
    if None not in writers:
        groups = np.unique(writers, return_inverse=True)[1]
    told = repr((classes, places.tolist(), writers)).encode()
    return OwnData(
        Examples(pixels, places),
        classes,
        groups,
        name,
        hashlib.sha256(pixels.tobytes() + told).hexdigest(),
        tuple(unreadable),
    )


def _sort(labels: Iterable[str]) -> tuple[str, ...]:
    """Order digits of any script by their value, other labels by their letters."""
    labels = sorted(labels)
    return tuple(sorted(labels, key=int) if all(map(str.isdecimal, labels)) else labels)


def _check(classes: tuple[str, ...], place: str) -> None:
    for label in classes:
        if not (label.isprintable() and 1 <= len(label.strip()) <= LONGEST_NAME):
            raise DatasetUnavailableError(
                f"--data {place}: the label {label!r} cannot be the name of a class. Use 1 to "
                f"{LONGEST_NAME} letters, digits or signs."
            )
    if len(classes) == 1:
        raise DatasetUnavailableError(
            f"--data {place} has pictures of one class only, {classes[0]!r}; a model tells 2 to "
            f"{MOST_CLASSES} apart. {FORM}"
        )
    if len(classes) > MOST_CLASSES:
        raise DatasetUnavailableError(
            f"--data {place} has {len(classes)} classes, from {classes[0]!r} to {classes[-1]!r}; a "
            f"model tells 2 to {MOST_CLASSES} apart. {FORM}"
        )


def _find_in_folder(folder: Path, place: str) -> Iterator[_Picture]:
    """Give the pictures in folders named by their labels.

    The folders of a dataset's parts, such as train and test, may lie above them. Where all pictures
    of the labels lie in further folders, these name the writers.
    """
    labels = _folders(folder)
    while labels and (len(labels) == 1 or {label.name.lower() for label in labels} <= PARTS):
        inner = [one for part in labels for one in _folders(part)]
        if not inner or any(_files(part) for part in labels):
            break
        labels = inner
    for label in labels:
        for path in sorted(label.rglob("*")):
            inside = path.relative_to(label)
            if path.is_file() and not any(part.startswith(".") for part in inside.parts):
                writer = inside.parts[0] if len(inside.parts) > 1 else None
                yield _Picture(f"{label.name}/{inside}", path, label.name, writer)


def _folders(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != "__MACOSX"
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]


def _find_in_arrays(path: Path) -> Iterator[_Picture]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DatasetUnavailableError(
            f"--data {path} cannot be read as an .npz file ({first_line(error)}). {FORM}"
        ) from error
    if not {"images", "labels"} <= set(found):
        raise DatasetUnavailableError(
            f"--data {path} has the arrays {', '.join(found) or 'of nothing'}, not images and "
            "labels. Write it with: numpy.savez(FILE, images=..., labels=...)"
        )
    images, labels = found["images"], found["labels"]
    writers = found.get("writers", np.full(labels.shape, None))
    if images.ndim not in (3, 4) or not labels.shape == writers.shape == (len(images),):
        raise DatasetUnavailableError(
            f"--data {path}: images are {images.shape} and labels {labels.shape}, not (N, H, W) or "
            "(N, H, W, C) and (N,). Save one label for each image."
        )
    if labels.dtype.kind not in "iuU":
        raise DatasetUnavailableError(
            f"--data {path}: labels are {labels.dtype}, not whole numbers or text. Save them so."
        )
    for index, (image, label, writer) in enumerate(zip(images, labels, writers, strict=True)):
        person = None if writer is None else str(writer)
        yield _Picture(f"images[{index}]", image, str(label), person)
