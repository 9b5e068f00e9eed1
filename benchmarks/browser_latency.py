"""How the page behaves in a real browser, beside a stock Gradio Sketchpad.

python benchmarks/browser_latency.py [--strokes N] [--cpu-slowdown 4] [--quick]
    # Chromium; pip install httpx psutil

First, our page reads in the browser while a pen moves: how many answers a second, how long from a
pointer event to the answer that contains it, what the page's main thread does for each frame, and
what the first visit downloads for that. --cpu-slowdown 4 makes the browser as slow as a phone.

All else is about our page where the server reads, beside a stock app: a `gr.Sketchpad` whose
`.change` calls a function that answers at once, with a number. Both are open in the same browser,
on the same machine, and get strokes in turns: from the end of a stroke (pointerup) until the page
shows the new answer. Then: how long 20 moves of the pointer take; what a first visit downloads;
when one can draw on a network as slow as the browser's own "Slow 3G"; how many strokes are lost
that begin within a second of loading, Clear, undo and a change of size; how the server's memory
grows with 1,000 strokes; and how long an answer takes while 32 programs call the API. The last
line is one JSON object.
"""

import argparse
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
STOCK = """
import itertools, sys
import gradio as gr
numbers = itertools.count()
with gr.Blocks() as demo:
    pad = gr.Sketchpad(elem_id="pad", canvas_size=(400, 400))
    answer = gr.Label(elem_id="answer")
    pad.change(lambda drawing: f"answer {next(numbers)}", pad, answer)
demo.launch(server_port=int(sys.argv[1]))
"""
CROWD = """
import asyncio, sys
from serving import load
asyncio.run(load(sys.argv[1], int(sys.argv[2])))
"""
CLIENTS = 32  # of the crowd
# Notes when a stroke ends, and when what the page answers has changed after that.
WATCH = """() => {
  window.ended = null; window.milliseconds = [];
  document.addEventListener('pointerup', () => { window.ended = performance.now(); }, true);
  const answer = document.querySelector('#answer');
  const state = () => // the picture in ours, which changes with each stroke; the stock's number
    answer.querySelector('.seen canvas')?.toDataURL() ??
    answer.innerText.match(/answer [0-9]+/)?.[0];
  let last = state();
  new MutationObserver(() => {
    if (window.ended === null || !state() || state() === last) return;
    last = state();
    window.milliseconds.push(performance.now() - window.ended);
    window.ended = null;
  }).observe(answer, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
READS = "document.documentElement.dataset.reader === 'browser'"
# Moves a pen for some seconds, once a frame, through zeros of all sizes; pairs each pointer event
# with the first answer to a drawing that contains it.
PEN = """async (seconds) => {
  const pad = document.querySelector("digit-pad");
  const { left, top, width } = pad.canvas.getBoundingClientRect();
  const times = [], lags = [];
  let captured = 0, answered = 0, answers = 0, frames = 0;
  const toPixels = pad.toPixels.bind(pad);
  pad.toPixels = () => { captured = times.length; return toPixels(); };
  document.addEventListener("digitrec-read", () => {
    const now = performance.now();
    answers += 1;
    for (; answered < captured; answered++) lags.push(now - times[answered]);
  });
  const point = (kind, turn) => {
    const radius = width * (0.15 + 0.1 * Math.sin(turn / 40));
    const [x, y] = [Math.cos(turn / 8) * 0.7, Math.sin(turn / 8)];
    const place = { clientX: left + width / 2 + radius * x, clientY: top + width / 2 + radius * y };
    times.push(performance.now());
    const options = { bubbles: true, isPrimary: true, pointerId: 1, button: 0, ...place };
    pad.canvas.dispatchEvent(new PointerEvent(kind, options));
  };
  pad.canvas.setPointerCapture = () => {}; // there is no such pointer
  const start = performance.now();
  let turn = 0;
  while (performance.now() - start < 1000 * seconds) {
    point("pointerdown", turn);
    for (const end = turn + 50; turn < end; turn++) {
      await new Promise(requestAnimationFrame);
      point("pointermove", turn);
      frames += 1;
    }
    point("pointerup", turn);
    await new Promise(requestAnimationFrame);
    pad.clear();
  }
  lags.sort((one, other) => one - other);
  const spent = (performance.now() - start) / 1000;
  return { answers: answers / spent, lag: lags[lags.length >> 1], frames };
}"""
PEN_SECONDS, QUICK_PEN_SECONDS = 20, 5
IDLE = 1.5  # seconds without a request after which a stroke is over
MEMORY_STROKES = 1000
MOVES = 20
SLOW_3G = {"offline": False, "latency": 2000, "downloadThroughput": 51_200}
SLOW_3G["uploadThroughput"] = 51_200  # bytes a second; the latency is in milliseconds


class Side:
    """An app in a process of its own, and its page."""

    def __init__(self, browser: Browser, command: list[str], is_stock: bool):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.browser, self.is_stock = browser, is_stock
        self.canvas = "#pad canvas" if is_stock else "digit-pad canvas"
        self.process = subprocess.Popen(
            [sys.executable, *command, str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/config", timeout=5).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended with {self.process.returncode}") from None
                time.sleep(0.2)
        self.requests: list[float] = []
        # What follows is about the way by the server.
        self.page = self.open_page(by_server=True)
        self.wait_until_drawable(self.page)
        self.page.locator("#answer").wait_for()
        self.page.wait_for_timeout(1500)
        self.page.evaluate(WATCH)
        self.page.on("request", lambda request: self.requests.append(time.perf_counter()))

    def open_page(self, network: dict | None = None, *, by_server: bool = False) -> Page:
        # A window of its own: a page behind another one would not be drawn.
        context = self.browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        if by_server:
            page.route("**/reading/**", lambda route: route.abort())
        if network:
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", network)
        page.goto(self.url, wait_until="commit", timeout=120_000)
        return page

    def wait_until_drawable(self, page: Page) -> None:
        page.locator(self.canvas).first.wait_for(timeout=120_000)
        if self.is_stock:
            brush = page.locator('#pad button[aria-label="Brush"]')
            brush.wait_for(timeout=120_000)
            if "highlight" not in (brush.get_attribute("class") or ""):
                brush.click()  # what a stock Sketchpad needs before the first stroke

    def place(self, page: Page, right: float, down: float) -> tuple[float, float]:
        box = page.locator(self.canvas).first.bounding_box()
        assert box is not None, "the pad is not to be seen"
        return box["x"] + right * box["width"], box["y"] + down * box["height"]

    def stroke(self, number: int) -> tuple[float, int]:
        """Draw; give the milliseconds to the answer, and the number of requests."""
        # About the middle: the stock canvas is larger than its paper.
        x, y = self.place(self.page, 0.5, 0.5)
        x, y = x - 80 + 37 * number % 160, y - 80 + 53 * number % 160
        answers = self.page.evaluate("window.milliseconds.length")
        self.requests.clear()
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 30, y + 10, steps=4)
        self.page.mouse.up()
        self.page.wait_for_function(f"window.milliseconds.length > {answers}", timeout=60_000)
        while time.perf_counter() - max(self.requests, default=0) < IDLE:
            self.page.wait_for_timeout(100)
        return self.page.evaluate("window.milliseconds.at(-1)"), len(self.requests)

    def seconds_for_moves(self) -> float:
        """Move the pen MOVES times."""
        self.page.mouse.move(*self.place(self.page, 0.45, 0.45))
        self.page.mouse.down()
        started = time.perf_counter()
        for index in range(MOVES):
            self.page.mouse.move(*self.place(self.page, 0.45 + 0.01 * index, 0.5))
        seconds = time.perf_counter() - started
        self.page.mouse.up()
        return seconds

    def first_load(self) -> tuple[float, int]:
        """Open the page with an empty cache; give KiB that were sent, and requests."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        sizes = []  # with the worker's scripts and weights, which the page's own CDP session lacks
        page.on("requestfinished", lambda request: sizes.append(request.sizes()))
        page.goto(self.url)
        page.locator("#answer").wait_for(timeout=60_000)
        if not self.is_stock:
            page.wait_for_function(READS, timeout=60_000)
        page.wait_for_timeout(3000)
        context.close()
        sent = sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)
        return sent / 1024, len(sizes)

    def seconds_until_drawable(self) -> float:
        """Open the page on a slow network."""
        started = time.perf_counter()
        page = self.open_page(SLOW_3G)
        self.wait_until_drawable(page)
        seconds = time.perf_counter() - started
        page.context.close()
        return seconds


