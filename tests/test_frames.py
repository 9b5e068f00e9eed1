"""Margins, frames and what encloses the writing are left out; drawings stay as they are."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitrec.reading import ink as ink_module
from digitrec.reading.drawing import begin, finish, to_mnist
from digitrec.reading.frames import may_surround
from digitrec.reading.ink import find_ink, find_plain_inks
from digitrec.reading.picture import Picture, read_picture

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def draw_seven(side=140, ink=BLACK, paper=WHITE):
    picture = Image.new("RGB", (side, side), paper)
    points = [(0.3 * side, 0.25 * side), (0.7 * side, 0.25 * side), (0.45 * side, 0.8 * side)]
    ImageDraw.Draw(picture).line(points, ink, max(2, side // 14), "curve")
    return picture


def put(picture, color, by):
    """Put a margin around a picture."""
    sheet = Image.new("RGB", (picture.width + 2 * by, picture.height + 2 * by), color)
    sheet.paste(picture, (by, by))
    return sheet


def box_in_paper(picture, ink=BLACK, paper=WHITE, width=3):
    return put(put(picture, ink, width), paper, 12)


def circle_around(picture, ink=BLACK, paper=WHITE):
    sheet = put(picture, paper, picture.width // 3)
    ImageDraw.Draw(sheet).ellipse((8, 8, sheet.width - 8, sheet.height - 8), outline=ink, width=4)
    return sheet


def plot(picture):
    """Draw axes, ticks and their labels."""
    sheet = put(put(picture, BLACK, 1), WHITE, 30)
    pen = ImageDraw.Draw(sheet)
    for at in range(31, picture.width, 40):
        pen.line((25, at, 29, at), BLACK)
        pen.text((10, at), "7", BLACK, anchor="lm")
    pen.text((sheet.width // 2, 10), "Digit", BLACK, anchor="mm")
    return sheet


def cell_of_form(picture):
    """Draw a box and, at its sides, parts of the neighbours' boxes."""
    sheet = put(put(picture, BLACK, 2), WHITE, 24)
    pen = ImageDraw.Draw(sheet)
    for left in (-60, sheet.width - 16):
        pen.rectangle((left, 24, left + 76, sheet.height - 25), outline=BLACK, width=2)
    return sheet


SEVEN = draw_seven()
SURROUNDED = {
    "one pixel around": put(draw_seven(ink=WHITE, paper=BLACK), WHITE, 1),
    "margin": put(draw_seven(ink=WHITE, paper=BLACK), WHITE, 10),
    "margins of two colours": put(put(SEVEN, (200, 0, 0), 9), (0, 90, 0), 12),
    "frame at the edge": put(SEVEN, BLACK, 3),
    "thick frame at the edge": put(SEVEN, BLACK, 15),
    "box in paper": box_in_paper(SEVEN),
    "thick box in paper": box_in_paper(SEVEN, width=12),
    "two boxes": box_in_paper(box_in_paper(SEVEN)),
    "circle": circle_around(SEVEN),
    "circle in a box": box_in_paper(circle_around(SEVEN)),
    "plot": plot(SEVEN),
    "plot of a dark image": plot(draw_seven(ink=(253, 231, 37), paper=(68, 1, 84))),
    "cell of a form": cell_of_form(SEVEN),
}


def overlap(found, expected):
    found, expected = found.astype(float), expected.astype(float)
    return np.minimum(found, expected).sum() / np.maximum(found, expected).sum()


@pytest.mark.parametrize("name", SURROUNDED)
def test_only_what_is_inside_is_read(name):
    image = to_mnist(SURROUNDED[name])
    assert image is not None and overlap(image, to_mnist(SEVEN)) > 0.97


@pytest.mark.parametrize("name", SURROUNDED)
def test_ink_says_where_in_the_picture_it_is(name):
    picture = read_picture(SURROUNDED[name])
    ink = find_ink(picture)
    rows, columns = ink.strength.shape
    middle = ink.left + columns / 2, ink.top + rows / 2
    # The seven is in the middle of its sheet, and the sheet in that of the picture.
    assert np.abs(np.subtract(middle, np.array(picture.size) / 2)).max() < 12
    assert max(rows, columns) < 100


def test_margin_around_an_image_like_mnists_changes_no_pixel():
    image = draw_seven(28, WHITE, BLACK)
    expected = to_mnist(image)
    for color, by in (((255, 255, 255), 1), ((0, 0, 255), 10)):
        assert np.array_equal(to_mnist(put(image, color, by)), expected)


def test_soft_edge_of_a_panel_is_not_ink():
    seven = draw_seven(112, WHITE, BLACK)
    # Neither side is a multiple of 131 or 127: the panel's edges fall between pixels.
    soft, expected = (
        put(seven, color, 30).resize((131, 127), Image.Resampling.BICUBIC)
        for color in (WHITE, BLACK)
    )
    assert np.array_equal(to_mnist(put(soft, WHITE, 2)), to_mnist(expected))


