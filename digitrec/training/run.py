"""A run's folder: its recipe, its states and, at the end, the published model."""

import argparse
import json
import os
import platform
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from filelock import FileLock, Timeout
from flax import nnx

from digitrec.cores import count_cores
from digitrec.errors import BadCheckpointError
from digitrec.hub import client
from digitrec.network import pretrained
from digitrec.network.model import Network, make_graphdef
from digitrec.training import data, metrics, report
from digitrec.training.evaluation import Evaluation, evaluate
from digitrec.training.inputs import Inputs
from digitrec.training.loop import Progress
from digitrec.training.recipe import Recipe

RECIPE_FILE = "recipe.json"
NOTHING = Inputs()
LOCK_FILE = ".lock"  # holds the number of the process that trains
STATES_FOLDER = "states"


def require_new_folder(run: Path) -> None:
    """Raise BadCheckpointError for a folder in which no new run can start."""
    require_free(run)
    try:
        if run.exists() and any(run.iterdir()):
            raise BadCheckpointError(
                f"--output {run} is not empty. Choose another folder, or continue the run that is "
                f"there with --resume {run}."
            )
    except OSError as error:
        raise _not_writable(run, error) from error


def start_run(run: Path, recipe: Recipe) -> None:
    """Record the recipe in a folder that is locked.

    Raises: BadCheckpointError.
    """
    try:
        pretrained.write_json(run / RECIPE_FILE, recipe.to_json())
    except OSError as error:
        raise _not_writable(run, error) from error


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Make a run's folder and keep other processes from training in it while this one does.

    Raises: BadCheckpointError, which names the process that has it.
    """
    lock = FileLock(run / LOCK_FILE)
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        (run / LOCK_FILE).write_text(str(os.getpid()))
    except Timeout as error:
        process = (run / LOCK_FILE).read_text()
        raise BadCheckpointError(
            f"Process {process} is already training in {run}. Wait for it, stop it, or choose "
            "another folder."
        ) from error
    except OSError as error:
        raise _not_writable(run, error) from error
    try:
        yield
    finally:
        lock.release()


def require_free(run: Path) -> None:
    """Raise BadCheckpointError for a folder in which another process is training."""
    if (run / LOCK_FILE).exists():
        with locked(run):
            pass


def _not_writable(run: Path, error: OSError) -> BadCheckpointError:
    return BadCheckpointError(
        f"The folder {run} cannot be written to ({error.strerror}). Choose another one."
    )


def is_finished(run: Path) -> bool:
    return (run / pretrained.METRICS_FILE).exists()  # the last file that a run writes


def read_recipe(run: Path) -> Recipe:
    """Read the recipe of a run that is to be continued.

    Raises: BadCheckpointError.
    """
    if is_finished(run):
        raise BadCheckpointError(
            f"--resume {run}: this run is finished. Try its model with: digitrec serve --model "
            f"{run}"
        )
    try:
        values = json.loads((run / RECIPE_FILE).read_text())
    except (OSError, ValueError) as error:
        raise BadCheckpointError(
            f"--resume {run} is not the folder of a run: its {RECIPE_FILE} cannot be read "
            f"({error}). List your runs with: ls runs"
        ) from error
    return Recipe.from_json(values, run)


def command_to_continue(
    program: str, run: Path, options: argparse.Namespace, inputs: Inputs
) -> str:
    """Give the command that continues a stopped run, or the push of a finished one."""
    if is_finished(run):
        return f"digitrec push-model {run} {options.push_to_hub}"
    command = [*program.split(), "--resume", str(run)]
    for name in ("data_dir", "manual_dir", "strokes", "push_to_hub", "push_every"):
        if value := getattr(options, name):
            command += [f"--{name.replace('_', '-')}", str(value)]
    for option, value in (("--data", inputs.data), ("--from", inputs.start)):
        if value:
            command += [option, value]
    if inputs.extra_data:  # a dataset at the commit that it had
        command += ["--extra-data", inputs.extra_data]
    return shlex.join(command)


def best_network(recipe: Recipe, progress: Progress) -> Network:
    """Give the network of the best epoch so far, in evaluation mode."""
    graphdef = make_graphdef(recipe.network, training=False)
    return nnx.merge(graphdef, progress.best_params, progress.best_batch_stats)


def publish(run: Path, recipe: Recipe, split: data.Split, progress: Progress) -> dict:
    """Publish the best epoch into the run's folder; only here does a run read the test images.

    Returns: the contents of `metrics.json`.
    Raises: BadCheckpointError when they cannot be written.
    """
    network = best_network(recipe, progress)
    validation = evaluate(network, split.validation)
    test = evaluate(network, split.test, validation.temperature)
    config = describe_model(recipe, validation)
    with writing(run):
        report.plot_curves(list(progress.history), run / "training_curves.png")
        misread = report.plot_test(split.test, test, run)
        figures = {"validation": validation.figures, "test": {**test.figures, "misread": misread}}
        figures |= describe_run(recipe, split.train, progress)
        pretrained.save_model(run, nnx.state(network), config, figures)
    return figures


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Turn an OSError of the last step into a message."""
    try:
        yield
    except OSError as error:
        raise BadCheckpointError(
            f"The trained model cannot be written to {run} ({error.strerror}). Free some space, "
            f"then continue with --resume {run}."
        ) from error


def push_best(
    repository: str, recipe: Recipe, split: data.Split, progress: Progress, **pausing: Any
) -> None:
    """Push the best epoch so far, without reading the test images.

    Arguments:
        pausing: `pauses` and `pause`, as `client.push_model` takes them.
    """
    network = best_network(recipe, progress)
    validation = evaluate(network, split.validation)
    figures = {"validation": validation.figures} | describe_run(recipe, split.train, progress)
    with tempfile.TemporaryDirectory() as folder:
        config = describe_model(recipe, validation)
        pretrained.save_model(folder, nnx.state(network), config, figures)
        client.push_model(folder, repository, **pausing)


def describe_run(recipe: Recipe, train: data.Examples, progress: Progress) -> dict:
    """Give what `metrics.json` says about the run."""
    history = list(progress.history)
    return {
        "training": {
            "protocol": recipe.split.protocol,
            "images": len(train.labels),
            "epochs": len(history),
            "best_epoch": progress.early_stopping.best_epoch,
            "seconds": sum(entry["seconds"] for entry in history),
            "images_per_second": float(
                np.median([entry["images_per_second"] for entry in history])
            ),
            "history": history,
        },
        "model": {
            "parameters": sum(leaf.size for leaf in jax.tree.leaves(progress.best_params)),
        },
    }


def describe_model(recipe: Recipe, validation: Evaluation, inputs: Inputs = NOTHING) -> dict:
    """Give the `config.json` of a model.

    Arguments:
        validation: what its temperature and its thresholds are fitted to.
    """
    training = recipe.to_json()
    threshold = metrics.fit_digit_threshold(validation.logits)
    own = inputs.describe(with_mnist=recipe.with_mnist)
    return {
        "model": training.pop("network"),
        "temperature": validation.temperature,
        "digit_threshold": threshold,
        "number_threshold": threshold,  # `benchmarks/fit_numbers.py` finds a better one
        "geometry": inputs.base.geometry if inputs.base else pretrained.GEOMETRY,
        "training": {
            **training,
            "data": own or f"tensorflow-datasets mnist {data.MNIST_VERSION}",
            "hardware": f"{count_cores()} CPU core(s), {jax.devices()[0].device_kind} by JAX",
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("flax", "jax", "numpy", "optax")},
            },
        },
    }
