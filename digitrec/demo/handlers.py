"""What the page and the endpoints do: an event comes in, an answer goes out."""

import base64
import io
from pathlib import Path

import gradio as gr
from PIL import Image

from digitrec.demo.answer import NO_DIGIT_FOUND, NOTHING_DRAWN, answer_html, message_html
from digitrec.demo.feedback import Feedback
from digitrec.demo.share import decode_drawing, encode_drawing
from digitrec.demo.uploads import refusal
from digitrec.errors import BadImageError
from digitrec.picture import check_batch
from digitrec.recognizer import DigitRecognizer, Prediction

CANVAS = 400  # pixels a side of the pad
LONGEST_DRAWING = 1_000_000  # characters of a data URL; what the pad sends has about 7,000
LARGEST_DRAWING = 1_000_000  # pixels; the pad has 160,000


class Handlers:
    """Answers the events of the page and of the three endpoints with one recogniser."""

    def __init__(self, recognizer: DigitRecognizer, revision: str, feedback: Feedback | None):
        """Take the model, its name for the answers, and where corrections go (None: nowhere)."""
        self._recognizer = recognizer
        self._revision = revision
        self._feedback = feedback

    def read_drawing(self, drawing: str, why: bool) -> str:
        if not drawing:
            return message_html(NOTHING_DRAWN)
        image = _decode_data_url(drawing)
        prediction = self._read(image)
        explain = why and prediction.top()
        return answer_html(
            prediction,
            contributions=self._recognizer.explain(prediction) if explain else None,
            code=encode_drawing(image) if prediction.top() else "",
        )

    def open_link(self, code: str):
        """Put the drawing of a link on the pad; as soon as it is there, page/pad.js sends it."""
        try:
            drawing = decode_drawing(code)
        except BadImageError as error:
            return gr.skip(), message_html(str(error))
        return drawing.resize((CANVAS, CANVAS), Image.Resampling.LANCZOS).convert("RGB"), gr.skip()

    def keep_correction(self, drawing: str, label: str | None):
        """Keep what was drawn, with what it is; take the choice back."""
        prediction = self._read(_decode_data_url(drawing)) if drawing else None
        if label is None or not prediction or not prediction.top():
            return label, "Draw a digit and choose what it is first."
        assert self._feedback is not None  # otherwise the page asks for none
        kept = self._feedback.add(prediction.image, int(label), prediction, self._revision)
        return None, f"Thank you, kept as a {label}." if kept else "There is no room for more."

    def read_picture(self, image: Path | None) -> str:
        if image is None:
            return ""
        return answer_html(self._read(image), empty=NO_DIGIT_FOUND, other=NO_DIGIT_FOUND)

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

    def _read(self, image: Image.Image | Path) -> Prediction:
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


def _decode_data_url(text: str) -> Image.Image:
    start, _, content = text.partition(",")
    try:
        if start != "data:image/png;base64" or len(text) > LONGEST_DRAWING:
            raise ValueError(f"{len(text):,} characters that begin with {start[:30]!r}")
        image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"])
        if image.width * image.height > LARGEST_DRAWING:
            raise ValueError(f"{image.width}x{image.height} pixels")
        image.load()
    except Exception as error:  # Pillow raises errors of many kinds on what it cannot read
        raise refusal(
            f"The drawing should be a PNG as a data URL, but is not ({error}); reload the page."
        ) from error
    return image
