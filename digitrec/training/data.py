"""MNIST from tensorflow-datasets as uint8 arrays, and its stratified splits."""

import gzip
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8
from sklearn.model_selection import train_test_split

from digitrec.errors import DatasetUnavailableError, first_line
from digitrec.network.settings import FRACTION, SEED, one_of, setting

MNIST_VERSION = "3.0.1"
SERVER = "https://storage.googleapis.com"  # where tensorflow-datasets downloads MNIST from
SHA256 = {
    "train-images-idx3": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FILES = tuple(f"{name}-ubyte.gz" for name in SHA256)
KAGGLE_IMAGES = 42_000
NO_DIGIT = 10  # the label of images that show no digit


class Examples(NamedTuple):
    images: UInt8[np.ndarray, "count 28 28 1"]  # bright ink on black
    labels: Int[np.ndarray, " count"]  # 0-9, or NO_DIGIT; int32


def concatenate(parts: Sequence[Examples]) -> Examples:
    return Examples(*map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True)
class SplitConfig:
    protocol: str = setting(
        "official",
        "official: the 60,000 training images, tested on the 10,000; kaggle-42k: a stratified "
        "42,000 of all 70,000, tested on the other 28,000",
        one_of("official", "kaggle-42k"),
    )
    validation_fraction: float = setting(0.1, "share of the images used for validation", FRACTION)
    split_seed: int = setting(
        0, "chooses the validation images; compare only runs that have the same ones", SEED
    )


class Split(NamedTuple):
    train: Examples
    validation: Examples
    test: Examples


class OwnSplit(NamedTuple):
    """Of one's own pictures, which all train; cross-validation measures."""

    train: Examples
    validation: None
    test: Examples | None  # MNIST's


def load_mnist(
    data_dir: str | os.PathLike | None = None, manual_dir: str | os.PathLike | None = None
) -> tuple[Examples, Examples]:
    """Read MNIST's 60,000 training and 10,000 test images.

    The first call prepares the data set with tensorflow-datasets, which verifies its checksums,
    and stores the arrays in one file next to it. Later calls read that file, in a tenth of a second
    and without importing TensorFlow.

    Arguments:
        data_dir: where tensorflow-datasets keeps its data (default: TFDS_DATA_DIR, otherwise
            ~/tensorflow_datasets).
        manual_dir: a folder that holds MNIST's four .gz files, to be read instead; nothing is
            downloaded or stored then. The images come in the same order.

    Raises: DatasetUnavailableError.
    """
    if manual_dir is not None:
        return _read_files(Path(manual_dir))
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    arrays_file = root / "mnist" / f"mnist-{MNIST_VERSION}.npz"
    if not arrays_file.exists():
        _check_network()
        prepare(root, arrays_file)
    try:
        with np.load(arrays_file, allow_pickle=False) as arrays:
            train, test = (
                _checked(Examples(arrays[f"{name}_images"], arrays[f"{name}_labels"]))
                for name in ("train", "test")
            )
            return train, test
    except Exception as error:  # for damaged files NumPy and zipfile raise errors of many kinds
        raise DatasetUnavailableError(
            f"{arrays_file} is damaged ({first_line(error)}). Delete the file and start again."
        ) from error


def _read_files(folder: Path) -> tuple[Examples, Examples]:
    contents = []
    for name, expected in zip(FILES, SHA256.values(), strict=True):
        path = folder / name
        if not path.is_file():
            raise DatasetUnavailableError(
                f"--manual-dir {folder} does not hold {name}. Put MNIST's four files there: "
                f"{', '.join(FILES)}."
            )
        content = path.read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != expected:
            raise DatasetUnavailableError(
                f"{path} is not MNIST's file: its SHA-256 is {found}, not {expected}. Download it "
                "again."
            )
        contents.append(np.frombuffer(gzip.decompress(content), np.uint8))
    train, test = (
        _in_order(split, images[16:].reshape(-1, 28, 28, 1), labels[8:])  # after their headers
        for split, images, labels in (("train", *contents[:2]), ("test", *contents[2:]))
    )
    return train, test


def _in_order(split: str, images: np.ndarray, labels: np.ndarray) -> Examples:
    """Bring the images into the order of tensorflow-datasets, so that runs compare.

    It sorts by the MD5 of the split's name and the number of an image.
    """
    keys = [hashlib.md5(f"{split}{number}".encode()).digest() for number in range(len(labels))]
    order = sorted(range(len(labels)), key=keys.__getitem__)
    return Examples(images[order], labels[order].astype(np.int32))


def _checked(examples: Examples) -> Examples:
    """Raise ValueError unless the arrays are what `Examples` promises, with labels 0-9 only."""
    images, labels = examples
    found = [(str(array.dtype), array.shape) for array in examples]
    if found != [("uint8", (len(labels), 28, 28, 1)), ("int32", (len(images),))] or not labels.size:
        raise ValueError(
            f"expected uint8 images (count, 28, 28, 1) and as many int32 labels, found {found}"
        )
    if not np.isin(labels, range(10)).all():
        raise ValueError(f"expected labels from 0 to 9, found {labels.min()} to {labels.max()}")
    return examples


def prepare(root: Path, arrays_file: Path, manual_dir: Path | None = None) -> None:
    """Download MNIST with tensorflow-datasets, and store its arrays in one file.

    Arguments:
        root: the folder of tensorflow-datasets.
        manual_dir: a folder with MNIST's four .gz files, which are then not downloaded.

    Raises: DatasetUnavailableError.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DatasetUnavailableError(
            f"MNIST is read with tensorflow-datasets, which is not installed ({error}). "
            'Run: pip install -e ".[train]"'
        ) from error
    tfds.disable_progress_bar()
    try:
        builder = tfds.builder(
            f"mnist:{MNIST_VERSION}", data_dir=root, file_format=tfds.core.FileFormat.ARRAY_RECORD
        )
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=None if manual_dir is None else manual_dir.resolve()
            )
        )
        arrays = {}
        for name in ("train", "test"):
            source = builder.as_data_source(split=name)
            records = source.__getitems__(range(len(source)))
            arrays[f"{name}_images"] = np.stack([record["image"] for record in records])
            arrays[f"{name}_labels"] = np.array([record["label"] for record in records], np.int32)
        partial = arrays_file.with_name(f".{os.getpid()}-{arrays_file.name}")
        np.savez(partial, **arrays)
        partial.replace(arrays_file)
    except Exception as error:  # tensorflow-datasets lets errors of many libraries through
        raise DatasetUnavailableError(
            "tensorflow-datasets could not prepare MNIST "
            f"({type(error).__name__}: {first_line(error)}). Connect to the network, or give "
            "--manual-dir DIR with MNIST's four .gz files."
        ) from error


def _check_network() -> None:
    """Fail at once when the server cannot be reached: tensorflow-datasets tries for 3 minutes."""
    try:
        urllib.request.urlopen(SERVER, timeout=15).close()
    except urllib.error.HTTPError:
        pass  # it can be reached
    except OSError as error:
        raise DatasetUnavailableError(
            f"MNIST cannot be downloaded: {SERVER} is unreachable ({error}). Connect to the "
            "network, or give --manual-dir DIR with MNIST's four .gz files."
        ) from error


def split_mnist(train: Examples, test: Examples, config: SplitConfig) -> Split:
    """Split MNIST into images for training, validation and the test, each stratified.

    "official" takes training and validation images from MNIST's 60,000 training images and tests
    on its 10,000 test images. "kaggle-42k" draws a stratified 42,000 of all 70,000, as in the
    Kaggle competition "Digit Recognizer", splits those, and tests on the other 28,000.
    """
    if config.protocol == "kaggle-42k":
        everything = concatenate([train, test])
        train, test = _stratified(everything, KAGGLE_IMAGES, config.split_seed)
    train, validation = _stratified(train, 1 - config.validation_fraction, config.split_seed)
    return Split(train, validation, test)


def _stratified(examples: Examples, size: int | float, seed: int) -> tuple[Examples, Examples]:
    first, second = train_test_split(
        np.arange(len(examples.labels)),
        train_size=size,
        stratify=examples.labels,
        random_state=seed,
    )
    first, second = (Examples(examples.images[p], examples.labels[p]) for p in (first, second))
    return first, second
