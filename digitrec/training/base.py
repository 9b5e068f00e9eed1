"""A published model whose weights a training starts from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from flax import nnx
from safetensors.numpy import load as load_tensors

from digitrec.errors import BadCheckpointError
from digitrec.hub import client, files
from digitrec.network import pretrained
from digitrec.network.model import NetworkConfig

BUNDLED = "bundled"  # what `--from` calls the model that came with digitrec


class Base(NamedTuple):
    network: NetworkConfig
    weights: dict[str, np.ndarray]  # by their names
    geometry: dict[str, float]  # of its `config.json`
    data: str  # what it was trained on itself, for people to read
    name: str  # BUNDLED, the folder's, or "user/name@commit"
    sha256: str  # of the weights


def read_base(model: str) -> Base:
    """Read a model.

    Arguments:
        model: BUNDLED, a folder, or "user/name" or "user/name@revision" on the Hub.

    Raises: BadCheckpointError; HubError.
    """
    repository, _, revision = model.partition("@")
    folder = Path(model).expanduser()
    name = model if model == BUNDLED else folder.resolve().name
    if model == BUNDLED:
        folder = pretrained.bundled_folder()
    elif not folder.exists():
        if not files.is_repository_id(repository):
            raise BadCheckpointError(
                f"--from {model}: there is no such folder. Give the folder of a published model, "
                f"USER/NAME on the Hugging Face Hub, or {BUNDLED} for the model that came with "
                "digitrec."
            )
        folder = client.download_model(repository, revision or None)
        name = f"{repository}@{folder.name}"
    network, config, _ = pretrained.load_model(folder)
    return Base(
        pretrained.network_config(config),
        load_tensors(pretrained.pack(nnx.state(network))),
        config["geometry"],
        describe_data(config["training"]),
        name,
        config["weights_sha256"],
    )


def describe_data(training: dict) -> str:
    """Say what a model was trained on, from the `training` of its `config.json`."""
    data = training.get("data")
    if isinstance(data, dict):
        return str(data.get("name", "unknown data"))
    strokes = " and pen strokes" if training.get("strokes_sha256") else ""
    return f"MNIST{strokes}" if data else "unknown data"
