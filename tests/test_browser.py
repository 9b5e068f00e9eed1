"""The page in a real browser: desktop and phone, light and dark, slow, and without its server."""

import json
import re
import subprocess
import sys
import time
from urllib.parse import urlparse

import numpy as np
import pytest
from browser_page import (
    DESKTOP,
    ONE,
    PATIENCE,
    PHONE,
    SEVEN,
    TOUCH,
    HeldScripts,
    action,
    draw,
    expect_blank,
    expect_digit,
    expect_message,
    forwarding,
    leave_to_server,
    open_place,
    paper,
    place,
    strokes,
    tool,
    touch,
    wait_for_reader,
    wait_until_whole,
)
from conftest import PEN_DIGITS, ROOT, SLOW, free_port, serve_program, slow
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

LANDSCAPE = {"viewport": {"width": 844, "height": 390}, **TOUCH}
# A seven, as links held drawings before they held strokes: a PNG of 4 grey levels.
OLD_LINK = (ROOT / "tests" / "old_link.txt").read_text().strip()
STAR = [[(0.3, 0.3), (0.7, 0.7)], [(0.7, 0.3), (0.3, 0.7)], [(0.5, 0.2), (0.5, 0.8)]]


def seen(page):
    """What the network saw, once the answer is to the whole drawing."""
    page.wait_for_function("document.querySelector('digit-answer').isSettled")
    return page.evaluate(IMAGES)


# What the network saw of each digit.
IMAGES = (
    "JSON.stringify(document.querySelector('digit-answer').answer?.digits.map((one) => one.image))"
)


def expect_seen(page, images, same=True):
    """Wait until the network sees certain images, or others."""
    is_same = "===" if same else "!=="
    settled = "document.querySelector('digit-answer').isSettled"
    page.wait_for_function(f"(images) => {settled} && {IMAGES} {is_same} images", arg=images)


def test_first_stroke_is_read_and_clear_takes_the_answer_back_at_once(page):
    draw(page, *SEVEN)
    expect_digit(page, 7)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    tool(page, "clear").click()
    expect_blank(page)
    assert requests == []
    draw(page, *ONE)
    expect_digit(page, 1)


def test_strokes_are_kept_that_begin_at_any_time(open_page, app_url):
    page = open_page(app_url, wait=False, **DESKTOP)
    page.locator("digit-pad canvas").wait_for()
    expected = 0
    random = np.random.default_rng(0)
    for number in range(24 if SLOW else 12):  # while the rest of the page loads, and later
        draw(page, (0.2 + 0.02 * number, 0.3), (0.3, 0.4))
        expected += 1
        assert strokes(page) == expected
        page.wait_for_timeout(float(random.uniform(0, 100)))
        change = ("clear", "undo", "resize", "nothing")[number % 4]
        if change == "clear":
            tool(page, "clear").click()
            expected = 0
        elif change == "undo":
            tool(page, "undo").click()
            expected -= 1
        elif change == "resize":
            page.set_viewport_size({"width": 900 + 10 * number, "height": 700})
    wait_until_whole(page)
    assert strokes(page) == expected


def test_one_draws_before_the_rest_of_the_page_has_come(open_page, app_url):
    scripts = HeldScripts()
    page = open_page(app_url, prepare=scripts.hold, wait=False, **PHONE)
    page.locator("digit-pad canvas").wait_for()
    touch(page, *ONE)
    expect_digit(page, 1, "#first")
    assert page.locator("#answer").count() == 0  # nothing of Gradio is there
    scripts.release()
    expect_digit(page, 1)
    expect(page.locator(".status")).to_have_text("")


