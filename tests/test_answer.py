import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from digitrec.demo.answer import answer_html, percent
from digitrec.recognizer import Prediction


@pytest.fixture(scope="module")
def prediction(recognizer, seven):
    return recognizer.predict(seven)


def without_ink(recognizer):
    return recognizer.predict(np.full((50, 50), 255, np.uint8))


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
    shown = shown_picture(answer_html(prediction))
    np.testing.assert_array_equal(shown, np.repeat(prediction.image[..., None], 3, axis=2))


def test_pixels_that_spoke_for_the_answer_are_orange_and_those_against_it_blue(prediction):
    contributions = np.zeros((28, 28), np.float32)
    contributions[3, 4], contributions[20, 21] = 1.0, -1.0
    html = answer_html(prediction, contributions=contributions)
    shown = shown_picture(html).astype(int)
    assert shown[3, 4, 0] > shown[3, 4, 2] + 100 and shown[20, 21, 2] > shown[20, 21, 0] + 100
    assert "Orange spoke for 7" in html


def test_no_ink_and_no_digit_get_calm_messages(recognizer, prediction):
    assert "Nothing drawn yet" in answer_html(without_ink(recognizer))
    assert "<li>" not in answer_html(without_ink(recognizer))
    doubtful = Prediction(prediction.probabilities, False, 0.0, prediction.image)
    assert "does not look like a digit" in answer_html(doubtful)


@pytest.mark.parametrize("share, text", [(1.0, "99.9 %"), (0.0, "0.1 %"), (0.5, "50.0 %")])
def test_nothing_is_said_to_be_certain(share, text):
    assert percent(share) == text


def test_code_cannot_leave_its_attribute(prediction):
    assert '"><script>' not in answer_html(prediction, code='"><script>')
