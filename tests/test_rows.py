"""Several rows of digits, and what must stay one row."""

import json
from functools import partial

import numpy as np
import pytest
from browser_reading import compare
from PIL import Image

from digitrec.__main__ import main
from digitrec.demo.handlers import Handlers
from digitrec.reading.ink import find_ink
from digitrec.reading.picture import read_picture
from digitrec.reading.rows import find_rows
from digitrec.reading.segmentation import find_components
from digitrec.training.strokes import draw_strokes

SIDE = 600  # pixels


@pytest.fixture(scope="module")
def write(pen_digits):
    """Give the strokes of a line of digits, each of height 1, whose upper edge is at 0."""

    def write(text, gap=0.35, sizes=(1.0,)):
        strokes, end = [], 0.0
        for place, label in enumerate(map(int, text)):
            points = np.concatenate(pen_digits[label].strokes)
            low, high = points.min(0), points.max(0)
            size = sizes[place % len(sizes)] / (high[1] - low[1])
            at = end, 1 - sizes[place % len(sizes)]
            strokes += [(stroke - low) * size + at for stroke in pen_digits[label].strokes]
            end += (high[0] - low[0]) * size + gap
        return strokes

    return write


@pytest.fixture(scope="module")
def stack(write):
    """Give the strokes of several lines, one below the other."""

    def stack(*texts, gap=0.4, indents=(0.0,)):
        return [
            stroke + (indents[row % len(indents)], row * (1 + gap))
            for row, text in enumerate(texts)
            for stroke in write(text)
        ]

    return stack


