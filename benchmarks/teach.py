"""What teaching a recogniser a hand is worth, and what it costs everybody else.

python benchmarks/teach.py --strokes FILE [--model FOLDER] [--quick]

The hands are those of writers who trained nothing, and hands made up of habits, one for each digit
(`habit_shapes.py`). Of each digit that a hand is misread in, or refused, the recogniser is taught
three drawings, misread ones first. Counted are the errors in the hand's other drawings before and
after, and the errors in all other writers' drawings. The last line is one JSON object.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from drawn_digits import CELLS, Drawing, image_of
from habit_shapes import HABITS, PLAIN
from habits import Writer
from model_figures import add_model_option
from rich.console import Console
from rich.progress import track
from rich.table import Table

from digitrec import DigitRecognizer
from digitrec.training.strokes import MEASURING_WRITERS, PenDigit, read_unipen

EXAMPLES = 3  # of each digit that a hand is misread in
TIMES = 8  # that each digit of a writer is drawn, each time with another pen and size
HABIT_HANDS = 12
WRITTEN = 30  # times that a hand of habits writes each digit
REPEATS, QUICK_REPEATS = 3, 1  # of the choice of examples
SAMPLE = 4  # every so many drawings of the other hands are read again


class Hand(NamedTuple):
    images: np.ndarray  # (count, 28, 28)
    labels: np.ndarray
    written: np.ndarray  # which drawings are of the same strokes


def main() -> None:
    options = parse_options()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    groups = {
        "writers": draw_writers(options.strokes),
        "habits": [draw_habits(number) for number in range(HABIT_HANDS)],
    }
    repeats = QUICK_REPEATS if options.quick else REPEATS
    figures = {name: measure(recognizer, hands, repeats) for name, hands in groups.items()}
    table = Table("hands", "taught", "errors before", "after", "fall, %", "others lose, points")
    for name, found in figures.items():
        table.add_row(
            name,
            f"{found['taught']:,}",
            f"{found['before']:,}",
            f"{found['after']:,}",
            f"{100 * found['fall']:.0f}",
            f"{found['mean_loss']:+.3f}, at most {found['worst_loss']:+.3f}",
        )
    Console(width=110, highlight=False).print(table)
    print(json.dumps(figures))


def draw_writers(path: Path) -> list[Hand]:
    by_writer = defaultdict(list)
    for digit in read_unipen(path, MEASURING_WRITERS):
        by_writer[digit.writer].append(digit)
    return [draw(digits, TIMES, seed=writer) for writer, digits in sorted(by_writer.items())]


def draw_habits(number: int) -> Hand:
    """Draw a hand that has one habit, by chance, for each digit that people have habits in."""
    random = np.random.default_rng([number, 39])
    of_digit = {digit: [habit for habit in HABITS if habit[0] == str(digit)] for digit in range(10)}
    shapes = {
        digit: HABITS[random.choice(habits)] if habits else PLAIN[digit]
        for digit, habits in of_digit.items()
    }
    writer = Writer(random, None)
    writer.lean = random.uniform(-0.6, 0.9)  # some lean more than anyone who trained
    digits = [
        PenDigit(writer.write(shapes[digit]), digit, number)
        for digit in range(10)
        for _ in range(WRITTEN)
    ]
    return draw(digits, 1, seed=1000 + number)


def draw(digits: list[PenDigit], times: int, seed: int) -> Hand:
    random = np.random.default_rng(seed)
    written = np.repeat(np.arange(len(digits)), times)
    images = []
    for place in written:
        brush, size, _ = CELLS[random.integers(len(CELLS))]
        cell = (brush, size, "black on white")
        images.append(image_of(Drawing(digits[place], cell, 400, int(random.integers(2**31)))))
    labels = np.array([digits[place].label for place in written])
    return Hand(np.stack(images), labels, written)


def measure(recognizer: DigitRecognizer, hands: list[Hand], repeats: int) -> dict:
    """Teach each hand; give its errors before and after, and what all others lose, in points."""
    before = [find_errors(recognizer, hand) for hand in hands]
    counts, losses, taught = np.zeros(2, int), [], 0
    for repeat in track(range(repeats), "teaching", console=Console(stderr=True), transient=True):
        for place, (hand, wrong) in enumerate(zip(hands, before, strict=True)):
            examples = choose(hand, wrong, np.random.default_rng([repeat, place]))
            if not examples:
                continue
            mine = recognizer.teach(hand.images[examples], hand.labels[examples])
            others = ~np.isin(hand.written, hand.written[examples])
            counts += [wrong[others].sum(), find_errors(mine, hand)[others].sum()]
            taught += len(examples)
            losses += [
                100 * float(find_errors(mine, other, SAMPLE).mean() - errors[::SAMPLE].mean())
                for other, errors in zip(hands, before, strict=True)
                if other is not hand
            ]
    errors, left = counts.tolist()
    return {
        "hands": len(hands),
        "taught": taught,
        "before": errors,
        "after": left,
        "fall": 1 - left / max(errors, 1),
        "mean_loss": float(np.mean(losses)),
        "worst_loss": max(losses),
    }


def find_errors(recognizer: DigitRecognizer, hand: Hand, every: int = 1) -> np.ndarray:
    predictions = recognizer.predict_batch(list(hand.images[::every]))
    return np.array([prediction.digit for prediction in predictions]) != hand.labels[::every]


def choose(hand: Hand, wrong: np.ndarray, random: np.random.Generator) -> list[int]:
    """Choose drawings of different strokes, of each digit in which there are errors."""
    chosen = []
    for label in np.unique(hand.labels[wrong]):
        of_label = np.flatnonzero(hand.labels == label)
        order = random.permutation(of_label)
        order = order[np.argsort(~wrong[order], kind="stable")]  # misread ones first
        _, first = np.unique(hand.written[order], return_index=True)
        chosen += order[np.sort(first)][:EXAMPLES].tolist()
    return chosen


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--strokes", type=Path, required=True, metavar="FILE", help="pendigits-orig.tra, UNIPEN"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"choose examples {QUICK_REPEATS} time, not {REPEATS}"
    )
    add_model_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
