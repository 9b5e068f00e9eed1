"""The page on every screen: nothing overlaps, is cut off or moves; and how an answer looks."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_page import DESKTOP, PHONE, TOUCH, draw, wait_for_reader, wait_until_whole
from conftest import SLOW, slow
from playwright.sync_api import expect

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

SIZES = [
    *[(280, 653), (320, 568), (360, 740), (390, 844), (430, 932)],  # phones
    *[(640, 400), (667, 375), (844, 390)],  # on their side; also 1280x800 at 200 %
    *[(744, 1133), (768, 1024), (1024, 768)],  # tablets
    *[(1100, 1000), (1280, 800), (1920, 1080), (2560, 1440)],
]
LARGE_TEXT = [(390, 844), (1280, 800)]

# Give what is wrong: what lies outside the window, overlaps, is cut off, or has no size.
FAULTS = """() => {
    const faults = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.push(`scrolls to ${root.scrollWidth}`);
    const parts = "#top h1, #top .claim, #top .play, .sheet, .tools button, .numeral, .verdict, " +
        ".bars, .best, .seen, .actions button, .choose, .example";
    const seen = [...document.querySelectorAll(parts)].filter((one) => one.checkVisibility());
    const name = (one) => one.className || one.name || one.tagName;
    const boxes = seen.map((one) => one.getBoundingClientRect());
    seen.forEach((one, at) => {
        const { left, right, top, bottom, width, height } = boxes[at];
        if (left < -0.5 || right > root.clientWidth + 0.5) faults.push(`${name(one)} is outside`);
        if (width < 8 || height < 8) faults.push(`${name(one)} is ${width}x${height}`);
        if (one.matches("button, h1, .said") && one.scrollWidth > one.clientWidth + 1) {
            faults.push(`${name(one)} is cut off`);
        }
        boxes.slice(at + 1).forEach((other, index) => {
            const across = Math.min(right, other.right) - Math.max(left, other.left);
            const down = Math.min(bottom, other.bottom) - Math.max(top, other.top);
            const under = name(seen[at + 1 + index]);
            if (across > 1 && down > 1) faults.push(`${name(one)} overlaps ${under}`);
        });
    });
    for (const text of document.querySelectorAll(".said, .hint, .best li, .bars li")) {
        const range = document.createRange();
        range.selectNodeContents(text);
        const { right, bottom } = range.getBoundingClientRect();
        const place = text.closest(".verdict, .best, .bars").getBoundingClientRect();
        if (right > place.right + 1 || bottom > place.bottom + 1) {
            faults.push(`${text.textContent} is cut off`);
        }
    }
    const narrow = [...document.querySelectorAll(".bar")].filter((bar) => bar.clientWidth < 6);
    if (narrow.length) faults.push(`${narrow.length} bars of ${narrow[0].clientWidth} px`);
    const area = (part) => {
        const { width, height } = document.querySelector(part).getBoundingClientRect();
        return width * height;
    };
    for (const part of [".bars", ".numeral", ".tools", ".actions"]) {
        if (area(part) > area(".sheet")) faults.push(`${part} is larger than the paper`);
    }
    return faults;
}"""


def answer(text, probability=0.998, reason=None, **more):
    """An answer as the worker posts it."""
    shares = [
        [probability if digit == int(label) else (1 - probability) / 9 for digit in range(10)]
        for label in text
    ]
    digits = [
        {"digit": int(label), "probabilities": share, "image": np.eye(28, dtype=int).tolist()}
        | {"box": [30 * place, 100, 30 * place + 25, 200], "is_digit": reason is None}
        for place, (label, share) in enumerate(zip(text, shares, strict=True))
    ]
    return {
        "text": "" if reason else text,
        "is_number": reason is None,
        "reason": reason,
        "best_reading": text,
        "probability": probability,
        "rows": 1,
        "rotated": 0,
        "digits": digits,
        "readings": [text],
        "size": [400, 400],
        **more,
    }


ANSWERS = {
    "blank": None,
    "digit": answer("7"),
    "number": answer("123456789012"),
    "none": answer("8", 0.3, "not_a_digit"),
}


def show(page, found, is_last=True):
    page.evaluate(
        """([answer, isLast]) => {
            const pad = document.querySelector("digit-pad");
            Object.defineProperty(pad, "isBlank", { value: false, configurable: true });
            document.querySelector("digit-answer").show(answer, isLast);
        }""",
        [found, is_last],
    )


@pytest.fixture(scope="module")
def shared_page(browser, app_url):
    """One page whose window changes its size: opening one takes seconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(app_url)
    wait_until_whole(page)
    yield page
    context.close()


