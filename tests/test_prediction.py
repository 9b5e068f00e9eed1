import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from digitrec.prediction import Number, Prediction, join_rows, percent

IMAGE = np.arange(784, dtype=np.uint8).reshape(28, 28)
SEVEN = Prediction(np.eye(10, dtype=np.float32)[7], True, 9.5, IMAGE)
NOTHING = Prediction(np.full(10, 0.1, np.float32), False, -np.inf, IMAGE)
BOX = (1, 2, 3, 4)


def number(*digits, is_number=True):
    return Number(digits, (BOX,) * len(digits), 0.9, is_number)


def test_prediction_as_a_dictionary_goes_through_json():
    values = json.loads(json.dumps(SEVEN.to_dict(), allow_nan=False))
    assert values["digit"] == 7 and values["is_digit"] and values["digit_score"] == 9.5
    assert values["probabilities"] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    np.testing.assert_array_equal(np.array(values["image"], np.uint8), IMAGE)
    empty = json.loads(json.dumps(NOTHING.to_dict(), allow_nan=False))
    assert empty["digit"] is None and empty["digit_score"] is None


def test_number_as_a_dictionary_goes_through_json():
    values = json.loads(json.dumps(number(SEVEN, SEVEN).to_dict(), allow_nan=False))
    assert (values["text"], values["is_number"], values["reason"]) == ("77", True, None)
    assert (values["probability"], values["rows"], values["best_reading"]) == (0.9, 1, "77")
    assert [digit["box"] for digit in values["digits"]] == [list(BOX)] * 2
    assert values["digits"][0] == {**json.loads(json.dumps(SEVEN.to_dict())), "box": list(BOX)}


@pytest.mark.parametrize(
    "what, reason",
    [
        (number(SEVEN), None),
        (number(SEVEN, is_number=False), "not_a_digit"),
        (number(SEVEN, SEVEN, is_number=False), "not_a_number"),
        (number(*[SEVEN] * 13, is_number=False), "too_many_digits"),
        (join_rows([number(SEVEN), number(SEVEN)]), "several_rows"),
        (join_rows([]), "blank"),
    ],
)
def test_reason_says_why_it_is_not_a_number(what, reason):
    assert what.reason == reason and what.to_dict()["reason"] == reason


def with_shares(*shares, is_digit=True):
    """Give a prediction with the probabilities of 0, 1 and so on, as far as given."""
    probabilities = np.zeros(10, np.float32)
    probabilities[: len(shares)] = shares
    return Prediction(probabilities, is_digit, 2.0, IMAGE)


@pytest.mark.parametrize(
    "answer, said",
    [
        (with_shares(0.0625, 0.75, 0.1875), "Prediction(1, 75.0 %; then 2, 0)"),
        (with_shares(0.1, 0.2, 0.7, is_digit=False), "Prediction(no digit; closest 2, 1, 0)"),
        (NOTHING, "Prediction(blank)"),
        (number(SEVEN, SEVEN), "Number('77', 90.0 %)"),
        (number(SEVEN, is_number=False), "Number(not a number: not_a_digit; closest '7')"),
        (join_rows([]), "Number(blank)"),
    ],
    ids=str,
)
def test_answers_show_in_a_line_what_was_read(answer, said):
    assert repr(answer) == said


class Html(HTMLParser):
    """Checks that all that is opened is closed; keeps the images and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.images, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            kind, encoded = dict(attrs)["src"].split(",")
            assert kind == "data:image/png;base64"
            image = Image.open(io.BytesIO(base64.b64decode(encoded)))
            self.images.append(np.asarray(image))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data} "


def test_notebook_shows_what_the_network_saw_ten_bars_and_the_three_best():
    html = with_shares(0.0625, 0.75, 0.1875)._repr_html_()
    shown = Html(html)
    np.testing.assert_array_equal(shown.images, [IMAGE])
    assert shown.text == "0 1 2 3 4 5 6 7 8 9 1 (75.0 %), 2 (18.7 %), 0 (6.2 %) "
    assert html.count("width:75px") == 1 and html.count("width:0px") == 7


@pytest.mark.parametrize(
    "answer, digits, said",
    [
        (number(SEVEN, SEVEN), 2, "77 (90.0 %)"),
        (number(SEVEN, is_number=False), 1, "Not a digit. Closest: 7"),
        (join_rows([number(SEVEN), number(SEVEN)]), 2, "two rows of digits"),
        (number(*[SEVEN] * 13, is_number=False), 13, "more than 12 digits"),
        (join_rows([]), 0, "The picture is blank."),
        (NOTHING, 1, "The picture is blank."),
        (with_shares(0.1, 0.2, 0.7, is_digit=False), 1, "No digit. Closest: 2 (69.9 %)"),
    ],
    ids=str,
)
def test_notebook_says_what_was_read_or_why_nothing_was(answer, digits, said):
    html = answer._repr_html_()
    shown = Html(html)
    assert len(shown.images) == digits and said in shown.text
    # Text has the colour of the notebook, which may be dark.
    assert "#" not in html and "rgb" not in html and "<style" not in html


def test_recogniser_shows_which_model_it_is(recognizer):
    shown = repr(recognizer)
    assert recognizer.revision in shown and str(recognizer.folder) in shown and len(shown) < 200


def test_whole_is_never_more_probable_than_its_parts(recognizer, forty_two, pen_digits):
    whole = recognizer.read_number(forty_two)
    assert whole.probability <= min(digit.probabilities.max() for digit in whole.digits)


@pytest.mark.parametrize(
    "share, text",
    [(1.0, "99.9 %"), (0.0, "less than 0.1 %"), (0.897, "89.7 %"), (0.8999, "89.9 %")]
    + [(0.5, "50.0 %"), (0.57, "57.0 %"), (0.00099, "less than 0.1 %"), (0.001, "0.1 %")],
)
def test_nothing_is_said_to_be_certain_nor_more_than_it_is(share, text):
    assert percent(share) == text
