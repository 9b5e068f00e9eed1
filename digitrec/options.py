"""Options that several subcommands have."""

import argparse
import os


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model and --revision, as `DigitRecognizer.from_pretrained` takes them."""
    parser.add_argument(
        "--model",
        type=os.path.expanduser,
        help="a folder, or a Hugging Face Hub repository user/name (default: the model that came "
        "with digitrec)",
    )
    parser.add_argument(
        "--revision", help="a branch, tag or commit of the repository (default: its main branch)"
    )
