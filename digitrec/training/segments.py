"""What a search through a number meets beside its digits: parts of digits, pairs, and digits with
a part of their neighbour.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from digitrec.drawing import cut_out
from digitrec.training.data import NO_DIGIT, Examples
from digitrec.training.strokes import PenDigit, draw_strokes, fit_strokes

SIDE = 130  # pixels of the sheet on which one digit is drawn
DRAWN = 100.0  # pixels that the longer side of its path takes of them
BRUSHES = (0.03, 0.2)  # diameter, as a share of it
GAPS = (-0.2, 0.3)  # between two digits, as a share of the higher one; negative: they overlap
OFFSET = 0.1  # standard deviation of their heights' difference, as the same share
SLANT = 0.25  # standard deviation of a cut's steps aside for each step down
SLIVER = (0.0, 0.1)  # of a neighbour's width: a digit with that much of it is still a digit
PART = (0.3, 0.55)  # of a digit's width: that much is no digit, beside another or alone
NARROW = 0.4  # of its height: a part that is narrower may be a 1

Picture = UInt8[np.ndarray, "_ _"]  # bright ink on black


def make_segments(
    mnist: Examples, digits: Sequence[PenDigit], count: int, random: np.random.Generator
) -> tuple[list[Picture], list[int]]:
    """Make pictures for `to_mnist`, a tenth of them digits with a little of their neighbour.

    Arguments:
        digits: pen strokes; where there are some, they make half of the digits, MNIST the others.

    Returns: the pictures, and their labels, 0-9 or NO_DIGIT.
    """
    pictures, labels = [], []
    while len(pictures) < count:
        kind = random.choice(["pair", "part", "neighbour", "sliver"], p=[0.4, 0.25, 0.25, 0.1])
        brush = DRAWN * np.exp(random.uniform(*np.log(BRUSHES)))
        drawn = len(digits) > 0 and random.random() < 0.5
        (one, label), (other, other_label) = (
            _draw(digits, brush, random) if drawn else _enlarge(mnist, random) for _ in range(2)
        )
        on_left = random.random() < 0.5
        if kind == "part":
            one = _cut(one, random.uniform(*PART), on_left, random)
            # The right half of an 8 is a 3.
            if (label == 8 and not on_left) or one.shape[1] < NARROW * one.shape[0]:
                continue
        else:
            if kind != "pair":
                if other_label == 1:  # a part of it is all of it
                    continue
                share = random.uniform(*(SLIVER if kind == "sliver" else PART))
                other = _cut(other, share, not on_left, random)
            one = _put_beside(*((one, other) if on_left else (other, one)), random)
        if one.max() < 128:  # a cut that missed the ink
            continue
        pictures.append(np.pad(one, 2))
        labels.append(label if kind == "sliver" else NO_DIGIT)
    return pictures, labels


def _draw(digits: Sequence[PenDigit], brush: float, random) -> tuple[Picture, int]:
    digit = digits[random.integers(len(digits))]
    strokes = fit_strokes(digit.strokes, DRAWN, (SIDE / 2, SIDE / 2))
    return _trim(np.asarray(draw_strokes(strokes, SIDE, brush))), digit.label


def _enlarge(mnist: Examples, random) -> tuple[Picture, int]:
    index = random.integers(len(mnist.labels))
    image = Image.fromarray(mnist.images[index, ..., 0])
    picture = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return _trim(picture), int(mnist.labels[index])


def _trim(picture: Picture) -> Picture:
    return cut_out(picture, int(picture.max()) // 4)


def _cut(picture: Picture, share: float, keep_left: bool, random) -> Picture:
    """Keep the left or the right part of a digit, cut along a line that is nearly upright."""
    rows, columns = np.indices(picture.shape)
    line = columns + random.normal(0, SLANT) * (rows - picture.shape[0] / 2)
    width = picture.shape[1]
    kept = line < share * width if keep_left else line >= (1 - share) * width
    return _trim(np.where(kept, picture, 0))


def _put_beside(left: Picture, right: Picture, random) -> Picture:
    height = max(len(left), len(right))
    gap = round(height * random.uniform(*GAPS))
    down = (height * random.normal(0.5, OFFSET, 2)).round().astype(int).clip(0, height)
    at = max(0, left.shape[1] + gap)
    sheet = np.zeros((2 * height, max(left.shape[1], at + right.shape[1])), np.uint8)
    for picture, column, row in ((left, 0, down[0]), (right, at, down[1])):
        where = sheet[row : row + len(picture), column : column + picture.shape[1]]
        np.maximum(where, picture[: len(where)], out=where)
    return _trim(sheet)
