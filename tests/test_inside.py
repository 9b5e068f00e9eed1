"""Look inside: the network at work, on the page in a real browser."""

import re

import pytest
from browser_page import (
    DESKTOP,
    ONE,
    PHONE,
    SEVEN,
    TOUCH,
    HeldScripts,
    action,
    draw,
    expect_answer,
    leave_to_server,
    place,
    tool,
    wait_for_reader,
)
from conftest import slow
from playwright.sync_api import expect

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

SMALL = {"viewport": {"width": 320, "height": 568}, **TOUCH}


@pytest.fixture
def inside(open_page, app_url):
    """A page with a seven, opened inside."""
    page = open_page(f"{app_url}#inside", **DESKTOP)
    wait_for_reader(page)
    expect(page.locator("#inside .lead")).to_contain_text("Draw a digit")
    draw(page, *SEVEN)
    expect_answer(page, 7)
    expect(page.locator("#inside .outcome")).to_contain_text("7:")
    return page


def outputs(page):
    """The shares with all filters, and without those that are off."""
    return page.locator("#inside .outputs li").evaluate_all(
        """all => ["--whole", "--rest"].map((name) =>
            all.map((one) => Number(one.style.getPropertyValue(name))))"""
    )


def maps(page, block):
    return page.locator("#inside .maps").nth(block - 1).locator("button")


def test_it_opens_also_where_one_draws_while_the_page_is_laid_out(open_page, app_url):
    scripts = HeldScripts()
    page = open_page(f"{app_url}#inside", prepare=scripts.hold, wait=False, **DESKTOP)
    page.locator("digit-pad canvas").wait_for()
    page.mouse.move(*place(page, *SEVEN[0]))
    page.mouse.down()
    scripts.release()
    expect(page.locator("#answer digit-answer")).to_be_attached()
    expect(page.locator("#first digit-pad")).to_be_attached()  # it waits for the end of the stroke
    page.mouse.up()
    expect(page.locator("#first")).to_have_count(0)
    expect(page.locator("#inside .maps")).to_have_count(3)


def test_nothing_is_fetched_before_the_button_opens_it(open_page, app_url):
    fetched = []

    def listen(page):
        page.on("request", lambda request: fetched.append(request.url))

    page = open_page(app_url, prepare=listen, **DESKTOP)
    wait_for_reader(page)
    draw(page, *SEVEN)
    expect_answer(page, 7)
    assert not [url for url in fetched if re.search("/reading/.*inside", url)]
    expect(page.locator("#inside")).to_have_count(0)
    before = page.locator("#stage").bounding_box()
    height = before["height"]
    fetched.clear()
    action(page, "inside").click()
    expect(page.locator("#inside .outcome")).to_contain_text("7:")
    assert page.url.endswith("#inside")
    assert {url.rsplit("/", 1)[1] for url in fetched if "/reading/" in url} == {
        *("inside.js", "inside.css", "inside_words.js", "inside_pictures.js")
    }
    assert page.locator("#stage").bounding_box()["height"] == height
    assert page.evaluate("document.querySelector('#inside').nextElementSibling.id") == "photo"
    expect(action(page, "inside")).to_have_attribute("aria-pressed", "true")
    page.locator("#inside [name=close]").click()
    expect(page.locator("#inside")).to_have_count(0)
    expect(action(page, "inside")).to_be_focused()
    assert page.url == app_url or page.url == f"{app_url}/"


@pytest.mark.parametrize(
    "screen",
    [pytest.param(DESKTOP, marks=slow), pytest.param(PHONE, marks=slow), SMALL],
    ids=["desktop", "phone", "small"],
)
def test_the_stage_stays_and_nothing_scrolls_sideways(open_page, app_url, screen):
    page = open_page(app_url, **screen)
    wait_for_reader(page)
    before = page.locator("#stage").evaluate("one => one.getBoundingClientRect().toJSON()")
    page.evaluate("location.hash = 'inside'")
    expect(page.locator("#inside .lead")).to_be_visible()
    draw(page, *SEVEN)
    expect_answer(page, 7)
    page.wait_for_timeout(500)  # another image would close what the button opens
    expect(page.locator("#inside .detail")).to_be_visible()
    page.locator("#inside [name=contrast]").click()
    expect(page.locator("#inside .contrast")).to_be_visible()
    after = page.locator("#stage").evaluate("one => one.getBoundingClientRect().toJSON()")
    moved = page.evaluate("scrollY")
    assert {**after, "y": after["y"] + moved, "top": 0, "bottom": 0} == {
        **before,
        "top": 0,
        "bottom": 0,
    }
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    box = page.locator("#inside").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= screen["viewport"]["width"]
    page.evaluate("location.hash = ''")
    expect(page.locator("#inside")).to_have_count(0)


