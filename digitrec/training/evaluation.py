"""Evaluate a network on a set of images: logits, calibrated probabilities and figures."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, UInt8

from digitrec.network.compilation import jit
from digitrec.network.model import Network
from digitrec.training.data import Examples
from digitrec.training.metrics import (
    calibrated_probabilities,
    classification_metrics,
    fit_temperature,
)


@partial(jit, static_argnames="graphdef")
def compute_logits(
    params: nnx.State,
    batch_stats: nnx.State,
    images: UInt8[Array, "count 28 28 1"],
    *,
    graphdef: nnx.GraphDef,
) -> Float[Array, "count classes"]:
    """Run the network over every image exactly once; its `graphdef` is in evaluation mode."""
    network = nnx.merge(graphdef, params, batch_stats)
    return jax.lax.map(lambda image: network(image[None])[0], images, batch_size=500)


def network_logits(
    network: Network, images: UInt8[np.ndarray, "count 28 28 1"]
) -> Float[np.ndarray, "count classes"]:
    """Run a network in evaluation mode over every image exactly once."""
    graphdef, params, batch_stats = nnx.split(network, nnx.Param, nnx.BatchStat)
    return np.asarray(compute_logits(params, batch_stats, images, graphdef=graphdef))


class Evaluation(NamedTuple):
    logits: Float[np.ndarray, "count classes"]
    temperature: float  # what the logits are divided by
    probabilities: Float[np.ndarray, "count classes"]  # calibrated
    figures: dict  # from `metrics.classification_metrics`


def evaluate(network: Network, examples: Examples, temperature: float | None = None) -> Evaluation:
    """Read each image once.

    Arguments:
        network: in evaluation mode.
        temperature: of the calibration (default: the one that fits these images best).
    """
    return judge(network_logits(network, examples.images), examples.labels, temperature)


def judge(
    logits: Float[np.ndarray, "count classes"],
    labels: Int[np.ndarray, " count"],
    temperature: float | None = None,
) -> Evaluation:
    """Do the rest of `evaluate`, once there are logits."""
    if temperature is None:
        temperature = fit_temperature(logits, labels)
    probabilities = calibrated_probabilities(logits, temperature)
    figures = classification_metrics(labels, probabilities)
    return Evaluation(logits, temperature, probabilities, figures)
