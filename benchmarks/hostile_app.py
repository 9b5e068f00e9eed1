"""What hostile visitors and crowds do to the running app through its endpoints.

Each function returns what went wrong, as lines; `running_app` also reports what the app opens,
connects to and starts meanwhile, and the tracebacks in its log.
"""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from hostile_files import damage, encode, make_files, make_seeds, seven
from PIL import Image

from digitrec import DigitRecognizer
from digitrec.demo.handlers import NO_DIGIT_FOUND

ROOT = Path(__file__).resolve().parent.parent
FILE_SECONDS = 2.0  # in which a file gets its answer
CROWD_SECONDS = 30.0  # in which a call gets its answer, or is told that the app is busy
FILE = {"_type": "gradio.FileData"}


class Unexpected(Exception):
    """Neither an answer nor a polite refusal."""


class Answer(NamedTuple):
    value: Any = None  # what the endpoint returned
    refused: str = ""  # or the message that says why it did not
    busy: bool = False


class Caller:
    """Asks a running app, and accepts only an answer or a plain message."""

    def __init__(self, url: str, patience: float = CROWD_SECONDS):
        self._address = urllib.parse.urlsplit(url)
        self._patience = patience

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> tuple[int, str]:
        """Send one request; give the status and the body of its answer."""
        connection = self._connect()
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def upload(self, name: str, content: bytes) -> str | Answer:
        """Give the path of an uploaded file, or the refusal."""
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        head = f'Content-Disposition: form-data; name="files"; filename="{quoted}"\r\n\r\n'
        body = b"--edge\r\n" + head.encode() + content + b"\r\n--edge--\r\n"
        status, text = self.ask(
            "POST", "/gradio_api/upload", body, "multipart/form-data; boundary=edge"
        )
        return json.loads(text)[0] if status == 200 else _refusal(status, text)

    def start(self, endpoint: str, data: list) -> str | Answer:
        """Start a call; give the address of its stream, or the refusal."""
        path = f"/gradio_api/call/{endpoint}"
        status, text = self.ask("POST", path, json.dumps({"data": data}).encode())
        return f"{path}/{json.loads(text)['event_id']}" if status == 200 else _refusal(status, text)

    def finish(self, stream: str) -> Answer:
        """Read a stream to its end."""
        status, text = self.ask("GET", stream)
        if status != 200:
            return _refusal(status, text)
        lines = text.strip().splitlines()[-2:]
        if len(lines) == 2 and lines[0] == "event: complete":
            return Answer(json.loads(lines[1].removeprefix("data: "))[0])
        if len(lines) == 2 and lines[0] == "event: error":
            return _refusal(0, lines[1].removeprefix("data: "))
        raise Unexpected(f"a stream that ends in {text[-200:]!r}")

    def read(self, name: str, content: bytes) -> Answer:
        """Upload a file and have it read."""
        path = self.upload(name, content)
        if isinstance(path, Answer):
            return path
        stream = self.start("predict", [{"path": path, "meta": FILE}])
        return stream if isinstance(stream, Answer) else self.finish(stream)

    def leave(self, stream: str) -> None:
        """Ask for a stream, and go before it has come."""
        connection = self._connect()
        connection.request("GET", stream)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        address = self._address
        return http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=self._patience
        )


def _refusal(status: int, text: str) -> Answer:
    try:
        message = json.loads(text)["error"]
    except (ValueError, TypeError, KeyError):
        raise Unexpected(f"{status} {text[:200]!r}") from None
    if fault := fault_of(message):
        raise Unexpected(f"{status} {fault}: {message!r:.200}")
    if status >= 500 and status != 503:
        raise Unexpected(f"{status} {message}")
    return Answer(refused=message, busy=status == 503 or "busy" in message or "full" in message)


def fault_of(message: Any) -> str:
    """Say what is wrong with an error message for a visitor, or nothing."""
    if not isinstance(message, str) or not message:
        return "an error without a message"
    if "\n" in message or not message.endswith("."):
        return "not one line of sentences"
    if "Traceback" in message or tempfile.gettempdir() + "/" in message or str(ROOT) in message:
        return "a message that reveals something of the server"
    return ""


class App(NamedTuple):
    url: str
    process: psutil.Process
    uploads: Path  # the folder
    seen: Callable[[], list[str]]  # what it did that it should not, and tracebacks in its log


