import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from digitrec.demo.answer import answer_html, explanation_html, percent
from digitrec.prediction import Number, Prediction


@pytest.fixture(scope="module")
def number(recognizer, seven):
    return recognizer.read_number(seven)


@pytest.fixture(scope="module")
def prediction(number):
    return number.digits[0]


def one(prediction, box=(150, 100, 250, 300)):
    return Number((prediction,), (box,), prediction.top()[0][1], prediction.is_digit)


def several(prediction, count, is_number=True):
    boxes = tuple((100 * place, 50, 100 * place + 60, 150) for place in range(count))
    return Number((prediction,) * count, boxes, 0.9, is_number)


def html_of(number, **options):
    return answer_html(number, (400, 200), **options)


def shown_picture(html):
    content = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_three_best_digits_with_bars_as_long_as_they_are_probable(prediction):
    html = html_of(one(prediction))
    digits = [int(digit) for digit in re.findall(r'class="digit">(\d)<', html)]
    widths = [float(width) for width in re.findall(r'style="width:([\d.]+)%"', html)]
    assert digits == [digit for digit, _ in prediction.top()]
    np.testing.assert_allclose(widths, [100 * share for _, share in prediction.top()], atol=0.05)
    assert "does not look like" not in html


def test_what_the_network_saw_is_shown_pixel_by_pixel(prediction):
    np.testing.assert_array_equal(shown_picture(html_of(one(prediction))), prediction.image)


def test_screen_reader_hears_one_sentence(prediction):
    (digit, _), (second, _), (third, _) = prediction.top()
    html = html_of(one(prediction))
    assert f"Looks like a {digit}, 99.9 per cent; then {second}, {third}<" in html
    assert html.count('aria-hidden="true"') == 3  # the numeral, the bars and the frame


def test_pixels_that_spoke_for_the_answer_are_orange_and_those_against_it_blue(prediction):
    rows, columns = np.nonzero(prediction.image)
    contributions = np.zeros((28, 28), np.float32)
    contributions[rows[0], columns[0]], contributions[rows[-1], columns[-1]] = 1.0, -1.0
    faint = len(rows) // 2
    contributions[rows[faint], columns[faint]] = 0.1
    html = explanation_html(one(prediction), [contributions], 400)
    shown = shown_picture(html).astype(int)
    assert (shown[..., 3] > 0).sum() == 2  # what hardly counts is not shown
    first = shown[0, columns[0] - columns.min()]
    last = shown[-1, columns[-1] - columns.min()]
    assert first[0] > first[2] + 100 and last[2] > last[0] + 100
    assert "Orange spoke for 7" in html


def test_explanation_lies_where_the_ink_is(prediction):
    html = explanation_html(one(prediction), [np.ones((28, 28), np.float32)], 400)
    left, top, width, height = (float(share) for share in re.findall(r":([\d.]+)%", html))
    # The network saw it with a pen of 9 % of its size, where the pad's has 12 %.
    assert left == pytest.approx(37.5, abs=1.5) and left > 37.5
    assert top + height / 2 == pytest.approx(50, abs=0.1) and width < 25


def test_no_digit_gets_a_message_and_no_percentages(prediction):
    doubtful = Prediction(prediction.probabilities, False, 0.0, prediction.image)
    html = html_of(one(doubtful), hint="Draw larger")
    assert "does not look like a digit" in html and "Draw larger" in html
    assert "closest: 7" in html and "%" not in html and "numeral" not in html


def test_doubt_is_grey(prediction):
    assert "unsure" not in html_of(one(prediction))
    even = np.full(10, 0.05, np.float32)
    even[3] = 0.55
    assert "unsure" in html_of(one(Prediction(even, True, 9.0, prediction.image)))


def test_number_is_large_and_each_digit_has_its_own_bars(prediction):
    html = html_of(several(prediction, 3))
    assert 'data-answer="777"' in html and "Looks like 7 7 7, 90.0 per cent<" in html
    assert re.findall(r'<button.*?aria-pressed="(\w+)".*?>(\d)<', html) == [
        ("true", "7"),
        ("false", "7"),
        ("false", "7"),
    ]
    assert html.count('<div class="one">') == 1 and html.count('<div class="one" hidden>') == 2
    assert html.count('class="bars"') == html.count('class="seen"') == 3


def test_frames_lie_where_the_digits_are(prediction):
    html = html_of(several(prediction, 2), source="photo")
    places = re.findall(r"left:([\d.]+)%;top:([\d.]+)%;width:([\d.]+)%;height:([\d.]+)%", html)
    assert [tuple(map(float, place)) for place in places] == [(0, 25, 15, 50), (25, 25, 15, 50)]
    assert "width:100%;aspect-ratio:400/200" in html


def test_no_number_gets_a_message_and_its_closest(prediction):
    html = html_of(several(prediction, 13, is_number=False))
    assert "does not look like a number" in html and f"closest: {13 * '7'}" in html
    assert "%" not in html and "numeral" not in html


@pytest.mark.parametrize("share, text", [(1.0, "99.9 %"), (0.0, "0.1 %"), (0.5, "50.0 %")])
def test_nothing_is_said_to_be_certain(share, text):
    assert percent(share) == text
