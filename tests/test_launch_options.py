"""Each of `SAFE_LAUNCH_OPTIONS` does what its comment says, and Gradio without it does not.

The guard is left out here, since it refuses much of this before Gradio sees it.
"""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager

import gradio as gr
import pytest
from conftest import free_port

from digitrec.demo.launch import KEPT_SESSIONS, SAFE_LAUNCH_OPTIONS
from digitrec.demo.uploads import LARGEST_FILE


def fail(_):
    raise KeyError("secret")


@contextmanager
def launched(**changed):
    """Run a small app with the safe options, some of them changed."""
    with gr.Blocks() as demo:
        text = gr.Textbox()
        gr.Button().click(fail, text, text, api_name="fail")
        gr.Button().click(lambda value: value, text, text, api_name="echo")
    options = SAFE_LAUNCH_OPTIONS | changed
    demo.launch(
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
        **{name: value for name, value in options.items() if value is not ...},
    )
    try:
        yield demo
    finally:
        demo.close()


@pytest.fixture(scope="module")
def safe():
    with launched() as demo:
        yield demo


@pytest.fixture(scope="module")
def unsafe():
    """The same app with Gradio's defaults, those of a Space; safe defaults are reversed."""
    without = dict.fromkeys(SAFE_LAUNCH_OPTIONS, ...)
    others = {"show_error": True, "pwa": True, "strict_cors": False, "ssr_mode": False}
    with launched(**without | others) as demo:
        yield demo


def get(demo, path, **headers):
    """Give status, headers and body."""
    request = urllib.request.Request(demo.local_url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def upload(demo, size):
    body = (
        b'--a\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        + bytes(size)
        + b"\r\n--a--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=a"}
    request = urllib.request.Request(f"{demo.local_url}gradio_api/upload", body, kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def call(demo, name):
    address = f"gradio_api/call/{name}"
    body = json.dumps({"data": ["a"]}).encode()
    request = urllib.request.Request(
        demo.local_url + address, body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        event = json.load(response)["event_id"]
    return get(demo, f"{address}/{event}")[2]


def test_max_file_size(safe, unsafe):
    assert upload(safe, LARGEST_FILE) == 200
    assert upload(safe, LARGEST_FILE + 1) == 413
    assert upload(unsafe, LARGEST_FILE + 1) == 200


def test_state_session_capacity(safe, unsafe):
    for demo, kept in ((safe, KEPT_SESSIONS), (unsafe, KEPT_SESSIONS + 5)):
        for _ in range(KEPT_SESSIONS + 5):
            call(demo, "echo")
        assert len(demo.app.state_holder.session_data) == kept


def test_enable_monitoring(safe, unsafe):
    assert get(safe, "monitoring/summary")[0] == 403
    assert get(unsafe, "monitoring/summary")[0] == 200


def test_run_history(safe, unsafe):
    assert get(safe, "gradio_api/runs")[0] == 404
    assert get(unsafe, "gradio_api/runs")[0] == 200
    assert json.loads(get(safe, "config")[2])["run_history"] is False


def test_show_error(safe, unsafe):
    assert "secret" not in call(safe, "fail")
    assert "secret" in call(unsafe, "fail")


def test_pwa(safe, unsafe):
    assert json.loads(get(safe, "config")[2])["pwa"] is False
    assert json.loads(get(unsafe, "config")[2])["pwa"] is True


def test_strict_cors(safe, unsafe):
    origin = {"Origin": "null"}
    assert get(safe, "config", **origin)[1]["Access-Control-Allow-Origin"] is None
    assert get(unsafe, "config", **origin)[1]["Access-Control-Allow-Origin"] == "null"


def test_ssr_mode(safe, monkeypatch):
    # Gradio starts a second server where this is set, and its Node is there.
    monkeypatch.setenv("GRADIO_SSR_MODE", "True")
    assert safe.ssr_mode is False
    assert safe._resolve_ssr_mode(SAFE_LAUNCH_OPTIONS["ssr_mode"]) is False
    assert safe._resolve_ssr_mode(None) is True


def test_every_option_has_its_test():
    tested = {name.removeprefix("test_") for name in globals()}
    assert set(SAFE_LAUNCH_OPTIONS) <= tested
