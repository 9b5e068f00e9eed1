"""How well a model reads numbers: several digits in one drawing.

python benchmarks/numbers.py --strokes FILE [--manual-dir DIR] [--model FOLDER] [--quick]

Numbers are composed of pen strokes of one writer each, who trained nothing; with --manual-dir also
of neighbouring MNIST test images, which one writer wrote. All is measured on one core. The last
line is one JSON object.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from model_figures import add_options, save
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from digitrec import DigitRecognizer, Number
from digitrec.training import metrics
from digitrec.training.data import Examples, load_mnist
from digitrec.training.numbers import draw_on_canvas
from digitrec.training.report import plot_images
from digitrec.training.strokes import (
    MEASURING_WRITERS,
    PenDigit,
    Stroke,
    read_unipen,
)

CANVAS = 800  # pixels a side
LENGTHS = (1, 2, 3, 4, 5, 6)
GAPS = (-0.1, 0.0, 0.05, 0.15, 0.3, 0.6)  # between two digits, as a share of a digit's width
BRUSHES = (0.01, 0.12)  # diameter, as a share of a digit's height
LINES, QUICK_LINES = 4_320, 864
MNIST_LINES, QUICK_MNIST_LINES = 1_000, 200
STACKS, QUICK_STACKS = 600, 60  # pictures of two or three rows
SPACES = (0.2, 1.0)  # between two rows, in heights of a row


class Line(NamedTuple):
    """A number that was written, and how."""

    text: str
    gap: float
    picture: Image.Image


def main() -> None:
    options = parse_options()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
    console = Console(width=110, highlight=False)
    recognizer = DigitRecognizer.from_pretrained(options.model)
    recognizer.compile_rest()
    digits = read_unipen(options.strokes, MEASURING_WRITERS)
    lines = write_lines(digits, QUICK_LINES if options.quick else options.lines, seed=0)
    numbers = read(recognizer, lines)
    figures = measure(recognizer, lines, numbers)
    show(console, lines, numbers)
    if options.manual_dir or options.data_dir:
        test = load_mnist(options.data_dir, options.manual_dir)[1]
        count = QUICK_MNIST_LINES if options.quick else MNIST_LINES
        mnist_lines = join_images(test, count, seed=0)
        figures["mnist"] = share_right(mnist_lines, read(recognizer, mnist_lines))
    stacks = stack_lines(lines, QUICK_STACKS if options.quick else STACKS, seed=0)
    for rows in (2, 3):
        found = [
            len(recognizer.read_lines(picture)) == rows
            for count, picture in stacks
            if count == rows
        ]
        figures[f"{'two' if rows == 2 else 'three'}_rows"] = float(np.mean(found))
    options.output.mkdir(parents=True, exist_ok=True)
    save_faults(lines, numbers, options.output / "misread_numbers.png")
    save(options, "numbers", {"lines": len(lines), **figures})
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def write_lines(
    digits: list[PenDigit],
    count: int,
    seed: int,
    lengths: Sequence[int] = LENGTHS,
    gaps: Sequence[float] = GAPS,
) -> list[Line]:
    """Compose numbers of the digits of one writer each, as many of each length and gap."""
    random = np.random.default_rng(seed)
    by_writer: dict[int, list[list[PenDigit]]] = defaultdict(lambda: [[] for _ in range(10)])
    for digit in digits:
        by_writer[digit.writer][digit.label].append(digit)
    writers = sorted(by_writer)
    lines = []
    for index in range(count):
        turn, writer = divmod(index, len(writers))
        turn, length = divmod(turn, len(lengths))
        chosen = []
        for label in random.integers(10, size=lengths[length]):
            own = by_writer[writers[writer]][label]
            chosen.append(own[random.integers(len(own))])
        lines.append(_write(chosen, gaps[turn % len(gaps)], random))
    return lines


def _write(digits: list[PenDigit], gap: float, random: np.random.Generator) -> Line:
    """Place digits of height 1 side by side, then draw them on a canvas."""
    brush = np.exp(random.uniform(*np.log(BRUSHES)))
    lean, rise = random.normal(0, 0.15), random.normal(0, 0.03)
    placed: list[Stroke] = []
    end = 0.0
    for digit in digits:
        points = np.concatenate(digit.strokes)
        low, high = points.min(0), points.max(0)
        height = max(high[1] - low[1], 0.5 * (high[0] - low[0]), 1e-6)
        own_lean, down = lean + random.normal(0, 0.04), random.normal(0, 0.06)
        matrix = random.normal(1, 0.08) / height * np.array([[1, 0], [-own_lean, 1]])
        strokes = [(stroke - (low + high) / 2) @ matrix for stroke in digit.strokes]
        columns = np.concatenate(strokes)[:, 0]
        width = max(np.ptp(columns), 0.3)
        # The gap is between edges of ink, which the brush makes broader.
        start = end + gap * (width + brush) + brush if placed else 0.0
        place = start - columns.min(), down + rise * (start + width / 2)
        placed += [stroke + place for stroke in strokes]
        end = start + np.ptp(columns)
    text = "".join(str(digit.label) for digit in digits)
    return Line(text, gap, draw_on_canvas(placed, CANVAS, brush, random))


def join_images(mnist: Examples, count: int, seed: int) -> list[Line]:
    """Put two to six neighbouring MNIST images side by side, enlarged four times."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        length, gap = int(random.integers(2, 7)), random.uniform(0.05, 0.6)
        first = random.integers(len(mnist.labels) - length)
        sheet, end = np.zeros((80, 60 * length), np.uint8), 10.0
        for index in range(first, first + length):
            image = mnist.images[index, ..., 0]
            columns = np.flatnonzero(image.any(0))
            digit = image[:, columns[0] : columns[-1] + 1]
            top, left = 26 + round(random.normal(0, 1)), round(end)
            where = sheet[top : top + 28, left : left + digit.shape[1]]
            np.maximum(where, digit, out=where)
            end += digit.shape[1] * (1 + gap)
        sheet = Image.fromarray(sheet[:, : round(end) + 10])
        text = "".join(map(str, mnist.labels[first : first + length]))
        enlarged = sheet.resize((4 * sheet.width, 4 * sheet.height), Image.Resampling.BICUBIC)
        lines.append(Line(text, gap, enlarged))
    return lines


