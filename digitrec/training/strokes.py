"""Digits as pen strokes: read from a UNIPEN file, and drawn with a round brush."""

import gzip
import math
import os
import zlib
from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from digitrec.errors import DatasetUnavailableError

# Of pendigits-orig.tra: those who train, and those on whom digitrec is measured.
TRAINING_WRITERS, MEASURING_WRITERS = range(1, 25), range(25, 31)

Stroke = Float[np.ndarray, "_ 2"]  # x to the right, y downwards


class PenDigit(NamedTuple):
    strokes: Sequence[Stroke]  # one for each time the pen was put down
    label: int
    writer: int


def read_unipen(path: str | os.PathLike, writers: Container[int]) -> list[PenDigit]:
    """Read the digits of the given writers, in the file's order.

    Arguments:
        path: UNIPEN text, gzipped or not, with `.SEGMENT DIGIT`, `.COMMENT label writer index`,
            `.PEN_DOWN`, x y pairs (y upwards) and `.PEN_UP`, as in pendigits-orig.tra.Z of
            https://archive.ics.uci.edu/dataset/81 (Alpaydin and Alimoglu, CC BY 4.0).

    Raises: DatasetUnavailableError.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        digits = _parse(content.decode("ascii"), writers)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise DatasetUnavailableError(
            f"{path} is not a file of UNIPEN pen strokes that digitrec can read ({error}). "
            "docs/training.md says where to find one."
        ) from error
    if not digits:
        raise DatasetUnavailableError(
            f"{path} holds no digits of writers {writers}. docs/training.md says where to find a "
            "file that does."
        )
    return digits


def _parse(text: str, writers: Container[int]) -> list[PenDigit]:
    digits = []
    for segment in text.split(".SEGMENT DIGIT")[1:]:
        pen_down, strokes = False, []
        label, writer = map(int, segment.split(".COMMENT", 1)[1].split()[:2])
        for line in segment.splitlines():
            words = line.split()
            if words == [".PEN_DOWN"]:
                pen_down = True
                strokes.append([])
            elif words == [".PEN_UP"]:
                pen_down = False
            elif pen_down and words:
                x, y = map(float, words)
                if not (math.isfinite(x) and math.isfinite(y)):
                    raise ValueError(f"{line.strip()!r} is not a point")
                strokes[-1].append((x, -y))
        strokes = tuple(np.array(stroke) for stroke in strokes if stroke)
        if label not in range(10) or not strokes:
            raise ValueError(f"a digit has label {label} and {len(strokes)} strokes")
        if writer in writers:
            digits.append(PenDigit(strokes, label, writer))
    return digits


def fit_strokes(
    strokes: Sequence[Stroke], size: float, center: tuple[float, float]
) -> list[Stroke]:
    """Scale strokes so that the longer side of their bounding box is `size`, and centre them."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = size / max((high - low).max(), 1e-6)
    return [(stroke - (low + high) / 2) * scale + center for stroke in strokes]


def draw_strokes(strokes: Sequence[Stroke], side: int, brush: float) -> Image.Image:
    """Draw strokes with a round brush, anti-aliased.

    Arguments:
        strokes: in pixels of the canvas.
        side: of the square canvas, in pixels.
        brush: diameter in pixels.

    Returns: a picture of mode L; 255 is ink.
    """
    canvas = Image.new("L", (2 * side, 2 * side))
    pen = ImageDraw.Draw(canvas)
    width = max(1, round(2 * brush))
    for stroke in strokes:
        points = 2 * stroke
        pen.line(points.ravel().tolist(), fill=255, width=width)
        for x, y in points:
            pen.circle((x, y), width / 2 - 0.5, fill=255)
    return canvas.reduce(2)
