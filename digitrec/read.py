"""Read pictures of digits from the command line: digitrec read PATH..."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from digitrec.errors import BadImageError, BadLabelsError, DigitrecError, needs_extra
from digitrec.many.run import read_to_table
from digitrec.many.sources import find_pictures
from digitrec.many.tables import (
    ENDINGS,
    FILES,
    answer_values,
    as_text,
    require_free,
    row_values,
)
from digitrec.options import add_model_options
from digitrec.prediction import Number, Prediction, count_rows, percent
from digitrec.reading.picture import ImageLike
from digitrec.recognizer import DigitRecognizer

Answer = Prediction | Number | list[Number]

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
SURE = 0.9  # probability from which a picture is said to show a number


def main(arguments: list[str] | None = None) -> int:
    """Run `digitrec read`.

    Returns: its exit status: 1 if a picture could not be read, 2 if nothing could be done, 130
        after Ctrl-C, 141 after its output was closed.
    """
    options = parse_options(arguments)
    try:
        return run(options)
    except DigitrecError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("Stopped.")
        return INTERRUPTED


def say(message: str) -> None:
    print(f"digitrec: {message}", file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    if options.ray is not None:
        return write_on_cluster(options)
    if options.output:
        require_free(Path(options.output), resume=options.resume, overwrite=options.overwrite)
    first = [next(find_pictures([path])) for path in options.paths]
    missing = [found for found in first if not found.is_there]
    for found in missing:
        say(str(found.load()))
    if len(missing) == len(first):
        return 2
    recognizer = load_model(options)
    if options.taught:
        recognizer = teach(recognizer, Path(options.taught))
    if options.numbers or options.lines:
        recognizer.require_digits()
    return (write_table if options.output else show)(recognizer, options)


def teach(recognizer: DigitRecognizer, folder: Path) -> DigitRecognizer:
    """Teach a recogniser the pictures in folders named by what they show."""
    pictures = [
        (path, name)
        for name in recognizer.classes
        for path in sorted((folder / name).glob("[!.]*"))
    ]
    if not pictures:
        raise BadLabelsError(
            f"{folder} holds no pictures in folders named by what they show, such as "
            f"{folder / recognizer.classes[-1]}. Make these."
        )
    paths, names = zip(*pictures, strict=True)
    return recognizer.teach(paths, names)


def load_model(options: argparse.Namespace) -> DigitRecognizer:
    model = options.model
    if model and model.count("/") == 1 and not os.path.exists(model):
        if os.path.isdir(os.path.dirname(model)):  # a mistyped folder, probably
            say(f"There is no folder {model}. Looking for it on the Hugging Face Hub.")
    return DigitRecognizer.from_pretrained(model, revision=options.revision)


def write_table(recognizer: DigitRecognizer, options: argparse.Namespace) -> int:
    """Read into a table, and print a summary."""
    console = Console(stderr=True)
    start = time.monotonic()
    try:
        kinds = read_to_table(
            recognizer,
            options.paths,
            Path(options.output),
            numbers=options.numbers,
            resume=options.resume,
            overwrite=options.overwrite,
            processes=options.processes,
            console=console,
        )
    except KeyboardInterrupt:
        say("Stopped. Continue with --resume.")
        return INTERRUPTED
    if kinds is None:
        say(f"{options.output} is finished already.")
        return 0
    read, nothing, bad = (kinds.get(kind, 0) for kind in ("read", "nothing", "bad"))
    what = "number" if options.numbers else "digit"
    print(
        f"{options.output}: {read + nothing + bad:,} pictures in {time.monotonic() - start:.0f} s: "
        f"{read:,} with a {what}, {nothing:,} without, {bad:,} that could not be read.",
        file=sys.stderr,
    )
    return 1 if bad else 0


def write_on_cluster(options: argparse.Namespace) -> int:
    with needs_extra("ray"):
        from digitrec.many.cluster import read_on_cluster
    recognizer = load_model(options)
    assert recognizer.folder
    read_on_cluster(
        options.ray, recognizer.folder, options.paths, options.output, numbers=options.numbers
    )
    return 0


def show(recognizer: DigitRecognizer, options: argparse.Namespace) -> int:
    """Read a handful of pictures and print a table or JSON lines."""
    several = options.numbers or options.lines
    columns = ("number", "probability") if several else ("digit", "probability", "then")
    table = Table(Column("file", overflow="fold"), *columns)
    read: Callable[[ImageLike], Answer] = recognizer.predict
    if several:
        read = recognizer.read_lines if options.lines else recognizer.read_number
    status, hinted = 0, False
    for found in find_pictures(options.paths):
        image = found.load()
        try:
            if isinstance(image, BadImageError):
                raise image
            answer = read(image)
            if not hinted and (hint := find_hint(recognizer, image, answer)):
                say(f"{found.path} {hint}")
                hinted = True
        except DigitrecError as error:
            if found.is_there:  # otherwise it has been said
                say(str(error))
            answer, status = error, 1
        if options.json:
            print(as_json(found.path, answer), flush=True)
        else:
            for line in answer if isinstance(answer, list) and answer else [answer]:
                table.add_row(Text(as_text(found.path)), *as_cells(line))
    if not options.json:
        width = None if sys.stdout.isatty() else 1000  # so that nothing is cut off in a pipe
        console = Console(width=width)
        with console.capture() as printed:  # rich would end the program where a pipe is closed
            console.print(table)
        print(printed.get(), end="")
    return status


def find_hint(recognizer: DigitRecognizer, image: ImageLike, answer: Answer) -> str:
    """Say with which option a picture is read that shows several digits; "" without need."""
    if isinstance(answer, list) or (isinstance(answer, Prediction) and answer.is_digit):
        return ""
    if not recognizer.reads_numbers:
        return ""
    number = answer if isinstance(answer, Number) else recognizer.read_number(image)
    if number.rows > 1:
        return f"shows {count_rows(number.rows)}. Read them with --lines."
    is_plain = number.is_number and len(number.digits) > 1 and number.probability > SURE
    if number is not answer and is_plain:
        return "seems to show a number. Read numbers with --numbers."
    return ""


def as_json(path: str, answer: Answer | DigitrecError) -> str:
    values: dict[str, Any] = {"path": as_text(path)}
    if isinstance(answer, DigitrecError):
        values["error"] = str(answer)
    elif isinstance(answer, list):
        values["lines"] = [answer_values(line) for line in answer]
    elif isinstance(answer, Number):
        values = row_values(path, answer, numbers=True)
    else:
        values |= answer_values(answer)
    return json.dumps(values)


def as_cells(answer: Answer | DigitrecError) -> tuple[str, ...]:
    if isinstance(answer, DigitrecError):
        return "-", "", "could not be read"
    if isinstance(answer, list):  # of no lines
        return "-", ""
    if isinstance(answer, Number):
        return (answer.text, percent(answer.probability)) if answer.is_number else ("-", "")
    if not answer.is_digit:
        return "-", "", "no digit found"
    (label, share), *others = answer.top_labels()
    then = ", ".join(f"{other} ({percent(chance)})" for other, chance in others)
    return label, percent(share), then


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="digitrec read",
        description="Read the digit or the number in each picture, and print a table.",
        epilog="Example: digitrec read --numbers scans/ --output answers.csv",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a drawing or a photo of one digit, a folder, a zip or tar archive, or a pattern such "
        "as 'scans/**/*.png'",
    )
    parser.add_argument(
        "--numbers", action="store_true", help="read numbers of up to twelve digits"
    )
    parser.add_argument(
        "--lines", action="store_true", help="read the number in each of several rows of digits"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "--output",
        type=table_path,
        metavar="TABLE",
        help="write a table with a row for each picture, using all cores; its ending says whether "
        f"it is CSV, JSON lines or Parquet ({', '.join(ENDINGS)})",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the table of an interrupted run"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a table that is there")
    parser.add_argument(
        "--processes", type=count, metavar="N", help="processes for --output (default: all cores)"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="read on the Ray cluster at this address, such as auto or host:6379; --output is then "
        "a folder of Parquet files",
    )
    add_model_options(parser)
    parser.add_argument(
        "--taught",
        metavar="FOLDER",
        type=os.path.expanduser,
        help="first learn a hand: from pictures of single digits in folders named by what they "
        "show, such as FOLDER/7/one.png; three of each digit that is misread are enough",
    )
    options = parser.parse_args(arguments)
    if problem := find_conflict(options):
        parser.error(problem)
    if options.output:  # which a shell's * gives as well
        own = {os.path.abspath(f"{options.output}{name}") for name in FILES}
        options.paths = [path for path in options.paths if os.path.abspath(path) not in own]
        if not options.paths:
            parser.error("nothing to read but the table itself; name a picture or a folder")
    return options


def find_conflict(options: argparse.Namespace) -> str:
    """Say which options do not go together; "" if all do."""

    def given(*names: str) -> str | None:
        return next((name for name in names if getattr(options, name) not in (None, False)), None)

    if not options.output and (name := given("resume", "overwrite", "processes", "ray")):
        return f"--{name} needs --output TABLE"
    if options.lines and options.numbers:
        return "--lines reads a number in each row, and --numbers one in the picture; choose one"
    if options.lines and options.output:
        return "--output writes one row for each picture, so it does not take --lines; use --json"
    if options.output and options.json:
        return "--json prints the answers instead of a table; choose --json or --output"
    if options.resume and options.overwrite:
        return "--resume continues a table and --overwrite replaces it; choose one"
    if options.ray is not None and (name := given("resume", "overwrite", "processes", "taught")):
        return f"--ray does not take --{name}"
    if options.ray is not None and not options.output.endswith(".parquet"):
        return f"--ray writes Parquet, but {options.output} does not end in .parquet"
    if options.revision is not None and (options.model is None or os.path.exists(options.model)):
        return "--revision needs --model USER/NAME; a folder has no revisions"
    return ""


def table_path(text: str) -> str:
    if not text.endswith(ENDINGS):
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(ENDINGS)}")
    return os.path.expanduser(text)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)
