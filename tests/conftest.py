"""Real data and real programs that the tests share."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from digitrec.data import MNIST_VERSION, Examples, load_mnist
from digitrec.drawing import to_mnist

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def small_digits() -> Examples:
    """scikit-learn's 1,797 digits of 8x8 pixels, enlarged to MNIST's form."""
    digits = load_digits()
    images = np.stack([to_mnist(image / 16) for image in digits.images])
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
        *["--batch-size", "16", "--warmup-epochs", "0.5", "--seed", "3"],
    ]


@pytest.fixture(scope="session")
def small_run(train_command, tmp_path_factory) -> Path:
    """The folder of a finished short training."""
    run = tmp_path_factory.mktemp("runs") / "small"
    subprocess.run([*train_command, "--output", run], check=True, cwd=ROOT, capture_output=True)
    return run


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with MNIST's four .gz files."""
    if not os.environ.get("DIGITREC_MNIST_DIR"):
        pytest.skip("needs DIGITREC_MNIST_DIR, the folder with MNIST's four .gz files")
    return Path(os.environ["DIGITREC_MNIST_DIR"]).resolve()


@pytest.fixture(scope="session")
def mnist_data_dir(mnist_dir, tmp_path_factory) -> Path:
    """MNIST, prepared by tensorflow-datasets from the .gz files."""
    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    load_mnist(data_dir, mnist_dir)
    return data_dir


@pytest.fixture(scope="session")
def mnist_test(mnist_data_dir) -> Examples:
    return load_mnist(mnist_data_dir)[1]


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
def app_url(tmp_path_factory):
    """The real app on the shipped checkpoint, started as a user would, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Another working directory: the checkpoint must be found beside app.py all the same.
    folder = tmp_path_factory.mktemp("app")
    with (folder / "log").open("w+") as log:
        app = subprocess.Popen(
            [sys.executable, ROOT / "app.py", "--port", str(port)],
            cwd=folder,
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
