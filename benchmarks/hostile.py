"""Hostile input, counted: damaged pictures to the reader, bodies of all kinds to the running app.

python benchmarks/hostile.py [--quick]

Each picture ends in pixels or in a BadImageError of one sentence; each body in a status below 500
and, where it is refused, a sentence. What does not is printed. The last line is one JSON object
with what was tried, what failed, and the slowest picture in seconds of a core.
"""

import argparse
import http.client
import io
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console

from digitrec.errors import BadImageError
from digitrec.picture import read_picture

ROOT = Path(__file__).resolve().parent.parent
PICTURES, QUICK_PICTURES = 200_000, 5_000
BODIES, QUICK_BODIES = 5_000, 300
ENCODINGS = [
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "1", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "L", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("BMP", "RGB", {}),
    ("GIF", "P", {}),
    ("TIFF", "L", {"compression": "tiff_lzw"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("PPM", "RGB", {}),
]


def make_seeds() -> list[bytes]:
    """One small file of each encoding, with EXIF where it can have any."""
    image = Image.new("RGB", (48, 40), "white")
    ImageDraw.Draw(image).line([(10, 6), (36, 6), (20, 34)], fill="black", width=4)
    exif = Image.Exif()
    exif[0x0112] = 6
    seeds = []
    for kind, mode, options in ENCODINGS:
        content = io.BytesIO()
        image.convert(mode).save(content, kind, exif=exif, **options)
        seeds.append(content.getvalue())
    return seeds


def damage(seed: bytes, chance: random.Random) -> bytes:
    """Change, cut out, repeat or overwrite some of a file; lengths and counts are hit most."""
    content = bytearray(seed)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        if not content:
            break
        place = min(int(chance.expovariate(4 / len(content))), len(content) - 1)
        kind = chance.randrange(6)
        if kind == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[place : place + 4] = chance.choice(
                [b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", chance.randbytes(4)]
            )
        elif kind == 2:
            del content[place : place + chance.randrange(1, 200)]
        elif kind == 3:
            part = content[place : place + chance.randrange(1, 100)]
            content[place:place] = part * chance.randrange(1, 20)
        elif kind == 4:
            del content[place:]
        else:
            content[place:place] = chance.randbytes(chance.randrange(1, 50))
    return bytes(content)


def try_pictures(count: int, seed: int = 0) -> tuple[list[str], float]:
    """Read damaged files; give what went wrong, and the seconds of the slowest."""
    chance, seeds, wrong, slowest = random.Random(seed), make_seeds(), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        for number in range(count):
            path.write_bytes(damage(chance.choice(seeds), chance))
            start = time.process_time()
            try:
                pixels = read_picture(path)
                if pixels is None or pixels.dtype != np.uint8 or pixels.shape[2:] != (4,):
                    wrong.append(f"picture {number}: no pixels")
            except BadImageError as error:
                if "\n" in str(error) or not str(error).endswith("."):
                    wrong.append(f"picture {number}: {error}")
            except Exception as error:
                wrong.append(f"picture {number}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.process_time() - start)
    return wrong, slowest


ODD_VALUES = [
    *[None, True, 0, -1, 10**30, 1.5, "", "x", "a\0b", "data:,", "data:image/png;base64,AA"],
    *[[], {}, [[]], {"path": None}, {"path": ""}, {"path": 7}, {"path": "picture.png"}],
    *[{"path": "picture.png", "meta": {"_type": "gradio.FileData"}}, {"url": "data:,"}],
    *[{"path": "x", "meta": 5}, {"path": "x", "size": "big"}, {"path": ["x"]}, "\ud800"],
]


def make_body(chance: random.Random) -> bytes:
    def value(depth: int):
        if depth and chance.random() < 0.3:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        return chance.choice(ODD_VALUES)

    body = {"data": [value(2) for _ in range(chance.choice([0, 1, 1, 1, 2]))]}
    for key in ("session_hash", "fn_index", "event_data", "trigger_id", "event_id", "batched"):
        if chance.random() < 0.3:
            body[key] = value(1)
    content = json.dumps(chance.choice([body, body, body, value(2)])).encode()
    return damage(content, chance) if chance.random() < 0.2 else content


def try_bodies(url: str, count: int, seed: int = 0) -> list[str]:
    """Send bodies to the calls of a running app, read each answer; give what went wrong."""
    address, chance, wrong = urllib.parse.urlsplit(url), random.Random(seed), []

    def ask(method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    for number in range(count):
        path = "/gradio_api/" + chance.choice(
            ["call/predict", "call/predict", "call/predict_batch", "call/model_info", "call/x"]
            + ["queue/join", "run/predict", "cancel", "call/v2/predict"]
        )
        body = make_body(chance)
        try:
            status, answer = ask("POST", path, body)
            if status >= 500 or (status >= 400 and not json.loads(answer).get("error")):
                wrong.append(f"body {number} to {path}: {status} {answer[:100]}")
            elif status == 200 and "/call/" in path:
                stream = f"{path.replace('/v2', '')}/{json.loads(answer)['event_id']}"
                _, events = ask("GET", stream)
                if '"error": null' in events or "Traceback" in events or "event: " not in events:
                    wrong.append(f"body {number} to {path}: {events[:100]}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            wrong.append(f"body {number} to {path}: {type(error).__name__}: {error}")
    if ask("GET", "/config")[0] != 200:
        wrong.append("the app no longer answers")
    return wrong


def try_app(count: int) -> list[str]:
    """Start the app, send it bodies, and look into its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)
            wrong = try_bodies(f"http://127.0.0.1:{port}", count)
        finally:
            process.terminate()
            process.wait(30)
        log.seek(0)
        tracebacks = log.read().count("Traceback")
    return wrong + [f"{tracebacks} tracebacks in the log"] * bool(tracebacks)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer of each, within a minute")
    quick = parser.parse_args().quick
    console = Console()
    pictures, bodies = (QUICK_PICTURES, QUICK_BODIES) if quick else (PICTURES, BODIES)
    bad_pictures, slowest = try_pictures(pictures)
    bad_bodies = try_app(bodies)
    for line in [*bad_pictures, *bad_bodies]:
        console.print(line, markup=False)
    console.print(f"{pictures:,} damaged pictures: {len(bad_pictures)} failures")
    console.print(f"the slowest took {slowest:.2f} s of a core")
    console.print(f"{bodies:,} bodies: {len(bad_bodies)} failures")
    figures = {
        "pictures": pictures,
        "picture_failures": len(bad_pictures),
        "slowest_picture_seconds": round(slowest, 3),
        "bodies": bodies,
        "body_failures": len(bad_bodies),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
