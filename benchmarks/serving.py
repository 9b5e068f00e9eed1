"""Speed, steadiness and memory of the app, compared with a bare Gradio app and onnxruntime.

python benchmarks/serving.py [--quick]      # pip install onnx onnxruntime psutil httpx

The bare app is one `gr.Image` and a function that returns a constant. Each app runs in its own
process on this machine; they are measured in turns. onnxruntime runs the same weights with as many
threads as it chooses. A call is an upload, a call and its stream, as docs/api.md shows for curl. A
client that is told that the app is busy asks again after a second, as the page does; its time
counts from the first request. The last line is one JSON object; ratios are ours over theirs.
"""

import argparse
import asyncio
import io
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import gradio_client
import httpx
import numpy as np
import onnxruntime
import psutil
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table
from scipy.special import softmax

from digitrec import DigitRecognizer
from digitrec.export import to_onnx
from digitrec.reading.drawing import to_mnist

BUSY = "busy"
ROOT = Path(__file__).resolve().parent.parent
BARE = """
import sys
import gradio as gr
with gr.Blocks() as demo:
    image, answer = gr.Image(type="filepath"), gr.JSON()
    gr.Button().click(lambda image: {"label": "7"}, image, answer, api_name="predict")
demo.launch(server_port=int(sys.argv[1]))
"""


class Settings(NamedTuple):
    rounds: int = 40  # of network timings
    pictures: int = 1000
    calls: int = 60  # one after the other
    seconds: float = 15.0  # for each number of clients
    clients: tuple[int, ...] = (1, 8, 32, 128)
    starts: int = 5
    warm_calls: int = 1000  # before memory is first read
    memory_calls: int = 10_000
    python_calls: int = 10


QUICK = Settings(6, 100, 10, 2.0, (32,), 1, 500, 2000, 2)


