"""How well a model reads pictures that other people took, drew or scanned.

python benchmarks/pictures.py FOLDER [--model FOLDER] [--quick]

FOLDER holds the pictures and labels.csv, with the columns path, truth, kind and source. A picture
is read right where it is accepted and the text is the truth, and wrong where it is accepted and the
text is another. "Simple" is what the same network reads right after a few lines of Pillow, which
accept everything. The last line is one JSON object.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from model_figures import add_model_option
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from digitrec import DigitRecognizer
from digitrec.reading.drawing import IMAGE_SIZE, center, cut_out, fit_box
from digitrec.reading.picture import read_picture

CANVAS = "canvas 28x28"  # a kind that most programs read; the main figures leave it out
QUICK = 8  # times fewer pictures


class Labelled(NamedTuple):
    path: Path
    truth: str
    kind: str


class Answer(NamedTuple):
    kind: str
    is_right: bool
    is_wrong: bool
    simple: list[bool]  # whether each of the simple ways is right; none for a number


def main() -> None:
    options = parse_options()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    pictures = read_labels(options.folder)[:: QUICK if options.quick else 1]
    answers = [read(recognizer, picture) for picture in track(pictures, transient=True)]
    figures = measure(answers)
    show(figures)
    print(json.dumps(figures))


def read_labels(folder: Path) -> list[Labelled]:
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [Labelled(folder / row["path"], row["truth"], row["kind"]) for row in rows]


def read(recognizer: DigitRecognizer, picture: Labelled) -> Answer:
    path, truth, kind = picture
    if len(truth) > 1:
        number = recognizer.read_number(path)
        return Answer(kind, number.text == truth, number.text not in ("", truth), [])
    digit = recognizer.predict(path).digit
    simple = np.stack([resize_whole(path), cut_by_threshold(path)])
    found = recognizer._compute_logits(simple).argmax(1)
    is_wrong = digit not in (None, int(truth))
    return Answer(kind, digit == int(truth), is_wrong, (found == int(truth)).tolist())


def resize_whole(path: Path) -> UInt8[np.ndarray, "28 28"]:
    """Resize the whole picture, and turn it where its border is bright."""
    image = Image.fromarray(read_gray(path))
    return turn(np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS)))


def cut_by_threshold(path: Path) -> UInt8[np.ndarray, "28 28"]:
    """Take all that is brighter than Otsu's threshold, and place it as MNIST's digits are."""
    gray = turn(read_gray(path))
    ink = np.where(gray > find_threshold(gray), gray, 0).astype(np.uint8)
    return (
        center(fit_box(cut_out(ink, 0)))
        if ink.any()
        else np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    )


def read_gray(path: Path) -> UInt8[np.ndarray, "height width"]:
    picture = read_picture(path)
    assert picture is not None  # a file has pixels
    sheet = Image.new("RGBA", picture.pixels.shape[1::-1], "white")
    sheet.alpha_composite(Image.fromarray(picture.pixels))
    return np.asarray(sheet.convert("L"))


def turn(gray: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
    """Make the paper dark, whose brightness is that of the border."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    return 255 - gray if np.median(border) > 127 else gray


def find_threshold(gray: UInt8[np.ndarray, "height width"]) -> int:
    """Find the level that parts dark from bright with the largest variance between the two.

    Source: Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979.
    """
    shares = np.bincount(gray.ravel(), minlength=256) / gray.size
    below, mass = shares.cumsum(), (shares * np.arange(256)).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = (mass[-1] * below - mass) ** 2 / (below * (1 - below))
    return int(np.nan_to_num(variances, posinf=0).argmax())


def measure(answers: list[Answer]) -> dict:
    by_kind = defaultdict(list)
    for answer in answers:
        by_kind[answer.kind].append(answer)
    every = [answer for answer in answers if answer.simple]
    single = [answer for answer in every if answer.kind != CANVAS]
    numbers = [answer for answer in answers if not answer.simple]
    figures: dict = {}
    for name, part in (("single", single), ("all_single", every), ("numbers", numbers)):
        figures[name] = share(answer.is_right for answer in part)
        figures[f"{name}_wrong"] = share(answer.is_wrong for answer in part)
    figures["by_kind"] = {
        kind: {
            "count": len(part),
            "right": share(answer.is_right for answer in part),
            "wrong": share(answer.is_wrong for answer in part),
            "simple": best_simple([answer.simple for answer in part]),
        }
        for kind, part in sorted(by_kind.items())
    }
    return figures


def share(found: Iterable[bool]) -> float | None:
    found = list(found)
    return round(float(np.mean(found)), 4) if found else None


def best_simple(answers: list[list[bool]]) -> float | None:
    return round(float(np.mean(answers, axis=0).max()), 4) if answers[0] else None


def show(figures: dict) -> None:
    console = Console(width=110, highlight=False)
    table = Table(title="pictures, %")
    for column in ("kind", "pictures", "right", "wrong", "simple"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, part in figures["by_kind"].items():
        shares = [part[name] for name in ("right", "wrong", "simple")]
        table.add_row(kind, str(part["count"]), *map(percent, shares))
    console.print(table)
    for name, title in (
        ("single", f"single digits, except {CANVAS}"),
        ("all_single", "all single digits"),
        ("numbers", "numbers"),
    ):
        right, wrong = map(percent, (figures[name], figures[f"{name}_wrong"]))
        console.print(f"{title}: {right} % right, {wrong} % wrong")


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="pictures and labels.csv")
    add_model_option(parser)
    parser.add_argument("--quick", action="store_true", help=f"only one picture in {QUICK}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
