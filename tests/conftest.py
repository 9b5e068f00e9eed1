"""Real data and real programs that the tests share."""

import dataclasses
import gzip
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
from filelock import FileLock
from flax import nnx
from loopback_hub import TOKEN, loopback_hub
from PIL import Image, ImageDraw

from digitrec import DigitRecognizer
from digitrec.cores import count_cores
from digitrec.network.model import NetworkConfig, make_abstract_network
from digitrec.reading.drawing import center, cut_out, fit_box
from digitrec.training.data import MNIST_VERSION, Examples
from digitrec.training.recipe import PRESETS
from digitrec.training.strokes import PenDigit, draw_strokes

pytest.register_assert_rewrite("browser_page")

ROOT = Path(__file__).parent.parent
# Most of a short training is compilation. What was compiled before is not compiled again, and the
# rest with few optimisations. JAX locks its cache where its size has a bound.
for name, value in {
    "jax_compilation_cache_dir": str(ROOT / ".pytest_cache" / "jax"),
    "jax_compilation_cache_max_size": 2_000_000_000,
    "jax_persistent_cache_min_compile_time_secs": 0,
    "jax_disable_most_optimizations": True,
}.items():
    jax.config.update(name, value)
    os.environ[name.upper()] = str(value)  # for the programs that tests start

SLOW = "DIGITREC_SLOW" in os.environ  # as in .ci/nightly
slow = pytest.mark.skipif(not SLOW, reason="takes long: set DIGITREC_SLOW=1")

# Files that take minutes begin first, so that no process is left alone with one at the end.
LONGEST = [
    "test_browser",
    "test_train",
    "test_train_and_push",
    "test_installation",
    *["test_many", "test_lost_training", "test_training", "test_guard", "test_browser_reading"],
]


def pytest_xdist_auto_num_workers():
    """Start more processes than cores: they wait a third of their time, as for browsers."""
    return round(1.5 * count_cores())


def pytest_collection_modifyitems(items):
    names = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: names.get(item.path.stem, len(names)))


def made_once(tmp_path_factory, name, make) -> Path:
    """Give a folder that the first of pytest's processes makes and the others wait for."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with FileLock(f"{folder}.lock"):
        if not (shared / f"{name}.made").exists():
            make(folder)
            (shared / f"{name}.made").touch()
    return folder


@pytest.fixture(scope="session")
def small_digits() -> Examples:
    """scikit-learn's 1,797 digits of 8x8 pixels, enlarged to MNIST's form."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    inks = (digits.images * 255 / 16).astype(np.uint8)
    images = np.stack([center(fit_box(cut_out(ink, 25))) for ink in inks])
    return Examples(images[..., None], digits.target.astype(np.int32))


@pytest.fixture(scope="session")
def small_data_dir(small_digits, tmp_path_factory) -> Path:
    """What `load_mnist` leaves behind, holding the small digits: train.py reads it offline."""
    data_dir = tmp_path_factory.mktemp("small_data")
    (data_dir / "mnist").mkdir()
    np.savez(
        data_dir / "mnist" / f"mnist-{MNIST_VERSION}.npz",
        train_images=small_digits.images[:1400],
        train_labels=small_digits.labels[:1400],
        test_images=small_digits.images[1400:],
        test_labels=small_digits.labels[1400:],
    )
    return data_dir


@pytest.fixture(scope="session")
def train_command(small_data_dir):
    """A short but real training, as a command line without its --output."""
    return [
        *[sys.executable, ROOT / "train.py", "--data-dir", small_data_dir, "--epochs", "5"],
        *["--batch-size", "16", "--seed", "3", "--split-seed", "1", "--learning-rate", "0.002"],
        # A thousand images are few, and drawings are made in a process of their own.
        *["--preset", "fast", "--set", "calm_epochs=8", "--set", "marks=0"],
        *["--set", "optimizer=adamw", "--set", "warmup_epochs=0.5", "--set", "filters=[8,16,32]"],
    ]


