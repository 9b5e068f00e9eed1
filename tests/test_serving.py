"""What the app serves when the Hub works, and when it fails."""

import json
import os
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT, ask_worker, free_port, slow


def serve(hub, picture, repository="me/digits", revision="", token=""):
    environment = {"MODEL_REPO": repository, "MODEL_REVISION": revision, "HF_TOKEN": token}
    result = ask_worker(hub, "serve", [picture], environment)
    seconds, digit, revision, notice = json.loads(result.stdout)
    assert digit == 7 and seconds < 15, result.stderr  # of 20, Python's imports take the others
    return revision, notice


def test_model_of_the_environment_is_served_at_the_commit_that_its_revision_has(published, seven):
    assert serve(published, seven) == (f"me/digits@{published.first_commit}", "")
    newer = published.repositories["me/digits"].commit({"config.json": b"{}"})
    assert newer != published.first_commit
    pinned = serve(published, seven, revision=published.first_commit)
    assert pinned == (f"me/digits@{published.first_commit}", "")


def test_pinned_model_in_the_cache_is_served_without_asking_the_hub(published, seven):
    serve(published, seven)
    published.requests.clear()
    revision, notice = serve(published, seven, revision=published.first_commit)
    assert revision.endswith(published.first_commit) and not notice
    assert published.requests == []


@pytest.mark.parametrize(
    "fault, said",
    [
        ({"status": 401}, "the Hub refused the token"),
        ({"status": 403}, "(403)"),
        ({"status": 404}, "the request failed"),
        ({"status": 429}, "the Hub answered 429"),
        ({"status": 500}, "the Hub answered 500"),
        ({"status": 503}, "the Hub answered 503"),
        ({"cut": True}, "Check the network"),
        pytest.param({"delay": 30}, "longer than 6 seconds", marks=slow),
    ],
)
def test_bundled_model_is_served_when_the_hub_fails(published, seven, fault, said):
    published.fail("", **fault)
    revision, notice = serve(published, seven, token="hf_loopback")
    assert revision == ""
    assert notice.startswith(
        "Using the bundled model; the requested one is unavailable. me/digits: "
    )
    assert said in notice and notice.endswith(".")


def test_bundled_model_is_served_instead_of_a_damaged_or_missing_one(published, seven):
    files = published.repositories["me/digits"].files
    published.create("me/damaged", files | {"model.safetensors": files["model.safetensors"][:-1]})
    for repository, said in (
        ("me/damaged", "SHA-256"),
        ("me/nothing", "there is no such repository"),
        ("no name", "USER/NAME"),
    ):
        revision, notice = serve(published, seven, repository)
        assert revision == "" and said in notice, notice


def test_client_of_the_hub_is_imported_only_when_a_model_is_asked_for():
    code = (
        "import sys, digitrec.demo.serving as serving; serving.load_served_model(); "
        "print('huggingface_hub' in sys.modules)"
    )
    environment = {name: os.environ[name] for name in os.environ if name != "MODEL_REPO"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert result.stdout == "False\n", result.stderr


@slow
def test_app_starts_within_20_seconds_on_a_hub_that_never_answers(published, tmp_path):
    published.fail("", delay=60)
    port = str(free_port())
    start = time.monotonic()
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, ROOT / "app.py", "--port", port],
            env=published.environment | {"MODEL_REPO": "me/digits"},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as app,
    ):
        try:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=5).close()
                    break
                except OSError:
                    assert app.poll() is None
                    # Twice as long where the cores are shared, as by other tests.
                    assert time.monotonic() < start + (40 if os.environ.get("CI") else 20)
                    time.sleep(0.1)
        finally:
            app.terminate()
    assert "app.py: Using the bundled model" in (tmp_path / "log").read_text()