def test_nothing_overlaps_is_cut_off_or_scrolls_sideways_on_any_screen(shared_page):
    found = {}
    for width, height in SIZES if SLOW else SIZES[::2]:
        shared_page.set_viewport_size({"width": width, "height": height})
        for name, shown in ANSWERS.items():
            show(shared_page, shown)
            shared_page.wait_for_timeout(700 if name == "none" else 50)
            if faults := shared_page.evaluate(FAULTS):
                found[width, height, name] = faults
    assert found == {}


def serious_violations(page):
    """Give what axe finds, but for Gradio 6.31's own pale footer, which every page has."""
    return {
        (violation["id"], node["target"][0])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if node["target"][0] not in (".show-api", ".built-with", "a")
    }


# All sizes take two minutes.
AXE_SIZES = SIZES if SLOW else [(390, 844), (1280, 800)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_on_any_screen(shared_page, scheme):
    shared_page.emulate_media(color_scheme=scheme)
    found = {}
    for width, height in AXE_SIZES:
        shared_page.set_viewport_size({"width": width, "height": height})
        for name in ("blank", "number"):
            show(shared_page, ANSWERS[name])
            shared_page.wait_for_timeout(500)
            if violations := serious_violations(shared_page):
                found[width, height, name] = violations
    shared_page.emulate_media(color_scheme=None)
    assert found == {}


def test_bars_and_pressed_tools_are_seen_with_forced_colours(shared_page):
    show(shared_page, answer("8"))
    pen = shared_page.locator("digit-pad button[name=thin]")
    pen.click()
    shared_page.emulate_media(forced_colors="active")
    bar = shared_page.locator("digit-answer .bars li").nth(8).locator(".bar")
    colour = "one => getComputedStyle(one).backgroundColor"
    assert bar.locator("span").evaluate(colour) != bar.evaluate(colour)
    expect(pen).to_have_css("border-top-width", "3px")
    pen.click()
    expect(pen).not_to_have_css("border-top-width", "3px")
    shared_page.emulate_media(forced_colors=None)


def test_large_text_leaves_all_in_place(browser, app_url):
    found = {}
    for width, height in LARGE_TEXT:
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        context.new_cdp_session(page).send(
            "Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}}
        )
        page.goto(app_url)
        wait_until_whole(page)
        for name, shown in ANSWERS.items():
            show(page, shown)
            page.wait_for_timeout(700 if name == "none" else 50)
            if faults := page.evaluate(FAULTS):
                found[width, height, name] = faults
        context.close()
    assert found == {}


def test_in_a_frame_as_high_as_its_content_the_paper_fits_the_screen(open_page, app_url):
    frame = f'<iframe src="{app_url}" style="width:1200px;height:3000px"></iframe>'
    page = open_page(
        f"{app_url}/around",
        prepare=lambda page: page.route(
            "**/around", lambda route: route.fulfill(body=frame, content_type="text/html")
        ),
        wait=False,
        **DESKTOP,
    )
    frame = page.frame_locator("iframe")
    frame.locator("#photo .example").first.wait_for()
    side = frame.locator(".sheet").bounding_box()
    assert 300 < side["height"] <= page.evaluate("0.8 * screen.availHeight")


@pytest.mark.parametrize(
    "screen",
    [
        pytest.param(DESKTOP, marks=slow),
        pytest.param({"viewport": {"width": 768, "height": 1024}, **TOUCH}, marks=slow),
        PHONE,
    ],
    ids=["desktop", "tablet", "phone"],
)
def test_nothing_moves_while_one_draws(open_page, app_url, screen):
    page = open_page(app_url, **screen)
    wait_for_reader(page)
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver((list) => {
                for (const { value, sources } of list.getEntries()) {
                    window.shifts.push([value, ...sources.map(({ node }) => node?.className)]);
                }
            }).observe({ type: "layout-shift" });
        }"""
    )
    for stroke in [
        [(0.2, 0.3), (0.4, 0.3), (0.25, 0.7)],
        [(0.7, 0.3), (0.7, 0.7)],
        [(0.6, 0.5), (0.8, 0.5)],
    ]:
        draw(page, *stroke)
        page.wait_for_timeout(800)
    assert page.evaluate("window.shifts") == []


def text_of(page, selector):
    return page.locator(f"digit-answer {selector}").inner_text()


def test_ten_bars_keep_their_order_and_the_best_three_are_named(shared_page):
    show(shared_page, answer("8"))
    bars = shared_page.locator("digit-answer .bars li")
    assert [bar.inner_text() for bar in bars.all()] == list("0123456789")
    shares = bars.evaluate_all("bars => bars.map((bar) => bar.style.getPropertyValue('--share'))")
    assert [float(share) for share in shares] == pytest.approx(
        [0.0002] * 8 + [0.998] + [0.0002], abs=1e-3
    )
    best = shared_page.locator("digit-answer .best li").all_inner_texts()
    assert best == ["8 99.8 %", "0 less than 0.1 %", "1 less than 0.1 %"]
    assert text_of(shared_page, ".said") == "Looks like an 8"
    spoken = "Looks like an 8, 99.8 per cent; then 0, 1"
    assert shared_page.locator("digit-answer .spoken").text_content() == spoken


def test_each_digit_of_a_number_opens(shared_page):
    show(shared_page, answer("42", 0.9))
    buttons = shared_page.locator("digit-answer .numeral button")
    assert buttons.all_inner_texts() == ["4", "2"]
    assert text_of(shared_page, ".hint") == "90.0 % for the whole number"
    expect(shared_page.locator("digit-answer .bars .first")).to_have_text("4")
    buttons.nth(1).click()
    expect(shared_page.locator("digit-answer .bars .first")).to_have_text("2")
    assert buttons.evaluate_all("all => all.map((one) => one.ariaPressed)") == ["false", "true"]


@pytest.mark.parametrize(
    "found, said, hint",
    [
        (answer("8", 0.3, "not_a_digit"), "That does not look like a digit", "Closest: 8, 0, 1"),
        (
            answer("1", 0.3, "not_a_digit", size=[900, 900]),
            "That does not look like a digit",
            "Draw larger",
        ),
        (answer("12", 0.3, "not_a_number"), "That does not look like a number", "Closest: 12"),
        (
            answer("1" * 13, 0.9, "too_many_digits"),
            "More than twelve digits",
            f"Closest: {'1' * 13}",
        ),
        (
            answer("4217", 0.9, "several_rows", readings=["42", "17"]),
            "Two rows of digits",
            "Row by row: 42, 17. Write one row at a time",
        ),
    ],
)
def test_what_is_not_a_number_is_said_once_the_pen_rests(shared_page, found, said, hint):
    show(shared_page, answer("7"))
    show(shared_page, found, is_last=False)
    shared_page.wait_for_timeout(800)
    assert text_of(shared_page, ".said") == ""  # the pen still moves
    show(shared_page, found)
    assert text_of(shared_page, ".said") == ""
    expect(shared_page.locator("digit-answer .said")).to_have_text(said)
    expect(shared_page.locator("digit-answer .hint")).to_have_text(hint)
    assert shared_page.locator("digit-answer .numeral").inner_text() == "?"
    assert "%" not in text_of(shared_page, ".answer")


def test_doubt_is_said_and_grey(shared_page):
    show(shared_page, answer("3", 0.55))
    assert text_of(shared_page, ".said") == "Perhaps a 3"
    expect(shared_page.locator("digit-answer .answer")).to_have_class(re.compile("unsure"))