def test_finger_draws_and_neither_scrolls_nor_zooms(open_page, app_url):
    page = open_page(app_url, **PHONE)
    page.evaluate("document.body.style.minHeight = '3000px'")  # there is somewhere to scroll to
    touch(page, (0.5, 0.25), (0.5, 0.4), (0.5, 0.6), (0.5, 0.75))
    expect_digit(page, 1)
    before = paper(page)
    session = page.context.new_cdp_session(page)
    for distance in (20, 60, 100):  # a second finger draws nothing and moves nothing
        points = [{"x": place(page, 0.5, 0.5)[0] + side * distance, "y": 300} for side in (-1, 1)]
        kind = "touchStart" if distance == 20 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("[window.scrollY, window.visualViewport.scale]") == [0, 1]
    assert paper(page) == pytest.approx(before, abs=1) and strokes(page) <= 2


def test_undo_and_redo_by_button_and_by_key_also_of_clear(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    wait_for_reader(page)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    first = seen(page)
    draw(page, (0.3, 0.72), (0.7, 0.72))
    expect_seen(page, first, same=False)
    second = seen(page)
    for undo, redo in (
        (lambda: tool(page, "undo").click(), lambda: tool(page, "redo").click()),
        (lambda: page.keyboard.press("Control+z"), lambda: page.keyboard.press("Control+y")),
    ):
        undo()
        expect_seen(page, first)
        redo()
        expect_seen(page, second)
    tool(page, "clear").click()
    expect_blank(page)
    tool(page, "undo").click()
    expect_seen(page, second)


def test_strokes_survive_leaving_the_paper_and_turning_the_phone(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    draw(page, (0.36, 0.3), (1.2, 0.3), (0.46, 0.72))
    assert strokes(page) == 1
    page.mouse.move(*place(page, 0.2, 0.2))
    page.mouse.down()
    page.set_viewport_size({"width": 800, "height": 500})  # while a stroke is under way
    page.mouse.move(*place(page, 0.3, 0.3), steps=5)
    page.mouse.up()
    assert strokes(page) == 2
    page.evaluate("document.querySelector('digit-pad').reset()")
    draw(page, *SEVEN)
    page.set_viewport_size({"width": 390, "height": 844})
    expect_digit(page, 7)
    pixels = page.evaluate("document.querySelector('digit-pad canvas').width")
    assert pixels == pytest.approx(paper(page)[2], abs=1)


def test_digits_of_several_strokes_are_read(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    for digit, pen in PEN_DIGITS.items():
        for stroke in pen:
            draw(page, *[(0.25 + 0.05 * x, 0.25 + 0.05 * y) for x, y in stroke])
        expect_digit(page, digit)
        tool(page, "clear").click()
        expect_blank(page)


def test_what_is_no_digit_gets_no_numeral_and_no_percentages(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    for stroke in STAR:
        draw(page, *stroke)
    expect_message(page, "That does not look like a digit")
    answer = page.locator("#answer")
    expect(answer.locator(".hint")).to_have_text(re.compile(r"^Closest: \d, \d, \d$"))
    expect(answer.locator(".numeral")).to_have_text("?")
    assert "%" not in answer.inner_text()
    tool(page, "clear").click()
    draw(page, (0.5, 0.5), (0.51, 0.5))  # a speck
    expect(answer.locator(".hint")).to_have_text("Draw larger", timeout=PATIENCE)


def test_stroke_that_the_server_reads_needs_two_requests(open_page, app_url):
    page = open_page(app_url, prepare=leave_to_server, **DESKTOP)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    page.wait_for_timeout(500)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    for down in (0.4, 0.5, 0.6):
        before = seen(page)
        draw(page, (0.4, down), (0.6, down))
        expect_seen(page, before, same=False)
    page.wait_for_timeout(1000)  # for requests that come after the answer
    assert 0 < len(requests) <= 3 * 2, requests


def test_answer_follows_the_pen_without_a_request(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    wait_for_reader(page)
    expect(page.locator("#footer .by-browser")).to_be_visible()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.mouse.move(*place(page, 0.36, 0.3))
    page.mouse.down()
    for corner in ((0.64, 0.3), (0.46, 0.72)):
        page.mouse.move(*place(page, *corner), steps=10)
    expect(page.locator("#answer .numeral")).to_have_text("7")  # while the pen is down
    expect(page.locator("#answer .spoken")).to_have_text("")  # a screen reader waits
    assert strokes(page) == 0
    page.mouse.up()
    expect(page.locator("#answer .spoken")).to_contain_text("Looks like a 7")
    draw(page, (0.36, 0.5), (0.64, 0.5))  # a bar
    expect_digit(page, 7)
    tool(page, "undo").click()
    tool(page, "undo").click()
    expect_blank(page)
    assert requests == []


@slow
def test_answer_of_the_browser_is_that_of_the_server(open_page, app_url):
    ours, theirs = open_page(app_url, **DESKTOP), open_page(app_url, prepare=leave_to_server)
    wait_for_reader(ours)
    wait_for_reader(theirs, "server")
    expect(theirs.locator("#footer .by-server")).to_be_visible()
    theirs.set_viewport_size(DESKTOP["viewport"])
    read = """() => {
        const { answer } = document.querySelector("digit-answer");
        const { text, reason, best_reading, rows, readings, size, digits } = answer ?? {};
        return [text, reason, best_reading, rows, readings, size, digits?.map(({ box }) => box)];
    }"""
    for digit in (0, 1, 2, 3, 7, "star", "speck"):
        for page in (ours, theirs):
            blank = page.evaluate(read)
            if digit == "star":
                for line in STAR:
                    draw(page, *line)
            elif digit == "speck":
                draw(page, (0.5, 0.5), (0.51, 0.5))
            else:
                draw_digit(page, digit, 0.1)
                draw_digit(page, (digit + 3) % 10, 0.55)
        deadline = time.monotonic() + PATIENCE / 1000
        while True:  # until the last answer has come to both
            found = [page.evaluate(read) for page in (ours, theirs)]
            if found[0] == found[1] != blank or time.monotonic() > deadline:
                break
            theirs.wait_for_timeout(50)
        assert found[0] == found[1] != blank
        for page in (ours, theirs):
            tool(page, "clear").click()
            expect_blank(page)


@pytest.mark.parametrize(
    "damage",
    [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=200, body=b"other bytes than the checksum says"),
    ],
    ids=["missing", "damaged"],
)
def test_server_reads_where_the_weights_are_not_right(open_page, app_url, damage):
    page = open_page(
        app_url, prepare=lambda page: page.route("**/*.safetensors", damage), ours=False, **DESKTOP
    )
    wait_for_reader(page, "server")
    draw(page, *SEVEN)
    expect_digit(page, 7)


def test_drawings_are_read_without_a_server_and_the_rest_when_it_is_back(
    open_page, app_url, restarted_app
):
    port = free_port()
    with forwarding(port, app_url) as url:
        page = open_page(url, **DESKTOP)
        wait_for_reader(page)
    draw(page, *ONE)
    expect_digit(page, 1)
    expect(page.locator(".status")).to_have_text("")
    action(page, "why").click()  # needs no server either
    expect(page.locator(".explanation canvas")).to_be_visible(timeout=PATIENCE)
    action(page, "why").click()
    tool(page, "clear").click()
    draw(page, *SEVEN)
    expect_digit(page, 7)
    with forwarding(port, restarted_app.url):
        page.reload()
        wait_until_whole(page)
        expect_digit(page, 7)  # the drawing has stayed
        expect(page.locator(".status")).to_have_text("")


@pytest.mark.parametrize("device, least", [(DESKTOP, 700), (PHONE, 360), (LANDSCAPE, 330)], ids=str)
def test_paper_is_square_white_and_large(open_page, app_url, device, least):
    page = open_page(app_url, color_scheme="dark", **device)
    left, top, side = paper(page)
    screen = device["viewport"]
    assert side >= least and left >= 0 and left + side <= screen["width"]
    assert top + side <= screen["height"]  # all of it is seen without scrolling
    colour = page.evaluate(
        "[...document.querySelector('digit-pad').context.getImageData(3, 3, 1, 1).data]"
    )
    assert colour == [255, 255, 255, 255]
    for button in page.locator("digit-pad .tools button:visible").all():
        box = button.bounding_box()
        assert box["height"] >= 44 and box["y"] + box["height"] <= screen["height"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background != "rgb(255, 255, 255)"  # the paper stands out


def test_first_screen_offers_nothing_that_it_cannot_do(page):
    ghost = page.locator("digit-pad .ghost")
    expect(ghost).to_be_visible()
    for name in ("undo", "redo", "clear", "eraser"):
        expect(tool(page, name)).to_be_disabled()
    for name in ("why", "share", "save"):
        expect(action(page, name)).to_be_disabled()
    expect(page.locator("#answer .blank .bars li")).to_have_count(10)
    expect(page.locator("#top")).to_contain_text("Draw a digit or a number")
    expect(page.locator("#top .claim")).to_contain_text("of people's drawings")
    draw(page, *SEVEN)
    expect_digit(page, 7)
    expect(ghost).to_be_hidden()
    expect(action(page, "share")).to_be_enabled()


def test_show_why_lies_over_the_drawing_and_goes_with_it(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    action(page, "why").click()
    picture = page.locator("digit-pad .explanation canvas")
    expect(picture).to_be_visible(timeout=PATIENCE)
    expect(page.locator("digit-pad .explanation")).to_contain_text("spoke for 7")
    left, top, side = paper(page)
    box = picture.bounding_box()
    assert (box["x"] - left) / side == pytest.approx(0.36, abs=0.05)
    assert (box["y"] + box["height"] - top) / side == pytest.approx(0.72, abs=0.05)
    draw(page, (0.42, 0.5), (0.6, 0.5))
    expect(page.locator("digit-pad .explanation")).to_contain_text("spoke for", timeout=PATIENCE)
    tool(page, "clear").click()
    expect(picture).to_have_count(0, timeout=PATIENCE)


def share(page):
    action(page, "share").click()
    expect(action(page, "share")).to_have_text("Link copied", timeout=PATIENCE)
    return page.evaluate("navigator.clipboard.readText()")


def test_link_opens_the_page_with_the_drawing_and_greets(open_page, app_url):
    page = open_page(app_url, permissions=["clipboard-read", "clipboard-write"], **DESKTOP)
    for stroke in PEN_DIGITS[5]:
        draw(page, *[(0.25 + 0.05 * x, 0.25 + 0.05 * y) for x, y in stroke])
    expect_digit(page, 5)
    link = share(page)
    assert link.startswith(app_url) and len(link) <= 400
    page.reload()
    expect_digit(page, 5)  # who has drawn it does not guess
    friend = open_page(link, **PHONE)
    expect(friend.locator("#top")).to_contain_text("Someone drew this. What do you see?")
    friend.get_by_role("button", name="Show me").click()
    expect_digit(friend, 5)
    tool(friend, "eraser").click()  # what came by the link can be rubbed out
    for down in np.linspace(0.2, 0.6, 6):
        draw(friend, (0.2, down), (0.8, down))
    expect(friend.locator("#answer .numeral")).not_to_have_text("5", timeout=PATIENCE)
    friend.get_by_role("button", name="Draw your own").click()
    expect_blank(friend)
    assert "?" not in friend.url and "network" in friend.locator("#top").inner_text()


def test_phone_shares_with_its_own_sheet(open_page, app_url):
    page = open_page(app_url, **PHONE)
    touch(page, *ONE)
    expect_digit(page, 1)
    page.evaluate(
        """() => {
          navigator.canShare = () => true;
          navigator.share = async (shared) => { window.shared = shared; };
        }"""
    )
    action(page, "share").click()
    page.wait_for_function("window.shared")
    shared = page.evaluate("window.shared")
    assert shared["url"].startswith(f"{app_url}/?s=") and shared["text"] == "What digit is this?"


def test_link_from_before_opens_and_its_drawing_can_be_erased(open_page, app_url):
    page = open_page(f"{app_url}/?d={OLD_LINK}", **DESKTOP)
    expect_digit(page, 7)
    tool(page, "eraser").click()
    for down in np.linspace(0.25, 0.78, 8):
        draw(page, (0.05, down), (0.95, down))
        if page.evaluate("document.querySelector('digit-pad').isEmpty"):
            break
    expect_blank(page)


@pytest.mark.parametrize("name", ["s", "d"])
@pytest.mark.parametrize("content", ["damaged!", "%3Cimg src=x onerror=window.hacked=1%3E"])
def test_damaged_link_says_so_runs_nothing_and_leaves_the_pad_ready(
    open_page, app_url, name, content
):
    page = open_page(f"{app_url}/?{name}={content}", **DESKTOP)
    expect(page.locator(".status")).to_contain_text("This link holds no drawing", timeout=PATIENCE)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    assert page.evaluate("window.hacked") is None


def test_saved_picture_is_a_card_of_drawing_and_answer(open_page, app_url, tmp_path):
    page = open_page(app_url, **DESKTOP)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    with page.expect_download() as download:
        action(page, "save").click()
    download.value.save_as(tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as card:
        assert card.size == (1200, 630)
        ink = np.asarray(card.convert("L"))[45:585, 45:585]
    assert 0.01 < (ink < 50).mean() < 0.2 and (ink > 250).mean() > 0.7


def test_newest_drawing_wins_when_an_answer_is_late(open_page, app_url):
    page = open_page(app_url, prepare=leave_to_server, **DESKTOP)
    page.route("**/queue/join*", lambda route: (page.wait_for_timeout(1200), route.continue_()))
    draw(page, *SEVEN)
    expect(page.locator("#answer .status")).to_have_text("Reading…", timeout=PATIENCE)
    tool(page, "clear").click()
    page.wait_for_timeout(2000)
    expect_blank(page)  # the late answer does not stand over blank paper
    page.unroute("**/queue/join*")
    draw(page, *ONE)
    expect_digit(page, 1)


@slow
def test_busy_server_is_a_calm_message_and_is_asked_again(open_page, app_url):
    page = open_page(app_url, prepare=leave_to_server, **DESKTOP)
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"error": "busy"}))
    draw(page, *ONE)
    expect(page.locator(".status")).to_contain_text("Many people are drawing", timeout=PATIENCE)
    page.unroute("**/queue/join*")
    expect_digit(page, 1)
    expect(page.locator(".status")).to_have_text("")


def test_drawing_is_safe_when_the_server_goes_and_is_read_when_it_is_back(
    open_page, app_url, restarted_app
):
    port = free_port()
    with forwarding(port, app_url) as url:
        page = open_page(url, prepare=leave_to_server, **DESKTOP)
        draw(page, *ONE)
        expect_digit(page, 1)
    draw(page, (0.36, 0.3), (0.5, 0.3))
    expect(page.locator(".status")).to_contain_text("Your drawing is safe", timeout=PATIENCE)
    assert strokes(page) == 2
    with forwarding(port, restarted_app.url):
        expect(page.locator(".status")).to_have_text("", timeout=PATIENCE)
        page.wait_for_function(f"{IMAGES} !== undefined")
        assert strokes(page) == 2
        page.reload()
        wait_until_whole(page)
        assert strokes(page) == 2
        page.wait_for_function(f"{IMAGES} !== undefined")


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_about_quotes_the_checkpoint_and_shows_what_is_misread(
    open_page, app_url, recognizer, device
):
    page = open_page(app_url, **device)
    test = recognizer.metrics["test"]
    about = page.locator("#about")
    expect(about).to_contain_text(f"{100 * test['accuracy']:.2f} %")
    expect(about.locator(".figures > div")).to_have_count(3)
    expect(about.locator(".misread")).to_have_count(test["errors"])
    truth, answer = test["misread"][0]
    expect(about.locator(".misread-grid li").first).to_have_text(f"{truth}, read as {answer}")
    for index in (0, test["errors"] - 1):  # each shows a digit of the sheet
        about.locator(".misread").nth(index).scroll_into_view_if_needed()
        shot = about.locator(".misread").nth(index).screenshot(path=None)
        assert len(shot) > 300
    expect(about.locator("table")).to_be_hidden()
    about.locator("summary").click()
    expect(about.locator("table")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_answer_is_announced_and_the_page_works_with_the_keyboard(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    expect(page.locator("#answer .spoken[aria-live=polite]")).to_have_count(1)
    canvas = page.locator("digit-pad canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("needs a mouse, a pen or a finger"))
    draw(page, *SEVEN)
    expect_digit(page, 7)
    spoken = page.locator("#answer .spoken")
    expect(spoken).to_have_text(re.compile(r"^Looks like a 7, [\d.]+ per cent; then \d, \d$"))
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Undo", "Clear", "Eraser", "Thin pen", "Show why", "Share", "Save"} <= reached
    tool(page, "clear").press("Enter")
    expect_blank(page)


def test_page_on_the_api_finds_no_tools_where_mcp_is_off(open_page, restarted_app):
    page = open_page(restarted_app.url, **DESKTOP)
    refused = []
    page.on("response", lambda response: response.status >= 400 and refused.append(response.url))
    page.on("console", lambda message: message.type == "error" and refused.append(message.text))
    with page.expect_response("**/mcp/schema"), page.expect_response("**/monitoring/summary"):
        page.locator("button.show-api").click()
    page.wait_for_timeout(500)
    assert refused == []
    assert page.request.get(f"{restarted_app.url}/gradio_api/mcp/schema").json() == []


def choose(page, question, digit):
    page.get_by_text("Wrong? Teach it").click()
    expect(page.locator("#correction .which")).to_have_text(question)
    page.locator("#correction .digits button").nth(digit).click()


PROBABILITIES = "document.querySelector('digit-answer').answer?.digits[0].probabilities"


def test_browser_learns_what_it_is_told_and_forgets_it(open_page, app_url):
    page = open_page(app_url, **PHONE)
    wait_for_reader(page)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    before = page.evaluate(PROBABILITIES)[2]
    with page.expect_event("requestfinished", lambda request: "teaching" in request.url):
        choose(page, "It is a …", 2)
    said = page.locator("#correction .thanks")
    expect(said).to_have_text("Learned a digit of yours.")
    page.wait_for_function(f"(before) => ({PROBABILITIES})[2] > 2 * before", arg=before)
    expect(page.locator("#correction .consent")).to_have_count(0)
    page.reload()
    wait_until_whole(page)  # the drawing and what was learned are there again
    page.wait_for_function(f"(before) => ({PROBABILITIES})?.[2] > 2 * before", arg=before)
    page.get_by_label("Forget my digits").click()
    expect(said).to_have_text("Forgotten: it reads as it did.")
    page.wait_for_function(f"(before) => ({PROBABILITIES})[2] <= before", arg=before * 1.01)
    assert page.evaluate("localStorage['digitrec-taught']") == "[]"


def test_correction_is_given_away_only_with_consent_and_where_a_data_set_is_named(
    open_page, restarted_app
):
    page = open_page(restarted_app.url, **DESKTOP)
    wait_for_reader(page)
    draw(page, *SEVEN)
    expect_digit(page, 7)
    choose(page, "It is a …", 7)
    expect(page.get_by_text("Learned a digit")).to_be_visible()
    page.get_by_text("Wrong? Teach it").click()
    page.get_by_text("Also give it away for training").click()
    page.locator("#correction .digits button").nth(2).click()
    expect(page.get_by_text("Thank you, kept as a 2.")).to_be_visible(timeout=PATIENCE)
    (lines,) = restarted_app.log.parent.rglob("metadata.jsonl")
    (line,) = map(json.loads, lines.read_text().splitlines())
    assert (line["label"], line["answer"]) == (2, 7)
    assert (lines.parent / line["file_name"]).exists()
    page.get_by_label("Forget my digits").click()

    tool(page, "clear").click()
    draw_digit(page, 4, 0.1)
    draw_digit(page, 2, 0.5)
    expect_digit(page, 42)
    page.locator(".numeral button").nth(1).click()
    choose(page, "Digit 2 is a …", 3)
    expect(page.get_by_text("Thank you, kept as a 3.")).to_be_visible(timeout=PATIENCE)
    line = json.loads(lines.read_text().splitlines()[-1])
    assert (line["label"], line["answer"]) == (3, 2)


def draw_digit(page, digit, left, size=0.035):
    for stroke in PEN_DIGITS[digit]:
        draw(page, *[(left + size * x, 0.3 + size * y) for x, y in stroke])


def test_number_is_read_and_each_of_its_digits_opens(page, app_url, open_page):
    draw_digit(page, 4, 0.1)
    expect_digit(page, 4)
    draw_digit(page, 2, 0.5)
    expect_digit(page, 42)
    first, image = open_place(page)
    assert first == 0
    best = page.locator("#answer .bars .first")
    expect(best).to_have_text("4")
    page.locator(".numeral button").nth(1).click()
    expect(best).to_have_text("2")
    second, other = open_place(page)
    assert second == 1 and other != image
    expect(page.locator("#answer .spoken")).to_contain_text("Looks like 4 2")
    action(page, "why").click()
    expect(page.locator(".explanation canvas")).to_have_count(2, timeout=PATIENCE)
    code = page.evaluate("document.querySelector('digit-pad').toCode()")
    friend = open_page(f"{app_url}?s={code}", **DESKTOP)
    friend.get_by_role("button", name="Show me").click()
    expect_digit(friend, 42)


def test_more_digits_than_a_number_has_are_said_to_be_too_many(open_page, app_url):
    page = open_page(app_url, **DESKTOP)
    for number in range(14):
        draw_digit(page, 1, 0.02 + 0.068 * number, size=0.012)
    expect_message(page, "More than twelve digits")


def test_no_request_goes_to_anyone_else(open_page, app_url):
    requests = []
    page = open_page(
        app_url,
        prepare=lambda page: page.on("request", lambda request: requests.append(request.url)),
        **DESKTOP,
    )
    draw(page, *SEVEN)
    expect_digit(page, 7)
    own = urlparse(app_url).netloc
    others = [url for url in requests if urlparse(url).netloc not in (own, "")]
    assert requests and others == []


@slow
def test_gradios_own_sketchpad_works_as_the_readme_shows(open_page, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "gr.Sketchpad" in block)
    with serve_program(tmp_path, ["-c", block]) as url:
        page = open_page(url, wait=False, ours=False, **DESKTOP)
        page.get_by_label("Brush", exact=True).click()  # which Gradio's pad needs first
        page.wait_for_timeout(1000)
        canvas = page.locator("canvas").first.bounding_box()
        side = min(canvas["width"], canvas["height"])
        for index, (right, down) in enumerate(SEVEN):
            x = canvas["x"] + canvas["width"] / 2 + (right - 0.5) * side
            y = canvas["y"] + canvas["height"] / 2 + (down - 0.5) * side
            page.mouse.move(x, y, steps=5)
            if index == 0:
                page.mouse.down()
        page.mouse.up()
        expect(page.get_by_test_id("label-output-value")).to_have_text("7", timeout=PATIENCE)


@slow
def test_screenshots_are_made_by_the_documented_command(app_url, tmp_path):
    names = {"desktop-light.png", "phone-dark.png"}
    command = [sys.executable, ROOT / "docs" / "screenshot.py", app_url, tmp_path, *names]
    subprocess.run(command, check=True, timeout=300)
    assert {path.name for path in tmp_path.iterdir()} == {"preview.png", *names}
    assert names < {path.name for path in (ROOT / "docs" / "images").iterdir()}
