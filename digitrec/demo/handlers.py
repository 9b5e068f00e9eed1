"""The functions behind the page's events and the endpoints."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from digitrec.demo.answer import (
    BLANK,
    NO_DIGIT_FOUND,
    SMALL,
    answer_html,
    explanation_html,
    message_html,
)
from digitrec.demo.feedback import Feedback
from digitrec.demo.uploads import refusal
from digitrec.errors import BadImageError
from digitrec.prediction import Number, Prediction, join_rows
from digitrec.reading.file import UPLOAD
from digitrec.reading.picture import Picture, read_picture, read_uploads
from digitrec.recognizer import DigitRecognizer

Drawing = dict[str, Any]  # the value of a Sketchpad
Answer = TypeVar("Answer")


class Handlers:
    """Answers the page's events and the endpoints' calls with one recogniser."""

    def __init__(self, recognizer: DigitRecognizer, revision: str, feedback: Feedback | None):
        """Take the model, its name for the answers, and where corrections go (None: nowhere)."""
        self._recognizer = recognizer
        self._revision = revision
        self._feedback = feedback

    def read_drawing(self, drawing: Drawing) -> str:
        if drawing["composite"] is None:
            return BLANK
        lines, side = _answer(self._recognizer.read_lines, drawing), len(drawing["composite"])
        number = join_rows(lines)
        left, top, right, bottom = np.transpose(number.boxes or ((0, 0, side, side),))
        small = max(right.max() - left.min(), bottom.max() - top.min()) < SMALL * side
        hint = "Draw larger" if small else ""
        return answer_html(number, (side, side), hint=hint, lines=lines)

    def explain_drawing(self, drawing: Drawing) -> str:
        """Show over the drawing which pixels support the answer; nothing without an answer."""
        if drawing["composite"] is None:
            return ""
        number = self._read_number(drawing)
        if not number.is_number:
            return ""
        contributions = [self._recognizer.explain(digit) for digit in number.digits]
        return explanation_html(number, contributions, len(drawing["composite"]))

    def keep_correction(self, drawing: Drawing, choice: Any) -> str:
        """Keep one digit of the drawing with the label that the visitor chose.

        Arguments:
            choice: "PLACE:LABEL:TEXT" from the page: which digit, counted from 0, its label, and
                the answer that the visitor saw.
        """
        assert self._feedback is not None  # otherwise the page does not ask
        number = self._read_number(drawing)
        digits = number.digits
        chosen = re.fullmatch(r"(\d\d?):(\d):(\d*)", str(choice), re.ASCII)
        if not chosen or int(chosen[1]) >= len(digits):
            return "Draw a digit first, then choose what it is."
        if chosen[3] != number.text:
            return "The drawing has changed. Choose again."
        digit, label = digits[int(chosen[1])], int(chosen[2])
        kept = self._feedback.add(digit.image, label, digit, self._revision)
        return f"Thank you, kept as a {label}." if kept else "No more corrections can be stored."

    def read_photo(self, photo: Path | None) -> str:
        """Read a picture; a bad one gets a message, so that no old answer stays next to it."""
        if photo is None:
            return BLANK
        try:
            picture = read_picture(photo, UPLOAD)
        except BadImageError as error:
            return message_html(str(error), "photo")
        assert picture is not None  # only a Sketchpad can hold nothing
        lines = self._recognizer.read_lines(picture)
        return answer_html(join_rows(lines), picture.size, source="photo", lines=lines)

    def predict(self, image: Path) -> dict:
        """Read the digit in a picture: a drawing or a photo of one digit, in any colours.

        Args:
            image: PNG, JPEG, WebP, BMP, GIF, TIFF or PPM, of at most 32 MB and 64 megapixels (JPEG;
                other formats as much as 150 MB of memory can hold).

        Returns:
            label (the digit, or "No digit found"), confidences (the three best), is_digit,
            digit_score (higher is more like a digit), rotated (0, or 90 or 270: degrees clockwise
            by which a photo was turned to be read) and revision (of the model that answered).
        """
        return self._as_json(self._recognizer.predict(_read(image)))

    def predict_batch(self, images: list[Path]) -> list[dict]:
        """Read the digits in up to 64 pictures, each as /predict does, 64 megapixels in all.

        Args:
            images: files, one digit in each.

        Returns:
            a list of what /predict returns, in the same order.
        """
        predictions = _answer(self._recognizer.predict_batch, read_uploads(images))
        return [self._as_json(prediction) for prediction in predictions]

    def read_number(self, image: Path) -> dict:
        """Read a number of one to twelve digits in a picture, such as 42.

        Args:
            image: what /predict takes.

        Returns:
            text (the number, "" if there is none), is_number, probability (that the text is
            right), rotated (as of /predict), rows (of digits; several are not a number: see
            /read_lines), digits (for each: label, confidences, and box, which is left, top, right
            and bottom in pixels of the picture) and revision (of the model that answered).
        """
        number = self._recognizer.read_number(_read(image))
        return {**_number_as_json(number), "rows": number.rows, "revision": self._revision}

    def read_lines(self, image: Path) -> dict:
        """Read the number in each row of digits in a picture, from top to bottom.

        Args:
            image: what /predict takes.

        Returns:
            lines (for each row: text, is_number, probability, rotated and digits, as /read_number
            returns them; an empty list if the picture is empty) and revision (of the model that
            answered).
        """
        lines = self._recognizer.read_lines(_read(image))
        return {"lines": [_number_as_json(line) for line in lines], "revision": self._revision}

    def model_info(self) -> dict:
        """Say which model answers, and how accurate it is.

        Returns:
            revision, parameters, test_accuracy and drawing_accuracy (0-1, null if not measured).
        """
        metrics = self._recognizer.metrics
        return {
            "revision": self._revision,
            "parameters": metrics.get("model", {}).get("parameters"),
            "test_accuracy": metrics.get("test", {}).get("accuracy"),
            "drawing_accuracy": metrics.get("drawn_digits", {}).get("mean"),
        }

    def _read_number(self, image: Drawing | Path) -> Number:
        return _answer(self._recognizer.read_number, image)

    def _as_json(self, prediction: Prediction) -> dict:
        label = {} if prediction.is_digit else {"label": NO_DIGIT_FOUND, "confidences": []}
        return {
            **_best(prediction),
            **label,
            "is_digit": prediction.is_digit,
            # JSON has no -inf, the score of a picture without ink.
            "digit_score": prediction.digit_score if prediction.top() else None,
            "rotated": prediction.rotated,
            "revision": self._revision,
        }


def _read(image: Path) -> Picture:
    picture = _answer(partial(read_picture, limits=UPLOAD), image)
    assert picture is not None  # only a Sketchpad can hold nothing
    return picture


def _answer(read: Callable[[Any], Answer], image: Any) -> Answer:
    try:
        return read(image)
    except BadImageError as error:
        raise refusal(str(error)) from error


def _number_as_json(number: Number) -> dict:
    return {
        "text": number.text,
        "is_number": number.is_number,
        "probability": number.probability,
        "rotated": number.rotated,
        "digits": [
            {**_best(digit), "box": list(box)}
            for digit, box in zip(number.digits, number.boxes, strict=True)
        ],
    }


def _best(digit: Prediction) -> dict:
    """Give the best answer, and the three best with their probabilities."""
    best = digit.top()
    return {
        "label": str(best[0][0]) if best else "",
        "confidences": [{"label": str(answer), "confidence": share} for answer, share in best],
    }
