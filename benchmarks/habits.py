"""How well a model reads the habits that people have in writing digits and numbers.

python benchmarks/habits.py [--strokes FILE] [--model FOLDER] [--sheet PNG] [--quick]

Each habit of `habit_shapes.py` is drawn alone, and inside a number of three to five digits, of
which the others are plain, or with --strokes by one writer who trained nothing. It is right if it
is accepted and true; inside, if the number is accepted and has as many digits as it should, and
the one with the habit is true. Of habits that only numbers have, such as a comma at the thousands,
the whole number has to be right. The last line is one JSON object.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from habit_shapes import HABITS, PLAIN, write
from model_figures import add_model_option
from PIL import Image, ImageDraw, ImageOps
from rich.console import Console
from rich.progress import track
from rich.table import Table

from digitrec import DigitRecognizer
from digitrec.training.strokes import (
    MEASURING_WRITERS,
    Stroke,
    draw_strokes,
    fit_strokes,
    read_unipen,
)

DRAWINGS, QUICK_DRAWINGS = 200, 40  # of each habit, alone and inside a number
SHOWN = 12  # of each on the sheet

Digit = list[Stroke]


class Writing(NamedTuple):
    text: str
    parts: list[Digit]  # the digits and other marks, from left to right
    place: int | None = None  # of the digit that must be right; None for all


class Writer:
    """Someone with one pen and one lean, whose digits are plain or `own`, by label."""

    def __init__(self, random: np.random.Generator, own: dict[int, list[Digit]] | None):
        self.random, self.own = random, own
        self.lean = random.uniform(-0.08, 0.22)
        self.pen = float(np.exp(random.uniform(*np.log((0.02, 0.1)))))  # as a share of the height

    def write(self, shapes: tuple[str, ...], height: float = 1) -> Digit:
        return write(shapes, self.lean, height, self.random)

    def write_digit(self, digit: int) -> Digit:
        if self.own is None:
            return self.write(PLAIN[digit], self.random.normal(1, 0.05))
        return fit_strokes(self.own[digit][self.random.integers(len(self.own[digit]))], 1, (0, 0.5))

    def write_number(self, low: int, high: int) -> Writing:
        """Write a number of `low` to `high` digits."""
        digits = self.random.integers(10, size=self.random.integers(low, high + 1)).tolist()
        return Writing("".join(map(str, digits)), [self.write_digit(digit) for digit in digits])

    def write_zeros(self, low: float, high: float, height: float, width: float) -> list[Digit]:
        """Write two or three zeros, with spaces of `low` to `high` between them."""
        zeros = [self.write(PLAIN[0], height) for _ in range(self.random.integers(2, 4))]
        zeros = [[stroke * (width, 1) for stroke in zero] for zero in zeros]
        return put_in_row(zeros, self.random.uniform(low, high, len(zeros) - 1))


def write_alone(habit: str, writer: Writer) -> Writing:
    return Writing(habit[0], [writer.write(HABITS[habit])])


def write_inside(habit: str, writer: Writer) -> Writing:
    text, parts, _ = writer.write_number(3, 5)
    place = int(writer.random.integers(len(text)))
    parts[place] = writer.write(HABITS[habit], writer.random.normal(1, 0.05))
    return Writing(text[:place] + habit[0] + text[place + 1 :], parts, place)


def write_digit(writer: Writer) -> Writing:
    return writer.write_number(1, 1)


def write_teen(writer: Writer) -> Writing:
    last = int(writer.random.integers(3, 10))
    return Writing(f"1{last}", [writer.write(HABITS["1 long flag"]), writer.write_digit(last)])


def write_flat_zeros(writer: Writer) -> Writing:
    """Write a tall 1, then flat zeros of less than half its height that touch each other."""
    writer.pen = min(writer.pen, 0.05)
    height, width = writer.random.uniform(0.33, 0.5), writer.random.uniform(1.3, 1.9)
    zeros = writer.write_zeros(-0.02, writer.pen, height, width)
    return Writing("1" + len(zeros) * "0", [writer.write_digit(1), sum(zeros, [])])


def write_joined_zeros(writer: Writer) -> Writing:
    first, zeros = int(writer.random.integers(1, 10)), writer.write_zeros(0.12, 0.35, 1, 1)
    tops = [zero[0][zero[0][:, 1].argmin()] for zero in zeros]
    joins = [
        np.array([start, (start + end) / 2 + (0, writer.random.uniform(0, 0.08)), end])
        for start, end in zip(tops, tops[1:], strict=False)
    ]
    text = f"{first}{len(zeros) * '0'}"
    return Writing(text, [writer.write_digit(first), sum(zeros, []) + joins])


def write_uneven(writer: Writer) -> Writing:
    """Write digits on one line of which one is two or three times as high as the others."""
    writer.pen = min(writer.pen, 0.05)
    text, parts, _ = writer.write_number(3, 5)
    heights = writer.random.permutation([1, *writer.random.uniform(0.33, 0.5, len(text) - 1)])
    parts = [
        [(stroke - (0, 1)) * height + (0, 1) for stroke in part]
        for part, height in zip(parts, heights, strict=True)
    ]
    return Writing(text, parts)


def write_comma(writer: Writer) -> Writing:
    text, parts, _ = writer.write_number(4, 6)
    comma = writer.write((".04:.08,.9:.98 .05,1.04 0,1.1:1.18",))
    return Writing(text, [*parts[:-3], comma, *parts[-3:]])


def write_dash(writer: Writer) -> Writing:
    text, parts, _ = writer.write_number(2, 4)
    return Writing(text, [writer.write(("0,.45:.6 .3:.5,.45:.6",)), *parts])


def put_in_row(parts: list[Digit], spaces: np.ndarray) -> list[Digit]:
    row = parts[:1]
    for part, space in zip(parts[1:], spaces, strict=True):
        end = max(stroke[:, 0].max() for stroke in row[-1])
        left = min(stroke[:, 0].min() for stroke in part)
        row.append([stroke + (end + space - left, 0) for stroke in part])
    return row


def draw(writing: Writing, writer: Writer) -> Image.Image:
    """Draw black on white, at some size and place on a square canvas."""
    random, pen = writer.random, writer.pen
    spaces = pen + random.uniform(0.08, 0.3, len(writing.parts) - 1)
    strokes = sum(put_in_row(writing.parts, spaces), [])
    side = int(random.integers(200, 401)) * (1 if len(writing.text) == 1 else 2)
    extent = np.ptp(np.concatenate(strokes), axis=0)
    scale = random.uniform(0.4, 0.85) * side / (extent.max() + pen)
    border = scale * (extent + pen) / 2
    x, y = random.uniform(border, side - border)
    strokes = fit_strokes(strokes, scale * extent.max(), (x, y))
    return ImageOps.invert(draw_strokes(strokes, side, scale * pen))


def draw_one_pixel_pen(writing: Writing, writer: Writer) -> Image.Image:
    """Draw on 28x28 pixels as paint programs do without anti-aliasing."""
    canvas = Image.new("L", (28, 28), 255)
    x, y = 14 + writer.random.uniform(-2, 2, 2)
    for stroke in fit_strokes(writing.parts[0], writer.random.uniform(15, 22), (x, y)):
        ImageDraw.Draw(canvas).line(stroke.ravel().tolist(), fill=0)
    return canvas


def draw_shrunk(writing: Writing, writer: Writer) -> Image.Image:
    """Draw on 280x280 pixels with a pen of 12 to 28, and keep every tenth pixel."""
    x, y = 140 + writer.random.uniform(-20, 20, 2)
    strokes = fit_strokes(writing.parts[0], writer.random.uniform(150, 210), (x, y))
    picture = ImageOps.invert(draw_strokes(strokes, 280, writer.random.uniform(12, 28)))
    return picture.resize((28, 28), Image.Resampling.NEAREST)


class Recipe(NamedTuple):
    write: Callable[[Writer], Writing]
    draw: Callable[[Writing, Writer], Image.Image] = draw


ALONE = {
    **{habit: Recipe(partial(write_alone, habit)) for habit in HABITS},
    "28x28, one-pixel pen": Recipe(write_digit, draw_one_pixel_pen),
    "28x28, shrunk": Recipe(write_digit, draw_shrunk),
}
INSIDE = {
    **{habit: Recipe(partial(write_inside, habit)) for habit in HABITS},
    "13 to 19": Recipe(write_teen),
    "1000, flat zeros": Recipe(write_flat_zeros),
    "uneven heights": Recipe(write_uneven),
    "thousands comma": Recipe(write_comma),
    "leading dash": Recipe(write_dash),
    "joined zeros": Recipe(write_joined_zeros),
}


def main() -> None:
    options = parse_options()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    owns = read_writers(options.strokes) if options.strokes else [None]
    table = Table("habit", "where", "right, %", "whole number, %", "faults", title="habits")
    count = QUICK_DRAWINGS if options.quick else DRAWINGS
    figures = {"alone": {}, "inside": {}, "whole": {}, "faults": {"alone": {}, "inside": {}}}
    sheet = {}
    for where, habits in (("alone", ALONE), ("inside", INSIDE)):
        progress = track(habits, where, console=Console(stderr=True), transient=True)
        for number, habit in enumerate(progress):
            writings, pictures = write_and_draw(habit, habits[habit], number, owns, count)
            answers = read(recognizer, pictures, where)
            pairs = list(zip(writings, answers, strict=True))
            faults = Counter(find_fault(*pair) for pair in pairs)
            right = faults.pop("", 0) / count
            whole = sum(writing.text == answer for writing, answer in pairs) / count
            figures[where][habit] = right
            if where == "inside":
                figures["whole"][habit] = whole
            figures["faults"][where][habit] = dict(faults.most_common())
            listed = "  ".join(f"{fault}: {times}" for fault, times in faults.most_common())
            table.add_row(habit, where, f"{100 * right:.1f}", f"{100 * whole:.1f}", listed)
            sheet[f"{habit}\n{where}"] = pictures[:SHOWN]
    if options.sheet:
        save_sheet(sheet, options.sheet)
    Console(width=110, highlight=False).print(table)
    worst = min([*figures["alone"].values(), *figures["inside"].values()])
    print(json.dumps({"worst": worst, **figures}))


def write_and_draw(
    habit: str, recipe: Recipe, number: int, owns: Sequence[dict | None], count: int
) -> tuple[list[Writing], list[Image.Image]]:
    """Write and draw one habit; its number and a drawing's index seed the random numbers."""
    writings, pictures = [], []
    for index in range(count):
        own = owns[index % len(owns)] if habit in HABITS else None
        writer = Writer(np.random.default_rng([number, index]), own)
        writings.append(recipe.write(writer))
        pictures.append(recipe.draw(writings[-1], writer))
    return writings, pictures