# Compiled in a second; to compile the marks of the augmentation alone takes several.
TINY = [
    *["--preset", "fast", "--set", "filters=[4,8,8]", "--set", "kernel_sizes=[[3],[3],[3]]"],
    *["--set", "head_features=8", "--set", "optimizer=adamw", "--set", "marks=0"],
]


class Result(NamedTuple):
    """How a program ended."""

    returncode: int
    stdout: str
    stderr: str


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def call(capfd):
    """Run a program's main function in this process, where compiled functions are at hand."""

    def call(main, *arguments) -> Result:
        capfd.readouterr()
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as end:  # argparse ends so
            status = end.code
        if isinstance(status, str):  # Python itself would print it
            print(status, file=sys.stderr)
            status = 1
        return Result(status, *capfd.readouterr())

    return call


@pytest.fixture
def start_app(call, monkeypatch):
    """Run app.py in this process, to see how its start ends."""

    def main(arguments):
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")

    return partial(call, main)


@pytest.fixture
def train(call):
    from train import main

    return partial(call, main)


def run_benchmark(name, *arguments) -> tuple[dict, str]:
    """Run a benchmark as a user does; give its figures, and all that it printed."""
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / f"{name}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1]), result.stdout


@pytest.fixture(scope="session")
def small_run(train_command, tmp_path_factory) -> Path:
    """The folder of a finished short training."""
    from train import main

    def make(run):
        assert main([*map(str, train_command[2:]), "--output", str(run)]) == 0

    return made_once(tmp_path_factory, "small_run", make)


@pytest.fixture(scope="session")
def recognizer() -> DigitRecognizer:
    """The shipped model."""
    return DigitRecognizer.from_pretrained(ROOT / "checkpoints")


# What the network of the preset `fast` has unlike the shipped one.
FAST_NETWORK = {
    name: getattr(PRESETS["fast"].network, name)
    for name in ("border", "kernel_sizes", "pooling", "head_features")
}


def make_recognizer(**settings) -> DigitRecognizer:
    """A recogniser by a network with random parameters and statistics."""
    config = NetworkConfig(filters=(4, 8, 8), **settings)
    graphdef, shapes = nnx.split(make_abstract_network(config))
    random = np.random.default_rng(0)

    def draw(shape):
        if len(shape) == 1:
            return np.float32(random.uniform(0.5, 1.5, shape))
        return np.float32(random.normal(0, 3 / np.prod(shape[:-1]) ** 0.5, shape))

    network = nnx.merge(graphdef, jax.tree.map(lambda leaf: draw(leaf.shape), shapes))
    network.eval()
    shipped = json.loads((ROOT / "checkpoints" / "config.json").read_text())
    return DigitRecognizer(
        network,
        shipped | {"model": dataclasses.asdict(config), "classes": list(config.classes)},
        {},
        batch_sizes=(1,),
    )


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with MNIST's four .gz files."""
    if not os.environ.get("DIGITREC_MNIST_DIR"):
        pytest.skip("needs DIGITREC_MNIST_DIR, the folder with MNIST's four .gz files")
    return Path(os.environ["DIGITREC_MNIST_DIR"]).resolve()


@pytest.fixture(scope="session")
def mnist(mnist_dir) -> tuple[Examples, Examples]:
    """MNIST's training and test images in the order of their files."""

    def read(name, header):
        content = gzip.decompress((mnist_dir / f"{name}-ubyte.gz").read_bytes())
        return np.frombuffer(content, np.uint8, offset=header)

    train, test = (
        Examples(
            read(f"{part}-images-idx3", 16).reshape(-1, 28, 28, 1),
            read(f"{part}-labels-idx1", 8).astype(np.int32),
        )
        for part in ("train", "t10k")
    )
    return train, test


