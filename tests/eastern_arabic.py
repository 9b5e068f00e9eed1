"""Eastern Arabic digits as pictures, drawn from a few strokes in many ways."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from digitrec.training.strokes import draw_strokes, fit_strokes
from digitrec.training.synthesis import vary

DIGITS = "٠١٢٣٤٥٦٧٨٩"
# Each on a sheet of 10x10, y downwards.
STROKES = [
    [[(4.8, 4.8), (5.2, 5.0), (5.0, 5.2), (4.8, 4.8)]],
    [[(4, 0), (5, 5), (5.5, 10)]],
    [[(2.5, 0), (3.5, 5), (4, 10)], [(2.5, 0), (4, 2.7), (7, 2.5), (8, 0)]],
    [[(2, 0), (3, 5), (3.5, 10)], [(2, 0), (3.5, 2.5), (5, 0.4), (6.5, 2.5), (8, 0)]],
    [[(7, 0), (3.5, 1.2), (3, 3.5), (6, 5), (3, 6.5), (3.2, 9), (7.5, 10)]],
    [[(5, 0), (2, 4), (2, 8), (5, 10), (8, 8), (8, 4), (5, 0)]],
    [[(2, 0), (4, 0.8), (7, 0.3), (7.2, 5), (8, 10)]],
    [[(1, 0), (3, 5), (5, 10), (7, 5), (9, 0)]],
    [[(1, 10), (3, 5), (5, 0), (7, 5), (9, 10)]],
    [[(7, 3), (5, 0), (3, 1.5), (3.5, 4), (6, 4.5), (7, 3), (7.2, 6.5), (8, 10)]],
]


def draw_eastern_arabic(count: int, seed: int = 0) -> tuple[list[Image.Image], list[str]]:
    """Draw `count` digits, each equally often: light on dark or dark on light, of several sizes."""
    random = np.random.default_rng(seed)
    pictures, labels = [], []
    for number in range(count):
        digit = number % 10
        strokes = [_refine(np.array(stroke, float)) for stroke in STROKES[digit]]
        side = int(random.integers(60, 200))
        size = 0.12 if digit == 0 else random.uniform(0.5, 0.75)
        middle = side * random.uniform(0.45, 0.55, 2)
        varied = fit_strokes(vary(strokes, 1.5, random), size * side, tuple(middle))
        picture = draw_strokes(varied, side, side * random.uniform(0.03, 0.08))
        pictures.append(ImageOps.invert(picture) if random.random() < 0.7 else picture)
        labels.append(DIGITS[digit])
    return pictures, labels


def write_folder(folder: Path, count: int, seed: int = 0) -> Path:
    """Write them as a folder for each label."""
    for number, (picture, label) in enumerate(zip(*draw_eastern_arabic(count, seed), strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        picture.save(folder / label / f"{number}.png")
    return folder


def _refine(stroke: np.ndarray) -> np.ndarray:
    """Put points between those of a stroke, so that it can bend."""
    places = np.arange(len(stroke))
    finer = np.linspace(0, len(stroke) - 1, 8 * len(stroke))
    return np.stack([np.interp(finer, places, axis) for axis in stroke.T], 1)
