"""Compare recipes on people who did not train: MNIST's writers halved, and pen strokes halved.

python benchmarks/recipes.py NAME --manual-dir DIR --writers FILE --strokes FILE [--set NAME=VALUE]

Half of the 539 writers of MNIST's training images train, with the pen strokes of writers 1-18. The
other half validates, some 30,000 images, with 6,000 drawings by writers 19-24. The test images are
never read. Errors are the mean of the last three epochs, and the drawings are read after the last.
The row goes into docs/recipes.json under its name. A run that was stopped goes on when the same
command is given again. The last line is one JSON object.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from drawn_digits import plan, prepare
from rich.console import Console
from sklearn.model_selection import GroupShuffleSplit

from digitrec.errors import BadCheckpointError, DatasetUnavailableError, DigitrecError
from digitrec.network.model import make_graphdef
from digitrec.network.pretrained import write_json
from digitrec.training import checkpoint, display, loop, run, synthesis
from digitrec.training.data import Examples
from digitrec.training.evaluation import compute_logits
from digitrec.training.inputs import read_inputs
from digitrec.training.recipe import (
    PRESETS,
    Recipe,
    add_inputs,
    differences,
    make_recipe,
    name_and_value,
)
from digitrec.training.strokes import PenDigit, read_unipen

TRAINING_WRITERS, VALIDATION_WRITERS = range(1, 19), range(19, 25)  # of the pen strokes
DRAWINGS = 6_000
LAST_EPOCHS = 3
ROWS = Path(__file__).parent.parent / "docs" / "recipes.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = parse_options(arguments)
    try:
        strokes = None if options.alone else str(options.strokes)
        inputs = read_inputs(strokes, None, TRAINING_WRITERS)
        recipe = add_inputs(make_recipe(options.preset, dict(options.set)), inputs)
        mnist = read_in_order(options.manual_dir)
        train, validation = halve(mnist, read_writers(options.writers, mnist.labels))
        progress = fit(options.folder / options.name, recipe, train, validation, inputs.digits)
    except DigitrecError as error:
        print(f"recipes.py: {error}", file=sys.stderr)
        return 2
    row = summarize(recipe, progress, len(validation.labels))
    row |= read_drawings(recipe, progress, validation_drawings(options.strokes))
    rows = json.loads(options.output.read_text()) if options.output.exists() else {}
    write_json(options.output, {**rows, options.name: row})
    print(json.dumps({options.name: row}))
    return 0


def read_in_order(folder: Path) -> Examples:
    """Read MNIST's training images in the order of their own files, which the writers are in;
    tensorflow-datasets has them in another."""
    arrays = []
    for name, header in (("images-idx3", 16), ("labels-idx1", 8)):
        path = folder / f"train-{name}-ubyte.gz"
        try:
            arrays.append(np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[header:])
        except (OSError, EOFError) as error:
            raise DatasetUnavailableError(
                f"{path} should be MNIST's file, but cannot be read ({error}); fetch it again."
            ) from error
    pixels, labels = arrays
    return Examples(pixels.reshape(-1, 28, 28, 1), labels.astype(np.int32))


def read_writers(path: Path, labels: np.ndarray) -> np.ndarray:
    """Read who wrote each training image, from the table of QMNIST (Yadav and Bottou, 2019).

    Raises: DatasetUnavailableError where its labels are not MNIST's.
    """
    try:
        table = np.loadtxt(path, dtype=int, delimiter="\t", usecols=(0, 2))
    except (OSError, ValueError, IndexError) as error:
        raise DatasetUnavailableError(
            f"{path} should be QMNIST's table of labels, but cannot be read ({error})."
        ) from error
    if not np.array_equal(table[:, 0], labels):
        raise DatasetUnavailableError(
            f"{path} should have MNIST's {len(labels):,} training labels in their order, but has "
            "others; give the table of the training images."
        )
    return table[:, 1]


def halve(mnist: Examples, writers: np.ndarray) -> tuple[Examples, Examples]:
    """Give the images by one half of the writers, and those by the other."""
    split = GroupShuffleSplit(1, train_size=0.5, random_state=0)
    halves = next(split.split(mnist.labels, groups=writers))
    train, validation = (Examples(mnist.images[half], mnist.labels[half]) for half in halves)
    return train, validation


def fit(
    folder: Path,
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    digits: Sequence[PenDigit],
) -> loop.Progress:
    """Train to the end, from the newest state on, as `train.py` does."""
    console = Console(highlight=False, soft_wrap=True)
    make_more = synthesis.image_maker(train, digits, recipe.synthesis, recipe.training.seed)
    states, epochs = folder / run.STATES_FOLDER, recipe.training.epochs
    with run.locked(folder):
        if not (folder / run.RECIPE_FILE).exists():
            run.start_run(folder, recipe)
        elif different := differences(run.read_recipe(folder), recipe):
            raise BadCheckpointError(
                f"{folder} should be a run of this recipe, but differs in {', '.join(different)}; "
                "choose another NAME."
            )
        progress = checkpoint.restore_progress(
            states, loop.initial_progress(recipe, len(train.labels))
        )
        for latest in loop.fit(train, validation, recipe, progress, make_more=make_more):
            progress = latest
            checkpoint.save_progress(states, progress)
            best = progress.early_stopping.best_epoch
            console.print(display.epoch_line(progress.history, best, epochs))
    return progress


def validation_drawings(strokes: Path) -> Examples:
    return prepare(plan(read_unipen(strokes, VALIDATION_WRITERS), DRAWINGS))


def read_drawings(recipe: Recipe, progress: loop.Progress, drawings: Examples) -> dict:
    """Read drawings with the network of the last epoch."""
    logits = compute_logits(
        progress.state.params,
        progress.state.batch_stats,
        drawings.images,
        graphdef=make_graphdef(recipe.network, training=False),
    )
    answers = np.argmax(logits, axis=1)
    return {
        "drawings": float(np.mean(answers == drawings.labels)),
        "ones_read_as_sevens": int(np.sum((drawings.labels == 1) & (answers == 7))),
    }


def summarize(recipe: Recipe, progress: loop.Progress, count: int) -> dict:
    last = progress.history[-LAST_EPOCHS:]
    errors = [count * (1 - entry["validation_accuracy"]) for entry in last]
    return {
        "command": recipe.command,
        "epochs": len(progress.history),
        "errors": round(float(np.mean(errors)), 1),
        "images": count,
        "loss": float(np.mean([entry["validation_loss"] for entry in last])),
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(progress.best_params)),
    }


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", metavar="NAME", help="of the row, and of the run's folder")
    parser.add_argument(
        "--manual-dir", type=Path, required=True, metavar="DIR", help="folder of MNIST's .gz files"
    )
    parser.add_argument(
        "--writers",
        type=Path,
        required=True,
        metavar="FILE",
        help="QMNIST's table of the training labels, tab-separated, gzipped or not",
    )
    parser.add_argument(
        "--strokes", type=Path, required=True, metavar="FILE", help="pen strokes, UNIPEN text"
    )
    parser.add_argument("--alone", action="store_true", help="train on none of the pen strokes")
    parser.add_argument(
        "--preset", choices=PRESETS, default="best", help="where to start (default: best)"
    )
    parser.add_argument(
        "--set",
        action="append",
        type=name_and_value,
        default=[],
        metavar="NAME=VALUE",
        help="any setting of the recipe (default: the preset's)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/recipes"),
        metavar="DIR",
        help="where the runs lie (default: runs/recipes)",
    )
    parser.add_argument(
        "--output", type=Path, default=ROWS, metavar="FILE", help="the rows (default: docs)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
