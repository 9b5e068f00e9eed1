import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from digitrec.demo.answer import answer_html, explanation_html, ink_box, percent
from digitrec.prediction import Prediction


@pytest.fixture(scope="module")
def prediction(recognizer, seven):
    return recognizer.predict(seven)


def shown_picture(html):
    content = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_three_best_digits_with_bars_as_long_as_they_are_probable(prediction):
    html = answer_html(prediction)
    digits = [int(digit) for digit in re.findall(r'class="digit">(\d)<', html)]
    widths = [float(width) for width in re.findall(r'style="width:([\d.]+)%"', html)]
    assert digits == [digit for digit, _ in prediction.top()]
    np.testing.assert_allclose(widths, [100 * share for _, share in prediction.top()], atol=0.05)
    assert "does not look like" not in html


def test_what_the_network_saw_is_shown_pixel_by_pixel(prediction):
    np.testing.assert_array_equal(shown_picture(answer_html(prediction)), prediction.image)


def test_screen_reader_hears_one_sentence(prediction):
    (digit, _), (second, _), (third, _) = prediction.top()
    html = answer_html(prediction)
    assert f"Looks like a {digit}, 99.9 per cent; then {second}, {third}<" in html
    assert html.count('aria-hidden="true"') == 2  # the numeral and the bars say the same


def test_pixels_that_spoke_for_the_answer_are_orange_and_those_against_it_blue(prediction):
    rows, columns = np.nonzero(prediction.image)
    contributions = np.zeros((28, 28), np.float32)
    contributions[rows[0], columns[0]], contributions[rows[-1], columns[-1]] = 1.0, -1.0
    faint = len(rows) // 2
    contributions[rows[faint], columns[faint]] = 0.1
    drawing = np.full((400, 400, 4), 255, np.uint8)
    drawing[100:300, 150:250, :3] = 0
    html = explanation_html(prediction, contributions, drawing)
    shown = shown_picture(html).astype(int)
    assert (shown[..., 3] > 0).sum() == 2  # what hardly counts is not shown
    first = shown[0, columns[0] - columns.min()]
    last = shown[-1, columns[-1] - columns.min()]
    assert first[0] > first[2] + 100 and last[2] > last[0] + 100
    assert "Orange spoke for 7" in html


def test_explanation_lies_where_the_ink_is(prediction):
    drawing = np.full((400, 400, 4), 255, np.uint8)
    drawing[100:300, 150:250, :3] = 0
    assert ink_box(drawing) == (0.375, 0.25, 0.625, 0.75)
    html = explanation_html(prediction, np.ones((28, 28), np.float32), drawing)
    left, top, width, height = (float(share) for share in re.findall(r":([\d.]+)%", html))
    # The network saw it with a pen of 9 % of its size, where the pad's has 12 %.
    assert left == pytest.approx(37.5, abs=1.5) and left > 37.5
    assert top + height / 2 == pytest.approx(50, abs=0.1) and width < 25


def test_no_digit_gets_a_message_and_no_percentages(prediction):
    doubtful = Prediction(prediction.probabilities, False, 0.0, prediction.image)
    html = answer_html(doubtful, hint="Draw larger")
    assert "does not look like a digit" in html and "Draw larger" in html
    assert "closest: 7" in html and "%" not in html and "numeral" not in html


def test_doubt_is_grey(prediction):
    assert "unsure" not in answer_html(prediction)
    even = np.full(10, 0.05, np.float32)
    even[3] = 0.55
    assert "unsure" in answer_html(Prediction(even, True, 9.0, prediction.image))


@pytest.mark.parametrize("share, text", [(1.0, "99.9 %"), (0.0, "0.1 %"), (0.5, "50.0 %")])
def test_nothing_is_said_to_be_certain(share, text):
    assert percent(share) == text
