"""How soon the answer follows a stroke in a real browser, beside a stock Gradio Sketchpad.

python benchmarks/browser_latency.py [--strokes N]      # needs Chromium

The stock app is a `gr.Sketchpad` whose `.change` calls a function that answers at once, with a
number. Both are open in the same browser, on the same machine, and get strokes in turns: from the
end of a stroke (pointerup) until the page shows the new answer. Then 1,000 strokes go to the
server as the page sends them, and the memory of its process is read. The last line is one JSON
object.
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

from playwright.sync_api import Page, sync_playwright
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
# Notes when a stroke ends, and when what the page answers has changed after that.
WATCH = """() => {
  window.ended = null; window.milliseconds = [];
  document.addEventListener('pointerup', () => { window.ended = performance.now(); }, true);
  const answer = document.querySelector('#answer');
  const state = () => // the picture in ours, which changes with each stroke; the stock's number
    answer.querySelector('img')?.src ?? answer.innerText.match(/answer [0-9]+/)?.[0];
  let last = state();
  new MutationObserver(() => {
    if (window.ended === null || !state() || state() === last) return;
    last = state();
    window.milliseconds.push(performance.now() - window.ended);
    window.ended = null;
  }).observe(answer, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
IDLE = 1.5  # seconds without a request after which a stroke is over
MEMORY_STROKES = 1000


class Side:
    """An app in a process of its own, and its page."""

    def __init__(self, browser, command: list[str]):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
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
        # A window of its own: a page behind another one would not be drawn.
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page: Page = context.new_page()
        self.requests: list[float] = []
        self.page.goto(self.url)
        brush = self.page.locator('#pad button[aria-label="Brush"]')
        brush.wait_for(timeout=60_000)
        self.page.wait_for_timeout(1500)
        if "highlight" not in (brush.get_attribute("class") or ""):
            brush.click()  # what a stock Sketchpad needs before the first stroke
        self.page.evaluate(WATCH)
        self.page.on("request", lambda request: self.requests.append(time.perf_counter()))

    def stroke(self, number: int) -> tuple[float, int]:
        """Draw; give the milliseconds to the answer, and the number of requests."""
        canvas = self.page.locator("#pad canvas").first.bounding_box()
        assert canvas is not None, "the pad is not to be seen"
        middle = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
        x, y = middle[0] - 80 + 37 * number % 160, middle[1] - 80 + 53 * number % 160
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--strokes", type=int, default=30, help="of each side (default: 30)")
    parser.add_argument("--quick", action="store_true", help="5 strokes a side, 100 for memory")
    arguments = parser.parse_args()
    strokes = 5 if arguments.quick else arguments.strokes
    many = 100 if arguments.quick else MEMORY_STROKES
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("needs chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sides = {}
        try:
            sides["digitrec"] = Side(browser, ["app.py", "--port"])
            sides["stock Sketchpad"] = Side(browser, ["-c", STOCK])
            found = {name: [] for name in sides}
            for number in range(strokes + 1):
                for name, side in sides.items():
                    found[name].append(side.stroke(number))
            growth = memory_growth(sides["digitrec"], many, strokes + 1)
        finally:
            for side in sides.values():
                side.process.terminate()
    console = Console(soft_wrap=True)
    table = Table(title=f"From the end of a stroke to the answer, {strokes} strokes in turns")
    for column in ("app", "median", "lowest", "highest", "requests a stroke"):
        table.add_column(column, justify="right")
    medians, requests = {}, {}
    for name, values in found.items():
        times, counts = zip(*values[1:], strict=True)  # the first stroke loads what is missing
        medians[name], requests[name] = statistics.median(times), statistics.mean(counts)
        row = [f"{value:.0f} ms" for value in (medians[name], min(times), max(times))]
        table.add_row(name, *row, f"{requests[name]:.1f}")
    console.print(table)
    console.print(f"server memory after {many:,} more strokes: {growth:+.1f} MiB")
    figures = {
        "median_ms": medians["digitrec"],
        "vs_stock_sketchpad": medians["digitrec"] / medians["stock Sketchpad"],
        "requests_per_stroke": requests["digitrec"],
        "memory_growth_mib": growth,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