# One way to write each digit: strokes through points on a sheet of 10x10, y downwards.
PEN_DIGITS = {
    0: [[(5, 0), (2, 1), (1, 5), (2, 9), (5, 10), (8, 9), (9, 5), (8, 1), (5, 0)]],
    1: [[(5, 0), (5, 10)]],
    2: [[(2, 2), (3, 0.5), (5, 0), (7, 1), (7.5, 3), (5, 7), (1.5, 10)], [(1.5, 10), (8.5, 10)]],
    3: [
        [(2, 1), (4, 0), (7, 0.5), (7.5, 2.5), (6, 4.3), (4, 4.7)],
        [(4, 4.7), (7, 5.3), (8, 7.5), (6.5, 9.5), (4, 10), (1.5, 9)],
    ],
    4: [[(4, 0), (1, 6)], [(1, 6), (9, 6)], [(7, 2), (6.5, 10)]],
    5: [[(8, 0), (3, 0)], [(3, 0), (2, 4.5)], [(2, 4.5), (5, 4), (8, 6), (7, 9), (4, 10), (1, 9)]],
    6: [[(7, 0), (4, 2), (2, 6), (3, 9.5), (5.5, 10), (7.5, 8), (6, 5.7), (4, 5.8), (2.2, 7.5)]],
    7: [[(1, 0), (8, 0)], [(8, 0), (4, 10)]],
    8: [
        [(5, 4.7), (2.5, 3.5), (2.5, 1), (5, 0), (7.5, 1), (7.5, 3.5), (5, 4.7), (2.2, 6)]
        + [(2, 9), (5, 10), (8, 9), (7.8, 6), (5, 4.7)]
    ],
    9: [[(7.5, 2), (5, 0), (2.5, 1.5), (3, 4.5), (5.5, 5), (7.5, 2)], [(7.5, 2), (7, 6), (6, 10)]],
}


@pytest.fixture(scope="session")
def pen_digits() -> list[PenDigit]:
    """Ten digits as pen strokes, of nobody in particular."""
    return [
        PenDigit(tuple(np.array(stroke, float) for stroke in strokes), label, 0)
        for label, strokes in PEN_DIGITS.items()
    ]


@pytest.fixture(scope="session")
def strokes_file(pen_digits, tmp_path_factory) -> Path:
    """The ten digits, once for each writer of the public file, as UNIPEN text."""
    lines = []
    for writer in range(1, 31):
        for digit in pen_digits:
            lines += [f'.SEGMENT DIGIT 0 ? "{digit.label}"', f".COMMENT {digit.label} {writer} 0"]
            for stroke in digit.strokes:
                points = [f" {round(30 * x)}  {round(-30 * y)}" for x, y in stroke]
                lines += [".PEN_DOWN", *points, ".PEN_UP", ".DT 100"]
    path = tmp_path_factory.mktemp("strokes") / "digits.unipen"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="session")
def seven(tmp_path_factory) -> Path:
    """A seven in red ink on a transparent background, off centre."""
    image = Image.new("RGBA", (300, 240))
    corners = [(150, 40), (250, 40), (190, 200)]
    ImageDraw.Draw(image).line(corners, fill="red", width=18, joint="curve")
    path = tmp_path_factory.mktemp("pictures") / "seven.png"
    image.save(path)
    return path


@pytest.fixture(scope="session")
def forty_two(pen_digits, tmp_path_factory) -> Path:
    """A 42 in white ink on black."""
    strokes = [10.0 * stroke + (40, 50) for stroke in pen_digits[4].strokes]
    strokes += [10.0 * stroke + (160, 50) for stroke in pen_digits[2].strokes]
    path = tmp_path_factory.mktemp("pictures") / "42.png"
    draw_strokes(strokes, 300, 12.0).save(path)
    return path


CANARY = "what nobody may be told"


class App(NamedTuple):
    """A running app."""

    url: str
    log: Path  # in the folder where it runs


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The real app on the shipped checkpoint, started as a user would, on a free port."""
    # Another working directory: the checkpoint must be found beside app.py all the same.
    folder = tmp_path_factory.mktemp("app")
    (folder / "secret.txt").write_text(CANARY)
    with serve_app(folder, "--mcp", SECRET=CANARY) as url:
        yield App(url, folder / "log")


@pytest.fixture(scope="session")
def app_url(app) -> str:
    return app.url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the browser's scripts."""
    program = shutil.which("node")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("needs Node, which .ci/run installs with npm")
        pytest.skip("needs Node: apt-get install npm")
    return program


