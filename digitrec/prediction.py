"""What a recogniser answers: a prediction for one digit, or a number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8


@dataclass(frozen=True, eq=False)
class Prediction:
    probabilities: Float32[np.ndarray, "10"]  # calibrated, sum 1; all 0.1 for an empty canvas
    is_digit: bool
    digit_score: float  # higher is more like a digit; -inf for an empty canvas
    image: UInt8[np.ndarray, "28 28"]  # what the network saw, bright ink on black
    rotated: int = 0  # degrees clockwise by which the picture was turned to be read: 0, 90 or 270

    @property
    def digit(self) -> int | None:
        """The best answer, or None if this is not a digit."""
        return int(self.probabilities.argmax()) if self.is_digit else None

    def top(self, k: int = 3) -> list[tuple[int, float]]:
        """Give the `k` best pairs (digit, probability), best first; `[]` for an empty canvas."""
        if self.digit_score == -np.inf:
            return []
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(int(digit), float(self.probabilities[digit])) for digit in order]


@dataclass(frozen=True, eq=False)
class Number:
    digits: tuple[Prediction, ...]  # row by row, left to right; even if not a number
    # Left, top, right, bottom of each digit's ink, in pixels of the image as given.
    boxes: tuple[tuple[int, int, int, int], ...]
    probability: float  # that the best reading is right, calibrated; 0 for an empty canvas
    is_number: bool
    rotated: int = 0  # degrees clockwise by which the picture was turned to be read: 0, 90 or 270
    rows: int = 1  # of digits in the picture: 0 for an empty canvas, several are not a number

    @property
    def text(self) -> str:
        """The number, such as "42"; "" if this is not a number."""
        return self.best_reading if self.is_number else ""

    @property
    def best_reading(self) -> str:
        """The best answer for each digit, even if this is not a number."""
        return "".join(str(digit.probabilities.argmax()) for digit in self.digits)


def join_rows(lines: Sequence[Number]) -> Number:
    """Give one number for a picture: that of its row, or all digits of several rows, no number."""
    if len(lines) == 1:
        return lines[0]
    return Number(
        digits=tuple(digit for line in lines for digit in line.digits),
        boxes=tuple(box for line in lines for box in line.boxes),
        probability=math.prod(line.probability for line in lines) if lines else 0.0,
        is_number=False,
        rotated=lines[0].rotated if lines else 0,
        rows=len(lines),
    )


def count_rows(rows: int) -> str:
    """Say in words how many rows of digits there are, of two or more."""
    return f"{'two' if rows == 2 else 'several'} rows of digits"


def percent(probability: float) -> str:
    """Round to a tenth of a per cent, but never to certainty."""
    return f"{min(99.9, max(0.1, 100 * probability)):.1f} %"
