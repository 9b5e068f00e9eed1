"""What a recogniser answers: a prediction for one digit, or a number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from digitrec.network.model import DIGITS
from digitrec.reading.number import MOST_DIGITS


@dataclass(frozen=True, eq=False)
class Prediction:
    probabilities: Float32[np.ndarray, " classes"]  # calibrated, sum 1; equal for an empty canvas
    is_digit: bool
    digit_score: float  # higher is more like a digit; -inf for an empty canvas
    image: UInt8[np.ndarray, "28 28"]  # what the network saw, bright ink on black
    rotated: int = 0  # degrees clockwise by which the picture was turned to be read: 0, 90 or 270
    classes: tuple[str, ...] = DIGITS  # what the probabilities belong to

    @property
    def digit(self) -> int | None:
        """The best answer as a number; None if it is not a digit of any script."""
        label = self.label
        return int(label) if label is not None and len(label) == 1 and label.isdecimal() else None

    @property
    def label(self) -> str | None:
        """What the best answer is called, such as "7" or "B"; None if it is none of the classes."""
        return self.best_label if self.is_digit else None

    @property
    def best_label(self) -> str:
        """What the best answer is called, even if this is none of the classes."""
        return self.classes[self.probabilities.argmax()]

    def top(self, k: int = 3) -> list[tuple[int, float]]:
        """Give the `k` best pairs (class, probability), best first; `[]` for an empty canvas.

        A class is its place in `classes`, which of the digits 0 to 9 is the digit itself.
        """
        if self.digit_score == -np.inf:
            return []
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(int(place), float(self.probabilities[place])) for place in order]

    def top_labels(self, k: int = 3) -> list[tuple[str, float]]:
        """Give what `top` gives, with what the classes are called."""
        return [(self.classes[place], share) for place, share in self.top(k)]

    def __repr__(self) -> str:
        if not self.top():
            return "Prediction(blank)"
        best, *others = (label for label, _ in self.top_labels())
        if not self.is_digit:
            return f"Prediction(no digit; closest {', '.join([best, *others])})"
        return f"Prediction({best}, {percent(self.top(1)[0][1])}; then {', '.join(others)})"

    def _repr_html_(self) -> str:
        from digitrec.notebook import prediction_as_html

        return prediction_as_html(self)

    def to_dict(self, *, image: bool = True) -> dict[str, Any]:
        """Give all of it as JSON can hold it; docs/json.md explains each field.

        `digit_score` is None for an empty canvas, as JSON has no infinity.

        Arguments:
            image: with the 28 rows of numbers from 0 to 255 that the network saw.
        """
        values: dict[str, Any] = {
            "digit": self.digit,
            "is_digit": self.is_digit,
            "digit_score": self.digit_score if self.top() else None,
            "probabilities": self.probabilities.tolist(),
            "rotated": self.rotated,
        }
        if self.classes != DIGITS:
            values |= {"label": self.label, "classes": list(self.classes)}
        return values | {"image": self.image.tolist()} if image else values


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
        return "".join(digit.best_label for digit in self.digits)

    @property
    def reason(self) -> str | None:
        """Why this is not a number; None if it is one.

        "blank", "several_rows", "too_many_digits", "not_a_digit" (one sign) or "not_a_number".
        """
        if self.is_number:
            return None
        if not self.digits:
            return "blank"
        if self.rows > 1:
            return "several_rows"
        if len(self.digits) > MOST_DIGITS:
            return "too_many_digits"
        return "not_a_digit" if len(self.digits) == 1 else "not_a_number"

    def __repr__(self) -> str:
        if self.is_number:
            return f"Number({self.text!r}, {percent(self.probability)})"
        if not self.digits:
            return "Number(blank)"
        return f"Number(not a number: {self.reason}; closest {self.best_reading!r})"

    def _repr_html_(self) -> str:
        from digitrec.notebook import number_as_html

        return number_as_html(self)

    def to_dict(self, *, image: bool = True) -> dict[str, Any]:
        """Give all of it as JSON can hold it; each digit as `Prediction.to_dict`, with its box.

        Arguments:
            image: with the image of each digit.
        """
        return {
            "text": self.text,
            "is_number": self.is_number,
            "reason": self.reason,
            "best_reading": self.best_reading,
            "probability": self.probability,
            "rotated": self.rotated,
            "rows": self.rows,
            "digits": [
                {**digit.to_dict(image=image), "box": list(box)}
                for digit, box in zip(self.digits, self.boxes, strict=True)
            ],
        }


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
    """Round down to a tenth of a per cent, so that shares add up to 100 at most; never to 100."""
    tenths = min(999, math.floor(1000 * probability + 1e-6))
    return f"{tenths / 10:.1f} %" if tenths else "less than 0.1 %"
