"""What finished runs of one recipe, alike but for their seed, have in common and apart.

python benchmarks/seeds.py RUN RUN ... [--data-dir DIR] [--output FILE]

All validate on the same images (train.py --split-seed). Validation and test figures are those that
each run measured itself; by the official protocol the test images are read once more for the vote
of all networks (the mean of their log probabilities) and to count the networks that misread the
same image.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import log_softmax

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from digitrec import data, training  # noqa: E402
from digitrec.errors import DigitrecError  # noqa: E402
from digitrec.model import Network  # noqa: E402
from digitrec.pretrained import load_model, write_json  # noqa: E402

COLUMNS = {
    "validation_errors": "{:.1f}",
    "validation_accuracy": "{:.2%}",
    "validation_loss": "{:.4f}",
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


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of tensorflow-datasets")
    parser.add_argument("--manual-dir", metavar="DIR", help="folder with MNIST's four .gz files")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all of it as JSON")
    options = parser.parse_args()
    if len(options.runs) < 2:
        parser.error("RUN: expected two runs or more, found one")
    try:
        models = [load_model(run) for run in options.runs]
        figures = compare([(config, metrics) for _, config, metrics in models])
        if figures["protocol"] == "official":
            test = data.load_mnist(options.data_dir, options.manual_dir)[1]
            figures |= vote([network for network, _, _ in models], test)
    except DigitrecError as error:
        print(f"seeds.py: {error}", file=sys.stderr)
        return 2
    show(figures)
    if options.output:
        write_json(options.output, figures)
    return 0


def compare(runs: list[tuple[dict, dict]]) -> dict:
    """Gather the figures of runs, given as what `config.json` and `metrics.json` hold."""
    recipes = [recipe(config) for config, _ in runs]
    different = {
        name for other in recipes for name, value in other.items() if value != recipes[0][name]
    }
    if different:
        raise SystemExit(
            f"seeds.py: expected runs of one recipe, but they differ in {sorted(different)}; "
            "leave out those of another."
        )
    rows = [
        {
            "seed": config["training"]["training"]["seed"],
            "command": config["training"]["command"],
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
        for config, metrics in runs
    ]
    if all("drawn_digits" in metrics for _, metrics in runs):
        for row, (_, metrics) in zip(rows, runs, strict=True):
            drawn = metrics["drawn_digits"]
            row |= {
                "drawings": drawn["mean"],
                "worst_drawings": drawn["worst"],
                "drawings_auroc": drawn["auroc"],
            }
    rows.sort(key=lambda row: row["seed"])
    if len({row["seed"] for row in rows}) < len(rows):
        raise SystemExit("seeds.py: two runs have the same seed; give each once.")
    return {
        "protocol": recipes[0]["protocol"],
        "validation_images": runs[0][1]["validation"]["count"],
        "test_images": runs[0][1]["test"]["count"],
        "runs": rows,
        **{
            name: {column: summary(row[column] for row in rows) for column in columns(rows)}
            for name, summary in SUMMARIES.items()
        },
    }


def lowest(name: str, figures: dict) -> float:
    return min(row[name] for row in figures["per_class"])


def columns(rows: list[dict]) -> list[str]:
    return [column for column in COLUMNS if column in rows[0]]


def recipe(config: dict) -> dict:
    """Give what two runs of one recipe share: all but the seed and the machine."""
    settings = config["training"]
    names = [
        *["protocol", "validation_fraction", "split_seed", "augmentation", "synthesis"],
        *["strokes_sha256", "extra_data_sha256"],
    ]
    return {
        "model": config["model"],
        "training": {**settings["training"], "seed": None},
        **{name: settings.get(name) for name in names},
    }


def vote(networks: list[Network], test: data.Examples) -> dict:
    """Read the test images with all networks."""
    votes = [
        log_softmax(training.network_logits(network, test.images), axis=1) for network in networks
    ]
    misread = sum((one.argmax(1) != test.labels).astype(int) for one in votes)
    return {
        "vote_errors": int((sum(votes).argmax(1) != test.labels).sum()),
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
