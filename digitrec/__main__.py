"""Read pictures of digits from the command line: digitrec read PATH..."""

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from digitrec.errors import BadImageError, DigitrecError
from digitrec.many.run import read_to_table
from digitrec.many.sources import find_pictures
from digitrec.many.tables import ENDINGS, as_row, as_text, is_finished
from digitrec.prediction import Number, Prediction, percent
from digitrec.recognizer import DigitRecognizer

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns: its exit status: 1 if a picture could not be read, 2 if nothing could be done, 130
        after Ctrl-C.
    """
    options = parse_options(arguments)
    try:
        if options.resume and is_finished(Path(options.output)):
            print(f"digitrec: {options.output} is already finished.", file=sys.stderr)
            return 0
        recognizer = DigitRecognizer.from_pretrained(options.model)
        if options.ray:
            return write_on_cluster(recognizer, options)
        return (write_table if options.output else show)(recognizer, options)
    except DigitrecError as error:
        print(f"digitrec: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        then = " Continue with --resume." if options.output and not options.ray else ""
        print(f"digitrec: Stopped.{then}", file=sys.stderr)
        return INTERRUPTED


def write_table(recognizer: DigitRecognizer, options: argparse.Namespace) -> int:
    """Read into a table, and print a summary."""
    console = Console(stderr=True)
    start = time.monotonic()
    kinds = read_to_table(
        recognizer,
        options.paths,
        Path(options.output),
        numbers=options.numbers,
        resume=options.resume,
        processes=options.processes,
        console=console,
    )
    read, nothing, bad = (kinds.get(kind, 0) for kind in ("read", "nothing", "bad"))
    what = "number" if options.numbers else "digit"
    print(
        f"{options.output}: {read + nothing + bad:,} pictures in {time.monotonic() - start:.0f} s: "
        f"{read:,} with a {what}, {nothing:,} without, {bad:,} that could not be read.",
        file=sys.stderr,
    )
    return 1 if bad else 0


def write_on_cluster(recognizer: DigitRecognizer, options: argparse.Namespace) -> int:
    try:
        from digitrec.many.cluster import read_on_cluster
    except ImportError:
        print(
            'digitrec: --ray needs Ray. Run pip install "digitrec[ray]".',
            file=sys.stderr,
        )
        return 2
    assert recognizer.folder
    read_on_cluster(
        options.ray, recognizer.folder, options.paths, options.output, numbers=options.numbers
    )
    return 0


def show(recognizer: DigitRecognizer, options: argparse.Namespace) -> int:
    """Read a handful of pictures and print a table or JSON lines."""
    columns = ("number", "probability") if options.numbers else ("digit", "probability", "then")
    table = Table(Column("file", overflow="fold"), *columns)
    read = recognizer.read_number if options.numbers else recognizer.predict
    status = 0
    for found in find_pictures(options.paths):
        image = found.load()
        try:
            if isinstance(image, BadImageError):
                raise image
            answer = read(image)
        except DigitrecError as error:
            print(f"digitrec: {error}", file=sys.stderr)
            answer, status = error, 1
        if options.json:
            print(as_json(found.path, answer), flush=True)
        else:
            table.add_row(as_text(found.path), *as_cells(answer))
    if not options.json:
        width = None if sys.stdout.isatty() else 1000  # so that nothing is cut off in a pipe
        Console(width=width).print(table)
    return status


def as_json(path: str, answer: Prediction | Number | DigitrecError) -> str:
    if isinstance(answer, Number):
        return as_row(".jsonl", path, answer, numbers=True).encoded.decode().rstrip()
    if isinstance(answer, DigitrecError):
        return json.dumps({"path": as_text(path), "error": str(answer)})
    values = {
        "path": as_text(path),
        "digit": answer.digit,
        "is_digit": answer.is_digit,
        # The score of a picture without ink is -inf, which JSON does not have.
        "digit_score": answer.digit_score if answer.top() else None,
        "top": [{"digit": digit, "probability": share} for digit, share in answer.top()],
    }
    return json.dumps(values)


def as_cells(answer: Prediction | Number | DigitrecError) -> tuple[str, ...]:
    if isinstance(answer, DigitrecError):
        return "-", "", "could not be read"
    if isinstance(answer, Number):
        return (answer.text, percent(answer.probability)) if answer.is_number else ("-", "")
    if not answer.is_digit:
        return "-", "", "no digit found"
    (digit, share), *others = answer.top()
    then = ", ".join(f"{other} ({percent(chance)})" for other, chance in others)
    return str(digit), percent(share), then


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="digitrec", description="Handwritten digits: from pictures to answers."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    read = commands.add_parser("read", help="read the digit in each picture")
    read.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a drawing or a photo of one digit, a folder, a zip or tar archive, or a pattern such "
        "as 'scans/**/*.png'",
    )
    read.add_argument("--numbers", action="store_true", help="read numbers of up to twelve digits")
    read.add_argument("--json", action="store_true", help="print one JSON object per line")
    read.add_argument(
        "--output",
        type=table_path,
        metavar="TABLE",
        help="write a table with a row for each picture, using all cores; its ending says whether "
        f"it is CSV, JSON lines or Parquet ({', '.join(ENDINGS)})",
    )
    read.add_argument(
        "--resume", action="store_true", help="continue the table of an interrupted run"
    )
    read.add_argument(
        "--processes", type=count, metavar="N", help="processes for --output (default: all cores)"
    )
    read.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="read on the Ray cluster at this address, such as auto or host:6379; --output is then "
        "a folder of Parquet files",
    )
    read.add_argument(
        "--model",
        help="a folder, or a Hugging Face Hub repository user/name (default: the model that came "
        "with digitrec)",
    )
    options = parser.parse_args(arguments)
    if not options.output and (options.resume or options.processes):
        read.error("--resume and --processes need --output TABLE")
    if options.ray and (options.resume or options.processes or not options.output):
        read.error("--ray needs --output FOLDER, and takes neither --resume nor --processes")
    if options.ray and not options.output.endswith(".parquet"):
        read.error(f"--ray writes Parquet, but {options.output} does not end in .parquet")
    return options


def table_path(text: str) -> str:
    if not text.endswith(ENDINGS):
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(ENDINGS)}")
    return text


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