def seven(side: int = 800) -> Image.Image:
    image = Image.new("L", (side, side), 255)
    points = [(0.3 * side, 0.2 * side), (0.7 * side, 0.2 * side), (0.5 * side, 0.8 * side)]
    ImageDraw.Draw(image).line(points, fill=0, width=side // 20, joint="curve")
    return image


def as_png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def take_turns(functions: dict, rounds: int, repeats: int) -> dict[str, float]:
    """Give the median seconds of each function, all of them called in every round."""
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(rounds):
        for name, function in functions.items():
            time.sleep(0.05)  # onnxruntime's threads keep a core busy for a while after a call
            function()
            start = time.perf_counter()
            for _ in range(repeats):
                function()
            seconds[name].append((time.perf_counter() - start) / repeats)
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure_network(settings: Settings, console: Console) -> dict[str, float]:
    recognizer = DigitRecognizer.from_pretrained()
    recognizer.compile_rest()
    session = onnxruntime.InferenceSession(
        to_onnx(recognizer).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    temperature = recognizer.config["temperature"]
    rng = np.random.default_rng(0)
    table = Table(title="network, ms")
    for column in ("images", "digitrec", "onnxruntime", "ratio"):
        table.add_column(column, justify="right")
    ratios = {}
    for count in (1, 64, 128):
        pixels = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)

        def ours(pixels=pixels):
            return recognizer._compute_logits(pixels)

        def theirs(pixels=pixels):
            return session.run(["probabilities"], {"images": pixels})[0]

        np.testing.assert_allclose(softmax(ours() / temperature, axis=1), theirs(), atol=1e-3)
        both = {"ours": ours, "theirs": theirs}
        seconds = take_turns(both, settings.rounds, max(3, 200 // count))
        ratios[count] = seconds["ours"] / seconds["theirs"]
        cells = (f"{1000 * seconds[side]:.3f}" for side in both)
        table.add_row(str(count), *cells, f"{ratios[count]:.2f}")
    console.print(table)

    drawing = np.asarray(seven())
    image = to_mnist(drawing)
    assert image is not None
    parts = {
        "predict": lambda: recognizer.predict(drawing),
        "preprocessing": lambda: to_mnist(drawing),
        "network": lambda: recognizer._compute_logits(image[None]),
    }
    seconds = take_turns(parts, settings.rounds, 10)
    for name, value in seconds.items():
        console.print(f"{name} of an 800x800 array: {1000 * value:.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(settings.pictures)]
        for path in paths:
            path.write_bytes(as_png(seven(int(rng.integers(200, 400)))))
        start = time.perf_counter()
        recognizer.predict_batch(paths)
        rate = settings.pictures / (time.perf_counter() - start)
    console.print(f"predict_batch of {settings.pictures} PNGs: {rate:.0f} a second")
    return {
        "network_vs_onnxruntime": ratios[1],
        "batch_vs_onnxruntime": ratios[64],
        "predict_ms": 1000 * seconds["predict"],
    }


class Side(NamedTuple):
    url: str
    process: psutil.Process


@contextmanager
def serve(*command: str):
    """Run an app in a folder of its own; enter when it has given its first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, *command, str(port)], cwd=folder, stdout=subprocess.DEVNULL
        )
        side = Side(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
        try:
            deadline = time.monotonic() + 120
            with httpx.Client() as client:
                while True:
                    try:
                        call(client, side.url, as_png(seven(100)))
                        break
                    except httpx.TransportError:
                        if process.poll() is not None or time.monotonic() > deadline:
                            raise
                        time.sleep(0.02)
            yield side
        finally:
            process.terminate()
            process.wait(30)


def ours():
    return serve(str(ROOT / "app.py"), "--port")


def theirs():
    return serve("-c", BARE)


def call(client: httpx.Client, url: str, picture: bytes) -> str:
    """Upload, call, read the stream; give the label."""
    sent = client.post(f"{url}/gradio_api/upload", files={"files": ("seven.png", picture)})
    file = {"path": sent.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}
    address = f"{url}/gradio_api/call/predict"
    event = client.post(address, json={"data": [file]}).raise_for_status().json()["event_id"]
    return read_label(client.get(f"{address}/{event}", timeout=60).text)


def read_label(stream: str) -> str:
    kind, data = stream.strip().splitlines()[-2:]
    if kind != "event: complete":
        raise ValueError(stream)
    return json.loads(data.removeprefix("data: "))[0]["label"]


async def call_async(client: httpx.AsyncClient, url: str, picture: bytes) -> str:
    sent = await client.post(f"{url}/gradio_api/upload", files={"files": ("seven.png", picture)})
    if sent.status_code == 503:
        return BUSY
    file = {"path": sent.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}
    address = f"{url}/gradio_api/call/predict"
    answer = await client.post(address, json={"data": [file]})
    if answer.status_code == 503:
        return BUSY
    event = answer.raise_for_status().json()["event_id"]
    return read_label((await client.get(f"{address}/{event}")).text)


class Load(NamedTuple):
    times: list[float]  # seconds to each answer
    busy: int  # times that a client was told to ask again
    errors: int
    seconds: float  # in all


async def load(url: str, clients: int, *, seconds: float = 1e9, calls: int = 10**9) -> Load:
    """Call from several clients."""
    picture, times, busy, errors, left = as_png(seven(300)), [], 0, 0, calls
    start = time.perf_counter()

    async def visit():
        nonlocal busy, errors, left
        async with httpx.AsyncClient(timeout=60) as client:
            while time.perf_counter() - start < seconds and left > 0:
                left -= 1
                began = time.perf_counter()
                try:
                    while (label := await call_async(client, url, picture)) == BUSY:
                        busy += 1
                        await asyncio.sleep(1)
                    assert label == "7"
                    times.append(time.perf_counter() - began)
                except (httpx.HTTPError, ValueError, AssertionError):
                    errors += 1

    await asyncio.gather(*(visit() for _ in range(clients)))
    return Load(times, busy, errors, time.perf_counter() - start)


def measure_starts(settings: Settings, console: Console) -> float:
    seconds = {"digitrec": [], "bare": []}
    for _ in range(settings.starts):
        for name, side in (("digitrec", ours), ("bare", theirs)):
            start = time.perf_counter()
            with side():
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        console.print(f"start to first answer, {name}: {value:.2f} s")
    return medians["digitrec"] / medians["bare"]


def measure_apps(settings: Settings, console: Console) -> dict[str, float]:
    with ours() as our_side, theirs() as their_side:
        sides = {"digitrec": our_side, "bare": their_side}
        picture = as_png(seven(300))
        with httpx.Client() as client:
            calls = {
                name: lambda side=side: call(client, side.url, picture)
                for name, side in sides.items()
            }
            raw = take_turns(calls, settings.calls, 1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "seven.png"
            path.write_bytes(picture)
            clients = {
                name: gradio_client.Client(side.url, verbose=False) for name, side in sides.items()
            }
            python = take_turns(
                {
                    name: lambda client=client: client.predict(
                        gradio_client.handle_file(path), api_name="/predict"
                    )
                    for name, client in clients.items()
                },
                settings.python_calls,
                1,
            )
        for name in sides:
            console.print(
                f"one call, {name}: raw {1000 * raw[name]:.1f} ms, gradio_client "
                f"{1000 * python[name]:.1f} ms"
            )
        table = Table(title="answers under load")
        for column in ("clients", "side", "a second", "p50", "p95", "p99", "busy", "errors"):
            table.add_column(column, justify="right")
        rates, all_errors = {}, 0
        for clients in settings.clients:
            for name, side in sides.items():
                found = asyncio.run(load(side.url, clients, seconds=settings.seconds))
                rates[name, clients] = len(found.times) / found.seconds
                all_errors += found.errors if name == "digitrec" else 0
                marks = np.percentile(found.times or [np.nan], [50, 95, 99])
                table.add_row(
                    *[str(clients), name, f"{rates[name, clients]:.1f}"],
                    *[f"{1000 * mark:.0f} ms" for mark in marks],
                    *[str(found.busy), str(found.errors)],
                )
        console.print(table)
    return {
        "raw_vs_gradio": raw["digitrec"] / raw["bare"],
        "throughput_vs_gradio": rates["digitrec", 32] / rates["bare", 32],
        "errors": all_errors,
    }


def measure_memory(settings: Settings, console: Console) -> tuple[float, int]:
    with ours() as side:
        early = asyncio.run(load(side.url, 8, calls=settings.warm_calls))
        before = side.process.memory_info().rss
        late = asyncio.run(load(side.url, 8, calls=settings.memory_calls))
        after = side.process.memory_info().rss
    console.print(
        f"memory after {settings.warm_calls:,} calls: {before / 2**20:.0f} MiB, after "
        f"{settings.memory_calls:,} more: {after / 2**20:.0f} MiB"
    )
    return (after - before) / 2**20, early.errors + late.errors


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="rougher figures within a minute")
    settings = QUICK if parser.parse_args().quick else Settings()
    console = Console()
    figures = measure_network(settings, console)
    figures["cold_start_vs_gradio"] = measure_starts(settings, console)
    figures |= measure_apps(settings, console)
    figures["memory_growth_mib"], errors = measure_memory(settings, console)
    figures["errors"] += errors
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
