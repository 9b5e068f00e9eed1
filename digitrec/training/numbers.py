"""Numbers as people write them, to fit how numbers are read: `benchmarks/fit_numbers.py`.

Digits of unlike heights, zeros in a row, touching, overlapping or joined at the top, a comma before
each group of three digits, a dash at the beginning.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from digitrec.training.glyphs import HABITS, write_habit
from digitrec.training.strokes import PenDigit, Stroke, draw_strokes
from digitrec.training.synthesis import GLYPH_VARIATION, vary_digit

CANVAS = 700  # pixels a side
BRUSHES = (0.01, 0.12)  # diameter, as a share of a digit's height
KINDS = ("plain", "heights", "zeros", "joined", "commas", "dash")
OWN_HABITS = 0.5  # share of numbers in which each digit is written by one of our own habits


def write_number(
    digits: Sequence[PenDigit], random: np.random.Generator
) -> tuple[str, Image.Image]:
    """Write a number of one to seven digits; black ink on white.

    Arguments:
        digits: of one writer, some of each digit.
    """
    kind = random.choice(KINDS)
    labels = random.integers(10, size=random.integers(1, 8))
    if kind in ("zeros", "joined"):
        labels[1:][random.random(len(labels) - 1) < 0.7] = 0
    if random.random() < OWN_HABITS:
        digits = [_choose_habit(label, random) for label in labels]
    else:
        digits = [
            _choose([digit for digit in digits if digit.label == label], random) for label in labels
        ]
    brush = np.exp(random.uniform(*np.log(BRUSHES)))
    gap = random.uniform(-0.1, 0.1) if random.random() < 0.3 else random.uniform(0.1, 0.6)
    lean = random.normal(0, 0.1)
    lowest = {"heights": 0.4, "zeros": 0.35, "joined": 0.6}.get(kind, 0.9)
    strokes: list[Stroke] = []
    end, last_top = 0.0, None
    if kind == "dash":
        y = random.uniform(-0.65, -0.35)
        strokes.append(np.array([(0, y), (random.uniform(0.2, 0.5), y + random.normal(0, 0.03))]))
        end = 0.6
    for index, digit in enumerate(digits):
        if kind == "commas" and index and (len(digits) - index) % 3 == 0:
            x = end + brush + random.uniform(0.02, 0.1)
            strokes.append(
                np.array([(x, -0.05), (x - random.uniform(0, 0.12), random.uniform(0.05, 0.25))])
            )
            end = x + brush
        height = random.uniform(lowest, 1.0) if digit.label == 0 or kind == "heights" else 1.0
        placed = _place(digit, height, lean)
        columns = np.concatenate(placed)[:, 0]
        start = end + gap * (max(np.ptp(columns), 0.3) + brush) + brush if index else end
        placed = [stroke + (start - columns.min(), random.normal(0, 0.04)) for stroke in placed]
        top = min(
            (tuple(point) for stroke in placed for point in stroke), key=lambda point: point[1]
        )
        if kind == "joined" and last_top and digit.label == digits[index - 1].label == 0:
            strokes.append(np.array([last_top, top]))
        strokes += placed
        end, last_top = start + np.ptp(columns), top
    text = "".join(str(digit.label) for digit in digits)
    return text, draw_on_canvas(strokes, CANVAS, brush, random)


def _choose(digits: Sequence[PenDigit], random: np.random.Generator) -> PenDigit:
    return digits[int(random.integers(len(digits)))]


def _choose_habit(label: int, random: np.random.Generator) -> PenDigit:
    habits = [habit for habit in HABITS if habit.label == label and "joined" not in habit.name]
    digit = write_habit(habits[random.integers(len(habits))], random)
    return digit._replace(strokes=vary_digit(digit, GLYPH_VARIATION, random))


def _place(digit: PenDigit, height: float, lean: float) -> list[Stroke]:
    """Give the digit at this height, its lowest point at 0."""
    points = np.concatenate(digit.strokes)
    low, high = points.min(0), points.max(0)
    scale = height / max(high[1] - low[1], 0.5 * (high[0] - low[0]), 1e-6)
    matrix = scale * np.array([[1, 0], [-lean, 1]])
    return [(stroke - (low[0], high[1])) @ matrix for stroke in digit.strokes]


def draw_on_canvas(
    strokes: list[Stroke], side: int, brush: float, random: np.random.Generator
) -> Image.Image:
    """Draw a number anywhere on a square canvas, 50 to 90 % as long as that; black ink on white.

    Arguments:
        side: of the canvas, in pixels.
        brush: diameter, in the unit of the strokes.
    """
    points = np.concatenate(strokes)
    low, high = points.min(0) - brush / 2, points.max(0) + brush / 2
    scale = side * random.uniform(0.5, 0.9) / (high - low).max()
    corner = random.uniform(0.02, 0.98, 2) * (side - (high - low) * scale) - low * scale
    ink = draw_strokes([stroke * scale + corner for stroke in strokes], side, brush * scale)
    return ink.point(lambda value: 255 - value)
