"""What finished runs of one recipe, alike but for their seed, have in common and apart.

python benchmarks/seeds.py RUN RUN ... [--strokes FILE] [--data-dir DIR] [--output FILE]

All validate on the same images (train.py --split-seed). Validation and test figures are those that
each run measured itself; by the official protocol the test images are read once more for the vote
of all networks (the mean of their log probabilities) and to count the networks that misread the
same image. With pen strokes, 6,000 drawings by writers 19-24 are read too: the run to ship is the
one with the lowest mean of the two losses, of the validation images and of these drawings.
"""

import argparse
import json
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from recipes import validation_drawings
from rich.console import Console
from rich.table import Table
from scipy.special import log_softmax

from digitrec.errors import DigitrecError
from digitrec.network.model import Network
from digitrec.network.pretrained import load_model, write_json
from digitrec.training.data import Examples, load_mnist
from digitrec.training.evaluation import evaluate
from digitrec.training.recipe import Recipe, differences, recipe_of_model

COLUMNS = {
    "validation_errors": "{:.1f}",
    "validation_accuracy": "{:.2%}",
    "validation_loss": "{:.4f}",
    "drawings_loss": "{:.4f}",  # of drawings by writers 19-24, with --strokes
    "choosing_loss": "{:.4f}",  # mean of the two
    "validation_lowest_precision": "{:.2%}",
    "test_errors": "{:.1f}",
    "test_accuracy": "{:.2%}",
    "lowest_precision": "{:.2%}",
    "lowest_recall": "{:.2%}",
    # What `drawn_digits.py --save` wrote into the run, if it did so for all.
    "drawings": "{:.2%}",
    "worst_drawings": "{:.2%}",
    "drawings_auroc": "{:.2%}",
}
SUMMARIES = {
    "mean": statistics.mean,
    "standard_deviation": statistics.stdev,
    "least": min,
    "greatest": max,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--strokes", type=Path, metavar="FILE", help="pen strokes, UNIPEN text")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of tensorflow-datasets")
    parser.add_argument("--manual-dir", metavar="DIR", help="folder with MNIST's four .gz files")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all of it as JSON")
    options = parser.parse_args(arguments)
    if len(options.runs) < 2:
        parser.error("RUN: expected two runs or more, found one")
    try:
        models = [load_model(run) for run in options.runs]
        recipes = [
            recipe_of_model(config, run)
            for run, (_, config, _) in zip(options.runs, models, strict=True)
        ]
        require_comparable(recipes)
        drawings_losses = read_drawings(models, options.strokes) if options.strokes else []
        figures = compare(recipes, [metrics for _, _, metrics in models], drawings_losses)
        if figures["protocol"] == "official":
            test = load_mnist(options.data_dir, options.manual_dir)[1]
            figures |= vote([network for network, _, _ in models], test)
    except DigitrecError as error:
        print(f"seeds.py: {error}", file=sys.stderr)
        return 2
    show(figures)
    if options.output:
        write_json(options.output, figures)
    return 0


def require_comparable(recipes: list[Recipe]) -> None:
    """End the program where runs differ in more than their seed, or have the same."""
    alike = [without_seed(recipe) for recipe in recipes]
    if different := {name for other in alike for name in differences(alike[0], other)}:
        raise SystemExit(
            f"seeds.py: expected runs of one recipe, but they differ in {sorted(different)}; "
            "leave out those of another."
        )
    if len({recipe.training.seed for recipe in recipes}) < len(recipes):
        raise SystemExit("seeds.py: two runs have the same seed; give each once.")


def read_drawings(models: list[tuple[Network, dict, dict]], strokes: Path) -> list[float]:
    """Give the loss of each model on drawings by the writers by whom recipes are chosen.

    Models that were trained with pen strokes know these writers, but not these drawings.
    """
    drawings = validation_drawings(strokes)
    return [
        evaluate(network, drawings, config["temperature"]).figures["loss"]
        for network, config, _ in models
    ]


