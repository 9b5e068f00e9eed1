"""The real app, called as its users call it."""

import asyncio
import base64
import json
import os
import re
import runpy
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import numpy as np
import pytest
from conftest import ROOT, slow
from gradio import Blocks
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image, ImageDraw

from digitrec.demo.serve import parse_options

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()


@pytest.fixture(scope="module")
def client(app_url):
    return Client(app_url, verbose=False)


@pytest.fixture
def folder(tmp_path, seven):
    """Where somebody who calls the app would be, with a picture."""
    (tmp_path / "seven.png").write_bytes(seven.read_bytes())
    return tmp_path


def post(url, body):
    """Send JSON; return the response."""
    content = json.dumps(body).encode()
    return urllib.request.urlopen(
        urllib.request.Request(url, content, {"Content-Type": "application/json"})
    )


def call(url, payload):
    """Call /predict without a client; return the event that ends it and its data."""
    address = f"{url}/gradio_api/call/predict"
    with post(address, {"data": payload}) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}") as response:
        kind, data = response.read().decode().strip().splitlines()[-2:]
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_client_gets_the_label_the_three_best_and_who_answered(client, recognizer, seven):
    result = client.predict(handle_file(seven), api_name="/predict")
    assert result["label"] == "7" and result["is_digit"] and len(result["confidences"]) == 3
    confidences = [entry["confidence"] for entry in result["confidences"]]
    assert confidences == sorted(confidences, reverse=True) and 0.5 < confidences[0] <= 1
    assert result["revision"] == recognizer.revision
    assert result["digit_score"] == pytest.approx(recognizer.predict(seven).digit_score, abs=1e-3)


def test_all_endpoints_are_documented(client):
    endpoints = client.view_api(return_format="dict", print_info=False)
    names = {"/predict", "/predict_batch", "/read_number", "/read_lines", "/model_info"}
    assert set(endpoints["named_endpoints"]) == names
    assert not endpoints["unnamed_endpoints"]
    for endpoint in endpoints["named_endpoints"].values():
        assert len(endpoint["description"]) > 20


def test_number_is_read_with_its_digits_and_their_boxes(client, recognizer, tmp_path, forty_two):
    result = client.predict(handle_file(forty_two), api_name="/read_number")
    assert result["text"] == "42" and result["is_number"] and result["probability"] > 0.5
    assert [digit["label"] for digit in result["digits"]] == ["4", "2"]
    assert [len(digit["confidences"]) for digit in result["digits"]] == [3, 3]
    np.testing.assert_allclose(result["digits"][0]["box"], (44, 44, 136, 156), atol=4)
    assert result["revision"] == recognizer.revision
    blank = Image.new("L", (99, 99), 255)
    blank.save(tmp_path / "blank.png")
    result = client.predict(handle_file(tmp_path / "blank.png"), api_name="/read_number")
    assert (result["text"], result["is_number"], result["digits"]) == ("", False, [])


