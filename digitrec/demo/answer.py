"""A prediction as HTML: the best answer, two more, and what the network saw."""

import base64
import io
from html import escape

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from digitrec.drawing import PEN
from digitrec.prediction import Prediction, percent

NOTHING_DRAWN = "Nothing drawn yet"
NOT_A_DIGIT = "That does not look like a digit"
NO_DIGIT_FOUND = "No digit found"

SURE = 0.8  # below this probability the bars are grey
SMALL = 0.15  # of the paper's side: ink that is smaller is hard to read
PAD_PEN = 0.06  # width of the pad's pen, as a share of the paper's side; page/pad.js has it, too
FOR, AGAINST = np.array([255, 140, 0]), np.array([0, 130, 255])  # orange and blue: safe to tell
FAINT = 0.2  # of the strongest contribution: what counts less is not shown

# Where the answer will be.
BLANK = (
    '<div class="answer blank" aria-hidden="true"><div class="numeral">?</div><ol class="bars">'
    + "".join(f'<li><span class="digit">{digit}</span></li>' for digit in range(10))
    + '</ol><figure><span class="seen"></span></figure></div>'
)


def answer_html(
    prediction: Prediction, *, other: str = NOT_A_DIGIT, hint: str = "", source: str = "drawing"
) -> str:
    """Lay out an answer; `page/page.css` says how it looks.

    Arguments:
        other: what to say where this is no digit.
        hint: what the visitor could do then.
        source: "drawing" or "photo"; `page/answer.js` shows an answer beside its own alone.
    """
    best = prediction.top()
    if not best:
        return message_html(NOTHING_DRAWN if source == "drawing" else other, source)
    figure = (
        f'<figure><img class="seen" alt="" src="{png_url(Image.fromarray(prediction.image))}">'
        "<figcaption>What the network sees</figcaption></figure>"
    )
    if not prediction.is_digit:
        closest = ", ".join(str(digit) for digit, _ in best)
        hint = f'<p class="hint">{escape(hint)}</p>' if hint else ""
        return (
            f'<div class="answer none" data-source="{source}">'
            f'<p class="message">{escape(other)}</p>{hint}'
            f'<p class="closest">closest: {closest}</p>{figure}</div>'
        )
    bars = "".join(
        f'<li><span class="digit">{digit}</span><span class="bar">'
        f'<span style="width:{100 * probability:.1f}%"></span></span>'
        f'<span class="percent">{percent(probability)}</span></li>'
        for digit, probability in best
    )
    (digit, probability), *others = best
    spoken = f"Looks like a {digit}, {percent(probability).replace(' %', ' per cent')}; then " + (
        ", ".join(str(other) for other, _ in others)
    )
    return (
        f'<div class="answer{"" if probability >= SURE else " unsure"}" data-digit="{digit}" '
        f'data-source="{source}">'
        f'<p class="spoken">{spoken}</p><div aria-hidden="true" class="numeral">{digit}</div>'
        f'<ol aria-hidden="true" class="bars">{bars}</ol>{figure}</div>'
    )


def message_html(message: str, source: str) -> str:
    message = f'<p class="message">{escape(message)}</p>'
    return f'<div class="answer none" data-source="{source}">{message}</div>'


def explanation_html(
    prediction: Prediction,
    contributions: Float32[np.ndarray, "28 28"],
    drawing: UInt8[np.ndarray, "height width 4"],
) -> str:
    """Lay out what spoke for an answer, to lie over the drawing that it was given for.

    Arguments:
        contributions: how much each pixel of `prediction.image` spoke for (positive) or against
            (negative) the best answer.
        drawing: of the pad, square.
    """
    rows, columns = (np.flatnonzero(prediction.image.any(axis)) for axis in (1, 0))
    seen = contributions[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share = np.abs(seen) / max(np.abs(contributions).max(), 1e-12)
    pixels = np.zeros((*seen.shape, 4), np.uint8)
    pixels[..., :3] = np.where(seen[..., None] > 0, FOR, AGAINST)
    pixels[..., 3] = np.where(share < FAINT, 0, np.rint(255 * np.sqrt(share)))
    left, top, right, bottom = redrawn_box(ink_box(drawing))
    place = f"left:{left:.2%};top:{top:.2%};width:{right - left:.2%};height:{bottom - top:.2%}"
    digit = prediction.top()[0][0]
    return (
        f'<img alt="" style="{place}" src="{png_url(Image.fromarray(pixels))}">'
        f"<p>Orange spoke for {digit}, blue against it</p>"
    )


def ink_box(drawing: UInt8[np.ndarray, "height width 4"]) -> tuple[float, float, float, float]:
    """Find left, top, right and bottom of dark ink on white paper, as shares of the sides."""
    inked = drawing[..., :3].min(-1) < 128
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    height, width = inked.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def redrawn_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Give the box that the pad's ink would fill with the pen of `drawing.change_pen`."""
    left, top, right, bottom = box
    path = max(right - left, bottom - top) - PAD_PEN  # what the middle of the pen went along
    wider = (path * PEN / (1 - PEN) - PAD_PEN) / 2
    return left - wider, top - wider, right + wider, bottom + wider


def png_url(picture: Image.Image) -> str:
    """Give a picture as a PNG in a data URL."""
    content = io.BytesIO()
    picture.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
