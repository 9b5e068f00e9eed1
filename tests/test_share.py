import base64
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digitrec.demo.share import LONGEST, decode_drawing, encode_drawing
from digitrec.errors import BadImageError


def draw(strokes, width):
    image = Image.new("RGB", (400, 400), "white")
    for stroke in strokes:
        points = [(100 + 20 * x, 100 + 20 * y) for x, y in stroke]
        ImageDraw.Draw(image).line(points, fill="black", width=width, joint="curve")
    return image


@pytest.mark.parametrize("width", [6, 24, 48])
def test_drawing_of_a_link_gets_the_same_answer(recognizer, pen_digits, width):
    for digit in pen_digits:
        drawing = draw(digit.strokes, width)
        code = encode_drawing(drawing)
        assert 0 < len(code) <= LONGEST and code.replace("-", "").replace("_", "").isalnum()
        before, after = recognizer.predict_batch([drawing, decode_drawing(code)])
        assert after.digit == before.digit == digit.label
        np.testing.assert_allclose(after.probabilities, before.probabilities, atol=0.1)


def test_drawing_of_too_many_details_gets_no_code():
    noise = np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)
    assert encode_drawing(Image.fromarray(noise)) == ""


def png(width, height):
    content = io.BytesIO()
    Image.new("L", (width, height)).save(content, "PNG")
    return base64.urlsafe_b64encode(content.getvalue()).decode().rstrip("=")


def png_header(width, height):
    """What claims to be a picture of that size, and goes no further."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    head += struct.pack(">I", zlib.crc32(chunk))
    return base64.urlsafe_b64encode(head).decode().rstrip("=")


@pytest.mark.parametrize(
    "code",
    [
        png_header(60000, 60000),
        "A",
        "!!!!",
        "é",
        "A" * 5000,
        png(64, 64),
        png(3000, 128),
        png(128, 128)[:40],
        "",
    ],
)
def test_damaged_code_is_refused_with_a_sentence(code):
    with pytest.raises(BadImageError, match="The link should hold a drawing"):
        decode_drawing(code)


@given(st.text(max_size=300))
def test_no_text_whatever_breaks_the_decoder(code):
    with pytest.raises(BadImageError):
        decode_drawing(code)
