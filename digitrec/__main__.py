"""Read pictures of digits from the command line: digitrec read FILE..."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Column, Table

from digitrec.errors import DigitrecError
from digitrec.prediction import Prediction, percent
from digitrec.recognizer import DigitRecognizer


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status: 1 if a file could not be read."""
    options = parse_options(arguments)
    try:
        recognizer = DigitRecognizer.from_pretrained(options.model)
    except DigitrecError as error:
        print(f"digitrec: {error}", file=sys.stderr)
        return 2
    table = Table(Column("file", overflow="fold"), "digit", "probability", "then")
    status = 0
    for file in options.files:
        try:
            answer = recognizer.predict(file)
        except DigitrecError as error:
            print(f"digitrec: {error}", file=sys.stderr)
            answer, status = error, 1
        if options.json:
            print(json.dumps(as_json(file, answer)), flush=True)
        else:
            table.add_row(*as_row(file, answer))
    if not options.json:
        width = None if sys.stdout.isatty() else 1000  # in a pipe nothing is cut off
        Console(width=width).print(table)
    return status


def as_json(file: str, answer: Prediction | DigitrecError) -> dict:
    if isinstance(answer, DigitrecError):
        return {"path": file, "error": str(answer)}
    return {
        "path": file,
        "digit": answer.digit,
        "is_digit": answer.is_digit,
        # JSON has no -inf, the score of a picture without ink.
        "digit_score": answer.digit_score if answer.top() else None,
        "top": [{"digit": digit, "probability": share} for digit, share in answer.top()],
    }


def as_row(file: str, answer: Prediction | DigitrecError) -> tuple[str, ...]:
    if isinstance(answer, DigitrecError):
        return file, "-", "", "could not be read"
    if not answer.is_digit:
        return file, "-", "", "no digit found"
    (digit, share), *others = answer.top()
    then = ", ".join(f"{other} ({percent(chance)})" for other, chance in others)
    return file, str(digit), percent(share), then


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="digitrec", description="Handwritten digits: from pictures to answers."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    read = commands.add_parser("read", help="read the digit in each picture")
    read.add_argument("files", nargs="+", metavar="FILE", help="a drawing or a photo of one digit")
    read.add_argument("--json", action="store_true", help="print a JSON object a line")
    read.add_argument(
        "--model",
        help="a folder, or a Hugging Face Hub repository user/name (default: the model that came "
        "with digitrec)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
