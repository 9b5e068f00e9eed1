"""Pictures on the page in a real browser: chosen, dropped, turned, shared, and kept waiting."""

import base64

import numpy as np
import pytest
from browser_page import (
    DESKTOP,
    ONE,
    PATIENCE,
    PHONE,
    action,
    draw,
    expect_blank,
    expect_digit,
    expect_message,
    forwarding,
    open_place,
    paper,
    tool,
    wait_for_reader,
)
from conftest import ROOT, free_port
from hostile_files import make_files
from PIL import Image
from playwright.sync_api import expect

from digitrec.training.strokes import draw_strokes

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]


def test_chosen_refused_and_example_pictures(page, seven):
    label = page.locator("#photo .choose b").inner_text()
    assert label == ("Upload a photo" if page.viewport_size["width"] > 500 else label)
    chosen = page.locator("#photo input")
    chosen.set_input_files(seven)
    expect_digit(page, 7)
    box = page.locator("#answer .numeral").bounding_box()
    page.wait_for_timeout(300)
    offset = page.evaluate("window.scrollY")
    assert box["y"] + box["height"] - offset <= page.viewport_size["height"]  # without scrolling
    expect(page.locator("digit-pad img.photo")).to_be_visible()
    chosen.set_input_files(ROOT / "README.md")
    expect_message(page, "is not a picture that digitrec can read")
    expect(page.locator("#answer .numeral")).to_have_text("?")
    page.locator(".example").first.click()
    expect_digit(page, 4)
    tool(page, "back").click()
    expect_blank(page)
    draw(page, *ONE)
    expect_digit(page, 1)


# What a visitor is told of each; "" where it is read, as a seven.
HOSTILE_FILES = {
    "empty.png": "is empty",
    "page.png": "is not a picture",
    "script.svg": "is an SVG drawing",
    "paper.pdf": "is a PDF",
    "half.jpg": "is damaged or incomplete",
    "declared large.png": "64 megapixels",
    "many scans.jpg": "more than 20 scans",
    "50000 by 1.png": "100 times as long as wide",
    "16 bits.png": "",
    "cmyk.jpg": "",
    "many frames.gif": "",
    "<img src=x onerror=alert(7)>.png": "",
}


def test_hostile_files_end_in_an_answer_or_a_sentence_on_the_page(open_page, app_url):
    page, files = open_page(app_url, **DESKTOP), make_files()
    opened = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    for name, said in HOSTILE_FILES.items():
        file = {"name": name, "mimeType": "image/png", "buffer": files[name]}
        page.locator("#photo input").set_input_files(file)
        if said:
            expect_message(page, said)
        else:
            expect_digit(page, 7)
        tool(page, "back").click()
        expect_blank(page)
    assert not opened


def test_phone_offers_to_take_a_photo(open_page, app_url):
    page = open_page(app_url, **PHONE)
    expect(page.locator("#photo .choose b")).to_have_text("Take or choose a photo")


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_picture_is_pasted_or_dropped_anywhere(open_page, app_url, seven, kind):
    page = open_page(app_url, **DESKTOP)
    page.evaluate(
        """async ([kind, content]) => {
          const blob = await (await fetch('data:image/png;base64,' + content)).blob();
          const data = new DataTransfer();
          data.items.add(new File([blob], 'seven.png', { type: 'image/png' }));
          const options = { bubbles: true, cancelable: true };
          const event = kind === 'paste'
            ? new ClipboardEvent('paste', { ...options, clipboardData: data })
            : new DragEvent('drop', { ...options, dataTransfer: data });
          document.querySelector('#about').dispatchEvent(event);
        }""",
        [kind, base64.b64encode(seven.read_bytes()).decode()],
    )
    expect_digit(page, 7)


def test_frames_lie_over_the_digits_of_a_photo(page, tmp_path, pen_digits):
    strokes = [20.0 * stroke + (100, 100) for stroke in pen_digits[4].strokes]
    strokes += [20.0 * stroke + (400, 100) for stroke in pen_digits[2].strokes]
    picture = Image.eval(draw_strokes(strokes, 700, 24.0), lambda ink: 255 - ink)
    picture.crop((0, 0, 700, 400)).save(tmp_path / "42.png")
    page.locator("#photo input").set_input_files(tmp_path / "42.png")
    frames = page.locator(".sheet .boxes span")
    expect(frames).to_have_count(2, timeout=PATIENCE)
    expect_digit(page, 42)
    left, top, side = paper(page)
    box = frames.nth(1).bounding_box()
    assert box["x"] == pytest.approx(left + side * 418 / 700, abs=0.03 * side)
    # The photo is 4/7 as high as the paper and lies in its middle.
    assert box["y"] == pytest.approx(top + side * (150 + 88) / 700, abs=0.03 * side)
    frames.nth(1).click()
    assert open_place(page)[0] == 1
    page.locator("#photo input").set_input_files(tmp_path / "42.png")  # the same answer again
    expect(page.locator(".sheet .boxes .open")).to_have_count(1, timeout=PATIENCE)
    expect(frames).to_have_count(2)
    tool(page, "back").click()
    expect(frames).to_have_count(0)


