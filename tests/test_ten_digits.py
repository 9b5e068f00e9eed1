"""The game "Ten digits" in a real browser; tests/javascript/game.test.mjs tests its rules."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from browser_page import (
    DESKTOP,
    ONE,
    PATIENCE,
    SEVEN,
    TOUCH,
    draw,
    expect_answer,
    leave_to_server,
    strokes,
    tool,
    touch,
    wait_for_reader,
)
from conftest import PEN_DIGITS
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.once

SMALL_PHONE = {"viewport": {"width": 320, "height": 568}, **TOUCH}
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
CHALLENGE = "?ten=7123456890&time=12.3"
pytest_plugins = ["browser_page"]


def asked_for(page):
    """Which digit the game asks for, by its word."""
    return WORDS.index(page.locator("#top .task .spoken").inner_text())


def press(page, name):
    page.locator(f":is(.ten-card, .ten-result) [name={name}]").click(timeout=PATIENCE)


def draw_asked(page):
    for stroke in PEN_DIGITS[asked_for(page)]:
        touch(page, *[(0.25 + 0.05 * x, 0.25 + 0.05 * y) for x, y in stroke])


def expect_done(page, count):
    expect(page.locator("#top .clock")).to_contain_text(f"{count} of 10", timeout=PATIENCE)


def expect_to_fit(page, selector):
    """The page and the element are no wider than the screen, and a finger hits the buttons."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    element = page.locator(selector)
    assert element.evaluate("({ scrollHeight, clientHeight }) => scrollHeight - clientHeight") <= 0
    for button in page.locator(f":is({selector}, #top) button:visible").all():
        assert button.bounding_box()["height"] >= 44


def test_ten_digits_are_played_on_a_small_phone_and_challenge_a_friend(open_page, app_url):
    page = open_page(app_url, permissions=["clipboard-read", "clipboard-write"], **SMALL_PHONE)
    wait_for_reader(page)
    page.locator("#top .play").tap()
    expect_to_fit(page, ".ten-card")
    press(page, "today")
    asked = []
    for number in range(9):
        expect_done(page, number)
        asked.append(asked_for(page))
        draw_asked(page)
    expect_done(page, 9)
    asked.append(asked_for(page))
    assert sorted(asked) == list(range(10))
    page.locator("#top .skip").tap()
    headline = page.locator("#top .task")
    expect(headline).to_contain_text("1 skipped")
    seconds = float(re.findall(r"in ([\d.]+) s", headline.inner_text())[0])
    image = page.locator(".ten-result img")
    times = re.findall(r"\d: ([\d.]+) s", image.get_attribute("alt"))
    assert len(times) == 10 and sum(map(float, times)) + 5 == pytest.approx(seconds)
    expect_to_fit(page, ".ten-result")
    with page.expect_download() as download:
        press(page, "picture")
    with Image.open(download.value.path()) as picture:
        assert picture.size == (1100, 658)
        for digit in set(range(10)) - {asked[-1]}:
            left, top = 220 * (digit % 5), 284 * (digit // 5)
            cell = picture.convert("L").crop((left + 5, top + 5, left + 215, top + 215))
            ink = cell.point(lambda grey: 255 * (grey < 128)).getbbox()
            assert ink and min(ink[:2]) > 0 and max(ink[2:]) < 210  # whole
    press(page, "copy")
    expect(page.locator("[name=copy]")).to_have_text("Result copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/?ten=today")
    page.evaluate("navigator.canShare = undefined")
    press(page, "challenge")
    expect(page.locator("[name=challenge]")).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlparse(link).query) == {
        "ten": ["".join(map(str, asked))],
        "time": [f"{seconds:.1f}"],
    }


def test_challenge_waits_while_hidden_continues_after_a_reload_and_gives_the_drawing_back(
    open_page, app_url
):
    page = open_page(f"{app_url}{CHALLENGE}", **DESKTOP)
    expect(page.locator(".ten-card")).to_contain_text("A friend did it in 12.3 s. Can you?")
    page.keyboard.press("Escape")
    draw(page, *ONE)
    before = strokes(page)
    wait_for_reader(page)
    page.locator("#top .play").click()
    page.keyboard.press("Enter")  # the focus is on Start
    expect(page.locator("#top .task .spoken")).to_have_text("seven")
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    draw(page, *ONE)
    expect_answer(page, 1)
    expect_done(page, 0)
    page.evaluate(hide, True)
    shown = page.locator("#top .clock").inner_text()
    page.wait_for_timeout(500)
    assert page.locator("#top .clock").inner_text() == shown
    page.evaluate(hide, False)
    expect(page.locator("#top .clock")).not_to_have_text(shown)
    tool(page, "clear").click()
    draw(page, *SEVEN)
    expect_done(page, 1)
    page.reload()
    expect(page.locator("#top .task .spoken")).to_have_text("one")
    wait_for_reader(page)
    draw(page, *ONE)
    expect_done(page, 2)
    page.locator("#top .play").click()
    expect(page.locator("#top .claim")).to_be_visible()
    assert strokes(page) == before


def test_challenge_says_that_it_needs_a_newer_browser(open_page, app_url):
    page = open_page(
        f"{app_url}{CHALLENGE}", prepare=leave_to_server, wait=False, ours=False, **SMALL_PHONE
    )
    expect(page.locator(".ten-card")).to_contain_text("needs a newer browser", timeout=PATIENCE)
    press(page, "close")
    expect(page.locator("#top h1")).to_be_visible()
    expect(page.locator("#top .play")).to_be_hidden()
