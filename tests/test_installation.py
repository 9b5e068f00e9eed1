"""digitrec in a clean environment, outside the checkout: as a package, and as a Space."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from zipfile import ZipFile

import pytest
from conftest import ROOT, free_port

from digitrec.hub.space import build_space

pytestmark = pytest.mark.once
if "DIGITREC_INSTALL" not in os.environ:
    pytest.skip("needs DIGITREC_INSTALL=1: it installs 100 packages", allow_module_level=True)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "space"
    build_space(folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory, space):
    """The programs of an environment with what a Space installs, in its one call of pip."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    additions = [f"gradio[oauth,mcp]=={version('gradio')}", "uvicorn>=0.14.0", "websockets>=10.4"]
    # What of it is run is compiled then; to compile all of it takes as long as the rest.
    install = [folder / "bin" / "pip", "install", "--quiet", "--no-compile"]
    install += ["-r", "requirements.txt"]
    subprocess.run([*install, *additions, "spaces"], cwd=space, check=True)
    return folder / "bin"


def test_space_starts_and_answers_as_on_the_hub(space, environment, seven, tmp_path):
    port = str(free_port())
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "SYSTEM": "spaces",
        "SPACE_ID": "me/demo",
        "SPACE_HOST": "me-demo.hf.space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": port,
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(
            [environment / "python", "app.py"],
            cwd=space,
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as app,
    ):
        try:
            answer = ask_for_digit(f"http://127.0.0.1:{port}", seven, app)
        finally:
            app.terminate()
        log.seek(0)
        said = log.read()
    assert answer["label"] == "7", said
    assert "Traceback" not in said


def ask_for_digit(url, picture, app):
    encoded = base64.b64encode(picture.read_bytes()).decode()
    image = {"url": f"data:image/png;base64,{encoded}", "meta": {"_type": "gradio.FileData"}}
    request = urllib.request.Request(
        f"{url}/gradio_api/call/predict",
        json.dumps({"data": [image]}).encode(),
        {"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                event = json.load(response)["event_id"]
            break
        except OSError:
            assert app.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
    with urllib.request.urlopen(f"{request.full_url}/{event}") as response:
        return json.loads(response.read().decode().split("data: ")[-1])[0]


def test_wheel_brings_the_package_its_weights_and_its_command(environment, seven, tmp_path):
    source = tmp_path / "source"  # pip builds in the folder that it is given
    shutil.copytree(ROOT / "digitrec", source / "digitrec")
    shutil.copytree(ROOT / "checkpoints", source / "checkpoints")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [environment / "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, source], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert {"digitrec/py.typed", "digitrec/answer.schema.json"} <= set(ZipFile(wheel).namelist())
    # Nothing is looked up: an environment for a Space has all that the package needs.
    install = [environment / "pip", "install", "--quiet", "--no-index"]
    subprocess.run([*install, wheel], check=True)
    shutil.rmtree(source)

    asked = [environment / "digitrec", "--version"]
    said = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True).stdout
    assert said == f"digitrec {version('digitrec')}\n"
    read = [environment / "digitrec", "read", "--json", seven, "nothing.png"]
    result = subprocess.run(read, cwd=tmp_path, capture_output=True, text=True)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["digit"] == 7 and "There is no file" in second["error"]
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    program = "import digitrec.demo.layout as it; print(it.PREVIEW.exists(), it.__file__)"
    command = [environment / "python", "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.startswith(f"True {environment.parent}"), result.stderr
