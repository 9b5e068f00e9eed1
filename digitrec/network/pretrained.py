"""A published model: a folder of `model.safetensors`, `config.json` and `metrics.json`."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from digitrec.errors import BadCheckpointError, first_line
from digitrec.network.backend import own_rules
from digitrec.network.model import DIGITS, Network, NetworkConfig, make_abstract_network

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
# Weights of `reading.number.Geometry`, found by `benchmarks/fit_numbers.py`; those of all models
# that record none.
GEOMETRY = {
    "digit": 0.41,
    "gap": -3.07,
    "low": -2.11,
    "wide": -1.77,
    "cut": -1.17,
    "overlap": -2.01,
}


# What each part of `metrics.json` must say for the page and the model card to show it.
FIGURES = {
    "model": {"parameters"},
    "test": {"accuracy", "count", "calibration_error"},
    "validation": {"accuracy", "count"},
    "cross_validation": {"accuracy", "count", "calibration_error", "folds"},
    "training": {"epochs", "best_epoch", "seconds"},
    "drawn_digits": {"mean", "drawings"},
    "numbers": {"mean", "lines"},
    "paper": {"flat", "photo", "drawings"},
}


def bundled_folder() -> Path:
    """Find the model that came with digitrec: in the package, or next to it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "checkpoints"
    return installed if installed.exists() else package.parent / "checkpoints"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that a reader never meets half of it."""
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


def write_json(path: Path, value: dict) -> None:
    write_atomically(path, (json.dumps(value, indent=2) + "\n").encode())


def save_model(folder: str | os.PathLike, state: nnx.State, config: dict, metrics: dict) -> None:
    """Write a published model.

    Arguments:
        state: all parameters and batch statistics of a `Network`, float32.
        config: `model` (a `NetworkConfig` as a dictionary), `temperature` (what logits are
            divided by before the softmax, above 0), `digit_threshold` (the digit score up to
            which an image shows no digit), `number_threshold` (the same for each digit of a
            number; default: `digit_threshold`), `geometry` (what each of its measures counts when
            a number is read; default: GEOMETRY), `classes` (what the network's outputs are
            called, in their order; default: the digits 0 to 9) and `training` (how the weights
            came about, for people to read); a `weights_sha256` in it is replaced.
        metrics: figures for people to read; an empty one is not written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = pack(state)
    write_atomically(folder / WEIGHTS_FILE, weights)
    config = {**_complete(config), "preprocessing": "mnist", "weights_sha256": _hash(weights)}
    if config["classes"] == list(DIGITS):
        del config["classes"]  # the default, which earlier versions of digitrec do not know
    write_json(folder / CONFIG_FILE, config)
    if metrics:
        write_json(folder / METRICS_FILE, metrics)


