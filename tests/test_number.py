import time

import numpy as np
import pytest
from conftest import SLOW
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from digitrec import BadImageError, DigitRecognizer
from digitrec.network.pretrained import bundled_folder, load_model
from digitrec.reading.ink import find_ink
from digitrec.reading.number import MOST_PIECES, find_candidates
from digitrec.reading.picture import read_picture
from digitrec.reading.segmentation import MOST_COMPONENTS, MOST_CUTS, find_components
from digitrec.training.strokes import draw_strokes

SIZE, BRUSH = 60.0, 8.0  # pixels


@pytest.fixture
def write(pen_digits):
    """Write a number, dark on white; give the picture and each digit's box."""

    def write(text, gap=0.3, size=SIZE, brush=BRUSH, at=(40.0, 40.0)):
        strokes, boxes, left = [], [], at[0]
        for place, label in enumerate(map(int, text)):
            digit = [stroke * size / 10 for stroke in pen_digits[label].strokes]
            points = np.concatenate(digit)
            # Up and down by turns, as hands do.
            offset = left - points[:, 0].min(), at[1] + (place % 2) * 0.1 * size
            strokes += [stroke + offset for stroke in digit]
            low, high = points.min(0) + offset - brush / 2, points.max(0) + offset + brush / 2
            boxes.append((*low, *high))
            left = high[0] + brush / 2 + gap * size
        width, height = round(left + at[0]), round(2 * at[1] + 1.2 * size)
        ink = draw_strokes(strokes, max(width, height), float(brush))
        return Image.eval(ink, lambda value: 255 - value).crop((0, 0, width, height)), boxes

    return write


@pytest.mark.parametrize("text", ["42", "10", "2024", "31415", "0123456789", "907856341234"])
def test_number_is_read_with_a_box_for_each_digit(recognizer, write, text):
    picture, boxes = write(text)
    number = recognizer.read_number(picture)
    assert number.text == text and number.is_number
    np.testing.assert_allclose(number.boxes, boxes, atol=3)
    assert [digit.digit for digit in number.digits] == list(map(int, text))
    assert 0.5 < number.probability <= 1


@pytest.mark.parametrize("label", range(10))
def test_single_digit_is_what_predict_says(recognizer, write, label):
    picture, ((left, *_),) = write(str(label), size=120)
    number, prediction = recognizer.read_number(picture), recognizer.predict(picture)
    assert len(number.digits) == 1 and number.is_number == prediction.is_digit
    assert number.text == str(label)
    np.testing.assert_array_equal(number.digits[0].image, prediction.image)
    np.testing.assert_allclose(number.digits[0].probabilities, prediction.probabilities, atol=1e-5)
    assert number.boxes[0][0] == pytest.approx(left, abs=3)


@pytest.mark.parametrize("label", range(10))
def test_digit_whose_strokes_do_not_meet_is_one_digit(recognizer, pen_digits, label):
    # Each stroke is a little away from the others.
    middle = np.concatenate(pen_digits[label].strokes).mean(0)
    apart = [
        12 * (stroke + 0.12 * (stroke.mean(0) - middle)) + 60
        for stroke in pen_digits[label].strokes
    ]
    number = recognizer.read_number(draw_strokes(apart, 260, 7.0))
    assert number.best_reading == str(label)


@pytest.mark.parametrize("text", ["12", "25", "46", "63", "30"])
def test_touching_digits_are_cut(recognizer, write, text):
    picture, boxes = write(text, gap=-0.13, size=120, brush=10)
    number = recognizer.read_number(picture)
    assert number.best_reading == text
    assert number.boxes[0][2] == pytest.approx(boxes[0][2], abs=25)


def test_colours_polarity_and_transparency_do_not_matter(recognizer, write):
    picture, boxes = write("42")
    ink = Image.eval(picture, lambda value: 255 - value)
    coloured = Image.new("RGB", picture.size, (20, 90, 40))
    coloured.paste((250, 230, 120), mask=ink)
    clear = Image.new("RGBA", picture.size, (200, 0, 100))
    clear.putalpha(ink)
    for shown in (ink, coloured, clear, {"composite": np.asarray(clear)}):
        number = recognizer.read_number(shown)
        assert number.text == "42"
        np.testing.assert_allclose(number.boxes, boxes, atol=3)


