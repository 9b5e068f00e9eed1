"""The page in a real browser: a browser, its pages, and how one draws on them."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

PATIENCE = 30_000  # milliseconds, on two busy cores
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
TOUCH = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
PHONE = {"viewport": {"width": 390, "height": 844}, **TOUCH}


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("needs chromium, which .ci/run installs")
        pytest.skip("needs chromium: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Give a function that opens a page of its own, and fails for errors in its scripts."""
    contexts, errors = [], []

    def open_page(url, *, prepare=lambda page: None, wait=True, ours=True, **options):
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        if ours:  # Gradio's own Sketchpad raises some
            page.on("pageerror", lambda error: errors.append(str(error)))
        prepare(page)
        page.goto(url, wait_until="commit")
        if wait:
            wait_until_whole(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # Where a test stops the server, Gradio may not have fetched all of its own scripts yet.
    assert not [error for error in errors if "/assets/" not in error]


def wait_until_whole(page):
    """Wait for all that comes after the pad."""
    expect(page.locator("#answer .answer")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#first")).to_have_count(0, timeout=PATIENCE)


def paper(page):
    box = page.locator("digit-pad canvas").bounding_box()
    return box["x"], box["y"], box["width"]


def place(page, right, down):
    left, top, side = paper(page)
    return left + right * side, top + down * side


def draw(page, *points):
    """Draw a stroke with the mouse; places are shares of the paper's side."""
    for index, (right, down) in enumerate(points):
        page.mouse.move(*place(page, right, down), steps=2)
        if index == 0:
            page.mouse.down()
    page.mouse.up()


def touch(page, *points):
    """Draw a stroke as a touch screen reports it."""
    session = page.context.new_cdp_session(page)
    for index, (right, down) in enumerate(points):
        x, y = place(page, right, down)
        kind = "touchMove" if index else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def tool(page, name):
    return page.locator(f"digit-pad button[name={name}]")


def strokes(page):
    return page.evaluate("document.querySelector('digit-pad').visible().length")


def wait_for_reader(page, reader="browser"):
    expect(page.locator("html")).to_have_attribute("data-reader", reader, timeout=PATIENCE)


def expect_answer(page, text):
    """Wait until the answer to the whole drawing, not to one under way, is a text."""
    page.wait_for_function(
        """(text) => {
            const { answer, isSettled } = document.querySelector("digit-answer");
            return isSettled && answer?.text === text;
        }""",
        arg=str(text),
        timeout=PATIENCE,
    )
