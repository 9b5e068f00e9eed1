"""train.py with a loopback Hub: pushing beside and after the training, and corrections from it."""

import hashlib
import json
import re
import shlex
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT, TINY, ask_worker, slow
from loopback_hub import TOKEN

from digitrec.demo.feedback import Feedback
from train import main


def train(hub, *arguments, token=TOKEN):
    return ask_worker(hub, "train", list(arguments), {"HF_TOKEN": token})


def short(small_data_dir, run, epochs=1):
    """A training of seconds."""
    return [
        *[*TINY, "--epochs", str(epochs), "--batch-size", "64"],
        *["--data-dir", small_data_dir, "--output", run],
    ]


PUSHING = ["--push-to-hub", "me/digits", "--push-every", "1"]


@pytest.fixture(scope="module")
def weights(small_data_dir, tmp_path_factory):
    """Those of a short training of three epochs that pushes nothing."""
    run = tmp_path_factory.mktemp("unpushed") / "run"
    assert main(list(map(str, short(small_data_dir, run, epochs=3)))) == 0
    return (run / "model.safetensors").read_bytes()


def test_best_epochs_and_the_result_are_pushed_and_pushing_changes_no_result(
    hub, small_data_dir, weights, tmp_path
):
    run = tmp_path / "run"
    result = train(hub, *short(small_data_dir, run, epochs=3), *PUSHING)
    assert result.returncode == 0, result.stderr
    assert (run / "model.safetensors").read_bytes() == weights
    first, *before, last = hub.repositories["me/digits"].commits
    assert last[0] in result.stdout and first[1] == {} and before
    assert last[1]["model.safetensors"] == weights
    for name in ("confusion_matrix.png", "metrics.json"):
        assert last[1][name] == (run / name).read_bytes()
    for _, files in before:
        # The test images are read once, at the end.
        assert "test" not in json.loads(files["metrics.json"])
        config = json.loads(files["config.json"])
        checksum = hashlib.sha256(files["model.safetensors"]).hexdigest()
        assert config["weights_sha256"] == checksum
        assert b"test images have not been read" in files["README.md"]
    command = json.loads((run / "config.json").read_text())["training"]["command"]
    assert "push" not in command


@slow
def test_failed_pushes_warn_and_do_not_stop_the_training(hub, small_data_dir, tmp_path):
    hub.fail("/api/repos/create", status=503, times=1)  # at the start
    hub.fail("/commit/", status=503, times=1)  # after an epoch
    run = tmp_path / "run"
    result = train(hub, *short(small_data_dir, run, epochs=3), *PUSHING)
    assert result.returncode == 0, result.stderr
    warnings = re.findall(r"(?m)^Warning: me/digits: .*503.*$", result.stdout)
    assert len(warnings) >= 1 and all(fault.times == 0 for fault in hub.faults)
    pushed = hub.repositories["me/digits"].files
    assert pushed["model.safetensors"] == (run / "model.safetensors").read_bytes()


@slow
@pytest.mark.parametrize("stalled", ["/commit/", pytest.param("/preupload/", marks=slow)])
def test_push_for_which_the_hub_stalls_neither_delays_nor_undoes_the_run(
    hub, small_data_dir, weights, tmp_path, stalled
):
    fault = hub.fail(stalled, times=1, held=threading.Event())
    result = train(hub, *short(small_data_dir, tmp_path / "run", epochs=3), *PUSHING)
    assert result.returncode == 0 and "Warning" not in result.stdout, result.stderr
    assert fault.times == 0 and not fault.answered.is_set()  # it stalls still
    assert hub.repositories["me/digits"].files["model.safetensors"] == weights
    commits = len(hub.repositories["me/digits"].commits)
    fault.held.set()
    assert fault.answered.wait(30)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        assert len(hub.repositories["me/digits"].commits) == commits
        time.sleep(0.1)


@slow
def test_failed_final_push_says_how_to_push_again(hub, small_data_dir, tmp_path):
    hub.fail("/commit/", status=403)
    run = tmp_path / "run"
    result = train(hub, *short(small_data_dir, run), "--push-to-hub", "me/digits")
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"train.py: The model is in {run}, but was not pushed (me/digits: ")
    assert "hf auth login" in last and "Traceback" not in result.stderr
    assert hub.repositories["me/digits"].files == {}
    hub.faults.clear()
    command = shlex.split(last.split(": python ")[1])
    again = subprocess.run([sys.executable, *command], cwd=ROOT, env=hub.environment)
    assert again.returncode == 0
    pushed = hub.repositories["me/digits"].files
    assert pushed["model.safetensors"] == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "arguments, token, said",
    [
        (["--push-to-hub", "me/digits"], "hf_wrong", "hf auth login"),
        (["--push-to-hub", "digits"], TOKEN, "a repository's name is USER/NAME"),
        (["--push-to-hub", "me/novel"], TOKEN, "holds other content"),
        (["--push-every", "2"], TOKEN, "--push-every needs --push-to-hub"),
        (["--extra-data", "me/nothing"], TOKEN, "there is no such repository"),
    ],
)
def test_what_cannot_be_pushed_or_read_shows_before_the_training(
    hub, small_data_dir, tmp_path, arguments, token, said
):
    hub.create("me/novel", {"chapter-1.txt": b"It was"})
    run = tmp_path / "run"
    result = train(hub, *short(small_data_dir, run), *arguments, token=token)
    assert result.returncode == 2 and said in result.stderr, result.stderr
    assert "Traceback" not in result.stderr and "epoch" not in result.stdout


@slow
def test_corrections_of_a_dataset_are_trained_on_and_belong_to_the_run(
    hub, small_data_dir, recognizer, seven, tmp_path, monkeypatch
):
    monkeypatch.setattr(Feedback, "_connect", lambda self: None)
    feedback = Feedback("me/drawn", tmp_path / "corrections")
    prediction = recognizer.predict(seven)
    for label in (7, 1):
        feedback.add(prediction.image, label, prediction, "abc")
    files = {
        path.relative_to(tmp_path / "corrections").as_posix(): path.read_bytes()
        for path in (tmp_path / "corrections").rglob("*.*")
    }
    commit = hub.create("datasets/me/drawn", files)
    run = tmp_path / "run"
    result = train(hub, *short(small_data_dir, run), "--extra-data", "me/drawn")
    assert result.returncode == 0, result.stderr
    assert f"me/drawn@{commit}: 2 corrections for training" in result.stdout
    settings = json.loads((run / "config.json").read_text())["training"]
    assert settings["command"].endswith(f"--extra-data me/drawn@{commit}")
    weights = (run / "model.safetensors").read_bytes()

    (run / "metrics.json").unlink()  # the last file that a run writes
    without = train(hub, "--resume", run, "--data-dir", small_data_dir)
    assert without.returncode == 2 and settings["extra_data_sha256"] in without.stderr
    # The dataset has grown since.
    hub.repositories["datasets/me/drawn"].commit(
        {name: content * (1 + name.endswith("jsonl")) for name, content in files.items()}
    )
    grown = train(hub, "--resume", run, "--data-dir", small_data_dir, "--extra-data", "me/drawn")
    assert grown.returncode == 2 and "USER/DATASET@COMMIT" in grown.stderr
    again = ["--data-dir", small_data_dir, "--extra-data", f"me/drawn@{commit}"]
    resumed = train(hub, "--resume", run, *again)
    assert resumed.returncode == 0, resumed.stderr
    assert (run / "model.safetensors").read_bytes() == weights