def test_several_pieces_inside_a_box_stay():
    sheet = Image.new("RGB", (280, 140), WHITE)
    for left in (0, 140):
        sheet.paste(SEVEN, (left, 0))
    whole = find_ink(read_picture(sheet)).strength
    inside = find_ink(read_picture(box_in_paper(sheet))).strength
    assert np.array_equal(inside, whole)


@pytest.mark.parametrize(
    "picture",
    [
        box_in_paper(Image.new("RGB", (140, 140), WHITE)),
        box_in_paper(Image.new("RGB", (300, 60), WHITE)),
        put(Image.new("RGB", (140, 140), WHITE), BLACK, 6),
        put(Image.new("RGB", (28, 28), BLACK), WHITE, 1),
        put(Image.new("RGB", (28, 28), BLACK), WHITE, 10),
        plot(Image.new("RGB", (140, 140), WHITE)),
    ],
    ids=["box", "long box", "frame at the edge", "one pixel around", "margin", "plot"],
)
def test_frame_or_panel_of_nothing_is_no_ink(picture):
    assert to_mnist(picture) is None


def squared(side, squares, width, strength, ink=BLACK, paper=WHITE, digit=True):
    """Draw a seven on squared paper that was cut along its lines."""
    sheet = Image.new("RGB", (side, side), paper)
    pen = ImageDraw.Draw(sheet)
    color = tuple(round(p + strength * (i - p)) for i, p in zip(ink, paper, strict=True))
    for index in range(squares + 1):
        at = round(index * (side - width) / squares)
        pen.rectangle((at, 0, at + width - 1, side), color)
        pen.rectangle((0, at, side, at + width - 1), color)
    if digit:
        sheet.paste(ink, mask=draw_seven(side, WHITE, BLACK).convert("L"))
    return sheet


@pytest.mark.parametrize(
    "side, squares, width, strength",
    [
        (30, 2, 1, 0.3),
        (36, 3, 1, 0.5),
        (60, 3, 2, 0.5),
        (100, 2, 1, 0.6),
        (150, 4, 5, 0.3),
        (280, 5, 3, 0.9),
        (400, 3, 11, 0.4),
    ],
)
@pytest.mark.parametrize("colors", [(BLACK, WHITE), (WHITE, BLACK)], ids=["dark", "bright"])
def test_lines_of_squared_paper_cut_along_them_are_left_out(
    side, squares, width, strength, colors, without_network
):
    found = find_ink(read_picture(squared(side, squares, width, strength, *colors)))
    expected = find_ink(read_picture(draw_seven(side, *colors)))
    assert np.abs(np.subtract(found[1:3], expected[1:3])).max() <= 1
    assert overlap(found.strength, expected.strength) > 0.9


@pytest.fixture
def without_network(monkeypatch):
    monkeypatch.delattr(ink_module, "find_written")


def test_soft_lines_of_squared_paper_are_left_out(without_network):
    # No line falls on whole pixels, and each has a paler one beside it.
    soft, expected = (
        picture.resize((215, 215), Image.Resampling.BICUBIC)
        for picture in (squared(280, 3, 6, 0.5), draw_seven(280))
    )
    assert overlap(to_mnist(soft), to_mnist(expected)) > 0.9


def test_squared_paper_without_a_digit_is_no_ink(without_network):
    for squares in (2, 3):
        assert to_mnist(squared(150, squares, 2, 0.5, digit=False)) is None


def test_margin_around_squared_paper_is_left_out(without_network):
    found = find_ink(read_picture(put(squared(150, 3, 2, 0.5), (0, 90, 0), 10)))
    assert overlap(found.strength, find_ink(read_picture(draw_seven(150))).strength) > 0.9


def test_bold_digit_in_a_frame_is_read_as_without_one(without_network):
    zero = Image.new("RGB", (200, 200), WHITE)
    ImageDraw.Draw(zero).ellipse((50, 30, 150, 170), outline=BLACK, width=32)
    assert (find_ink(read_picture(zero)).strength > 0).mean() > 0.6
    for framed in (put(zero, BLACK, 3), put(zero, (0, 90, 0), 10), box_in_paper(zero)):
        assert np.array_equal(to_mnist(framed), to_mnist(zero))