def test_boxes_are_of_the_image_as_it_was_given(recognizer, write, tmp_path):
    picture, boxes = write("73", size=900, brush=60)  # more than 1,600 pixels: is shrunk
    assert max(picture.size) > 1600
    number = recognizer.read_number(picture)
    np.testing.assert_allclose(number.boxes, boxes, atol=25)

    small, boxes = write("73")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    turned = tmp_path / "turned.jpg"
    small.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif, quality=95)
    number = recognizer.read_number(turned)
    assert number.text == "73"
    np.testing.assert_allclose(number.boxes, boxes, atol=4)


def test_photo_of_a_number(recognizer, write):
    picture, boxes = write("2024", size=200, brush=18, at=(500.0, 500.0))
    rows, columns = np.indices(picture.size[::-1]) / max(picture.size)
    light = 200 - 60 * rows - 50 * columns + np.random.default_rng(0).normal(0, 4, rows.shape)
    photo = light * (0.3 + 0.7 * np.asarray(picture) / 255)
    number = recognizer.read_number(photo.clip(0, 255).astype(np.uint8))
    assert number.text == "2024"
    np.testing.assert_allclose(number.boxes, boxes, atol=20)


def join(*parts, space=25):
    """Put pictures side by side: pairs of a picture and how far down it is."""
    sheet = Image.new("L", (1200, 240), 255)
    left = 40
    for part, top in parts:
        sheet.paste(part, (left, top))
        left += part.width + space
    return sheet


@pytest.fixture
def digit(write):
    def cut(label, height):
        picture, _ = write(str(label), size=120)
        ink = picture.crop(Image.eval(picture, lambda value: 255 - value).getbbox())
        return ink.resize((max(8, round(ink.width * height / ink.height)), height))

    return cut


def sign(*points):
    return Image.eval(draw_strokes([np.array(points, float)], 60, 9.0), lambda ink: 255 - ink)


COMMA, DASH = sign((32, 10), (26, 32)), sign((5, 30), (55, 29))


@pytest.mark.parametrize("height", [36, 50, 70, 110])
def test_small_zeros_after_a_tall_one_are_zeros(recognizer, digit, height):
    zero, top = digit(0, height), 160 - height
    picture = join((digit(1, 120), 40), *[(zero, top)] * 3)
    assert recognizer.read_number(picture).text == "1000"


@pytest.mark.parametrize("text", ["158", "924", "073", "4271", "1000", "97"])
@pytest.mark.parametrize("height, tall", [(60, 0), (80, -1)])
def test_small_digits_next_to_a_tall_one_are_digits(recognizer, digit, text, height, tall):
    heights = [height] * len(text)
    heights[tall] = 170
    parts = [(digit(label, high), 200 - high) for label, high in zip(text, heights, strict=True)]
    assert recognizer.read_number(join(*parts)).text == text


@pytest.mark.parametrize("text", ["1,000", "12,345", "2,345,678"])
def test_comma_of_the_thousands_is_left_out(recognizer, digit, text):
    parts = [(COMMA, 130) if sign == "," else (digit(sign, 100), 50) for sign in text]
    number = recognizer.read_number(join(*parts, space=10))
    assert number.text == text.replace(",", "")
    assert number.boxes[0][3] < 154  # of the digit, without the comma


def test_comma_that_is_not_of_the_thousands_belongs_to_a_digit(recognizer, digit):
    picture = join((digit(3, 100), 50), (COMMA, 130), (digit(5, 100), 50), space=10)
    boxes = recognizer.read_number(picture).boxes
    assert max(bottom for *_, bottom in boxes) > 165


def test_dash_before_a_number_is_left_out(recognizer, digit):
    number = recognizer.read_number(join((DASH, 70), (digit(5, 100), 50), (digit(8, 100), 50)))
    assert number.text == "58"
    assert number.boxes[0][0] > 100


def test_digit_of_a_number_has_its_own_threshold(recognizer, write):
    config = recognizer.config | {"number_threshold": -99.0, "digit_threshold": 99.0}
    network, _, metrics = load_model(bundled_folder())
    lenient = DigitRecognizer(network, config, metrics)
    assert lenient.read_number(write("42")[0]).text == "42"
    assert lenient.read_number(write("4")[0]).text == ""
    assert lenient.predict(write("4")[0]).digit is None


EDGE_TO_EDGE = {
    1: [[(200, 0), (200, 400)]],
    7: [[(0, 60), (400, 60), (180, 370)]],
    4: [[(240, 0), (60, 260), (400, 260)], [(260, 150), (260, 400)]],
    2: [[(90, 110), (200, 40), (300, 120), (0, 388), (400, 388)]],
}


