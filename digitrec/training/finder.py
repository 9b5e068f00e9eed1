"""Train the network that finds writing, on scenes.

python -m digitrec.training.finder --strokes FILE [--manual-dir DIR]

The same command continues a run that was interrupted.
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, UInt8
from safetensors.numpy import load_file, save

from digitrec.cores import count_cores
from digitrec.errors import DigitrecError
from digitrec.network.compilation import jit
from digitrec.network.finder import Finder, find_inside
from digitrec.network.pretrained import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    pack,
    write_atomically,
    write_json,
)
from digitrec.training.data import Examples, load_mnist
from digitrec.training.scenes import SIDE, make_scene
from digitrec.training.strokes import TRAINING_WRITERS, PenDigit, read_unipen

STATE_FILE = "state.safetensors"
SAVED_EVERY = 250  # steps
HELD_OUT = 400  # scenes that validate
VALIDATION = 1_000_000  # their seed
MISSED = 0.5  # intersection over union below which the writing of a scene counts as missed
SEEN = 12  # pixels of a blank scene that are taken for writing: more is a false alarm


@dataclass(frozen=True)
class FinderRecipe:
    steps: int = 9_000
    batch_size: int = 12
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    seed: int = 0


class Batch(NamedTuple):
    pictures: UInt8[np.ndarray, "count side side 3"]
    sizes: Float[np.ndarray, "count 2"]  # height and width of each; the rest of it is empty
    writing: Bool[np.ndarray, "count side side"]


def make_batch(digits: list[PenDigit], mnist: Examples, count: int, seed: tuple[int, ...]) -> Batch:
    """Make scenes; the same seed makes the same."""
    batch = Batch(
        np.zeros((count, SIDE, SIDE, 3), np.uint8),
        np.zeros((count, 2), np.float32),
        np.zeros((count, SIDE, SIDE), bool),
    )
    random = np.random.default_rng(seed)
    for picture, size, writing in zip(*batch, strict=True):
        scene = make_scene(digits, mnist, random)
        height, width = size[:] = scene.writing.shape
        picture[:height, :width] = scene.picture
        writing[:height, :width] = scene.writing
    return batch


def measure_loss(logits: Float[Array, "count side side"], batch: Batch) -> Float[Array, ""]:
    """Cross-entropy of each pixel, ink counting three times, and half of 1 - Dice's coefficient."""
    inside = find_inside(batch.sizes, SIDE, SIDE)
    target = batch.writing.astype(jnp.float32)
    entropy = optax.sigmoid_binary_cross_entropy(logits, target) * (1 + 2 * target) * inside
    share = nnx.sigmoid(logits) * inside
    both = 2 * (share * target).sum((1, 2)) + 20
    dice = both / (share.sum((1, 2)) + target.sum((1, 2)) + 20)
    return 4 * entropy.sum() / inside.sum() + 0.5 * (1 - dice).mean()


def train(digits: list[PenDigit], mnist: Examples, recipe: FinderRecipe, folder: Path) -> None:
    """Train, from the state in the folder if there is one, and write the model."""
    model = Finder(nnx.Rngs(recipe.seed))
    graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)
    schedule = optax.cosine_onecycle_schedule(recipe.steps, recipe.learning_rate, 0.15, 20, 200)
    optimizer = optax.adamw(schedule, weight_decay=recipe.weight_decay)

    @jit
    def step(state, batch):
        params, stats, moments = state

        def loss(params):
            model = nnx.merge(graphdef, params, stats, copy=True)
            logits = model(batch.pictures, batch.sizes)
            return measure_loss(logits, batch), nnx.state(model, nnx.BatchStat)

        (value, stats), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        updates, moments = optimizer.update(gradients, moments, params)
        return (optax.apply_updates(params, updates), stats, moments), value

    evaluating = Finder(nnx.Rngs(0))
    evaluating.eval()
    evaluating = nnx.split(evaluating, nnx.Param, nnx.BatchStat)[0]

    @jit
    def check(state, batch):
        logits = nnx.merge(evaluating, *state[:2])(batch.pictures, batch.sizes)
        found = (logits > 0) & (find_inside(batch.sizes, SIDE, SIDE) > 0)
        both = (found & batch.writing).sum((1, 2))
        return measure_loss(logits, batch), both, found.sum((1, 2)), batch.writing.sum((1, 2))

    state, done = (params, stats, optimizer.init(params)), 0
    if (folder / STATE_FILE).exists():
        state, done = _restore(folder / STATE_FILE, state)
        print(f"Continuing after step {done}", flush=True)
    validation = [
        make_batch(digits, mnist, 16, (VALIDATION, index)) for index in range(HELD_OUT // 16)
    ]
    losses, started = [], time.monotonic()
    for number, batch in enumerate(_make_batches(digits, mnist, recipe, done), done + 1):
        state, loss = step(state, batch)
        losses.append(loss)
        if number % SAVED_EVERY and number != recipe.steps:
            continue
        figures = _judge([check(state, batch) for batch in validation])
        seconds = time.monotonic() - started
        print(
            f"step {number} of {recipe.steps}, {seconds:.0f} s: loss {np.mean(losses):.4f}, "
            + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()),
            flush=True,
        )
        losses.clear()
        _save(folder / STATE_FILE, state, number)
        if number == recipe.steps:
            publish(state, figures, recipe, folder)


