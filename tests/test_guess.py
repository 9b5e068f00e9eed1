"""A link that plays, in a real browser: it is replayed, the friend guesses, the answer follows."""

import base64

import pytest
from browser_page import (
    DESKTOP,
    SEVEN,
    TOUCH,
    action,
    draw,
    expect_answer,
    expect_digit,
    place,
    strokes,
    tool,
    wait_for_reader,
)
from playwright.sync_api import expect

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

SMALL_PHONE = {"viewport": {"width": 320, "height": 568}, **TOUCH}
SIZES = [
    *[(280, 653), (320, 568), (390, 844), (430, 932), (640, 400), (667, 375), (844, 390)],
    *[(744, 1133), (1024, 768), (1280, 800), (2560, 1440)],
]


def code_of(*strokes):
    """A link's code of strokes: pause and time in units of 20 ms, and points."""
    content = bytearray()
    for pause, time, points in strokes:
        content += bytes([1, pause, time, 2 * len(points)])
        content += bytes(round(255 * share) for point in points for share in point)
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


SLOW_SEVEN = "?s=" + code_of((0, 150, SEVEN))  # 3 s
# A four, its bar, and a two.
FORTY_TWO = "?s=" + code_of(
    (0, 10, [(0.2, 0.25), (0.12, 0.5), (0.38, 0.5)]),
    (10, 10, [(0.32, 0.35), (0.32, 0.75)]),
    (10, 10, [(0.58, 0.35), (0.68, 0.25), (0.8, 0.35), (0.58, 0.72), (0.85, 0.72)]),
)


FAULTS = """() => {
    const panel = document.querySelector(".guess");
    const outer = panel.getBoundingClientRect();
    const faults = panel.scrollHeight > panel.clientHeight ? ["scrolls"] : [];
    if (document.documentElement.scrollWidth > innerWidth) faults.push("is too wide");
    for (const button of panel.querySelectorAll("button:not([hidden])")) {
        const { left, right, height } = button.getBoundingClientRect();
        const isCut = button.scrollWidth > button.clientWidth + 1;
        const isOutside = left < outer.left || right > outer.right;
        if (isOutside || height < 44 || isCut) faults.push(button.textContent);
    }
    return faults;
}"""


def guess(page, name):
    page.locator(".guess").get_by_role("button", name=name, exact=True).click()


def ink(page):
    """How many pixels of the replay are dark."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector("canvas.replay");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return data.filter((value, at) => at % 4 === 0 && value < 128).length;
        }"""
    )


def texts(page):
    """All that the page says and shows of an answer."""
    return page.evaluate(
        """() => {
            const answer = document.querySelector("digit-answer");
            const part = (name) => answer.querySelector(`.${name}`).textContent.trim();
            const bars = [...document.querySelectorAll(".bars li")];
            return [document.title, ...["numeral", "said", "hint", "best", "spoken"].map(part),
                ...bars.map((bar) => Number(bar.style.getPropertyValue("--share")))];
        }"""
    )


def test_link_is_replayed_guessed_and_then_answered(open_page, app_url):
    page = open_page(app_url + SLOW_SEVEN, **SMALL_PHONE)
    expect(page.locator(".guess .question")).to_have_text("Which digit do you see?")
    wait_for_reader(page)
    guess(page, "Play it again")
    page.wait_for_function("document.querySelector('canvas.replay').width > 0")
    page.wait_for_timeout(300)
    early = ink(page)
    page.wait_for_timeout(1000)
    later = ink(page)
    page.wait_for_timeout(2500)
    assert 0 < early < later < ink(page)
    blank = texts(page)
    assert blank == ["digitrec: draw a digit or a number", "?", *[""] * 4, *[0] * 10]
    expect(action(page, "share")).to_be_disabled()
    before = page.locator("#stage").bounding_box()
    for button in page.locator(".guess button").all():
        assert button.bounding_box()["height"] >= 44
    guess(page, "1")
    expect(page.locator("#answer .said")).to_have_text("You say 1, the network says 7")
    expect_digit(page, 7)
    expect(page.locator("#answer .spoken")).to_contain_text("You say 1, the network says 7. Looks")
    expect(page.locator(".guess, .replay")).to_have_count(0)
    assert page.locator("#stage").bounding_box() == before
    page.reload()
    expect_digit(page, 7)  # and it is not asked again
    expect(page.locator("#answer .said")).to_have_text("Looks like a 7")
    expect(page.locator(".guess")).to_have_count(0)


def test_number_is_typed_digit_by_digit(open_page, app_url):
    page = open_page(app_url + FORTY_TWO, reduced_motion="reduce", **DESKTOP)
    expect(page.locator(".guess .question")).to_have_text("Which number do you see?")
    expect(page.get_by_role("button", name="Play it again")).to_have_count(0)
    assert ink(page) > 0  # without a replay
    say = page.get_by_role("button", name="That is it")
    expect(say).to_be_disabled()
    page.keyboard.type("43")
    page.keyboard.press("Backspace")
    guess(page, "2")
    expect(page.locator(".guess .entry")).to_have_text("42")
    page.locator("#top h1").click()
    page.keyboard.press("Enter")
    expect_answer(page, 42)
    expect(page.locator("#answer .said")).to_have_text("You and the network agree")
    expect(page.locator("#answer .hint")).to_contain_text("for the whole number")
    draw(page, (0.9, 0.1), (0.9, 0.2))  # another drawing, which was not guessed
    expect(page.locator("#answer .said")).not_to_contain_text("agree")


def test_drawing_on_ends_the_guessing_and_own_drawing_drops_the_link(open_page, app_url):
    page = open_page(app_url + SLOW_SEVEN, **DESKTOP)
    expect(page.locator(".guess")).to_be_visible()
    page.mouse.click(*place(page, 0.5, 0.5))  # plays it again
    expect(page.locator(".guess")).to_be_visible()
    draw(page, (0.42, 0.5), (0.6, 0.5))
    assert strokes(page) == 2
    expect_digit(page, 7)
    expect(page.locator("#answer .said")).to_have_text("Looks like a 7")
    other = open_page(app_url + SLOW_SEVEN, **DESKTOP)
    expect(other.locator(".guess")).to_be_visible()
    other.get_by_role("button", name="Draw your own").click()
    expect(other.locator(".guess, .replay")).to_have_count(0)
    assert strokes(other) == 0 and tool(other, "clear").is_disabled()


def test_game_gives_back_the_drawing_that_was_not_guessed(open_page, app_url):
    page = open_page(app_url + SLOW_SEVEN, **DESKTOP)
    expect(page.locator(".guess")).to_be_visible()
    wait_for_reader(page)
    page.locator("#top .play").click()
    expect(page.locator(".guess")).to_have_count(0)
    page.locator(".ten-card [name=today]").click()
    assert strokes(page) == 0
    page.locator("#top .play").click()
    expect_digit(page, 7)


def test_guess_fits_into_the_place_of_the_answer_on_any_screen(open_page, app_url):
    page = open_page(app_url + FORTY_TWO, **DESKTOP)
    expect(page.locator(".guess .question")).not_to_be_empty()
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if faults := page.evaluate(FAULTS):
            found[width, height] = faults
    assert found == {}
