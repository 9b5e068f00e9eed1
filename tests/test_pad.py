"""The pad in a real browser: what needs real events and real pixels."""

import pytest
from browser_page import DESKTOP, PHONE, draw, place, strokes, tool, touch

pytestmark = pytest.mark.once
pytest_plugins = ["browser_page"]

PAD = "document.querySelector('digit-pad')"


def open_pad(open_page, app_url, **device):
    page = open_page(app_url, wait=False, **device)
    page.locator("digit-pad canvas").wait_for()
    return page


def ink(page):
    """Whether there is ink in the middle, and 2 % and 4 % of the side right of it and below it."""
    return page.evaluate(
        """() => {
            const { data } = document.querySelector('digit-pad').toPixels();
            return [[0, 0], [8, 0], [0, 8], [16, 0], [0, 16]].map(
                ([x, y]) => data[4 * (400 * (200 + y) + 200 + x)] < 128);
        }"""
    )


def test_tap_is_a_round_dot_unless_another_script_takes_it(open_page, app_url):
    page = open_pad(open_page, app_url, **DESKTOP)
    page.mouse.click(*place(page, 0.5, 0.5))
    assert ink(page) == [True, True, True, False, False]
    tool(page, "undo").click()
    page.evaluate(
        f"{PAD}.addEventListener('tap', (event) => {{"
        " window.tapped = event.detail.point; event.preventDefault(); })"
    )
    page.mouse.click(*place(page, 0.5, 0.5))
    tapped = page.evaluate("window.tapped")
    if tapped:  # a busy machine may take longer than a tap may last
        assert tapped == pytest.approx([0.5, 0.5], abs=0.01)
        assert strokes(page) == 0 and not any(ink(page))


def test_second_finger_leaves_no_mark(open_page, app_url):
    page = open_pad(open_page, app_url, **PHONE)
    session = page.context.new_cdp_session(page)

    def fingers(kind, *places):
        points = [dict(zip("xy", place(page, *one), strict=True)) for one in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    both = (0.4, 0.5), (0.6, 0.5)
    for _ in range(10):  # until a busy machine brings the second finger within 400 ms
        fingers("touchStart", both[0])
        fingers("touchStart", *both)
        fingers("touchMove", (0.2, 0.5), (0.8, 0.5))
        fingers("touchEnd")
        if strokes(page) == 0:
            break
        page.evaluate(f"{PAD}.restoreKept()")
    assert strokes(page) == 0 and not any(ink(page))
    touch(page, (0.5, 0.3), (0.5, 0.7))
    assert strokes(page) == 1 and ink(page)[0]


@pytest.mark.parametrize(
    ("device", "pen"), [(DESKTOP, draw), (PHONE, touch)], ids=["mouse", "touch"]
)
def test_stroke_may_begin_beside_the_paper_and_selects_nothing(open_page, app_url, device, pen):
    page = open_pad(open_page, app_url, **device)
    page.evaluate("document.body.style.minHeight = '3000px'")  # there is somewhere to scroll to
    pen(page, (0.5, -0.03), (0.5, 0.2), (0.5, 0.6))
    assert strokes(page) == 1 and ink(page)[0]
    assert page.evaluate("[String(getSelection()), window.scrollY]") == ["", 0]
    pen(page, (0.3, -0.04), (0.6, -0.04))  # all of it lies beside the paper
    pen(page, (0.5, -0.2), (0.5, 0.5))  # too far from it
    assert strokes(page) == 1


def test_tools_and_keys(open_page, app_url):
    page = open_pad(open_page, app_url, **DESKTOP)
    press = page.keyboard.press
    press("t")
    draw(page, (0.3, 0.5), (0.7, 0.5))
    assert ink(page) == [True, True, False, True, False]  # half as thick
    press("Control+z")
    assert strokes(page) == 0
    press("Control+Shift+z")
    assert strokes(page) == 1 and tool(page, "redo").is_disabled()
    press("e")
    draw(page, (0.2, 0.5), (0.8, 0.5))  # rubs out all there is
    assert page.evaluate(f"{PAD}.isEmpty")
    assert tool(page, "eraser").get_attribute("aria-pressed") == "false"
    tool(page, "undo").click()
    assert strokes(page) == 1 and ink(page)[0]
    press("Delete")
    assert strokes(page) == 0 and tool(page, "clear").is_disabled()
    assert tool(page, "thin").get_attribute("title") == "Thin pen (T)"