def draw(strokes, degrees=0.0, pen=0.08):
    """Draw strokes, dark on white, turned clockwise; the pen is a share of a digit's height."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = [stroke @ turn for stroke in strokes]
    points = np.concatenate(turned)
    low, high = points.min(0), points.max(0)
    scale = 0.8 * SIDE / (high - low).max()
    placed = [(stroke - low) * scale + 0.1 * SIDE for stroke in turned]
    return Image.eval(draw_strokes(placed, SIDE, pen * scale), lambda ink: 255 - ink)


def circle(left, top, width, height):
    turns = np.linspace(0, 2 * np.pi, 40)
    ways = np.stack([1 + np.sin(turns), 1 - np.cos(turns)], 1) / 2
    return ways * (width, height) + (left, top)


@pytest.mark.parametrize("degrees", [0, 10, -10])
@pytest.mark.parametrize(
    "texts, options",
    [
        (["42", "17"], {"gap": 0.2}),
        (["2024", "3"], {"indents": (0.0, 1.5)}),
        (["6", "905", "31"], {"gap": 1.0}),
        (["12345", "67", "890"], {"indents": (0.0, 2.0, 1.0)}),
    ],
)
def test_each_row_is_read_as_a_number(recognizer, stack, texts, options, degrees):
    lines = recognizer.read_lines(draw(stack(*texts, **options), degrees))
    assert [line.best_reading for line in lines] == texts
    assert {line.rows for line in lines} == {1}


def test_boxes_of_rows_are_pixels_of_the_picture(recognizer, stack):
    picture = draw(stack("42", "17"))
    rows, columns = np.nonzero(np.asarray(picture) < 128)
    boxes = np.concatenate([line.boxes for line in recognizer.read_lines(picture)])
    extent = [*boxes[:, :2].min(0), *boxes[:, 2:].max(0)]
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(extent, found, atol=3)
    assert boxes[:2, 3].max() < boxes[2:, 1].min()


def test_rows_on_a_photo_of_paper(recognizer, stack):
    picture = np.asarray(draw(stack("42", "35")))
    rows, columns = np.indices(picture.shape) / SIDE
    light = 200 - 60 * rows - 50 * columns + np.random.default_rng(0).normal(0, 3, rows.shape)
    photo = (light * (0.3 + 0.7 * picture / 255)).clip(0, 255).astype(np.uint8)
    assert [line.text for line in recognizer.read_lines(photo)] == ["42", "35"]


def test_several_rows_are_no_number_but_counted(recognizer, stack):
    number = recognizer.read_number(draw(stack("42", "17", "5")))
    assert (number.rows, number.is_number, number.text) == (3, False, "")
    assert number.best_reading == "42175" and len(number.boxes) == 5


def one_row(write):
    """Name strokes that are one row, or even one digit."""
    upright = write("3") + [stroke + (3, 0) for stroke in write("2")]
    circles = [circle(1.5, 0.0, 0.6, 0.5), circle(1.4, 0.62, 0.7, 0.5)]
    wide = [stroke * (1, 0.55) + (0, 0.57) for stroke in write("0")]
    dash = np.array([(0.0, -0.2), (0.6, -0.25)])
    five = [stroke for stroke in write("5") if np.ptp(stroke[:, 1]) > 0.5]
    return {
        "a line that rises by its own height": (write("314159"), 10.0),
        "a line that falls": (write("27182818"), -10.0),
        "digits of uneven height": (write("52907", sizes=(1.0, 0.6, 0.8)), 0.0),
        "wide gaps": (write("604", gap=2.0), 0.0),
        "an 8 of two circles between others": (upright + circles, 0.0),
        "an 8 of two circles": ([circle(0.1, 0.0, 0.5, 0.5), circle(0.0, 0.6, 0.7, 0.5)], 0.0),
        "a 5 whose bar is apart": (write("42") + [s + (2, 0) for s in [*five, dash]], 0.0),
        "a digit whose lower half is shifted": (
            [circle(0.0, 0.0, 0.6, 0.45), *wide],
            0.0,
        ),
        "a speck above": (write("42") + [circle(0.3, -0.4, 0.1, 0.1)], 0.0),
        "a single digit": (write("4"), 0.0),
    }


def test_what_is_one_row_is_not_divided(recognizer, write):
    for name, (strokes, degrees) in one_row(write).items():
        picture = draw(strokes, degrees)
        lines = recognizer.read_lines(picture)
        assert len(lines) == 1, name
        assert lines[0].boxes == recognizer.read_number(picture).boxes, name


def test_ink_of_one_row_stays_the_same_object(write):
    for text in ("4", "42", "314159"):
        ink = find_ink(read_picture(draw(write(text), 5.0)))
        (row,) = find_rows(find_components(ink))
        assert row is ink


def test_empty_canvas_has_no_lines(recognizer):
    for empty in (Image.new("L", (50, 50), 255), {"composite": None, "layers": []}):
        assert recognizer.read_lines(empty) == []
        assert recognizer.read_number(empty).rows == 0


def test_more_than_twelve_rows_are_not_divided(recognizer, stack):
    assert len(recognizer.read_lines(draw(stack(*12 * ["345"], gap=0.8), pen=0.05))) == 12
    assert len(recognizer.read_lines(draw(stack(*13 * ["345"], gap=0.8), pen=0.05))) == 1


@pytest.fixture
def two_rows(stack, tmp_path):
    path = tmp_path / "rows.png"
    draw(stack("42", "17")).save(path)
    return path


def test_command_reads_each_row(call, two_rows, seven):
    read = partial(call, main, "read", "--lines", two_rows)
    rows = [line for line in read().stdout.splitlines() if str(two_rows) in line]
    assert len(rows) == 2 and " 42 " in rows[0] and " 17 " in rows[1]
    first, second = map(json.loads, read(seven, "--json").stdout.splitlines())
    assert [line["text"] for line in first["lines"]] == ["42", "17"]
    assert [line["text"] for line in second["lines"]] == ["7"]


@pytest.mark.parametrize("options", [[], ["--numbers"]])
def test_command_says_how_several_rows_are_read(call, two_rows, options):
    result = call(main, "read", *options, two_rows)
    said = f"digitrec: {two_rows} shows two rows of digits. Read them with --lines.\n"
    assert (result.returncode, result.stderr) == (0, said)


def test_endpoints_count_the_rows_and_read_them(recognizer, two_rows):
    handlers = Handlers(recognizer, "abc", None)
    number, lines = handlers.read_number(two_rows), handlers.read_lines(two_rows)
    assert (number["rows"], number["text"], number["is_number"]) == (2, "", False)
    assert [line["text"] for line in lines["lines"]] == ["42", "17"]
    assert [len(line["digits"]) for line in lines["lines"]] == [2, 2]


def test_page_is_told_what_each_row_reads(recognizer, two_rows):
    handlers = Handlers(recognizer, "abc", None)
    picture = np.asarray(Image.open(two_rows).convert("RGBA"))
    for answer in (handlers.read_drawing({"composite": picture}), handlers.read_photo(two_rows)):
        assert (answer["reason"], answer["readings"]) == ("several_rows", ["42", "17"])


@pytest.mark.once
@pytest.mark.usefixtures("node")
def test_browser_finds_the_rows_that_python_finds(recognizer, write, stack):
    lines = [stack("42", "17"), stack("2024", "3", "56", indents=(0.0, 1.5)), stack("1", "0", "7")]
    drawings = [draw(strokes, degrees) for strokes in lines for degrees in (0.0, 8.0)]
    drawings += [draw(*drawing) for drawing in one_row(write).values()]
    figures = compare(recognizer, [("", drawing) for drawing in drawings])
    assert figures["same"] == figures["same_images"] == figures["same_probabilities"] == 1
