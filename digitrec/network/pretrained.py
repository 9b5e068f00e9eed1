"""A published model: a folder of `model.safetensors`, `config.json` and `metrics.json`."""

import hashlib
import json
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from digitrec.errors import BadCheckpointError, first_line
from digitrec.network.model import Network, NetworkConfig, make_abstract_network

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"


def bundled_folder() -> Path:
    """Find the model that came with digitrec: in the package, or in a checkout beside it."""
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
            which an image shows no digit) and `training` (how the weights came about, for
            people to read); a `weights_sha256` in it is replaced.
        metrics: figures for people to read; an empty one is not written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes raw memory: an array that is not in C order would come back wrong.
    tensors = {name: np.ascontiguousarray(value) for name, value in _named(state).items()}
    weights = save_tensors(tensors)
    write_atomically(folder / WEIGHTS_FILE, weights)
    checksum = hashlib.sha256(weights).hexdigest()
    write_json(
        folder / CONFIG_FILE, {**config, "preprocessing": "mnist", "weights_sha256": checksum}
    )
    if metrics:
        write_json(folder / METRICS_FILE, metrics)


def read_files(folder: str | os.PathLike) -> tuple[dict, bytes]:
    """Read the configuration and the weights of a published model, verifying the checksum.

    Raises: BadCheckpointError.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadCheckpointError(
            f"{folder} should be the folder of a published model, but there is no such folder; "
            "give another, or a repository USER/NAME on the Hugging Face Hub."
        )
    config = _read_config(folder / CONFIG_FILE)
    weights_file = folder / WEIGHTS_FILE
    weights = _read(weights_file)
    checksum = hashlib.sha256(weights).hexdigest()
    if checksum != config["weights_sha256"]:
        raise BadCheckpointError(
            f"{weights_file} should have the SHA-256 {config['weights_sha256']} that "
            f"{CONFIG_FILE} names, but has {checksum}; fetch the model again."
        )
    return config, weights


def load_model(folder: str | os.PathLike) -> tuple[Network, dict, dict]:
    """Read a published model, verifying that its parts belong together.

    Returns: the network in evaluation mode, and the contents of `config.json` and
        `metrics.json` (empty where there is none).
    Raises: BadCheckpointError.
    """
    folder = Path(folder)
    metrics_file = folder / METRICS_FILE
    metrics = _read_json(metrics_file) if metrics_file.exists() else {}
    config, weights = read_files(folder)
    weights_file = folder / WEIGHTS_FILE
    try:
        tensors = load_tensors(weights)
    except SafetensorError as error:
        raise BadCheckpointError(
            f"{weights_file} should be a safetensors file, but is not ({error}); "
            "fetch the model again."
        ) from error

    network = _build(config["model"], folder / CONFIG_FILE)
    network.eval()
    graphdef, state = nnx.split(network)
    expected = _named(state)
    if difference := set(tensors) ^ set(expected):
        name = min(difference)
        found = "which the network has not" if name in tensors else "which is missing"
        raise BadCheckpointError(
            f"{weights_file} should hold the {len(expected)} tensors of the network in "
            f"{CONFIG_FILE}, but differs in {name}, {found}; use the config it was saved with."
        )
    for name, value in expected.items():
        tensor = tensors[name]
        if (tensor.shape, tensor.dtype) != (value.shape, value.dtype):
            raise BadCheckpointError(
                f"{weights_file}: {name} should be {value.dtype} {value.shape}, but is "
                f"{tensor.dtype} {tensor.shape}; use the config it was saved with."
            )
        if not np.isfinite(tensor).all():
            raise BadCheckpointError(
                f"{weights_file}: {name} should hold finite numbers only, but does not; "
                "fetch the model again."
            )
    loaded = [
        (path, leaf.replace(jnp.asarray(tensors[_dotted(path)])))
        for path, leaf in nnx.to_flat_state(state)
    ]
    return nnx.merge(graphdef, nnx.from_flat_state(loaded)), config, metrics


def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _named(state: nnx.State) -> dict:
    return {_dotted(path): leaf.get_value() for path, leaf in nnx.to_flat_state(state)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCheckpointError(
            f"{path} should be a file of a published model, but cannot be read "
            f"({error.strerror}); give a folder with {WEIGHTS_FILE} and {CONFIG_FILE}."
        ) from error


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(_read(path))
    except ValueError as error:
        raise BadCheckpointError(
            f"{path} should be JSON, but is not ({error}); fetch the model again."
        ) from error
    if not isinstance(value, dict):
        raise BadCheckpointError(
            f"{path} should hold a JSON object, but holds a {type(value).__name__}; "
            "fetch the model again."
        )
    return value


def _read_config(path: Path) -> dict:
    config = _read_json(path)
    expected = {
        *["model", "preprocessing", "temperature", "digit_threshold", "training"],
        "weights_sha256",
    }
    if set(config) != expected:
        raise BadCheckpointError(
            f"{path} should have exactly the keys {sorted(expected)}, but has {sorted(config)}; "
            "fetch the model again, or a digitrec that fits it."
        )
    temperature = config["temperature"]
    if not isinstance(temperature, int | float) or not 0 < temperature < float("inf"):
        raise BadCheckpointError(
            f"{path}: temperature should be a number above 0, but is {temperature!r}; "
            "fetch the model again."
        )
    threshold = config["digit_threshold"]
    if not isinstance(threshold, int | float) or not abs(threshold) < float("inf"):
        raise BadCheckpointError(
            f"{path}: digit_threshold should be a finite number, but is {threshold!r}; "
            "fetch the model again."
        )
    if config["preprocessing"] != "mnist":
        raise BadCheckpointError(
            f'{path}: preprocessing should be "mnist", but is {config["preprocessing"]!r}; '
            "install a digitrec that fits the model."
        )
    return config


def _build(settings: dict, config_file: Path) -> Network:
    try:
        return make_abstract_network(NetworkConfig.from_json(settings))
    except (TypeError, ValueError, AttributeError, NotImplementedError, ZeroDivisionError) as error:
        raise BadCheckpointError(
            f"{config_file}: model should describe a digitrec network, but does not "
            f"({first_line(error)}); "
            "fetch the model again."
        ) from error