def stack_lines(lines: list[Line], count: int, seed: int) -> list[tuple[int, Image.Image]]:
    """Write two or three numbers of one writer and one height below each other.

    Returns: how many, and the picture.
    """
    random = np.random.default_rng(seed)
    inks = [Image.eval(line.picture, lambda value: 255 - value) for line in lines]
    stacks = []
    for index in range(count):
        rows, height = 2 + index % 2, int(random.integers(80, 200))
        writer = random.integers(6)  # the lines of six writers take turns
        chosen = 6 * random.integers(len(lines) // 6, size=rows) + writer
        parts = [inks[line].crop(inks[line].getbbox()) for line in chosen]
        parts = [
            part.resize((max(1, round(part.width * height / part.height)), height))
            for part in parts
        ]
        space = round(random.uniform(*SPACES) * height)
        broadest = max(part.width for part in parts)
        sheet = Image.new("L", (broadest + 120, rows * (height + space) + 120))
        for row, part in enumerate(parts):
            left = random.integers(broadest - part.width + 1)
            sheet.paste(part, (60 + int(left), 60 + row * (height + space)))
        stacks.append((rows, Image.eval(sheet, lambda value: 255 - value)))
    return stacks


def read(recognizer: DigitRecognizer, lines: list[Line]) -> list[Number]:
    return [
        recognizer.read_number(line.picture)
        for line in track(lines, "reading", transient=True, console=Console(stderr=True))
    ]


def share_right(lines: list[Line], numbers: list[Number]) -> float:
    """Give the share that is read as a whole, whether it is taken for a number or not."""
    pairs = zip(lines, numbers, strict=True)
    return float(np.mean([number.best_reading == line.text for line, number in pairs]))


def measure(
    recognizer: DigitRecognizer, lines: list[Line], numbers: list[Number]
) -> dict[str, float]:
    def share(wanted) -> float:
        chosen = [pair for pair in zip(lines, numbers, strict=True) if wanted(pair[0])]
        return share_right(*map(list, zip(*chosen, strict=True)))

    singles = [line for line in lines if len(line.text) == 1]
    predictions = recognizer.predict_batch([line.picture for line in singles])
    predicted = [
        str(prediction.probabilities.argmax()) == line.text
        for line, prediction in zip(singles, predictions, strict=True)
    ]
    right = np.array(
        [number.best_reading == line.text for line, number in zip(lines, numbers, strict=True)]
    )
    probabilities = np.array([number.probability for number in numbers])
    several = np.array([len(line.text) > 1 and line.gap >= 0.05 for line in lines])
    four = [line.picture for line in lines if len(line.text) == 4 and line.gap >= 0.05][:100]
    milliseconds = []
    for picture in four:
        drawing = np.asarray(picture)
        started = time.perf_counter()
        recognizer.read_number(drawing)
        milliseconds.append(1e3 * (time.perf_counter() - started))
    return {
        "mean": share(lambda line: len(line.text) > 1 and line.gap >= 0.05),
        "touching": share(lambda line: len(line.text) > 1 and line.gap < 0.05),
        "single": share(lambda line: len(line.text) == 1),
        "single_by_predict": float(np.mean(predicted)),
        "accepted": float(
            np.mean([number.is_number for number, one in zip(numbers, several, strict=True) if one])
        ),
        "divided": float(np.mean([number.rows > 1 for number in numbers])),
        "calibration_error": metrics.calibration_error(probabilities, right),
        "milliseconds": float(np.median(milliseconds)),
    }


def show(console: Console, lines: list[Line], numbers: list[Number]) -> None:
    rights: dict[tuple[int, float], list[bool]] = defaultdict(list)
    for line, number in zip(lines, numbers, strict=True):
        rights[len(line.text), line.gap].append(number.best_reading == line.text)
    table = Table(title="read as a whole, %, by digits and by the gap between them")
    for column in ("digits", *(f"{gap:.0%}" for gap in GAPS)):
        table.add_column(column, justify="right")
    for length in LENGTHS:
        table.add_row(str(length), *[f"{100 * np.mean(rights[length, gap]):.1f}" for gap in GAPS])
    console.print(table)
    faults = Counter(
        (line.text, number.best_reading)
        for line, number in zip(lines, numbers, strict=True)
        if len(line.text) == 1 and number.best_reading != line.text
    )
    console.print(
        "single digits misread: "
        + ", ".join(
            f"{text} as {answer} ({count})" for (text, answer), count in faults.most_common()
        )
    )


def save_faults(lines: list[Line], numbers: list[Number], path: Path) -> None:
    """Draw those that are wrong, as their ink, in the order of their lengths."""
    wrong = [
        (line, number)
        for line, number in zip(lines, numbers, strict=True)
        if number.best_reading != line.text
    ]
    wrong = sorted(wrong[:100], key=lambda pair: len(pair[0].text))
    pictures = [
        np.asarray(line.picture.resize((200, 200)).point(lambda value: 255 - value))
        for line, _ in wrong
    ]
    captions = [f"{line.text} read as {number.best_reading}" for line, number in wrong]
    plot_images(pictures, captions, path)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--strokes", type=Path, required=True, metavar="FILE", help="pen strokes, UNIPEN text"
    )
    parser.add_argument("--manual-dir", metavar="DIR", help="folder with MNIST's four .gz files")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of tensorflow-datasets")
    parser.add_argument("--lines", type=int, default=LINES, help=f"how many (default: {LINES})")
    parser.add_argument("--quick", action="store_true", help="fewer, within a minute")
    add_options(parser, "runs/numbers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