@pytest.mark.parametrize("side", [30, 60, 140, 400])
def test_line_below_a_digit_is_left_out_however_near(side):
    seven = draw_seven(side)
    underlined = seven.copy()
    bottom = int(np.flatnonzero((np.asarray(seven) < 128).any((1, 2)))[-1])
    top, left, right = bottom + 1 + max(2, side // 40), side // 6, side - side // 6
    line = (left, top, right, top + side // 50)
    ImageDraw.Draw(underlined).rectangle(line, BLACK)
    assert overlap(to_mnist(underlined), to_mnist(seven)) > 0.99


@pytest.mark.parametrize("side", [28, 36, 140])
def test_foot_of_a_two_is_no_line_below(side):
    two = Image.new("RGB", (side, side), WHITE)
    points = [(0.4, 0.2), (0.6, 0.2), (0.6, 0.4), (0.4, 0.7), (0.2, 0.75), (0.8, 0.75)]
    points = [(side * x, side * y) for x, y in points]
    ImageDraw.Draw(two).line(points, BLACK, max(2, side // 20), "curve")
    ink = find_ink(read_picture(two))
    assert len(ink.strength) > 0.5 * side


def draw_strokes(*strokes, width=14, side=200):
    picture = Image.new("RGB", (side, side), WHITE)
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        pen.line(stroke, BLACK, width, "curve")
    return picture


def ellipse(left, top, right, bottom):
    angles = np.linspace(0, 2 * np.pi, 60)
    across, down = (left + right) / 2, (top + bottom) / 2
    return [
        (across + (right - left) / 2 * np.cos(t), down + (bottom - top) / 2 * np.sin(t))
        for t in angles
    ]


ZERO = ellipse(50, 20, 150, 180)
DRAWN = {
    "zero": draw_strokes(ZERO),
    "thick zero": draw_strokes(ZERO, width=45),
    "dotted zero": draw_strokes(ZERO, [(97, 95), (103, 105)]),
    "slashed zero": draw_strokes(ZERO, [(40, 190), (160, 10)], width=9),
    "zero with a slash that touches nothing": draw_strokes(ZERO, [(80, 145), (122, 55)], width=8),
    "eight": draw_strokes(ellipse(60, 20, 140, 95), ellipse(50, 95, 150, 180)),
    "four": draw_strokes([(60, 20), (60, 110), (160, 110)], [(130, 20), (130, 180)]),
    "one": draw_strokes([(100, 20), (100, 180)]),
    "thick one": draw_strokes([(100, 20), (100, 180)], width=50),
    "dot": draw_strokes([(96, 100), (104, 100)], width=8),
    "ten": draw_strokes([(30, 30), (30, 170)], ellipse(80, 30, 170, 170)),
    "close crop": draw_strokes([(40, 30), (160, 30), (90, 180)]).crop((32, 22, 170, 184)),
    "one cropped closely": draw_strokes([(100, 20), (100, 180)]).crop((90, 18, 111, 182)),
    "zero cropped closely": draw_strokes(ZERO).crop((42, 12, 159, 189)),
    "fat one cropped closely": draw_strokes([(100, 20), (100, 180)], width=40).crop(
        (75, 10, 126, 190)
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawing_stays_as_it_is(name, monkeypatch):
    picture = read_picture(DRAWN[name])
    ink = find_ink(picture)
    monkeypatch.setattr(ink_module, "find_writing", lambda *arguments: None)
    expected = find_ink(picture)
    np.testing.assert_array_equal(ink.strength, expected.strength)
    assert ink[1:] == expected[1:]


def test_small_pictures_together_give_what_each_gives():
    pictures = [
        picture.resize((36, 36), Image.Resampling.LANCZOS)
        for picture in [*SURROUNDED.values(), *DRAWN.values()]
    ]
    for views, picture in zip(finish([begin(each) for each in pictures]), pictures, strict=True):
        np.testing.assert_equal(views and views[0], to_mnist(picture))


def test_small_pictures_with_surroundings_are_read_one_by_one():
    image = draw_seven(28, WHITE, BLACK)
    framed, plain = put(image, WHITE, 1), put(image, BLACK, 1)
    pixels = np.stack([np.array(each.convert("RGBA")) for each in (framed, plain)])
    inks = find_plain_inks(pixels)
    assert inks[0] is None and inks[1] is not None


@pytest.mark.parametrize("ink", ["black", "white", "#c22"])
def test_circle_is_left_out_on_a_transparent_pad(ink):
    seven = draw_seven().convert("L").point(lambda value: 255 - value)
    around = circle_around(draw_seven()).convert("L").point(lambda value: 255 - value)

    def pad(mask):
        picture = Image.new("RGBA", mask.size, ink)
        picture.putalpha(mask)
        return Picture(np.asarray(picture), picture.size, on_pad=True)

    np.testing.assert_array_equal(find_ink(pad(around)).strength, find_ink(pad(seven)).strength)


def test_open_strokes_surround_nothing():
    inked = np.zeros((2, 40, 30), bool)
    inked[:, 5:8, 3:27] = inked[:, 5:35, 24:27] = True  # a 7
    inked[1, 5:35, 3:6] = inked[1, 32:35, 3:27] = True
    assert may_surround(inked).tolist() == [False, True]
