"""The pad's value in Python, and the first screen in the page's own text."""

import base64
import gzip
import io
import re
import urllib.request

import numpy as np
import pytest
from gradio import Error
from PIL import Image, ImageDraw

from digitrec.demo.first_screen import FirstScreen
from digitrec.demo.sketchpad import Sketchpad


def data_url(image, kind="PNG"):
    content = io.BytesIO()
    image.save(content, kind)
    encoded = base64.b64encode(content.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{encoded}"


@pytest.fixture(scope="module")
def pad():
    return Sketchpad()


@pytest.mark.parametrize("payload", [None, ""])
def test_nothing_drawn_is_what_a_gradio_sketchpad_gives_then(pad, recognizer, payload):
    value = pad.preprocess(payload)
    assert value == {"background": None, "layers": [], "composite": None}
    assert recognizer.predict(value).top() == []


def test_drawing_is_what_a_gradio_sketchpad_gives(pad, recognizer):
    drawn = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(drawn).line([(120, 100), (280, 100), (180, 300)], fill="black", width=24)
    value = pad.preprocess(data_url(drawn))
    assert set(value) == {"background", "layers", "composite"}
    np.testing.assert_array_equal(value["composite"][..., :3], np.asarray(drawn))
    (ink,) = value["layers"]
    assert ink.shape == (400, 400, 4) and set(np.unique(ink[..., 3])) == {0, 255}
    assert recognizer.predict(value).digit == 7
    # Without the composite, from background and layers alone.
    assert recognizer.predict({**value, "composite": None}).digit == 7


@pytest.mark.parametrize(
    "payload",
    [
        "data:image/png;base64,AAAA",
        "data:image/png;base64,!",
        data_url(Image.new("RGB", (9, 9)), "JPEG"),
        data_url(Image.new("RGBA", (5000, 5000))),
        data_url(Image.effect_noise((900, 900), 60)),
        {"path": "drawing.png"},
    ],
    ids=range(6),
)
def test_what_the_pad_did_not_draw_is_refused(pad, payload):
    with pytest.raises(Error, match="not a PNG in a data URL"):
        pad.preprocess(payload)


def page_of(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


def test_chats_find_title_description_and_a_whole_address_of_the_picture_first(app_url):
    page = page_of(app_url)
    first = {}
    for name, content in re.findall(r'<meta\s+property="([^"]+)"\s+content="([^"]*)"', page):
        first.setdefault(name, content)
    assert first["og:title"] == "digitrec: draw a digit or a number"
    assert first["og:description"].startswith("Draw a digit or a number with the mouse")
    assert first["og:image"].startswith(f"{app_url}/gradio_api/file=")
    with urllib.request.urlopen(first["og:image"]) as response:
        picture = Image.open(io.BytesIO(response.read()))
    assert picture.width >= 1000 and len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_address_of_the_picture_is_the_visitors_behind_a_proxy(app_url):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "me-demo.hf.space"}
    page = page_of(app_url, headers)
    assert 'property="og:image" content="https://me-demo.hf.space/gradio_api/file=' in page
    page = page_of(app_url, {"X-Forwarded-Host": '"><script>alert(1)</script>'})
    assert "<script>alert(1)" not in page


def test_pad_is_in_the_page_before_gradios_scripts_are_asked_for(app_url):
    page = page_of(app_url)
    assert page.count("Getting the pen ready…</digit-pad>") == 1 and "A network of 0.9 MB" in page
    assert 'customElements.define("digit-pad"' in page.split("</main>")[1]


def test_page_is_compressed_for_browsers(app_url):
    request = urllib.request.Request(app_url, headers={"Accept-Encoding": "gzip, deflate, br"})
    with urllib.request.urlopen(request) as response:
        content = response.read()
        assert response.headers["Content-Encoding"] == "gzip"
    assert len(content) < 100_000
    assert "</digit-pad>" in gzip.decompress(content).decode()


def test_other_addresses_and_answers_pass_unchanged():
    async def run(path, status):
        sent = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"<head></head>"})

        async def receive():
            return {"type": "http.request"}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": path, "method": "GET", "headers": [], "scheme": "http"}
        await FirstScreen(app, claim="")(scope, receive, send)
        return b"".join(message.get("body", b"") for message in sent)

    import asyncio

    assert asyncio.run(run("/config", 200)) == b"<head></head>"
    assert asyncio.run(run("/", 401)) == b"<head></head>"
    assert len(asyncio.run(run("/", 200))) > 1000