def test_it_follows_the_pen(inside):
    tool(inside, "clear").click()
    expect(inside.locator("#inside .lead")).to_contain_text("Draw a digit")
    inside.evaluate(
        """() => {
            window.seen = new Set();
            const canvas = document.querySelector("#inside .maps canvas");
            const look = () => {
                window.seen.add(canvas.toDataURL());
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    inside.mouse.move(*place(inside, 0.3, 0.2))
    inside.mouse.down()
    for step in range(40):
        inside.mouse.move(*place(inside, 0.3 + step / 100, 0.2 + step / 80))
        inside.wait_for_timeout(25)
    assert inside.evaluate("window.seen.size") >= 8  # the pen is still down
    inside.mouse.up()


def test_a_filter_or_a_block_that_is_off_changes_the_outputs(inside):
    whole, rest = outputs(inside)
    assert whole == rest and whole[7] > 0.9
    inside.get_by_role("button", name="Turn block 2 off").click()
    expect(inside.locator("#inside .outcome")).to_contain_text("becomes")
    assert outputs(inside)[0] == whole and abs(outputs(inside)[1][7] - whole[7]) > 0.1
    inside.locator("#inside [name=reset]").click()
    expect(inside.locator("#inside .outcome")).to_have_text(re.compile(r"^7: [\d.]+ %$"))
    assert outputs(inside) == [whole, whole]
    inside.locator("#inside [name=filter]").click()
    expect(inside.locator("#inside .outcome")).to_contain_text("with 1 filter off")
    expect(inside.locator("#inside .detail > p")).to_contain_text("is off")
    assert outputs(inside)[1] != whole


def test_maps_are_chosen_by_mouse_and_by_arrow_keys(inside):
    maps(inside, 2).nth(9).click()
    about = inside.locator("#inside .detail > p")
    expect(about).to_contain_text("Filter 10 of block 2")
    for key, filter in (("ArrowRight", 11), ("ArrowDown", 19), ("Home", 1), ("ArrowLeft", 1)):
        inside.keyboard.press(key)
        expect(about).to_contain_text(f"Filter {filter} of block 2")
    inside.keyboard.press("End")
    expect(maps(inside, 2).nth(63)).to_be_focused()
    expect(inside.locator("#inside .maps [aria-pressed=true]")).to_have_count(1)
    stops = maps(inside, 2).evaluate_all("all => all.filter((one) => one.tabIndex === 0).length")
    assert stops == 1


def test_the_open_digit_of_a_number_is_shown(inside):
    tool(inside, "clear").click()
    draw(inside, *[(0.6 * x, y) for x, y in SEVEN])
    draw(inside, *[(0.25 + x, y) for x, y in ONE])
    expect_answer(inside, 71)
    expect(inside.locator("#inside .outcome")).to_contain_text("7:")
    inside.locator(".numeral button").nth(1).click()
    expect(inside.locator("#inside .outcome")).to_contain_text("1:")


def test_words_and_what_would_make_it_another(inside):
    button = inside.locator("#inside [name=contrast]")
    other = re.fullmatch(r"What would make it an? (\d)\?", button.inner_text()).group(1)
    button.click()
    expect(inside.locator("#inside .contrast p")).to_contain_text(re.compile(rf"read an? {other}"))
    inside.locator("#inside summary").click()
    rows = inside.locator("#inside tr").all_inner_texts()
    assert len(rows) == 13 and rows[7].startswith("Output 7")
    assert re.search(r"Block 3\s+filter \d+ is the most active, strongest", rows[12])


def test_where_the_server_reads_the_button_says_why_it_is_off(open_page, app_url):
    page = open_page(f"{app_url}#inside", prepare=leave_to_server, **DESKTOP)
    expect(action(page, "inside")).to_be_disabled()
    expect(action(page, "inside")).to_have_attribute("title", re.compile("your browser itself"))
    expect(page.locator("#inside")).to_have_count(0)
