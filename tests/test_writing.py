"""Writing is found in a picture, whatever is around it; and where there is none, nothing is."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from digitrec.reading.ink import find_ink
from digitrec.reading.picture import read_picture
from digitrec.training.glyphs import GLYPHS
from digitrec.training.strokes import fit_strokes

PAPER, PEN = (206, 203, 196), (40, 44, 70)


def write(sheet, text, left, top, height, color=PEN, width=0.09):
    """Write glyphs in a row with a round pen, four times as fine."""
    big = sheet.resize((4 * sheet.width, 4 * sheet.height))
    pen = ImageDraw.Draw(big)
    for index, digit in enumerate(text):
        glyph = next(glyph for glyph in GLYPHS if glyph.label == int(digit))
        middle = left + (0.4 + 0.85 * index) * height, top + height / 2
        for stroke in fit_strokes(glyph.strokes, height, middle):
            points = [tuple(point) for point in 4 * stroke]
            pen.line(points, fill=color, width=round(4 * width * height), joint="curve")
    return big.resize(sheet.size, Image.Resampling.BOX)


def photograph(sheet, fall=0.3, noise=3.0, blur=0.8):
    """In light that falls off to the right, not quite sharp."""
    random = np.random.default_rng(0)
    pixels = ndimage.gaussian_filter(np.asarray(sheet, float), (blur, blur, 0))
    pixels *= 1 - fall * np.linspace(0, 1, pixels.shape[1])[:, None]
    pixels += random.normal(0, noise, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def number_on_paper(size=(640, 480), text="4725", height=90, paper=PAPER, **details):
    left, top = (size[0] - 0.85 * height * len(text)) / 2, (size[1] - height) / 2
    return write(Image.new("RGB", size, paper), text, left, top, height, **details)


def cast_shadow(sheet, softness, left=0.3):
    """Darken what is left of a slanting edge, and below."""
    rows, columns = np.mgrid[: 1 : sheet.height * 1j, : 1 : sheet.width * 1j]
    edge = np.maximum(left + 0.1 * rows - columns, rows - 0.72 - 0.2 * columns)
    shade = 1 - 0.45 / (1 + np.exp(-edge / softness))
    return Image.fromarray((np.asarray(sheet) * shade[..., None]).astype(np.uint8))


def draw(sheet, method, points, color, **details):
    getattr(ImageDraw.Draw(sheet), method)(points, fill=color, **details)
    return sheet


def salt_and_pepper(sheet):
    pixels = np.array(sheet)
    noise = np.random.default_rng(0).random(pixels.shape[:2])
    pixels[noise < 0.01], pixels[noise > 0.99] = 0, 255
    return Image.fromarray(pixels)


def scribbled():
    sheet = Image.new("RGB", (640, 480), (250, 225, 60))
    for start in range(0, 480, 70):
        waves = [(x, start + 40 * np.sin(x / 60 + start)) for x in range(0, 640, 8)]
        draw(sheet, "line", waves, (240, 120, 40), width=9)
    return write(sheet, "4725", 155, 195, 90, (20, 30, 120), 0.12)


def printed_beside():
    sheet = number_on_paper()
    font = ImageFont.load_default(20)
    for row, text in enumerate(["Amount due on 31 May 2019", "Please write clearly: 0123456789"]):
        draw(sheet, "text", (40, 30 + 40 * row), (60, 60, 60), text=text, font=font)
    return sheet


def on_desk():
    desk = Image.new("RGB", (800, 640), (58, 40, 30))
    sheet = number_on_paper().rotate(
        4, Image.Resampling.BICUBIC, expand=True, fillcolor=(58, 40, 30)
    )
    desk.paste(sheet, (60, 70))
    return desk


PHOTOS = {
    "a soft shadow's edge": lambda: cast_shadow(number_on_paper(), 0.02),
    "a hard shadow's edge": lambda: cast_shadow(number_on_paper(), 0.003),
    "an eighth of a large photo": lambda: number_on_paper((1600, 1200), height=60),
    "faint pencil": lambda: number_on_paper(color=(165, 163, 158), width=0.06),
    "12 degrees of tilt": lambda: number_on_paper().rotate(
        -12, Image.Resampling.BICUBIC, fillcolor=PAPER
    ),
    "a dark pen at the edge": lambda: draw(
        number_on_paper(), "line", [(520, 480), (640, 330)], (25, 25, 25), width=60
    ),
    "a scribble of another colour": scribbled,
    "red on green of equal brightness": lambda: number_on_paper(
        paper=(96, 150, 96), color=(215, 95, 95)
    ),
    "salt and pepper": lambda: salt_and_pepper(number_on_paper()),
    "printed text": printed_beside,
    "a ruled line that touches": lambda: draw(
        number_on_paper(), "line", [(0, 287), (640, 283)], (120, 140, 190), width=3
    ),
    "a dash before": lambda: draw(number_on_paper(), "line", [(95, 250), (130, 248)], PEN, width=8),
    "a dark desk": on_desk,
}


@pytest.mark.parametrize("name", PHOTOS)
def test_number_is_read_beside(name, recognizer):
    number = recognizer.read_number(photograph(PHOTOS[name]()))
    assert (number.text, number.rotated) == ("4725", 0)


def test_boxes_lie_where_the_digits_are_though_the_line_is_tilted(recognizer):
    angle = np.radians(12)
    photo = photograph(PHOTOS["12 degrees of tilt"]())
    boxes = recognizer.read_number(photo).boxes
    for index, (left, top, right, bottom) in enumerate(boxes):
        along = (index - 1.1) * 0.85 * 90
        x, y = 320 + along * np.cos(angle), 240 + along * np.sin(angle)
        assert left < x < right and top < y < bottom


@pytest.mark.parametrize(
    "rotated, turn", [(90, Image.Transpose.ROTATE_90), (270, Image.Transpose.ROTATE_270)]
)
def test_photo_on_its_side_is_read_and_says_so(rotated, turn, recognizer):
    photo = photograph(number_on_paper(text="4725")).transpose(turn)
    number = recognizer.read_number(photo)
    assert (number.text, number.rotated) == ("4725", rotated)
    single = recognizer.predict(photograph(number_on_paper(text="4", height=200)).transpose(turn))
    assert (single.digit, single.rotated) == (4, rotated)


def test_rows_of_a_photo_are_read_one_by_one(recognizer):
    sheet = write(number_on_paper(text="308", height=80), "61", 200, 60, 80)
    photo = photograph(sheet)
    assert [line.text for line in recognizer.read_lines(photo)] == ["61", "308"]
    number = recognizer.read_number(photo)
    assert (number.text, number.rows) == ("", 2)


def light_from(side):
    return np.linspace(250, 90, 480)[(slice(None), None) if side else slice(None)]


BLANK = {
    "even": lambda: np.full((480, 480), 200.0),
    "lit from the left": lambda: np.broadcast_to(light_from(0), (480, 480)),
    "lit from above": lambda: np.broadcast_to(light_from(1), (480, 480)),
    "in a soft shadow": lambda: np.asarray(
        cast_shadow(Image.new("RGB", (480, 480), PAPER), 0.05).convert("L"), float
    ),
    "in a hard shadow": lambda: np.asarray(
        cast_shadow(Image.new("RGB", (480, 480), PAPER), 0.003).convert("L"), float
    ),
    "folded": lambda: 200 - 50 * np.exp(-(((np.mgrid[:480, :480][1] - 240) / 3.0) ** 2)),
    "cloth": lambda: 150 + 25 * np.sin(np.mgrid[:480, :480][0]) * np.sin(np.mgrid[:480, :480][1]),
    "sky": lambda: (
        120 + 30 * ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 60, (480, 480)), 50)
    ),
    "squared": lambda: 220 - 60.0 * ((np.mgrid[:480, :480] % 40 < 2).any(0)),
    "ruled": lambda: 220 - 60.0 * (np.mgrid[:480, :480][0] % 40 < 2),
}


@pytest.mark.parametrize("noise", [1.0, 8.0])
@pytest.mark.parametrize("name", BLANK)
def test_nothing_is_read_where_nothing_is_written(name, noise, recognizer):
    random = np.random.default_rng(0)
    photo = BLANK[name]() + random.normal(0, noise, (480, 480))
    photo = photo.clip(0, 255).astype(np.uint8)
    assert recognizer.predict(photo).digit is None
    assert recognizer.read_number(photo).text == ""


def test_thin_one_is_whole(recognizer):
    photo = photograph(number_on_paper(text="1", height=300, width=0.03))
    rows, _ = np.nonzero(find_ink(read_picture(photo)).strength > 60)
    assert len(np.unique(rows)) == np.ptp(rows) + 1
    assert recognizer.predict(photo).digit == 1