@contextmanager
def running_app(kept_seconds: float = 0) -> Iterator[App]:
    """Run app.py under `watched_app.py`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        report, log, uploads = folder / "report", folder / "log", folder / "uploads"
        report.touch()
        port = _free_port()
        command = [sys.executable, ROOT / "benchmarks" / "watched_app.py", report]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*map(str, command), str(kept_seconds), str(ROOT / "app.py"), "--port", str(port)],
                cwd=folder,
                env=os.environ | {"GRADIO_TEMP_DIR": str(uploads)},
                stdout=output,
                stderr=output,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_served(Caller(url), process, log)
            started = report.stat().st_size

            def seen() -> list[str]:
                lines = report.read_bytes()[started:].decode().splitlines()
                return lines + ["a traceback in the log"] * log.read_text().count("Traceback")

            yield App(url, psutil.Process(process.pid), uploads, seen)
        finally:
            process.terminate()
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_served(caller: Caller, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            if caller.read("seven.png", encode(seven())).value:
                return
        time.sleep(0.2)
    raise Unexpected(f"The app does not serve. Its log: {log.read_text()}")


ODD_VALUES = [
    *[None, True, 0, -1, 10**30, 1.5, "", "x", "a\0b", "data:,", "data:image/png;base64,AA"],
    *[[], {}, [[]], {"path": None}, {"path": ""}, {"path": 7}, {"path": "picture.png"}],
    *[{"path": "picture.png", "meta": FILE}, {"url": "data:,"}],
    *[{"path": "x", "meta": 5}, {"path": "x", "size": "big"}, {"path": ["x"]}, "\ud800"],
    *[{"path": __file__}, {"path": __file__, "meta": FILE}],
    *[{"path": "http://192.0.2.1/seven.png", "meta": FILE}, {"url": "http://192.0.2.1/a.png"}],
]
ADDRESSES = [
    *["call/predict", "call/predict", "call/predict_batch", "call/model_info", "call/x"],
    *["queue/join", "call/v2/read_number", "cancel", "call/v2/predict"],
]


def make_body(chance: random.Random) -> bytes:
    """Make the body of a call, from nearly right to noise."""

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
    """Send bodies of all kinds to the calls."""
    caller, chance, wrong = Caller(url), random.Random(seed), []
    for number in range(count):
        path = "/gradio_api/" + chance.choice(ADDRESSES)
        try:
            status, text = caller.ask("POST", path, make_body(chance))
            if status >= 400:
                _refusal(status, text)
            elif "/call/" in path:
                stream = f"{path.replace('/v2', '')}/{json.loads(text)['event_id']}"
                caller.finish(stream)
        except (OSError, ValueError, http.client.HTTPException, Unexpected) as error:
            wrong.append(f"body {number} to {path}: {type(error).__name__}: {error}")
    if caller.ask("GET", "/config")[0] != 200:
        wrong.append("the app no longer answers")
    return wrong


def try_files(url: str, every: int = 1) -> tuple[list[str], int, float]:
    """Have the named files read; give what went wrong, how many were read, the slowest seconds."""
    caller, wrong, read, slowest = Caller(url), [], 0, 0.0
    for name, content in list(make_files().items())[::every]:
        start = time.monotonic()
        try:
            answer = caller.read(name, content)
            read += not answer.refused
            if answer.busy or not (answer.refused or answer.value["label"]):
                wrong.append(f"file {name!r}: {answer}")
        except (OSError, ValueError, TypeError, KeyError, Unexpected) as error:
            wrong.append(f"file {name!r}: {type(error).__name__}: {error}")
        seconds = time.monotonic() - start
        slowest = max(slowest, seconds)
        if seconds > FILE_SECONDS:
            wrong.append(f"file {name!r}: {seconds:.1f} s")
    return wrong, read, slowest


class Digit(NamedTuple):
    picture: bytes
    label: str
    score: float  # tells it from other digits of this label


def make_digits(count: int, recognizer: DigitRecognizer) -> list[Digit]:
    """Make pictures of digits that all differ, with the right answer for each."""
    from sklearn.datasets import load_digits

    digits = []
    for image in load_digits().images[:count]:
        picture = Image.fromarray(255 - np.rint(image * 255 / 16).astype(np.uint8))
        picture = picture.resize((96, 96), Image.Resampling.BICUBIC)
        prediction = recognizer.predict(picture)
        label = str(prediction.digit) if prediction.is_digit else NO_DIGIT_FOUND
        digits.append(Digit(encode(picture), label, prediction.digit_score))
    return digits


def is_answer(digit: Digit, value: dict) -> bool:
    """Say whether an answer is this digit's own."""
    return value["label"] == digit.label and abs(value["digit_score"] - digit.score) < 1e-4


