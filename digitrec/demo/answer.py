"""A prediction as HTML: the three best answers, and what the network saw."""

import base64
import io
from html import escape

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from digitrec.recognizer import Prediction, percent

NOTHING_DRAWN = "Nothing drawn yet"
NOT_A_DIGIT = "That does not look like a digit"
NO_DIGIT_FOUND = "No digit found"

FOR, AGAINST = np.array([255, 140, 0]), np.array([0, 130, 255])  # orange and blue: safe to tell


def answer_html(
    prediction: Prediction,
    *,
    empty: str = NOTHING_DRAWN,
    other: str = NOT_A_DIGIT,
    contributions: Float32[np.ndarray, "28 28"] | None = None,
    code: str = "",
) -> str:
    """Lay out an answer; `page/page.css` says how it looks.

    Arguments:
        empty, other: what to say where there is no ink, and where it shows no digit.
        contributions: how much each pixel spoke for (positive) or against (negative) the best
            answer, to be shown as colours.
        code: the drawing as `share.encode_drawing` writes it, for the button that copies a link.
    """
    best = prediction.top()
    if not best:
        return message_html(empty)
    message = "" if prediction.is_digit else f'<p class="message">{escape(other)}</p>'
    bars = "".join(
        f'<li><span class="digit">{digit}</span><span class="bar" aria-hidden="true">'
        f'<span style="width:{100 * probability:.1f}%"></span></span>'
        f'<span class="percent">{percent(probability)}</span></li>'
        for digit, probability in best
    )
    kind = "bars" if prediction.is_digit else "bars uncertain"
    caption = "What the network sees: 28×28 pixels"
    if contributions is not None:
        caption = f"Orange spoke for {best[0][0]}, blue against it"
    return (
        f'<div class="answer" data-code="{escape(code)}">'
        f'{message}<ol class="{kind}">{bars}</ol>'
        f'<figure><img alt="" src="{picture_url(prediction.image, contributions)}">'
        f"<figcaption>{caption}</figcaption></figure></div>"
    )


def message_html(message: str) -> str:
    return f'<div class="answer"><p class="message">{escape(message)}</p></div>'


def picture_url(
    image: UInt8[np.ndarray, "28 28"], contributions: Float32[np.ndarray, "28 28"] | None
) -> str:
    """Give a PNG as a data URL, coloured by the contributions where there are any."""
    pixels = np.repeat(image[..., None], 3, axis=2).astype(np.float32)
    if contributions is not None:
        share = np.abs(contributions) / max(np.abs(contributions).max(), 1e-12)
        colour = np.where(contributions[..., None] > 0, FOR, AGAINST)
        weight = np.sqrt(share)[..., None]
        pixels = (1 - weight) * 0.6 * pixels + weight * colour
    content = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