def publish(state, figures: dict, recipe: FinderRecipe, folder: Path) -> None:
    weights = pack(nnx.State.merge(*state[:2]))
    write_atomically(folder / WEIGHTS_FILE, weights)
    write_json(
        folder / CONFIG_FILE,
        {
            "training": {
                **asdict(recipe),
                "writers": [min(TRAINING_WRITERS), max(TRAINING_WRITERS)],
            },
            "validation": figures,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        },
    )


def _judge(checked) -> dict[str, float]:
    losses = np.mean([loss for loss, *_ in checked])
    both, found, written = (
        np.concatenate(part).astype(float) for part in list(zip(*checked, strict=True))[1:]
    )
    overlap = both / np.maximum(found + written - both, 1)
    return {
        "loss": float(losses),
        "intersection_over_union": float(overlap[written > 0].mean()),
        "missed": float((overlap[written > 0] < MISSED).mean()),
        "false_alarms": float((found[written == 0] > SEEN).mean()),
        "scenes": len(written),
    }


_sources: list = []  # digits and MNIST, of a process that makes scenes


def _start(digits: list[PenDigit], mnist: Examples) -> None:
    _sources[:] = digits, mnist


def _make(arguments) -> Batch:
    return make_batch(*_sources, *arguments)


def _make_batches(digits, mnist, recipe: FinderRecipe, done: int) -> Iterator[Batch]:
    context = multiprocessing.get_context("spawn")
    wanted = [(recipe.batch_size, (recipe.seed, step)) for step in range(done, recipe.steps)]
    with context.Pool(count_cores(), _start, (digits, mnist)) as pool:
        for start in range(0, len(wanted), SAVED_EVERY):  # not all ahead: that fills the memory
            yield from pool.imap(_make, wanted[start : start + SAVED_EVERY])


def _save(path: Path, state, step: int) -> None:
    leaves = jax.tree.leaves(state)
    tensors = {str(index): np.ascontiguousarray(leaf) for index, leaf in enumerate(leaves)}
    write_atomically(path, save(tensors | {"step": np.array([step])}))


def _restore(path: Path, initial):
    tensors = load_file(path)
    leaves = [jnp.asarray(tensors[str(index)]) for index in range(len(tensors) - 1)]
    return jax.tree.unflatten(jax.tree.structure(initial), leaves), int(tensors["step"][0])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m digitrec.training.finder",
        description="Train the network that finds writing in photos. The same command continues a "
        "run that was interrupted.",
    )
    parser.add_argument("--strokes", required=True, metavar="FILE", help="UNIPEN pen strokes")
    parser.add_argument("--manual-dir", metavar="DIR", help="folder with MNIST's four .gz files")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of tensorflow-datasets")
    parser.add_argument("--output", type=Path, default=Path("runs/finder"), metavar="DIR")
    for name, value in asdict(FinderRecipe()).items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, metavar="VALUE")
    options = parser.parse_args(arguments)
    recipe = FinderRecipe(**{name: getattr(options, name) for name in asdict(FinderRecipe())})
    try:
        digits = read_unipen(options.strokes, TRAINING_WRITERS)
        mnist = load_mnist(options.data_dir, options.manual_dir)[0]
    except DigitrecError as error:
        print(f"digitrec.training.finder: {error}", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    recorded = options.output / "recipe.json"
    if recorded.exists() and json.loads(recorded.read_text()) != asdict(recipe):
        print(
            f"digitrec.training.finder: {options.output} holds a run with other settings. Choose "
            "another --output.",
            file=sys.stderr,
        )
        return 2
    write_json(recorded, asdict(recipe))
    train(digits, mnist, recipe, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