def test_large_photo_is_shrunk_before_it_is_sent(page, tmp_path, pen_digits):
    strokes = [20.0 * stroke + (100, 100) for stroke in pen_digits[4].strokes]
    strokes += [20.0 * stroke + (400, 100) for stroke in pen_digits[2].strokes]
    picture = Image.eval(draw_strokes(strokes, 700, 24.0).convert("L"), lambda ink: 235 - ink // 2)
    photo = picture.crop((0, 0, 700, 525)).resize((5712, 4284))
    grain = np.random.default_rng(0).integers(0, 20, (4284, 5712), np.uint8)
    photo = Image.fromarray(np.asarray(photo) + grain)
    exif = Image.Exif()
    exif[0x0112] = 8
    photo.rotate(-90, expand=True).save(tmp_path / "42.jpg", quality=95, exif=exif)
    assert (tmp_path / "42.jpg").stat().st_size > 8e6
    page.evaluate(
        """() => {
            const append = FormData.prototype.append;
            FormData.prototype.append = function (name, value, ...rest) {
                window.sentBytes = value.size;
                return append.call(this, name, value, ...rest);
            };
        }"""
    )
    page.locator("#photo input").set_input_files(tmp_path / "42.jpg")
    expect_digit(page, 42)
    assert 1e5 < page.evaluate("window.sentBytes") < 4e6


def choose(page, file):
    page.locator("#photo input").set_input_files(file)


def test_answer_to_the_drawing_goes_as_soon_as_a_picture_is_shown(open_page, app_url, seven):
    page = open_page(app_url, **DESKTOP)
    draw(page, *ONE)
    expect_digit(page, 1)
    page.route("**/upload*", lambda route: route.abort())
    choose(page, seven)
    expect_blank(page)
    expect(page.locator(".status")).to_contain_text("could not be sent", timeout=PATIENCE)


def test_picture_is_turned_by_a_button(open_page, app_url, tmp_path, seven):
    with Image.open(seven) as picture:
        picture.convert("RGBA").rotate(180, fillcolor=(0, 0, 0, 0)).save(tmp_path / "turned.png")
    page = open_page(app_url, **DESKTOP)
    choose(page, tmp_path / "turned.png")
    size = "(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight])"
    for sides in ([240, 300], [300, 240]):
        tool(page, "turn").click()
        picture = "document.querySelector('digit-pad').picture"
        page.wait_for_function(f"(sides) => String({size}({picture})) === String(sides)", arg=sides)
    expect_digit(page, 7)


def test_picture_that_the_browser_cannot_show_is_read_without_a_broken_icon(
    open_page, app_url, tmp_path, seven
):
    with Image.open(seven) as picture:
        picture.save(tmp_path / "seven.tiff")
    page = open_page(app_url, **DESKTOP)
    choose(page, tmp_path / "seven.tiff")
    expect(page.locator("digit-pad .unseen")).to_be_visible()
    expect(page.locator("digit-pad img.photo")).to_be_hidden()
    expect(tool(page, "turn")).to_be_disabled()
    expect_digit(page, 7)
    tool(page, "back").click()
    expect(page.locator("digit-pad .unseen")).to_be_hidden()


def test_photo_is_explained_saved_and_shared_as_a_picture(open_page, app_url, tmp_path, seven):
    page = open_page(app_url, permissions=["clipboard-read", "clipboard-write"], **DESKTOP)
    wait_for_reader(page)
    choose(page, seven)
    expect_digit(page, 7)
    action(page, "why").click()
    expect(page.locator(".sheet .explanation canvas")).to_have_count(1, timeout=PATIENCE)
    with page.expect_download() as download:
        action(page, "save").click()
    download.value.save_as(tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as card:
        red = np.asarray(card.convert("RGB")).astype(int)[45:585, 45:585]
    assert ((red[..., 0] - red[..., 1]) > 100).mean() > 0.01  # the photo's ink
    action(page, "share").click()
    expect(action(page, "share")).to_have_text("Picture copied", timeout=PATIENCE)
    kinds = page.evaluate("navigator.clipboard.read().then(([item]) => item.types)")
    assert kinds == ["image/png"]


@pytest.fixture
def waiting(open_page, app_url, seven):
    """A page whose server was lost before a picture was chosen, and the port that led there."""
    port = free_port()
    with forwarding(port, app_url) as url:
        page = open_page(url, **DESKTOP)
        wait_for_reader(page)
    choose(page, seven)
    expect(page.locator(".status")).to_contain_text("will be sent", timeout=PATIENCE)
    return page, port


def test_picture_waits_for_a_lost_server_and_is_sent_when_it_is_back(waiting, app_url):
    page, port = waiting
    with forwarding(port, app_url):
        expect_digit(page, 7)
        expect(page.locator(".status")).to_have_text("")


def test_picture_is_sent_to_a_server_that_was_restarted(waiting, restarted_app):
    page, port = waiting
    with forwarding(port, restarted_app.url):
        expect_digit(page, 7)


def test_page_that_was_loaded_again_says_to_choose_the_picture_once_more(open_page, app_url, seven):
    page = open_page(app_url, **DESKTOP)
    page.route("**/upload*", lambda route: route.abort())
    choose(page, seven)
    page.reload()
    expect(page.locator(".status")).to_contain_text("Choose it once more", timeout=PATIENCE)
    page.unroute("**/upload*")
    choose(page, seven)
    expect_digit(page, 7)
    page.reload()
    expect_blank(page)
    expect(page.locator(".status")).to_have_text("")
