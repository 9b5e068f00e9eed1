"""The page in a real browser."""

import os
import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

PATIENCE = 30_000  # milliseconds, on two busy cores


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


@pytest.fixture(
    params=[
        {"viewport": {"width": 1280, "height": 800}},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    ],
    ids=["desktop", "phone"],
)
def page(browser, app_url, request):
    context = browser.new_context(**request.param)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(app_url)
    yield page
    context.close()


def draw(page, *corners):
    """Draw a stroke once the pad says that the brush is chosen; places are shares of its size."""
    brush = page.locator('#pad button[aria-label="Brush"]')
    expect(brush).to_have_class(re.compile("highlight"), timeout=PATIENCE)
    canvas = page.locator("#pad canvas").first.bounding_box()
    for index, (right, down) in enumerate(corners):
        x, y = canvas["x"] + right * canvas["width"], canvas["y"] + down * canvas["height"]
        page.mouse.move(x, y, steps=10)
        if index == 0:
            page.mouse.down()
    page.mouse.up()


def test_drawn_digits_are_read_from_the_first_stroke_on(page):
    answer = page.get_by_test_id("label-output-value").first
    expect(answer).to_have_text("Nothing drawn yet", timeout=PATIENCE)
    draw(page, (0.36, 0.3), (0.64, 0.3), (0.46, 0.72))
    expect(answer).to_have_text("7", timeout=PATIENCE)
    page.get_by_label("Clear canvas").click()
    expect(answer).to_have_text("Nothing drawn yet", timeout=PATIENCE)
    draw(page, (0.5, 0.3), (0.5, 0.72))
    expect(answer).to_have_text("1", timeout=PATIENCE)