@dataclass
class Tally:
    """How the calls of many threads ended."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    busy: int = 0
    refused: int = 0
    left: int = 0
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0  # of any call


def try_crowd(url: str, digits: list[Digit], clients: int, seconds: float) -> tuple[Tally, float]:
    """Let clients call at once, each with a digit of its own; give how it went, and the seconds."""
    tally, start = Tally(), time.monotonic()

    def visit(number: int) -> None:
        caller, digit = Caller(url), digits[number % len(digits)]
        while time.monotonic() - start < seconds:
            began = time.monotonic()
            try:
                answer = caller.read(f"{number}.png", digit.picture)
                took = time.monotonic() - began
                tally.longest = max(tally.longest, took)
                if answer.busy:
                    tally.busy += 1
                elif answer.refused or not is_answer(digit, answer.value):
                    tally.wrong.append(f"client {number}: {answer}, but it is a {digit.label}")
                else:
                    tally.seconds.append(took)
                if took > CROWD_SECONDS:
                    tally.wrong.append(f"client {number}: {took:.1f} s")
                if answer.busy:
                    time.sleep(2)  # what Retry-After asks for
            except (OSError, ValueError, http.client.HTTPException, Unexpected) as error:
                tally.wrong.append(f"client {number}: {type(error).__name__}: {error}")

    _in_threads(visit, clients)
    return tally, time.monotonic() - start


def _in_threads(visit: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=visit, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def try_calls(url: str, digits: list[Digit], calls: int, seed: int, clients: int = 8) -> Tally:
    """Make calls of which a fifth are hostile and a tenth are abandoned."""
    tally, left = Tally(), iter(range(calls))
    seeds, lock = make_seeds(), threading.Lock()

    def visit(client: int) -> None:
        caller, chance = Caller(url), random.Random(100 * seed + client)
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            try:
                _make_call(caller, chance, digits, seeds, tally)
            except (OSError, ValueError, http.client.HTTPException, Unexpected) as error:
                tally.wrong.append(f"call {number}: {type(error).__name__}: {error}")

    _in_threads(visit, clients)
    return tally


def _make_call(
    caller: Caller, chance: random.Random, digits: list[Digit], seeds: list[bytes], tally: Tally
) -> None:
    kind = chance.random()
    if kind < 0.1:  # a damaged picture
        answer = caller.read("picture", damage(chance.choice(seeds), chance))
        tally.refused += bool(answer.refused)
    elif kind < 0.2:
        stream = caller.start("predict", [chance.choice(ODD_VALUES)])
        answer = stream if isinstance(stream, Answer) else caller.finish(stream)
        tally.refused += bool(answer.refused)
    else:
        digit = chance.choice(digits)
        # A comment of its own makes each upload a file of its own.
        content = digit.picture + chance.randbytes(8)
        if kind > 0.3:
            answer = caller.read("digit.png", content)
            if answer.busy:
                tally.busy += 1
            elif answer.refused or not is_answer(digit, answer.value):
                tally.wrong.append(f"{answer}, but it is a {digit.label}")
            else:
                tally.seconds.append(0.0)
            return
        path = caller.upload("digit.png", content)
        stream = (
            path
            if isinstance(path, Answer)
            else caller.start("predict", [{"path": path, "meta": FILE}])
        )
        tally.left += 1
        if isinstance(stream, str) and chance.random() < 0.5:
            caller.leave(stream)


class Held(NamedTuple):
    """What the app holds at one time."""

    memory: float  # MiB
    files: int  # open
    threads: int
    entries: int  # files and folders below the folder of uploads
    size: float  # MiB, of these


def measure(app: App) -> Held:
    """Look at what the app holds now."""
    entries, size = 0, 0
    for folder, folders, files in os.walk(app.uploads):  # passes over what is deleted meanwhile
        entries += len(folders) + len(files)
        for name in files:
            with suppress(FileNotFoundError):
                size += os.path.getsize(os.path.join(folder, name))
    return Held(
        app.process.memory_info().rss / 2**20,
        app.process.num_fds(),
        app.process.num_threads(),
        entries,
        size / 2**20,
    )
