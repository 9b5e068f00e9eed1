"""A number as HTML: each digit, its alternatives, and what the network saw."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from digitrec.prediction import Number, Prediction, count_rows, percent
from digitrec.reading.drawing import PEN

NOTHING_DRAWN = "Nothing drawn yet"
NOT_A_DIGIT = "That does not look like a digit"
NOT_A_NUMBER = "That does not look like a number"
NO_DIGIT_FOUND = "No digit found"
ONE_ROW = "Write them in one row"

SURE = 0.8  # below this probability the bars are grey
SMALL = 0.15  # of the paper's side; smaller ink is hard to read
PAD_PEN = 0.06  # width of the pad's pen, as a share of the paper's side; also in page/pad.js
# Orange and blue, which colour-blind people can tell apart.
FOR, AGAINST = np.array([255, 140, 0]), np.array([0, 130, 255])
FAINT = 0.2  # of the strongest contribution; weaker ones are not shown

# Stands where the answer will be.
BLANK = (
    '<div class="answer blank" aria-hidden="true"><div class="numeral">?</div><ol class="bars">'
    + "".join(f'<li><span class="digit">{digit}</span></li>' for digit in range(10))
    + '</ol><figure><span class="seen"></span></figure></div>'
)


def answer_html(
    number: Number,
    size: tuple[int, int],
    *,
    hint: str = "",
    source: str = "drawing",
    lines: Sequence[Number] = (),
) -> str:
    """Lay out an answer; `page/page.css` says how it looks.

    Arguments:
        size: width and height of the picture that was read.
        hint: what the visitor could do if this is not a number.
        source: "drawing" or "photo"; `page/answer.js` shows an answer only next to its own.
        lines: what is read in each row, if there are several.
    """
    if number.rows > 1:
        return _rows_html(lines, source)
    if not number.digits:
        return message_html(NOTHING_DRAWN if source == "drawing" else NO_DIGIT_FOUND, source)
    if not number.is_number:
        return _none_html(number, hint, source)
    several = len(number.digits) > 1
    spoken, numeral = _several(number) if several else _one(number.digits[0])
    details = "".join(
        f'<div class="one"{" hidden" if place else ""}>{_bars(digit)}{_figure(digit)}</div>'
        for place, digit in enumerate(number.digits)
    )
    kinds = ["answer", *["number"] * several, *["unsure"] * (number.probability < SURE)]
    return (
        f'<div class="{" ".join(kinds)}" data-answer="{number.text}" data-source="{source}">'
        f'<p class="spoken">{spoken}</p>{numeral}{details}{_boxes(number, size)}</div>'
    )


def _one(digit: Prediction) -> tuple[str, str]:
    """Give one digit for screen readers, and large."""
    numeral = f'<div aria-hidden="true" class="numeral">{digit.top()[0][0]}</div>'
    return f"Looks like a {_spoken(digit)}", numeral


def _spoken(digit: Prediction) -> str:
    (best, probability), *others = digit.top()
    return f"{best}, {_aloud(probability)}; then {', '.join(str(other) for other, _ in others)}"


def _several(number: Number) -> tuple[str, str]:
    """Give several digits for screen readers, and large; each can be opened."""
    buttons = "".join(
        f'<button type="button" aria-pressed="{"false" if place else "true"}" '
        f'aria-label="{_spoken(digit)}">{digit.top()[0][0]}</button>'
        for place, digit in enumerate(number.digits)
    )
    return (
        f"Looks like {' '.join(number.text)}, {_aloud(number.probability)}",
        f'<div class="numeral" style="--count:{len(number.digits)}">{buttons}</div>'
        f'<p class="whole" aria-hidden="true">{percent(number.probability)}</p>',
    )


def _aloud(probability: float) -> str:
    return percent(probability).replace(" %", " per cent")


def _bars(digit: Prediction) -> str:
    rows = "".join(
        f'<li><span class="digit">{answer}</span><span class="bar">'
        f'<span style="width:{100 * probability:.1f}%"></span></span>'
        f'<span class="percent">{percent(probability)}</span></li>'
        for answer, probability in digit.top()
    )
    return f'<ol aria-hidden="true" class="bars">{rows}</ol>'


def _figure(digit: Prediction) -> str:
    return (
        f'<figure><img class="seen" alt="" src="{png_url(Image.fromarray(digit.image))}">'
        "<figcaption>What the network sees</figcaption></figure>"
    )


def _boxes(number: Number, size: tuple[int, int]) -> str:
    """Frame each digit; `page/answer.js` puts the frames over a photo."""
    width, height = size
    longer = "width" if width >= height else "height"
    frames = "".join(f'<span style="{_place(box, size)}"></span>' for box in number.boxes)
    return (
        f'<div class="boxes" aria-hidden="true" style="{longer}:100%;'
        f'aspect-ratio:{width}/{height}">{frames}</div>'
    )


def _place(box: Sequence[float | int], size: tuple[int, int]) -> str:
    """Give a box as CSS, in shares of the picture."""
    left, top, right, bottom = np.array(box) / [*size, *size]
    return f"left:{left:.2%};top:{top:.2%};width:{right - left:.2%};height:{bottom - top:.2%}"


def _none_html(number: Number, hint: str, source: str) -> str:
    several = len(number.digits) > 1
    if source == "photo":
        message = NO_DIGIT_FOUND
    else:
        message = NOT_A_NUMBER if several else NOT_A_DIGIT
    best = number.digits[0].top()
    closest = number.best_reading if several else ", ".join(str(digit) for digit, _ in best)
    hint = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<div class="answer none{" several" * several}" data-source="{source}">'
        f'<p class="message">{message}</p>{hint}<p class="closest">closest: {closest}</p>'
        f"{'' if several else _figure(number.digits[0])}</div>"
    )


def _rows_html(lines: Sequence[Number], source: str) -> str:
    message = count_rows(len(lines)).capitalize()
    hint = f'<p class="hint">{ONE_ROW}</p>' if source == "drawing" else ""
    readings = ", ".join(line.best_reading for line in lines)
    return (
        f'<div class="answer none several" data-source="{source}"><p class="message">{message}</p>'
        f'{hint}<p class="closest">row by row: {readings}</p></div>'
    )


def message_html(message: str, source: str) -> str:
    message = f'<p class="message">{escape(message)}</p>'
    return f'<div class="answer none" data-source="{source}">{message}</div>'


def explanation_html(
    number: Number, contributions: Sequence[Float32[np.ndarray, "28 28"]], side: int
) -> str:
    """Lay out which pixels support an answer, to be put over its drawing.

    Arguments:
        contributions: for each digit, how much each pixel of its image supports its best answer
            (positive) or counts against it (negative).
        side: of the drawing, pixels.
    """
    pictures = "".join(
        f'<img alt="" style="{_place(redrawn_box(box, side), (side, side))}" '
        f'src="{png_url(_paint(digit.image, shares))}">'
        for digit, box, shares in zip(number.digits, number.boxes, contributions, strict=True)
    )
    return f"{pictures}<p>Orange spoke for {number.text}, blue against it</p>"


def _paint(
    image: UInt8[np.ndarray, "28 28"], contributions: Float32[np.ndarray, "28 28"]
) -> Image.Image:
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    seen = contributions[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share = np.abs(seen) / max(np.abs(contributions).max(), 1e-12)
    pixels = np.zeros((*seen.shape, 4), np.uint8)
    pixels[..., :3] = np.where(seen[..., None] > 0, FOR, AGAINST)
    pixels[..., 3] = np.where(share < FAINT, 0, np.rint(255 * np.sqrt(share)))
    return Image.fromarray(pixels)


def redrawn_box(box: tuple[int, int, int, int], side: int) -> tuple[float, float, float, float]:
    """Give the box that the pad's ink would fill with the pen of `drawing.change_pen`."""
    left, top, right, bottom = box
    path = max(right - left, bottom - top) - PAD_PEN * side  # of the middle of the pen
    wider = (path * PEN / (1 - PEN) - PAD_PEN * side) / 2
    return left - wider, top - wider, right + wider, bottom + wider


def png_url(picture: Image.Image) -> str:
    """Give a picture as a PNG in a data URL."""
    content = io.BytesIO()
    picture.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
