"""digitrec in a clean environment, outside the checkout: as a package, and as a Space."""

import base64
import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
from importlib.metadata import version
from zipfile import ZipFile

import pytest
from conftest import ROOT, SLOW, TINY, free_port, slow
from packaging.requirements import Requirement

from digitrec.hub.space import build_space

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "space"
    build_space(folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory, space):
    """The programs of an environment with what a Space installs, in its one call of pip."""
    if not SLOW:
        pytest.skip("installs 100 packages: set DIGITREC_SLOW=1")
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    additions = [f"gradio[oauth,mcp]=={version('gradio')}", "uvicorn>=0.14.0", "websockets>=10.4"]
    # What of it is run is compiled then; to compile all of it takes as long as the rest.
    install = [folder / "bin" / "pip", "install", "--quiet", "--no-compile"]
    install += ["-r", "requirements.txt"]
    subprocess.run([*install, *additions, "spaces"], cwd=space, check=True)
    return folder / "bin"


def test_space_starts_and_answers_as_on_the_hub(space, environment, seven, tmp_path):
    variables = {
        "HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "SYSTEM": "spaces",
        "SPACE_ID": "me/demo",
        "SPACE_HOST": "me-demo.hf.space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    assert answer_of([environment / "python", "app.py", "--port"], space, seven, variables) == "7"


def answer_of(command, folder, picture, variables):
    """Start an app, its port added to the command, and give the digit that it reads."""
    port = str(free_port())
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [*command, port],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as app,
    ):
        try:
            answer = ask_for_digit(f"http://127.0.0.1:{port}", picture, app)
        finally:
            app.terminate()
        log.seek(0)
        said = log.read()
    assert "Traceback" not in said, said
    return answer["label"]


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


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """What `git ls-files` lists, packed as an sdist."""
    source = tmp_path_factory.mktemp("source")
    for name in files_of_the_repository():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    code = "import setuptools.build_meta as it; print(it.build_sdist('dist'))"
    build = [sys.executable, "-c", code]
    made = subprocess.run(build, cwd=source, check=True, capture_output=True, text=True)
    return source / "dist" / made.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(sdist, environment):
    """The wheel that is built from the sdist alone."""
    build = [environment / "pip", "wheel", "--quiet", "--no-deps", "-w", sdist.parent, sdist]
    subprocess.run(build, check=True)
    (wheel,) = sdist.parent.glob("*.whl")
    return wheel


def files_of_the_repository():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs git and its repository")
    return listed.stdout.splitlines()


def test_sdist_holds_all_that_its_tests_need(sdist):
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert set(files_of_the_repository()) - names == {".gitignore"}


def test_wheel_says_what_it_is(wheel):
    with ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(packed.read(name))
    assert "The digitrec authors" in metadata["Author"]
    assert metadata["License-Expression"] == "MIT" and metadata["Keywords"]
    assert "Programming Language :: Python :: 3.13" in metadata.get_all("Classifier")
    description = metadata.get_payload()
    assert description.startswith("# digitrec\n") and "recognizer.predict(" in description
    # No picture or page lies beside it.
    assert "sdk_version" not in description and "<!--" not in description
    assert re.findall(r"\]\((?!http)", description) == []


def test_wheel_brings_the_package_its_weights_and_its_command(environment, wheel, seven, tmp_path):
    assert {"digitrec/py.typed", "digitrec/answer.schema.json"} <= set(ZipFile(wheel).namelist())
    # Nothing is looked up: an environment for a Space has all that the package needs.
    install = [environment / "pip", "install", "--quiet", "--no-index"]
    subprocess.run([*install, wheel], check=True)

    asked = [environment / "digitrec", "--version"]
    said = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True).stdout
    assert said == f"digitrec {wheel.name.split('-')[1]}\n"
    read = [environment / "digitrec", "read", "--json", seven, "nothing.png"]
    result = subprocess.run(read, cwd=tmp_path, capture_output=True, text=True)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["digit"] == 7 and "There is no file" in second["error"]
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    program = "import digitrec.demo.layout as it; print(it.PREVIEW.exists(), it.__file__)"
    command = [environment / "python", "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.startswith(f"True {environment.parent}"), result.stderr


def install_extra(wheel, extra, folder, *, lowest=False):
    """Install a wheel with an extra in a new environment; give the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [folder / "bin" / "pip", "install", "--quiet", "--no-compile"]
    if lowest:
        (folder / "lowest.txt").write_text("\n".join(lowest_versions()))
        install += ["-c", folder / "lowest.txt"]
    subprocess.run([*install, f"{wheel}[{extra}]" if extra else wheel], check=True)
    return folder / "bin"


def lowest_versions():
    """The lowest version of each package that pyproject.toml allows, as constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [
        *project["dependencies"],
        *(line for extra in EXTRAS if extra for line in extras[extra]),
    ]
    for requirement in map(Requirement, lines):
        for bound in requirement.specifier:
            if bound.operator in (">=", "=="):
                yield f"{requirement.name}=={bound.version}"


def run_in(programs, folder, *arguments, **environment):
    """Run a digitrec command of an environment, away from the checkout; give what it printed."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    command = [str(programs / "digitrec"), *map(str, arguments)]
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


# What each extra of pyproject.toml is for.
EXTRAS = {
    "": ["read", "--json", "seven.png"],
    "hub": ["read", "--json", "--model", "me/digits", "seven.png"],
    "parquet": ["read", "--output", "answers.parquet", "seven.png"],
    "ray": ["read", "--ray", "local", "--output", "answers.parquet", "seven.png"],
    "train": ["train", "--output", "run", "--epochs", 1, *TINY],
    "demo": ["serve"],
}


@slow
@pytest.mark.parametrize("lowest", [False, True], ids=["highest", "lowest"])
@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_brings_all_that_its_command_needs(
    wheel, extra, lowest, published, small_data_dir, seven, tmp_path
):
    programs = install_extra(wheel, extra, tmp_path / "environment", lowest=lowest)
    shutil.copy(seven, tmp_path / "seven.png")
    arguments, variables = EXTRAS[extra], {}
    if extra == "hub":
        names = ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_DISABLE_XET")
        variables = {name: published.environment[name] for name in names}
    if extra == "train":
        arguments = [*arguments, "--data-dir", small_data_dir]
    if extra == "demo":
        serve = [programs / "digitrec", "serve", "--port"]
        assert answer_of(serve, tmp_path, seven, variables) == "7"
        return
    said = run_in(programs, tmp_path, *arguments, **variables)
    if "--json" in arguments:
        assert json.loads(said)["digit"] == 7
    if "--output" in arguments:
        assert (tmp_path / arguments[arguments.index("--output") + 1]).exists()


@slow
def test_steps_of_the_dockerfile_give_an_app_that_answers(seven, tmp_path):
    """Where there is no Docker, in an environment and a folder instead of an image."""
    if shutil.which("docker") and not subprocess.run(["docker", "info"]).returncode:
        subprocess.run(["docker", "build", ROOT], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    programs = tmp_path / "environment" / "bin"
    folder = tmp_path / "app"
    folder.mkdir()
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        step, _, rest = line.partition(" ")
        if step == "COPY":
            name, target = rest.split()
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / target)
        elif step == "RUN":
            subprocess.run(["bash", "-c", rest], cwd=folder, env=variables, check=True)
        elif step == "ENV":
            variables |= dict(setting.split("=") for setting in rest.split())
        elif step == "CMD":
            command = [*json.loads(rest), "--port"]
    assert answer_of(command, folder, seven, variables) == "7"
