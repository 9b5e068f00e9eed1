"""How well a model reads numbers: several digits in one drawing.

python benchmarks/numbers.py --strokes FILE [--mnist-writers FILE] [--model FOLDER] [--quick]

Strings are composed of pen strokes of one writer, who trained nothing, or of neighbouring MNIST
test images, which are by one writer each. The last line is one JSON object.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from PIL import Image

from digitrec.training.strokes import PenDigit, Stroke, draw_strokes

CANVAS = 800  # pixels a side
LENGTHS = (1, 2, 3, 4, 5, 6)
GAPS = (-0.1, 0.0, 0.05, 0.15, 0.3, 0.6)  # between two digits, as a share of a digit's width
BRUSHES = (0.01, 0.12)  # diameter, as a share of a digit's height


class Line(NamedTuple):
    """A number that was written, and how."""

    text: str
    gap: float
    picture: Image.Image


def write_lines(digits: list[PenDigit], count: int, seed: int) -> list[Line]:
    """Compose numbers of the digits of one writer each, as many of each length and gap."""
    random = np.random.default_rng(seed)
    by_writer: dict[int, list[PenDigit]] = defaultdict(list)
    for digit in digits:
        by_writer[digit.writer].append(digit)
    writers = sorted(by_writer)
    lines = []
    for index in range(count):
        own = by_writer[writers[index % len(writers)]]
        length = LENGTHS[index // len(writers) % len(LENGTHS)]
        gap = GAPS[index // len(writers) // len(LENGTHS) % len(GAPS)]
        labels = random.integers(10, size=length)
        chosen = [random.choice([place for place, one in enumerate(own) if one.label == label])
                  for label in labels]  # fmt: skip
        lines.append(_write([own[place] for place in chosen], gap, random))
    return lines


def _write(digits: list[PenDigit], gap: float, random: np.random.Generator) -> Line:
    """Place digits of height 1 side by side; then draw all on a canvas, as large as it takes."""
    brush = np.exp(random.uniform(*np.log(BRUSHES)))
    lean, rise = random.normal(0, 0.15), random.normal(0, 0.03)
    placed: list[Stroke] = []
    end = 0.0
    for digit in digits:
        points = np.concatenate(digit.strokes)
        low, high = points.min(0), points.max(0)
        size = random.normal(1, 0.08) / max(high[1] - low[1], 0.5 * (high[0] - low[0]), 1e-6)
        own_lean, down = lean + random.normal(0, 0.04), random.normal(0, 0.06)
        strokes = [(stroke - (low + high) / 2) * size for stroke in digit.strokes]
        strokes = [stroke @ [[1, 0], [-own_lean, 1]] for stroke in strokes]
        points = np.concatenate(strokes)
        width = max(np.ptp(points[:, 0]), 0.3)
        # The gap is between edges of ink, which the brush widens.
        start = end + gap * (width + brush) + brush if placed else 0.0
        across = start - points[:, 0].min()
        placed += [stroke + (across, down + rise * (start + width / 2)) for stroke in strokes]
        end = start + np.ptp(points[:, 0])
    points = np.concatenate(placed)
    low, high = points.min(0) - brush / 2, points.max(0) + brush / 2
    scale = CANVAS * random.uniform(0.5, 0.9) / (high - low).max()
    room = CANVAS - (high - low) * scale
    corner = random.uniform(0.02, 0.98, 2) * room - low * scale
    mask = draw_strokes([stroke * scale + corner for stroke in placed], CANVAS, brush * scale)
    text = "".join(str(digit.label) for digit in digits)
    return Line(text, gap, mask.point(lambda ink: 255 - ink))
