"""The functions behind the page's events and the endpoints."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from digitrec.demo.feedback import Feedback
from digitrec.demo.uploads import refusal
from digitrec.errors import BadImageError, NotDigitsError
from digitrec.network.model import IMAGE_SIZE
from digitrec.prediction import Number, Prediction, join_rows
from digitrec.reading.file import UPLOAD
from digitrec.reading.number import MOST_DIGITS
from digitrec.reading.picture import Picture, read_picture, read_uploads
from digitrec.recognizer import DigitRecognizer

NO_DIGIT_FOUND = "No digit found"

Drawing = dict[str, Any]  # the value of a Sketchpad
Answer = TypeVar("Answer")


class Handlers:
    """Answers the page's events and the endpoints' calls with one recogniser."""

    def __init__(self, recognizer: DigitRecognizer, revision: str, feedback: Feedback | None):
        """Take the model, its name for the answers, and where corrections go (None: nowhere)."""
        self._recognizer = recognizer
        self._revision = revision
        self._feedback = feedback

    def read_drawing(self, drawing: Drawing) -> dict | None:
        if drawing["composite"] is None:
            return None
        height, width, _ = drawing["composite"].shape
        return _as_answer(_answer(self._recognizer.read_for_page, drawing), (width, height))

    def read_photo(self, photo: Path | None) -> dict | None:
        """Read a picture; a bad one gets a message, so that no old answer stays next to it."""
        if photo is None:
            return None
        try:
            picture = read_picture(photo, UPLOAD)
        except BadImageError as error:
            return {**_as_answer([], (1, 1)), "is_photo": True, "message": str(error)}
        assert picture is not None  # only a Sketchpad can hold nothing
        answer = _as_answer(self._recognizer.read_for_page(picture), picture.size)
        return {**answer, "is_photo": True}

    def explain(self, asked: Any) -> dict:
        """Say how much each pixel of some digits' images spoke for their best answers.

        Arguments:
            asked: {"digits": digits of an answer} from the page.
        """
        classes = len(self._recognizer.classes)
        try:
            digits = asked["digits"]
            images = np.array([digit["image"] for digit in digits], np.uint8)
            shares = np.array([digit["probabilities"] for digit in digits], np.float32)
            images = images.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
            if not (1 <= len(images) <= MOST_DIGITS and shares.shape == (len(images), classes)):
                raise ValueError("another number of digits")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise refusal("These are not the digits of an answer. Reload the page.") from error
        explained = (
            Prediction(probabilities, True, 0.0, image)
            for probabilities, image in zip(shares, images, strict=True)
        )
        return {"contributions": [self._recognizer.explain(one).tolist() for one in explained]}

    def keep_correction(self, drawing: Drawing, choice: Any) -> dict:
        """Keep one digit of the drawing with the label that the visitor chose.

        Arguments:
            choice: {"place": which digit, from 0, "label": 0-9, "text": the answer that the
                visitor saw} from the page.
        """
        assert self._feedback is not None  # otherwise the page does not ask
        number = _answer(self._recognizer.read_number, drawing)
        match choice:
            case {"place": int(place), "label": int(label), "text": str(text)} if 0 <= place < len(
                number.digits
            ) and 0 <= label < len(self._recognizer.classes):
                pass
            case _:
                return {"said": "Draw a digit first, then choose what it is."}
        if text != number.text:
            return {"said": "The drawing has changed. Choose again."}
        digit = number.digits[place]
        kept = self._feedback.add(digit.image, label, digit, self._revision)
        said = f"Thank you, kept as a {label}." if kept else "No more corrections can be stored."
        return {"said": said}

    def predict(self, image: Path) -> dict:
        """Read the digit in a picture: a drawing or a photo of one digit, in any colours.

        Args:
            image: PNG, JPEG, WebP, BMP, GIF, TIFF or PPM, of at most 32 MB and 64 megapixels (JPEG;
                other formats as much as 150 MB of memory can hold).

        Returns:
            digit (null if there is none), label (the digit, or "No digit found"), confidences (the
            three best), probabilities (of 0 to 9), is_digit, digit_score (higher is more like a
            digit), rotated (0, or 90 or 270: degrees clockwise by which a photo was turned to be
            read) and revision (of the model that answered).
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
            text (the number, "" if there is none), is_number, reason (why it is not a number),
            best_reading (even if it is not a number), probability (that this is right), rotated
            (as of /predict), rows (of digits; several are not a number: see /read_lines), digits
            (for each what /predict returns, and box, which is left, top, right and bottom in
            pixels of the picture) and revision (of the model that answered).
        """
        number = _answer(self._recognizer.read_number, _read(image))
        return {**_number_as_json(number), "revision": self._revision}

    def read_lines(self, image: Path) -> dict:
        """Read the number in each row of digits in a picture, from top to bottom.

        Args:
            image: what /predict takes.

        Returns:
            lines (for each row what /read_number returns; an empty list if the picture is empty)
            and revision (of the model that answered).
        """
        lines = _answer(self._recognizer.read_lines, _read(image))
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

    def _as_json(self, prediction: Prediction) -> dict:
        label = {} if prediction.is_digit else {"label": NO_DIGIT_FOUND, "confidences": []}
        return {**_digit_as_json(prediction), **label, "revision": self._revision}


def _read(image: Path) -> Picture:
    picture = _answer(partial(read_picture, limits=UPLOAD), image)
    assert picture is not None  # only a Sketchpad can hold nothing
    return picture


def _answer(read: Callable[[Any], Answer], image: Any) -> Answer:
    try:
        return read(image)
    except (BadImageError, NotDigitsError) as error:
        raise refusal(str(error)) from error


def _as_answer(lines: Sequence[Number], size: tuple[int, int]) -> dict:
    """Give what `page/answer.js` lays out.

    Arguments:
        lines: what is read in each row.
        size: width and height of the picture that was read.
    """
    readings = [line.best_reading for line in lines]
    return {**join_rows(lines).to_dict(), "readings": readings, "size": list(size)}


def _number_as_json(number: Number) -> dict:
    digits = [
        {**_digit_as_json(digit), "box": list(box)}
        for digit, box in zip(number.digits, number.boxes, strict=True)
    ]
    return {**number.to_dict(image=False), "digits": digits}


def _digit_as_json(digit: Prediction) -> dict:
    """Give what `to_dict` does without the image, and what Gradio's Label shows."""
    best = digit.top_labels()
    return {
        **digit.to_dict(image=False),
        "label": best[0][0] if best else "",
        "confidences": [{"label": answer, "confidence": share} for answer, share in best],
    }
