"""What the benchmarks of a model share: its option, those for the output, and its metrics.json."""

import argparse
import json
from pathlib import Path

from digitrec.network import pretrained


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        default=pretrained.bundled_folder(),
        metavar="FOLDER",
        help="a published model or a run (default: checkpoints)",
    )


def add_options(parser: argparse.ArgumentParser, output: str) -> None:
    """Add --model, --output and --save.

    Arguments:
        output: where the pictures go by default.
    """
    add_model_option(parser)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(output),
        metavar="FOLDER",
        help=f"folder for the pictures (default: {output})",
    )
    parser.add_argument(
        "--save", action="store_true", help="write the figures into the model's metrics.json"
    )


def save(options: argparse.Namespace, name: str, figures: dict) -> None:
    """Write figures into the model's metrics.json, if that is asked for."""
    if options.save:
        path = options.model / pretrained.METRICS_FILE
        pretrained.write_json(path, {**json.loads(path.read_text()), name: figures})
