import os
import subprocess
import sys

import pytest
from conftest import ROOT
from loopback_hub import TOKEN, loopback_hub

from digitrec.hub import is_repository_id

READ = """
import sys
from digitrec import DigitRecognizer, DigitrecError
try:
    recognizer = DigitRecognizer.from_pretrained(sys.argv[1], revision=(sys.argv[2:] or [None])[0])
    print(recognizer.predict(sys.stdin.readline().strip()).digit)
except DigitrecError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
PUSH = """
import sys
from digitrec import DigitRecognizer, DigitrecError
try:
    print(DigitRecognizer.from_pretrained("checkpoints").push_to_hub("me/digits"))
except DigitrecError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def hub(tmp_path):
    with loopback_hub() as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
        hub.environment = os.environ | environment
        yield hub


def run(program, hub, *arguments, standard_input="", **environment):
    # A process of its own: huggingface_hub reads HF_ENDPOINT when it is imported.
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=hub.environment | environment,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_model_pushed_in_one_commit_is_read_back_from_the_hub(hub, seven):
    pushed = run(PUSH, hub)
    assert pushed.stdout.startswith(f"{hub.url}/me/digits/commit/"), pushed.stderr
    assert hub.commits == ["me/digits"]
    assert set(hub.repositories["me/digits"]) == {
        *["model.safetensors", "config.json", "metrics.json"]
    }
    read = run(READ, hub, "me/digits", standard_input=str(seven))
    assert read.stdout == "7\n", read.stderr
    # Once fetched, it is there without a network.
    offline = run(READ, hub, "me/digits", standard_input=str(seven), HF_HUB_OFFLINE="1")
    assert offline.stdout == "7\n", offline.stderr


def test_wrong_token_gives_one_sentence_and_pushes_nothing(hub):
    result = run(PUSH, hub, HF_TOKEN="hf_wrong")
    assert result.returncode == 1 and result.stderr.startswith("HubError: me/digits: ")
    assert "hf auth login" in result.stderr and "Traceback" not in result.stderr
    assert hub.commits == []


def test_what_is_not_on_the_hub_gives_one_sentence(hub):
    missing = run(READ, hub, "me/nothing")
    assert missing.stderr.startswith("HubError: me/nothing should be a folder here or a model")
    run(PUSH, hub)
    revision = run(READ, hub, "me/digits", "v9")
    assert revision.stderr.startswith("HubError: me/digits") and "Traceback" not in revision.stderr


def test_damaged_download_is_refused(hub):
    run(PUSH, hub)
    weights = bytearray(hub.repositories["me/digits"]["model.safetensors"])
    weights[-1] ^= 1
    hub.repositories["me/digits"]["model.safetensors"] = bytes(weights)
    result = run(READ, hub, "me/digits")
    last = result.stderr.splitlines()[-1]  # after a progress bar
    assert last.startswith("BadCheckpointError: ") and "SHA-256" in last


@pytest.mark.parametrize(
    "text, expected",
    [("user/name", True), ("a.b/c-d_e", True), ("name", False), ("a/b/c", False), ("../x", False)],
)
def test_repository_ids_are_told_from_folders(text, expected):
    assert is_repository_id(text) == expected