def test_batch_is_answered_in_order(client, seven, tmp_path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    files = [handle_file(seven), handle_file(tmp_path / "blank.png"), handle_file(seven)]
    results = client.predict(files, api_name="/predict_batch")
    assert [result["label"] for result in results] == ["7", "No digit found", "7"]


def test_batch_of_too_many_is_refused_with_the_limit(client, seven):
    with pytest.raises(AppError, match="at most 64 pictures, and this one has 65"):
        client.predict([handle_file(seven)] * 65, api_name="/predict_batch")


def test_model_info_quotes_the_checkpoint(client, recognizer):
    info = client.predict(api_name="/model_info")
    assert info["revision"] == recognizer.revision
    assert info["test_accuracy"] == recognizer.metrics["test"]["accuracy"]
    assert info["drawing_accuracy"] == recognizer.metrics["drawn_digits"]["mean"]
    assert info["parameters"] == recognizer.metrics["model"]["parameters"]


def test_blank_picture_gets_a_message_and_no_guess(client, tmp_path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    result = client.predict(handle_file(tmp_path / "blank.png"), api_name="/predict")
    assert result["label"] == "No digit found" and not result["confidences"]
    assert not result["is_digit"] and result["digit_score"] is None


def test_picture_of_no_digit_is_said_to_have_none(client, tmp_path):
    image = Image.new("L", (200, 200), 255)
    for line in [(30, 30, 170, 170), (170, 30, 30, 170), (100, 20, 100, 180)]:
        ImageDraw.Draw(image).line(line, fill=0, width=12)
    image.save(tmp_path / "star.png")
    result = client.predict(handle_file(tmp_path / "star.png"), api_name="/predict")
    assert result["label"] == "No digit found" and not result["confidences"]
    assert not result["is_digit"] and result["digit_score"] is not None


def test_unreadable_picture_gets_a_message_without_a_path(client, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"this is no image")
    with pytest.raises(AppError, match="bad.png ") as caught:
        client.predict(handle_file(tmp_path / "bad.png"), api_name="/predict")
    assert "/tmp" not in str(caught.value) and "\n" not in str(caught.value)


def test_file_outside_the_uploads_is_refused(app_url):
    # As the reason says; a file that the server could read well must not be read for a stranger.
    kind, data = call(app_url, [{"path": str(ROOT / "checkpoints" / "confusion_matrix.png")}])
    assert kind == "error" and "uploaded file" in data["error"]


def test_data_url_is_read_like_a_file(app_url, seven):
    encoded = base64.b64encode(seven.read_bytes()).decode()
    meta = {"_type": "gradio.FileData"}
    kind, data = call(app_url, [{"url": f"data:image/png;base64,{encoded}", "meta": meta}])
    assert kind == "complete" and data[0]["label"] == "7"
    kind, data = call(app_url, [{"url": "data:image/png;base64,A", "meta": meta}])
    assert kind == "error" and "base64" in data["error"]


def test_python_examples_of_the_readme_run(app_url, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    blocks = [block for block in blocks if "launch()" not in block]  # test_browser.py runs that
    assert len(blocks) == 2
    for block in blocks:
        capsys.readouterr()
        exec(block.replace("http://127.0.0.1:7860", app_url), {})
        printed = capsys.readouterr().out.splitlines()
        assert "7" in printed[-1 if "Client" in block else 0]
        assert "Client" in block or printed[-1] == "42"


@slow  # npm downloads
def test_javascript_example_of_the_page_on_the_api_runs(app_url, folder):
    (block,) = re.findall(r"```js\n(.*?)```", API, re.DOTALL)
    (install,) = re.findall(r"`(npm install [^`]+)`", API)
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("needs npm, which .ci/run installs")
        pytest.skip("needs npm: apt-get install npm")
    subprocess.run(install.split(), cwd=folder, check=True, capture_output=True)
    (folder / "example.mjs").write_text(block.replace("http://127.0.0.1:7860", app_url))
    result = subprocess.run(
        ["node", "example.mjs"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "7" in result.stdout


def test_tools_of_the_mcp_server_are_the_endpoints(app_url, seven):
    names, answer = asyncio.run(call_mcp(f"{app_url}/gradio_api/mcp/", seven))
    assert set(names) == {"predict", "predict_batch", "read_number", "read_lines", "model_info"}
    assert "'label': '7'" in answer


def test_page_on_the_api_finds_what_it_asks_for(app_url):
    with urllib.request.urlopen(f"{app_url}/monitoring/summary") as response:
        assert json.load(response) == {"functions": {}}  # it is switched off
    with urllib.request.urlopen(f"{app_url}/gradio_api/mcp/schema") as response:
        assert {"predict", "read_number"} <= {tool["name"] for tool in json.load(response)}


async def call_mcp(url, picture):
    """List the tools as an MCP client does, and call predict."""
    async with (
        streamable_http_client(url) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        names = [tool.name for tool in (await session.list_tools()).tools]
        encoded = base64.b64encode(picture.read_bytes()).decode()
        result = await session.call_tool("predict", {"image": f"data:image/png;base64,{encoded}"})
        return names, result.content[0].text


def test_curl_example_of_the_page_on_the_api_runs(app_url, folder):
    (block,) = (b for b in re.findall(r"```bash\n(.*?)```", API, re.DOTALL) if "curl" in b)
    result = subprocess.run(
        ["bash", "-c", block.replace("http://127.0.0.1:7860", app_url)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "event: complete" in result.stdout and '[{"label": "7"' in result.stdout


@pytest.mark.parametrize(
    "arguments, environment, said",
    [
        (["--port", "70000"], {}, "--port must be a TCP port from 1 to 65535, not '70000'"),
        (["--port", "{taken}"], {}, "{taken}"),
        (["--host", "no.such.host.invalid"], {}, "Choose another --host"),
        (["--model", "no/such/folder"], {}, "There is no folder no/such/folder"),
        ([], {"GRADIO_SERVER_PORT": "abc"}, "GRADIO_SERVER_PORT must be a TCP port"),
        ([], {"GRADIO_TEMP_DIR": "/proc/none"}, "Uploads cannot be stored in /proc/none"),
    ],
)
def test_bad_arguments_end_with_a_message_and_status_2(
    app_url, start_app, monkeypatch, arguments, environment, said
):
    taken = app_url.rsplit(":")[-1]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = start_app(*(argument.format(taken=taken) for argument in arguments))
    assert result.returncode == 2, result.stderr
    assert said.format(taken=taken) in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "environment, host, port",
    [
        ({"PORT": "8123"}, "0.0.0.0", 8123),  # as Cloud Run and Render set it
        ({"PORT": "8123", "GRADIO_SERVER_PORT": "9000"}, "0.0.0.0", 9000),
        ({"PORT": "8123", "GRADIO_SERVER_NAME": "127.0.0.1"}, "127.0.0.1", 8123),
        ({}, None, None),
    ],
)
def test_port_of_the_host_is_honoured(monkeypatch, environment, host, port):
    for name in ("PORT", "GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = parse_options([])
    assert (options.host, options.port) == (host, port)


def test_imported_app_has_the_page_and_uploads_a_folder_of_their_own():
    assert isinstance(runpy.run_path(str(ROOT / "app.py"))["demo"], Blocks)
    # Gradio's own folder belongs to whoever came first on the machine.
    assert get_upload_folder() != os.path.join(tempfile.gettempdir(), "gradio")


def test_broken_package_is_not_taken_for_a_missing_option(tmp_path, monkeypatch, start_app):
    (tmp_path / "spaces.py").write_text("raise ImportError('the package is broken')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="the package is broken"):
        start_app()