@contextmanager
def serve_app(folder, *arguments, port=None, **environment):
    """Run app.py in a folder, with its log in there, and give its address."""
    with serve_program(folder, [ROOT / "app.py", *arguments], port, **environment) as url:
        yield url


@contextmanager
def serve_program(folder, arguments, port=None, **environment):
    """Run a Python program that launches a Gradio app, and give its address."""
    port = port or free_port()
    with (folder / "log").open("w+") as log:
        app = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=os.environ | {"GRADIO_SERVER_PORT": str(port)} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_served(url, app, log)
            yield url
        finally:
            app.terminate()
            app.wait(30)


def _wait_until_served(url: str, app: subprocess.Popen, log) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and app.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/config", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    log.seek(0)
    pytest.fail(f"app.py does not serve {url}:\n{log.read()}")


# Does what it is told, line by line: importing JAX for each command would take minutes. It waits
# no time between two tries.
HUB_WORKER = """
import contextlib, io, json, os, sys, time
from huggingface_hub.utils import _http
_http.time.sleep = time.sleep = lambda seconds: None
from digitrec import DigitRecognizer, DigitrecError
from digitrec.__main__ import main as digitrec_main
from digitrec.hub.__main__ import main
from train import main as train_main
from digitrec.demo.serving import load_served_model

def read(model, revision, picture):
    try:
        print(DigitRecognizer.from_pretrained(model, revision=revision).predict(picture).digit)
    except DigitrecError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1

def serve(picture):
    start = time.monotonic()
    served = load_served_model()
    seconds = time.monotonic() - start
    digit = served.recognizer.predict(picture).digit
    print(json.dumps([seconds, digit, served.revision, served.notice]))

def train(*arguments):
    try:
        return train_main(list(arguments))
    except SystemExit as end:  # argparse ends so
        return end.code

commands = {
    "main": lambda *arguments: main(arguments),
    "digitrec": lambda *arguments: digitrec_main(list(arguments)),
    "read": read,
    "serve": serve,
    "train": train,
}
for line in sys.stdin:
    command, arguments, environment = json.loads(line)
    os.environ.update(environment)
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = commands[command](*arguments)
    answer = [status or 0, output.getvalue(), errors.getvalue()]
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="session")
def hub_and_worker(tmp_path_factory):
    """A Hub, a worker that talks to it, and the folder of the worker's cache."""
    cache = tmp_path_factory.mktemp("home") / "hub"
    with loopback_hub() as hub:
        hub.environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HUB_CACHE": str(cache),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",  # its server is beyond a loopback Hub; LFS instead
        }
        with subprocess.Popen(
            [sys.executable, "-c", HUB_WORKER],
            cwd=ROOT,
            env=hub.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as worker:
            yield hub, worker, cache
            worker.stdin.close()


@pytest.fixture
def hub(hub_and_worker):
    hub, hub.worker, hub.cache = hub_and_worker
    for kept in (hub.repositories, hub.objects, hub.faults, hub.requests):
        kept.clear()
    shutil.rmtree(hub.cache, ignore_errors=True)
    return hub


@pytest.fixture
def published(hub):
    """A Hub that holds the shipped model, and its commit."""
    names = ("model.safetensors", "config.json", "metrics.json")
    files = {name: (ROOT / "checkpoints" / name).read_bytes() for name in names}
    hub.first_commit = hub.create("me/digits", files)
    return hub


def ask_worker(hub, command, arguments, environment) -> Result:
    """Let the worker do something, as a process of its own would."""
    request = (command, arguments, environment)
    print(json.dumps(request, default=str), file=hub.worker.stdin, flush=True)
    return Result(*json.loads(hub.worker.stdout.readline()))
