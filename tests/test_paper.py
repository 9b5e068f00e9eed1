"""Lines printed on paper are taken out, and what is written on them stays."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from digitrec.reading.drawing import to_mnist
from digitrec.reading.ink import find_ink
from digitrec.reading.paper import find_lines, remove_drawn_lines, remove_lines
from digitrec.reading.picture import read_picture

SIDE = 300
UNDECIDED = np.full((200, 300), 0.65, np.float32)  # probability of writing
STROKES = {
    "one": [[(150, 60), (150, 240)]],
    "bar": [[(90, 150), (210, 150)]],
    "seven": [[(90, 70), (210, 70), (140, 240)]],
    "four": [[(130, 60), (90, 170), (220, 170)], [(180, 120), (170, 240)]],
}


def write(strokes, size=(SIDE, SIDE), squared=False, ruled=True, turned=0.0, color=(120, 150, 220)):
    """Draw with a pen of 10 pixels on lines of 3 pixels, 45 apart."""
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    width, height = size
    for start in range(-40, max(size) + 40, 45):
        if ruled:
            pen.line([(0, start), (width, start + turned * width)], fill=color, width=3)
        if squared:
            pen.line([(start, 0), (start - turned * height, height)], fill=color, width=3)
    for stroke in strokes:
        pen.line(stroke, fill=(20, 20, 60), width=10, joint="curve")
    return sheet


# Before a network found the writing, these held: it takes a level stroke alone for a printed line.
LOST = pytest.mark.xfail(strict=True, reason="the finder leaves out level strokes")


def overlap(found, expected):
    """Give the shared part of the ink, where one is moved by a pixel if that fits better."""
    moved = [np.roll(found, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(
        np.minimum(image, expected).sum(dtype=float) / np.maximum(image, expected).sum(dtype=float)
        for image in moved
    )


def photograph(sheet):
    random = np.random.default_rng(0)
    pixels = ndimage.gaussian_filter(np.asarray(sheet, float), (0.8, 0.8, 0))
    light = 0.9 - 0.3 * np.linspace(0, 1, pixels.shape[1])[:, None]
    noisy = pixels * light + random.normal(0, 3, pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("camera", [lambda sheet: sheet, photograph], ids=["flat", "photo"])
@pytest.mark.parametrize("turned", [0.0, 0.06])
@pytest.mark.parametrize("squared", [False, True], ids=["ruled", "squared"])
@pytest.mark.parametrize("name", STROKES)
def test_lines_are_taken_out_and_strokes_stay(request, name, squared, turned, camera):
    lost = name == "bar" or (name == "seven" and squared and turned and camera is photograph)
    if lost:
        request.applymarker(LOST)
    plain = to_mnist(camera(write(STROKES[name], ruled=False)))
    lined = to_mnist(camera(write(STROKES[name], squared=squared, turned=turned)))
    assert overlap(lined, plain) > 0.75


@pytest.mark.parametrize("camera", [lambda sheet: sheet, photograph], ids=["flat", "photo"])
@pytest.mark.parametrize("squared", [False, True], ids=["ruled", "squared"])
def test_empty_lined_sheet_has_no_digit(squared, camera, recognizer):
    assert recognizer.predict(camera(write([], squared=squared))).digit is None


@pytest.mark.parametrize("camera", [lambda sheet: sheet, photograph], ids=["flat", "photo"])
def test_digits_of_a_number_stay_however_far_apart(camera):
    zero = [(60 + 40 * np.cos(t), 100 + 70 * np.sin(t)) for t in np.linspace(0, 6.4, 40)]
    ones = [[(x, 60), (x, 150)] for x in (250, 330, 700)]
    sheet = write([[tuple(point) for point in zero], *ones], size=(800, 200), squared=True)
    ink = find_ink(read_picture(camera(sheet)))
    _, pieces = ndimage.label(ink.strength > 100, np.ones((3, 3)))
    assert pieces == 4


@LOST
def test_straight_stroke_in_a_close_crop_stays():
    for name in ("one", "bar", "seven"):
        sheet = write(STROKES[name], ruled=False)
        points = np.concatenate(STROKES[name])
        (left, top), (right, bottom) = points.min(0) - 13, points.max(0) + 13
        close = photograph(sheet).crop((left, top, right, bottom))
        assert overlap(to_mnist(close), to_mnist(sheet)) > 0.7, name


def test_line_is_found_where_it_is():
    ink = np.zeros((200, 300), np.float32)
    for column in range(300):
        row = round(80 + 0.05 * column)
        ink[row - 1 : row + 2, column] = 100
    ink[120:180, 140:150] = 250  # a stroke: without one, the line would be the strongest ink
    (line,) = find_lines(ink)
    assert abs(line.left - 80) < 1 and abs(line.right - 95) < 1
    assert remove_lines(ink, UNDECIDED)[:110].max() < 20


def test_ink_without_lines_is_not_touched():
    ink = np.zeros((200, 300), np.float32)
    ink[50:150, 140:150] = 200
    assert remove_lines(ink, UNDECIDED) is ink


def test_drawn_lines_are_taken_out_however_much_of_them_is_hidden():
    stroke = np.zeros((200, 300), np.uint8)
    stroke[20:180, 149:170] = 250  # hides four fifths of the upright line
    ink = stroke.copy()
    ink[99:102] = np.maximum(ink[99:102], 100)
    ink[:, 159:161] = np.maximum(ink[:, 159:161], 100)
    np.testing.assert_array_equal(remove_drawn_lines(ink, is_framed=False), stroke)


def test_bar_and_stem_of_a_four_are_no_drawn_lines():
    ink = np.zeros((160, 120), np.uint8)
    ink[:, 80:88] = ink[100:108] = ink[:108, 8:16] = 250
    assert remove_drawn_lines(ink, is_framed=False) is ink


@LOST
def test_digit_that_touches_the_border_of_a_drawing_is_not_a_line():
    sheet = write([[(150, 295), (100, 200)], [(60, 150), (240, 150)]], ruled=False)
    moved = np.roll(np.asarray(sheet), 7, axis=0)[7:]  # down to the border
    moved = np.concatenate([np.full((7, SIDE, 3), 255, np.uint8), moved])
    assert (moved[-1] != 255).any()
    assert overlap(to_mnist(moved), to_mnist(sheet)) > 0.9