def follow_pen(side: Side, slowdown: float, seconds: float) -> dict[str, float]:
    """Read in the browser while a pen moves."""
    page = side.browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    sizes, requests = [], []
    page.on(
        "requestfinished",
        lambda request: sizes.append(request.sizes()) if "/reading/" in request.url else None,
    )
    page.goto(side.url)
    page.wait_for_function(READS, timeout=60_000)
    page.wait_for_timeout(2000)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    session.send("Performance.enable")
    page.on("request", lambda request: requests.append(request.url))

    def busy_seconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    before = busy_seconds()
    found = page.evaluate(PEN, seconds)
    busy = busy_seconds() - before
    page.context.close()
    return {
        "answers_per_second": found["answers"],
        "pen_lag_ms": found["lag"],
        "main_thread_ms": 1e3 * busy / found["frames"],
        "requests_per_stroke": float(len(requests)),
        "added_kib": sum(size["responseBodySize"] for size in sizes) / 1024,
    }


def count_lost(side: Side, strokes: int) -> int:
    """Draw strokes that begin within a second of loading, Clear, undo and a change of size."""
    random = np.random.default_rng(0)
    lost, expected, page = 0, 0, None
    count = "document.querySelector('digit-pad').visible().length"
    for number in range(strokes):
        event = ("load", "clear", "undo", "resize")[number % 4]
        if page is None or event == "load":
            if page is not None:
                page.context.close()
            page, expected = side.open_page(), 0
            page.locator(side.canvas).wait_for()
        elif event == "clear":
            page.locator("digit-pad [name=clear]").click()
            expected = 0
        elif event == "undo":
            page.locator("digit-pad [name=undo]").click()
            expected = page.evaluate(count)
        else:
            page.set_viewport_size({"width": int(random.integers(700, 1300)), "height": 800})
        page.wait_for_timeout(float(random.uniform(0, 1000)))
        page.mouse.move(*side.place(page, 0.3, 0.3))
        page.mouse.down()
        page.mouse.move(*side.place(page, 0.6, 0.6), steps=3)
        page.mouse.up()
        expected += 1
        found = page.evaluate(count)
        lost, expected = lost + (found < expected), found
    return lost


