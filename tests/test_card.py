"""The card that visitors save and share, as a picture, in one page of a real browser."""

import base64
import io
import re

import numpy as np
import pytest
from browser_page import DESKTOP, SEVEN
from conftest import ROOT
from PIL import Image
from test_layout import answer

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

PAPER = np.s_[45:585, 45:585]
COLUMN = (630, 1155)  # the pixels between which the answer stands
PHOTO = ROOT / "digitrec" / "demo" / "page" / "examples" / "1-photo.jpg"
COLOURS = {"light": ("#f1f0fa", "#4338ca"), "dark": ("#1b1848", "#ffd166")}
LONG = "The picture could not be read: it has 200 megapixels. Make it smaller than 64 megapixels."
# Make a card; give it with where its texts and pictures of 28x28 pixels stand.
MAKE = """async ([found, theme, photo, strokes]) => {
    const { makeCard } = await fetchLater("card");
    const pad = document.querySelector("digit-pad");
    document.documentElement.dataset.theme = theme;
    pad.setActions(strokes);
    if (photo) {
        pad.show(photo);
        await pad.picture.decode();
    }
    document.querySelector("digit-answer").show(found, true);
    const boxes = [];
    const usual = { ...Object.getOwnPropertyDescriptors(CanvasRenderingContext2D.prototype) };
    const prototype = CanvasRenderingContext2D.prototype;
    prototype.fillText = function (text, x, y) {
        const size = this.measureText(text);
        const [left, right] = [x - size.actualBoundingBoxLeft, x + size.actualBoundingBoxRight];
        const [top, bottom] = [y - size.actualBoundingBoxAscent, y + size.actualBoundingBoxDescent];
        boxes.push({ text, left, right, top, bottom, colour: this.fillStyle });
        usual.fillText.value.apply(this, arguments);
    };
    prototype.drawImage = function (image, x, y, width, height) {
        const [right, bottom] = [x + width, y + height];
        if (image.width === 28) boxes.push({ left: x, right, top: y, bottom });
        usual.drawImage.value.apply(this, arguments);
    };
    const picture = makeCard().toDataURL();
    Object.defineProperties(prototype, usual);
    return [picture, boxes];
}"""


@pytest.fixture(scope="module")
def make_card(browser, app_url):
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(app_url)
    page.wait_for_function("document.querySelector('digit-answer')")
    photo = "data:image/jpeg;base64," + base64.b64encode(PHOTO.read_bytes()).decode()

    def make_card(found, theme="light", is_photo=False):
        strokes = [{"eraser": False, "points": SEVEN}]
        url, boxes = page.evaluate(MAKE, [found, theme, photo if is_photo else "", strokes])
        picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
        return np.asarray(picture.convert("RGB")).astype(int), boxes

    yield make_card
    context.close()


def channels(colour):
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def contrast(one, other):
    """The ratio that WCAG 2 defines."""

    def luminance(colour):
        shares = np.array(channels(colour)) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def overlaps(one, other):
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 0.5 and down > 0.5


CARDS = {
    "digit": answer("7"),
    "doubtful digit": answer("3", 0.4),
    "number of two": answer("42", 0.93),
    "number of five": answer("90210", 0.871),
    "number of twelve": answer("123456789012", 0.9),
    "not a digit": answer("8", 0.3, "not_a_digit"),
    "not a number": answer("123456789012", 0.3, "not_a_number"),
    "two rows": {**answer("12", 0.3, "several_rows"), "readings": ["123456", "789012"]},
    "message": {**answer("", 0.0, "unreadable"), "message": LONG},
}


@pytest.mark.parametrize("theme", COLOURS)
def test_texts_and_pictures_of_a_card_stand_in_its_column_apart_and_in_contrast(make_card, theme):
    page_colour, mark = COLOURS[theme]
    for name, found in CARDS.items():
        card, boxes = make_card(found, theme)
        assert card.shape == (630, 1200, 3)
        assert card[5, 5].tolist() == channels(page_colour)
        for place, box in enumerate(boxes):
            assert COLUMN[0] - 1 <= box["left"] and box["right"] <= COLUMN[1] + 1, (name, box)
            assert 44 <= box["top"] and box["bottom"] <= 600, (name, box)
            assert not [other for other in boxes[:place] if overlaps(box, other)], (name, box)
            if "colour" in box:
                assert contrast(box["colour"], page_colour) >= 4.5, (name, box)
        texts = [box["text"] for box in boxes if "text" in box]
        assert "digitrec" in texts and texts[-1].startswith("127.0.0.1:")
        if found["is_number"]:
            assert texts[0] == found["text"] and boxes[0]["colour"] == mark
            assert len(boxes) - len(texts) == len(found["text"])  # what the network saw of each
            shares = [text for text in texts if re.fullmatch(r"\d+\.\d %", text)]
            assert len(shares) == len(found["text"])
        else:
            assert texts[0] == "?" and not [text for text in texts if "%" in text]
        if name == "message":
            assert " ".join(texts[1:-2]) == LONG


def test_drawing_is_on_its_card(make_card):
    for theme in COLOURS:
        paper = make_card(answer("7"), theme)[0][PAPER].min(-1)
        assert (paper[20:-20, 20:-20] > 250).mean() > 0.7
        ink = (np.argwhere(paper[20:-20, 20:-20] < 50) + 20) / 540
        np.testing.assert_allclose(ink.min(0), [0.27, 0.33], atol=0.01)
        np.testing.assert_allclose(ink.max(0), [0.75, 0.6], atol=0.01)  # the pad rounds the corner


def test_photo_is_on_its_card_with_a_frame_for_each_digit(make_card):
    found = {**answer("4"), "size": [400, 400]}
    found["digits"][0]["box"] = [100, 100, 300, 300]
    card, _ = make_card(found, "dark", is_photo=True)
    with Image.open(PHOTO) as photo:
        expected = np.asarray(photo.convert("RGB").resize((540, 540))).astype(int)
    inner = np.s_[30:120, 30:510]  # above the frame
    assert np.abs(card[PAPER][inner] - expected[inner]).mean() < 8
    frame = card[45 + 131, 300]  # 100 of 400, less 4 pixels
    assert np.abs(frame - channels("#be185d")).max() < 30