def read_writers(path: Path) -> list[dict[int, list[Digit]]]:
    """Give the digits of each writer who trained nothing, by label."""
    writers = {writer: defaultdict(list) for writer in MEASURING_WRITERS}
    for digit in read_unipen(path, MEASURING_WRITERS):
        writers[digit.writer][digit.label].append(digit.strokes)
    return list(writers.values())


def read(recognizer: DigitRecognizer, pictures: list[Image.Image], where: str) -> list[str]:
    """Give the text of each picture, "" where it is refused."""
    if where == "inside":
        return [number.text for number in recognizer.read_numbers(pictures)]
    predictions = recognizer.predict_batch(pictures)
    return [str(prediction.digit) if prediction.is_digit else "" for prediction in predictions]


def find_fault(writing: Writing, answer: str) -> str:
    """Say what is wrong with an answer, "" if nothing is."""
    if not answer:
        return "refused"
    if len(answer) != len(writing.text):
        return "wrong length"
    places = range(len(answer)) if writing.place is None else [writing.place]
    pairs = [(writing.text[place], answer[place]) for place in places]
    return ", ".join(f"{truth} as {digit}" for truth, digit in pairs if truth != digit)


def save_sheet(sheet: dict[str, list[Image.Image]], path: Path) -> None:
    """Draw a row of pictures, cut to their ink, for each caption."""
    width, height = 120, 80
    paper = Image.new("L", (width * (SHOWN + 1), height * len(sheet)), 255)
    for row, (caption, pictures) in enumerate(sheet.items()):
        ImageDraw.Draw(paper).text((4, row * height + 25), caption, fill=0)
        for column, picture in enumerate(pictures, 1):
            ink = picture.crop(ImageOps.invert(picture).getbbox())
            shown = ImageOps.pad(ink, (width - 10, height - 10), color=255)
            paper.paste(shown, (column * width + 5, row * height + 5))
    paper.save(path)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--strokes", type=Path, metavar="FILE", help="pen strokes of the other digits, UNIPEN text"
    )
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw some of each habit")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_DRAWINGS} of each instead of {DRAWINGS}"
    )
    add_model_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