def compare(recipes: list[Recipe], runs: list[dict], drawings_losses: list[float]) -> dict:
    """Gather the figures of runs.

    Arguments:
        recipes: of the runs.
        runs: what their `metrics.json` hold.
        drawings_losses: what `read_drawings` gave; empty without pen strokes.
    """
    rows = [
        {
            "seed": recipe.training.seed,
            "command": recipe.command,
            "epochs": metrics["training"]["epochs"],
            "best_epoch": metrics["training"]["best_epoch"],
            "training_seconds": metrics["training"]["seconds"],
            "validation_errors": metrics["validation"]["errors"],
            "validation_accuracy": metrics["validation"]["accuracy"],
            "validation_loss": metrics["validation"]["loss"],
            "validation_lowest_precision": lowest("precision", metrics["validation"]),
            "test_errors": metrics["test"]["errors"],
            "test_accuracy": metrics["test"]["accuracy"],
            "lowest_precision": lowest("precision", metrics["test"]),
            "lowest_recall": lowest("recall", metrics["test"]),
        }
        for recipe, metrics in zip(recipes, runs, strict=True)
    ]
    if all("drawn_digits" in metrics for metrics in runs):
        for row, metrics in zip(rows, runs, strict=True):
            drawn = metrics["drawn_digits"]
            row |= {
                "drawings": drawn["mean"],
                "worst_drawings": drawn["worst"],
                "drawings_auroc": drawn["auroc"],
            }
    if drawings_losses:
        for row, loss in zip(rows, drawings_losses, strict=True):
            row |= {"drawings_loss": loss, "choosing_loss": (row["validation_loss"] + loss) / 2}
    rows.sort(key=lambda row: row["seed"])
    return {
        "protocol": recipes[0].split.protocol,
        "validation_images": runs[0]["validation"]["count"],
        "test_images": runs[0]["test"]["count"],
        "runs": rows,
        **({"chosen_seed": chosen_seed(rows)} if drawings_losses else {}),
        **{
            name: {column: summary(row[column] for row in rows) for column in columns(rows)}
            for name, summary in SUMMARIES.items()
        },
    }


def chosen_seed(rows: list[dict]) -> int:
    return min(rows, key=lambda row: row["choosing_loss"])["seed"]


def lowest(name: str, figures: dict) -> float:
    return min(row[name] for row in figures["per_class"])


def columns(rows: list[dict]) -> list[str]:
    return [column for column in COLUMNS if column in rows[0]]


def without_seed(recipe: Recipe) -> Recipe:
    """Give what two runs of one recipe share."""
    return replace(recipe, training=replace(recipe.training, seed=0))


def vote(networks: list[Network], test: Examples) -> dict:
    """Read the test images with all networks."""
    votes = [log_softmax(evaluate(network, test, 1.0).logits, axis=1) for network in networks]
    misread = sum((one.argmax(1) != test.labels).astype(int) for one in votes)
    return {
        "vote_errors": int((np.sum(votes, axis=0).argmax(1) != test.labels).sum()),
        # How many test images exactly 1, 2, ... of the networks misread.
        "misread_by": np.bincount(misread, minlength=len(votes) + 1)[1:].tolist(),
    }


def show(figures: dict) -> None:
    table = Table(
        title=f"{figures['validation_images']:,} images to validate, "
        f"{figures['test_images']:,} to test"
    )
    shown = columns(figures["runs"])
    for column in ("seed", *shown):
        table.add_column(column.replace("_", " "), justify="right")
    rows = [(str(row["seed"]), row) for row in figures["runs"]]
    rows += [(name.replace("_", " "), figures[name]) for name in SUMMARIES]
    for name, row in rows:
        table.add_row(name, *[COLUMNS[column].format(row[column]) for column in shown])
    console = Console(soft_wrap=True, width=180)
    console.print(table)
    print(json.dumps({name: figures[name] for name in figures if name != "runs"}))


if __name__ == "__main__":
    sys.exit(main())