@pytest.mark.parametrize("label", EDGE_TO_EDGE)
def test_stroke_that_leaves_the_picture_is_no_printed_line(recognizer, label):
    strokes = [np.array(stroke, float) for stroke in EDGE_TO_EDGE[label]]
    drawing = Image.eval(draw_strokes(strokes, 400, 24.0), lambda ink: 255 - ink)
    on_pad = {"composite": np.asarray(drawing.convert("RGBA")), "layers": [], "background": None}
    for image in (drawing, on_pad):
        assert recognizer.read_number(image).best_reading == str(label)
        assert recognizer.predict(image).probabilities.argmax() == label


def test_blots_are_no_number(recognizer):
    for corner, other in (((60, 60), (340, 340)), ((40, 120), (360, 280)), ((100, 40), (220, 360))):
        picture = Image.new("L", (400, 400), 255)
        ImageDraw.Draw(picture).rectangle((*corner, *other), fill=0)
        assert recognizer.read_number(picture).text in ("", "1")  # an upright one is a broad 1


def test_dotted_digit_is_read_as_a_whole(recognizer, pen_digits):
    points = np.concatenate(pen_digits[3].strokes)
    between = (points[:-1] + points[1:]) / 2
    places = 30 * np.concatenate([points, between]) + 40
    picture = draw_strokes([place[None] for place in places], 400, 14.0)
    assert recognizer.read_number(picture).best_reading == "3"
    assert recognizer.predict(picture).digit == 3


def test_boxes_lie_in_long_and_narrow_pictures(recognizer):
    narrow = np.full((1700, 17), 255, np.uint8)
    narrow[1000:1010, 4:12] = 0
    for picture in (narrow, narrow.T):
        boxes = np.array(recognizer.read_number(picture).boxes)
        first, last = boxes.min(0)[:2], boxes.max(0)[2:]  # a blot may be read as two digits
        start, end = (first[1], last[1]) if picture is narrow else (first[0], last[0])
        assert start == pytest.approx(1000, abs=4) and end == pytest.approx(1010, abs=4)


def test_odd_orientation_turns_nothing(recognizer, write):
    picture, boxes = write("73")
    for orientation in ("x", 9, 0):
        picture.getexif()[0x0112] = orientation
        np.testing.assert_allclose(recognizer.read_number(picture).boxes, boxes, atol=3)


def test_nothing_drawn_is_no_number(recognizer):
    for picture in (Image.new("L", (100, 100), 255), {"composite": None, "layers": []}):
        number = recognizer.read_number(picture)
        assert (number.text, number.digits, number.boxes, number.probability) == ("", (), (), 0)
        assert not number.is_number


def test_more_than_twelve_digits_are_no_number(recognizer, write):
    picture, _ = write("1234567890123")
    number = recognizer.read_number(picture)
    assert number.text == "" and not number.is_number
    assert number.best_reading == "1234567890123"


def test_search_is_bounded(recognizer):
    random = np.random.default_rng(0)
    scribble = [random.uniform(10, 790, (600, 2))]
    wide = [np.stack([np.linspace(5, 795, 900), random.uniform(350, 450, 900)], 1)]
    dots = [point[None] for point in random.uniform(10, 790, (700, 2))]
    dashes = [np.array([(x, 300.0), (x, 400.0)]) for x in np.linspace(10, 790, 60)]
    for strokes in (scribble, wide, dots, dashes):
        picture = draw_strokes(strokes, 800, 3.0)
        started = time.process_time()
        number = recognizer.read_number(picture)
        assert time.process_time() - started < 5
        assert not number.is_number and number.digits
        ink = find_ink(read_picture(picture))
        images = np.zeros((28, 28), np.uint8)
        found = find_candidates(find_components(ink), images, recognizer._compute_logits)
        if found is not None:
            assert len(found[1]) <= MOST_PIECES * (MOST_COMPONENTS + MOST_CUTS) + 1


def test_bad_image_is_named_among_several(recognizer, seven):
    first, second = recognizer.read_numbers([seven, seven])
    assert first.text == second.text == "7"
    with pytest.raises(BadImageError, match=r"images\[1\]: "):
        recognizer.read_numbers([seven, None])


@settings(max_examples=40 if SLOW else 10, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 90))))
def test_any_picture_gets_an_answer_that_makes_sense(recognizer, pixels):
    number = recognizer.read_number(pixels)
    assert 0 <= number.probability <= 1 and len(number.digits) == len(number.boxes)
    for left, top, right, bottom in number.boxes:
        assert 0 <= left < right <= pixels.shape[1] and 0 <= top < bottom <= pixels.shape[0]
