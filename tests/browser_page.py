"""The page in a real browser: a browser, its pages, and how one draws on them."""

import os
import shutil
import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlparse

import pytest
from conftest import App, serve_app
from playwright.sync_api import expect, sync_playwright

PATIENCE = 30_000  # milliseconds, on two busy cores
expect.set_options(timeout=PATIENCE)
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
TOUCH = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
PHONE = {"viewport": {"width": 390, "height": 844}, **TOUCH}
SEVEN = [(0.36, 0.3), (0.64, 0.3), (0.46, 0.72)]
ONE = [(0.5, 0.3), (0.5, 0.72)]


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


class HeldScripts:
    """Gradio's scripts, which a page that is prepared with `hold` gets after `release`."""

    def __init__(self):
        self.routes, self.are_released = [], False

    def hold(self, page):
        page.route("**/assets/*.js", self._take)

    def _take(self, route):
        route.continue_() if self.are_released else self.routes.append(route)

    def release(self):
        self.are_released = True
        for route in self.routes:
            route.continue_()


@pytest.fixture(scope="module")
def restarted_app(tmp_path_factory):
    """The app once more, as after a restart; it keeps corrections."""
    folder = tmp_path_factory.mktemp("restarted")
    # Nobody answers for the Hub: what cannot be pushed must be kept.
    environment = {
        "FEEDBACK_DATASET": "me/corrections",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(folder / "home"),
    }
    with serve_app(folder, **environment) as url:
        yield App(url, folder / "log")


@contextmanager
def forwarding(port, url):
    """Let a port lead to a server; then cut all connections, as when that server ends."""
    server = urlparse(url)
    connections = []

    def copy(source, target):
        with suppress(OSError):
            while content := source.recv(65536):
                target.sendall(content)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    class Forward(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection((server.hostname, server.port)) as forward:
                connections.extend((self.request, forward))
                threading.Thread(target=copy, args=(forward, self.request)).start()
                copy(self.request, forward)

    class Forwarder(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    with Forwarder(("127.0.0.1", port), Forward) as forwarder:
        threading.Thread(target=forwarder.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{port}"
        forwarder.shutdown()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(open_page, app_url, request):
    return open_page(app_url, **request.param)


def wait_until_whole(page):
    """Wait for all that comes after the pad."""
    expect(page.locator("#answer digit-answer")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#first")).to_have_count(0, timeout=PATIENCE)


def paper(page):
    box = page.locator("digit-pad .sheet > canvas").first.bounding_box()
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


def action(page, name):
    return page.locator(f"digit-answer button[name={name}]")


def expect_digit(page, digit, place="#answer"):
    expect_answer(page, digit)
    expect(page.locator(f"{place} .numeral")).to_have_text(str(digit), timeout=PATIENCE)


def expect_message(page, message):
    expect(page.locator("#answer .said")).to_contain_text(message, timeout=PATIENCE)


def expect_blank(page):
    expect(page.locator("#answer .blank")).to_be_visible(timeout=PATIENCE)


def leave_to_server(page):
    """Let the page read by the server alone, as where its worker cannot be had."""
    page.route("**/reading/**", lambda route: route.abort())


def open_place(page):
    """Which of the digits is open, and what the network saw of it."""
    pressed = page.locator(".numeral button").evaluate_all(
        "buttons => buttons.map((button) => button.ariaPressed)"
    )
    assert pressed.count("true") == 1
    seen = page.locator("#answer .seen canvas").evaluate("one => one.toDataURL()")
    return pressed.index("true"), seen