def read_files(folder: str | os.PathLike) -> tuple[dict, bytes]:
    """Read the configuration and the weights of a published model, verifying the checksum.

    Raises: BadCheckpointError.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadCheckpointError(
            f"There is no folder {folder}. Give the folder of a published model, or USER/NAME on "
            "the Hugging Face Hub."
        )
    if not (folder / CONFIG_FILE).exists() and (folder / "recipe.json").exists():
        raise BadCheckpointError(
            f"{folder} is a training run that has not finished. Continue it with: python train.py "
            f"--resume {folder}"
        )
    config = _read_config(folder / CONFIG_FILE)
    weights_file = folder / WEIGHTS_FILE
    weights = _read(weights_file)
    checksum = _hash(weights)
    if checksum != config["weights_sha256"]:
        raise BadCheckpointError(
            f"{weights_file} has the SHA-256 {checksum}, not the {config['weights_sha256']} that "
            f"{CONFIG_FILE} names. Fetch the model again."
        )
    return config, weights


def load_model(folder: str | os.PathLike) -> tuple[Network, dict, dict]:
    """Read a published model, verifying that its parts belong together.

    Returns: the network in evaluation mode, and the contents of `config.json` and
        `metrics.json` (empty where there is none; without the parts that lack their FIGURES).
    Raises: BadCheckpointError.
    """
    folder = Path(folder)
    metrics_file = folder / METRICS_FILE
    metrics = _read_json(metrics_file) if metrics_file.exists() else {}
    config, weights = read_files(folder)
    metrics = _usable(metrics, len(config["classes"]))
    weights_file = folder / WEIGHTS_FILE
    try:
        tensors = load_tensors(weights)
    except SafetensorError as error:
        raise BadCheckpointError(
            f"{weights_file} is not a safetensors file ({error}). Fetch the model again."
        ) from error

    with own_rules():
        network = _build(config, folder / CONFIG_FILE)
    network.eval()
    graphdef, state = nnx.split(network)
    expected = _named(state)
    if difference := set(tensors) ^ set(expected):
        name = min(difference)
        found = "holds a tensor too many" if name in tensors else "lacks a tensor"
        raise BadCheckpointError(
            f"{weights_file} {found} for the network in {CONFIG_FILE}, {name}. Use the "
            f"{CONFIG_FILE} that it was saved with."
        )
    for name, value in expected.items():
        tensor = tensors[name]
        if (tensor.shape, tensor.dtype) != (value.shape, value.dtype):
            raise BadCheckpointError(
                f"{weights_file}: {name} is {tensor.dtype} {tensor.shape}, but the network in "
                f"{CONFIG_FILE} needs {value.dtype} {value.shape}. Use the {CONFIG_FILE} that it "
                "was saved with."
            )
        if not np.isfinite(tensor).all():
            raise BadCheckpointError(
                f"{weights_file}: {name} holds infinite numbers or NaN. Fetch the model again."
            )
    return nnx.merge(graphdef, fill(state, tensors)), config, metrics


def hash_weights(state: nnx.State) -> str:
    """Give the SHA-256 of the safetensors file with a state."""
    return _hash(pack(state))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pack(state: nnx.State) -> bytes:
    """Give the content of a safetensors file with all of a state, by dotted names."""
    # safetensors writes raw memory: an array that is not in C order would come back wrong.
    return save_tensors(
        {name: np.ascontiguousarray(value) for name, value in _named(state).items()}
    )


def fill(state: nnx.State, tensors: dict[str, np.ndarray]) -> nnx.State:
    """Put the tensors of such a file into a state of the same network."""
    loaded = [
        (path, leaf.replace(jnp.asarray(tensors[_dotted(path)])))
        for path, leaf in nnx.to_flat_state(state)
    ]
    return nnx.from_flat_state(loaded)


def replace(state: nnx.State, tensors: dict[str, np.ndarray]) -> nnx.State:
    """Put those tensors into a state that it has under their names, in the same shapes."""
    own = _named(state)
    fitting = {name: t for name, t in tensors.items() if name in own and t.shape == own[name].shape}
    return fill(state, {**own, **fitting})


def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _named(state: nnx.State) -> dict:
    return {_dotted(path): leaf.get_value() for path, leaf in nnx.to_flat_state(state)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCheckpointError(
            f"{path} cannot be read ({error.strerror}). Give a folder with {WEIGHTS_FILE} and "
            f"{CONFIG_FILE}."
        ) from error


def _read_json(path: Path) -> dict:
    content = _read(path)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise BadCheckpointError(
            f"{path} is not JSON ({first_line(error)}). Fetch the model again."
        ) from error
    if not isinstance(value, dict):
        raise BadCheckpointError(
            f"{path} holds a {type(value).__name__} where a JSON object belongs. Fetch the model "
            "again."
        )
    return value


CONFIG_KEYS = {
    *["model", "classes", "preprocessing", "temperature", "digit_threshold", "number_threshold"],
    *["geometry", "training", "weights_sha256"],
}


def _read_config(path: Path) -> dict:
    config = _complete(_read_json(path))
    if difference := set(config) ^ CONFIG_KEYS:
        name = min(difference)
        found = "has an unknown entry" if name in config else "lacks the entry"
        raise BadCheckpointError(
            f"{path} {found} {name!r}. Fetch the model again, or install the version of digitrec "
            "that it was made for."
        )
    for name, holds, expected in (
        ("temperature", lambda value: _is_finite(value) and value > 0, "a number above 0"),
        ("digit_threshold", _is_finite, "a finite number"),
        ("number_threshold", _is_finite, "a finite number"),
        ("geometry", _is_geometry, f"finite numbers named {', '.join(GEOMETRY)}"),
        ("classes", lambda value: isinstance(value, list), "a list of texts"),
        ("preprocessing", lambda value: value == "mnist", '"mnist"'),
    ):
        if not holds(config[name]):
            raise BadCheckpointError(
                f"{path}: {name} is {config[name]!r}, not {expected}. Fetch the model again, or "
                "install the version of digitrec that it was made for."
            )
    return config


def _complete(config: dict) -> dict:
    """Add what older models do not record, and keep the classes in one place."""
    model, classes = config.get("model"), list(DIGITS)
    if isinstance(model, dict) and "classes" in model:
        classes = list(model["classes"])
        model = {name: value for name, value in model.items() if name != "classes"}
        config = {**config, "model": model}
    missing = {
        "classes": classes,
        "geometry": GEOMETRY,
        "number_threshold": config.get("digit_threshold"),
    }
    return config | {name: value for name, value in missing.items() if name not in config}


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < float("inf")


def _is_geometry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == set(GEOMETRY)
        and all(map(_is_finite, value.values()))
    )


def _usable(metrics: dict, classes: int) -> dict:
    """Leave out the parts that cannot be shown: another program may have written them."""

    def is_usable(part: Any, names: Iterable[str]) -> bool:
        return isinstance(part, dict) and all(_is_finite(part.get(name)) for name in names)

    usable = {
        name: part
        for name, part in metrics.items()
        if name not in FIGURES or is_usable(part, FIGURES[name])
    }
    for name in ("test", "cross_validation"):
        rows = usable.get(name, {}).get("per_class")
        if rows is not None and not (
            isinstance(rows, list)
            and len(rows) == classes
            and all(is_usable(row, ("precision", "recall", "count")) for row in rows)
        ):
            del usable[name]
    return usable


def network_config(config: dict) -> NetworkConfig:
    """Give the network that a model's `config.json` describes.

    Raises: what `NetworkConfig.from_json` does.
    """
    return NetworkConfig.from_json({**config["model"], "classes": config["classes"]})


def _build(config: dict, config_file: Path) -> Network:
    try:
        return make_abstract_network(network_config(config))
    except (TypeError, ValueError, AttributeError, NotImplementedError, ZeroDivisionError) as error:
        raise BadCheckpointError(
            f"{config_file}: model does not describe a network of digitrec ({first_line(error)}). "
            "Fetch the model again."
        ) from error
