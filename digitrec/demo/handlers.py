"""What the page and the endpoints do: an event comes in, an answer goes out."""

from pathlib import Path
from typing import Any

from digitrec.demo.answer import (
    BLANK,
    NO_DIGIT_FOUND,
    SMALL,
    answer_html,
    explanation_html,
    ink_box,
    message_html,
)
from digitrec.demo.feedback import Feedback
from digitrec.demo.uploads import refusal
from digitrec.errors import BadImageError
from digitrec.picture import check_batch
from digitrec.prediction import Prediction
from digitrec.recognizer import DigitRecognizer

Drawing = dict[str, Any]  # what a Sketchpad hands over


class Handlers:
    """Answers the events of the page and of the three endpoints with one recogniser."""

    def __init__(self, recognizer: DigitRecognizer, revision: str, feedback: Feedback | None):
        """Take the model, its name for the answers, and where corrections go (None: nowhere)."""
        self._recognizer = recognizer
        self._revision = revision
        self._feedback = feedback

    def read_drawing(self, drawing: Drawing) -> str:
        if drawing["composite"] is None:
            return BLANK
        prediction = self._read(drawing)
        left, top, right, bottom = ink_box(drawing["composite"])
        small = max(right - left, bottom - top) < SMALL
        return answer_html(prediction, hint="Draw larger" if small else "")

    def explain_drawing(self, drawing: Drawing) -> str:
        """Show what spoke for the answer, over the drawing; nothing where there is no answer."""
        if drawing["composite"] is None:
            return ""
        prediction = self._read(drawing)
        if not prediction.is_digit:
            return ""
        contributions = self._recognizer.explain(prediction)
        return explanation_html(prediction, contributions, drawing["composite"])

    def keep_correction(self, drawing: Drawing, label: str) -> str:
        """Keep what was drawn, with what it is."""
        assert self._feedback is not None  # otherwise the page asks for none
        prediction = self._read(drawing)
        if not prediction.top() or label not in map(str, range(10)):
            return "Draw a digit first, then choose what it is."
        kept = self._feedback.add(prediction.image, int(label), prediction, self._revision)
        return f"Thank you, kept as a {label}." if kept else "There is no room for more."

    def read_photo(self, photo: Path | None) -> str:
        """Read a picture; one that cannot be read gets a sentence in place of an old answer."""
        if photo is None:
            return BLANK
        try:
            prediction = self._recognizer.predict(photo)
        except BadImageError as error:
            return message_html(str(error), "photo")
        return answer_html(prediction, other=NO_DIGIT_FOUND, source="photo")

    def predict(self, image: Path) -> dict:
        """Read the digit in a picture: a drawing or a photo of one digit, in any colours.

        Args:
            image: PNG, JPEG, WebP, BMP, GIF, TIFF or PPM, of at most 16 megapixels (WebP: 7).

        Returns:
            label (the digit, or "No digit found"), confidences (the three best), is_digit,
            digit_score (higher is more like a digit) and revision (of the model that answered).
        """
        if image is None:
            raise refusal("The picture should be an uploaded file, but is none; upload it first.")
        return self._as_json(self._read(image))

    def predict_batch(self, images: list[Path]) -> list[dict]:
        """Read the digits in up to 64 pictures, each like /predict, 64 megapixels in all.

        Args:
            images: files, one digit in each.

        Returns:
            a list of what /predict returns, in the same order.
        """
        try:
            check_batch(images)
            predictions = self._recognizer.predict_batch(images)
        except BadImageError as error:
            raise refusal(str(error)) from error
        return [self._as_json(prediction) for prediction in predictions]

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

    def _read(self, image: Drawing | Path) -> Prediction:
        try:
            return self._recognizer.predict(image)
        except BadImageError as error:
            raise refusal(str(error)) from error

    def _as_json(self, prediction: Prediction) -> dict:
        best = prediction.top() if prediction.is_digit else []
        return {
            "label": str(prediction.digit) if best else NO_DIGIT_FOUND,
            "confidences": [{"label": str(digit), "confidence": share} for digit, share in best],
            "is_digit": prediction.is_digit,
            # JSON has no -inf, the score of a picture without ink.
            "digit_score": prediction.digit_score if prediction.top() else None,
            "revision": self._revision,
        }