def memory(process: subprocess.Popen) -> float:
    """Read the resident memory of a process, MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (kibibytes,) = re.findall(r"VmRSS:\s+(\d+)", status)
    return int(kibibytes) / 1024


def memory_growth(side: Side, strokes: int, number: int) -> float:
    """Send as many strokes as the page would; give the growth of the server's memory, MiB."""
    with side.page.expect_request("**/queue/join*") as caught:
        side.stroke(number)  # another place: a drawing that has not changed is not sent
    template = caught.value.post_data_json
    assert template is not None, "the page sends JSON"
    session = template["session_hash"] = "benchmark"

    def send() -> None:
        request = urllib.request.Request(
            f"{side.url}/gradio_api/queue/join",
            json.dumps(template).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).read()
        events = f"{side.url}/gradio_api/queue/data?session_hash={session}"
        with urllib.request.urlopen(events) as stream:
            assert b"process_completed" in stream.read()

    for _ in range(strokes // 5):  # caches fill
        send()
    before = memory(side.process)
    for _ in range(strokes):
        send()
    return memory(side.process) - before


def in_a_crowd(side: Side, strokes: int, number: int) -> float:
    """Give the median milliseconds to an answer while programs call as fast as they can."""
    crowd = subprocess.Popen(
        [sys.executable, "-c", CROWD, side.url, str(CLIENTS)], cwd=Path(__file__).parent
    )
    try:
        side.page.wait_for_timeout(3000)  # until all of them call
        return statistics.median(side.stroke(number + index)[0] for index in range(strokes))
    finally:
        crowd.terminate()
        crowd.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--strokes", type=int, default=30, help="of each side (default: 30)")
    parser.add_argument("--quick", action="store_true", help="3 strokes a side, rougher figures")
    parser.add_argument(
        "--cpu-slowdown",
        type=float,
        default=1.0,
        help="how many times slower the browser computes while the pen moves (default: 1)",
    )
    arguments = parser.parse_args()
    strokes = 3 if arguments.quick else arguments.strokes
    many = 100 if arguments.quick else MEMORY_STROKES
    beginnings = 12 if arguments.quick else 100
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("needs chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sides = {}
        try:
            sides["digitrec"] = Side(browser, ["app.py", "--port"], False)
            pen = follow_pen(
                sides["digitrec"],
                arguments.cpu_slowdown,
                QUICK_PEN_SECONDS if arguments.quick else PEN_SECONDS,
            )
            sides["stock Sketchpad"] = Side(browser, ["-c", STOCK], True)
            found = {name: [] for name in sides}
            for number in range(strokes + 1):
                for name, side in sides.items():
                    found[name].append(side.stroke(number))
            moves = {name: side.seconds_for_moves() for name, side in sides.items()}
            loads = {name: side.first_load() for name, side in sides.items()}
            slow = {
                name: side.seconds_until_drawable()
                for name, side in sides.items()
                if not (arguments.quick and side.is_stock)  # half a minute
            }
            lost = count_lost(sides["digitrec"], beginnings)
            growth = memory_growth(sides["digitrec"], many, strokes + 1)
            crowded = in_a_crowd(sides["digitrec"], strokes, strokes + 2)
        finally:
            for side in sides.values():
                side.process.terminate()
    console = Console(width=160)
    console.print(
        f"in the browser: {pen['answers_per_second']:.0f} answers a second, "
        f"{pen['pen_lag_ms']:.0f} ms behind the pen, {pen['main_thread_ms']:.1f} ms of the main "
        f"thread a frame, {pen['added_kib']:.0f} KiB more to download"
    )
    table = Table(title=f"From the end of a stroke to the answer, {strokes} strokes in turns")
    for column in (
        *("app", "median", "lowest", "highest", "requests a stroke", f"{MOVES} moves"),
        *("first load", "drawable on Slow 3G"),
    ):
        table.add_column(column, justify="right")
    medians, requests = {}, {}
    for name, values in found.items():
        times, counts = zip(*values[1:], strict=True)  # the first stroke loads what is missing
        medians[name], requests[name] = statistics.median(times), statistics.mean(counts)
        row = [f"{value:.0f} ms" for value in (medians[name], min(times), max(times))]
        kib, count = loads[name]
        row += [f"{requests[name]:.1f}", f"{moves[name]:.2f} s", f"{kib:.0f} KiB, {count} requests"]
        table.add_row(name, *row, f"{slow[name]:.1f} s" if name in slow else "-")
    console.print(table)
    console.print(f"{lost} of {beginnings} strokes lost")
    console.print(f"server memory after {many:,} more strokes: {growth:+.1f} MiB")
    console.print(f"to an answer while {CLIENTS} programs call: {crowded:.0f} ms")
    figures = {
        **pen,
        "median_ms": medians["digitrec"],
        "vs_stock_sketchpad": medians["digitrec"] / medians["stock Sketchpad"],
        "server_requests_per_stroke": requests["digitrec"],
        "strokes_lost": lost,
        "seconds_for_20_moves": moves["digitrec"],
        "first_load_kib": loads["digitrec"][0],
        "first_load_requests": loads["digitrec"][1],
        "slow_3g_seconds": slow["digitrec"],
        "memory_growth_mib": growth,
        "crowded_ms": crowded,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
