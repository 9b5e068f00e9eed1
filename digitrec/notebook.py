"""Answers as HTML for notebooks: styles inline, and colours that suit light and dark ones."""

import base64
import io
from html import escape

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from digitrec.prediction import Number, Prediction, count_rows, percent
from digitrec.reading.number import MOST_DIGITS

ROW = "display:flex;flex-wrap:wrap;gap:1em;align-items:center"


def prediction_as_html(prediction: Prediction) -> str:
    """Lay out the image that the network saw, ten bars, and the three best answers."""
    said = ", ".join(f"{digit} ({percent(share)})" for digit, share in prediction.top_labels())
    if not said:
        said = "The picture is blank."
    elif not prediction.is_digit:
        said = f"No digit. Closest: {said}"
    shares = prediction.probabilities if prediction.top() else np.zeros(len(prediction.classes))
    bars = "".join(
        _bar(name, float(share), is_best=name == prediction.label)
        for name, share in zip(prediction.classes, shares, strict=True)
    )
    shown = f"{_image(prediction.image, 112)}<div>{bars}</div><div>{escape(said)}</div>"
    return f'<div style="{ROW}">{shown}</div>'


def number_as_html(number: Number) -> str:
    """Lay out each digit's image over its answer, and the number or why it is not one."""
    digits = "".join(
        f'<div style="text-align:center">{_image(digit.image, 56)}'
        f"<div>{escape(digit.best_label)}</div></div>"
        for digit in number.digits
    )
    return f'<div style="{ROW}">{digits}<div>{escape(_number_in_words(number))}</div></div>'


def _number_in_words(number: Number) -> str:
    if number.is_number:
        return f"{number.text} ({percent(number.probability)})"
    reason = {
        "blank": "The picture is blank.",
        "several_rows": f"Not a number: {count_rows(number.rows)}. read_lines reads each.",
        "too_many_digits": f"Not a number: more than {MOST_DIGITS} digits.",
        "not_a_digit": "Not a digit.",
        "not_a_number": "Not a number.",
    }[number.reason or ""]
    return f"{reason} Closest: {number.best_reading}" if number.digits else reason


def _image(pixels: UInt8[np.ndarray, "28 28"], size: int) -> str:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    encoded = base64.b64encode(content.getvalue()).decode()
    # A notebook's own style would otherwise shrink or smooth it.
    style = f"width:{size}px;height:{size}px;max-width:none;image-rendering:pixelated"
    return f'<img alt="what the network saw" style="{style}" src="data:image/png;base64,{encoded}">'


def _bar(name: str, share: float, *, is_best: bool) -> str:
    width, opacity = round(100 * share), 1 if is_best else 0.5
    bar = f"height:.6em;width:{width}px;background:currentColor;opacity:{opacity}"
    return (
        '<div style="display:flex;gap:.5em;align-items:center;line-height:1.1">'
        f'<span>{escape(name)}</span><span style="{bar}"></span></div>'
    )
