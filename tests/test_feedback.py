"""Corrections, from the app to a dataset on a loopback Hub and back into training."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, wait_for
from huggingface_hub import constants
from PIL import Image

from digitrec.demo.feedback import Feedback, open_feedback
from digitrec.demo.handlers import Handlers
from digitrec.errors import DatasetUnavailableError
from digitrec.training.corrections import read_corrections

# Takes corrections and pushes them; the first argument says to which dataset, the second in which
# folder, the third how many there may be.
COLLECT = """
import sys
from digitrec import DigitRecognizer
from digitrec.demo.feedback import Feedback
prediction = DigitRecognizer.from_pretrained("checkpoints").predict(sys.argv[4])
feedback = Feedback(sys.argv[1], sys.argv[2], minutes=0.01, most=int(sys.argv[3]))
for line in sys.stdin:
    print(feedback.add(prediction.image, int(line), prediction, "abc"), flush=True)
"""


@pytest.fixture
def collect(hub, seven, tmp_path):
    """Start a collector in place of any earlier one; `tell` gives it a label and its answer."""
    processes = []

    def start(most=100):
        end()
        process = subprocess.Popen(
            [sys.executable, "-c", COLLECT, "me/drawn", tmp_path / "folder", str(most), seven],
            cwd=ROOT,
            env=hub.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)

        def tell(line):
            print(line, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        return tell

    def end():
        for process in processes:
            process.kill()
            process.wait()

    yield start
    end()


def pushed_lines(hub):
    repository = hub.repositories.get("datasets/me/drawn")
    files = repository.files if repository else {}
    lines = [
        (path.rsplit("/", 1)[0], json.loads(line))
        for path, content in files.items()
        if path.endswith(".jsonl")
        for line in content.decode().splitlines()
    ]
    assert all(f"{folder}/{entry['file_name']}" in files for folder, entry in lines)
    return [entry for _, entry in lines]


def test_correction_reaches_the_dataset_with_nothing_personal(hub, collect):
    tell = collect()
    assert tell(1) == "True"
    wait_for(lambda: len(pushed_lines(hub)) == 1)
    assert hub.repositories["datasets/me/drawn"].request["visibility"] == "private"
    (entry,) = pushed_lines(hub)
    assert set(entry) == {"file_name", "label", "answer", "probabilities", "revision", "day"}
    assert (entry["label"], entry["answer"], entry["revision"]) == (1, 7, "abc")
    assert entry["day"].count("-") == 2 and ":" not in entry["day"]
    assert all(round(share, 3) == share for share in entry["probabilities"])


def test_nothing_is_lost_while_the_hub_fails(hub, collect):
    hub.fail("/api/repos/create", status=503, times=3)
    hub.fail("/commit/", status=500, times=3)
    hub.fail("/preupload/", cut=True, times=3)
    tell = collect()
    for label in range(5):
        assert tell(label) == "True"
    wait_for(lambda: sorted(entry["label"] for entry in pushed_lines(hub)) == [0, 1, 2, 3, 4])
    assert all(fault.times == 0 for fault in hub.faults)


def test_what_was_not_pushed_is_pushed_after_a_restart(hub, collect):
    hub.fail("/commit/", status=500)
    tell = collect()
    tell(3)
    wait_for(lambda: any("/commit/" in address for _, address in hub.requests))
    assert pushed_lines(hub) == []
    tell = collect()
    hub.faults.clear()
    tell(4)
    wait_for(lambda: sorted(entry["label"] for entry in pushed_lines(hub)) == [3, 4])


def test_dataset_is_bounded(hub, collect, seven):
    files = {f"data/old/{number:05d}.png": seven.read_bytes() for number in range(3)}
    hub.create("datasets/me/drawn", files)
    tell = collect(most=5)
    wait_for(lambda: ("GET", "/api/datasets/me/drawn/tree/main") in hub.requests)
    time.sleep(0.2)  # until the answer has been counted
    assert [tell(label) for label in (1, 2, 3, 4)] == ["True", "True", "False", "False"]


def test_folder_that_corrections_cannot_be_kept_in_is_said(tmp_path, monkeypatch, caplog):
    (tmp_path / "home").write_text("a file, where a folder should be")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FEEDBACK_DATASET", "me/drawn")
    assert open_feedback() is None
    assert "corrections cannot be stored there" in caplog.text


def test_feedback_is_off_unless_a_dataset_is_named(monkeypatch):
    monkeypatch.delenv("FEEDBACK_DATASET", raising=False)
    assert open_feedback() is None
    monkeypatch.setenv("FEEDBACK_DATASET", "not a dataset")
    assert open_feedback() is None


@pytest.fixture
def corrections(recognizer, seven, tmp_path, monkeypatch):
    """A folder as the app leaves it behind, with the labels 7, 1 and 2."""
    monkeypatch.setattr(Feedback, "_connect", lambda self: None)
    feedback = Feedback("me/drawn", tmp_path / "corrections")
    prediction = recognizer.predict(seven)
    for label in (7, 1, 2):
        assert feedback.add(prediction.image, label, prediction, "abc")
    with pytest.raises(ValueError, match="from 0 to 9"):
        feedback.add(prediction.image, 10, prediction, "abc")
    return tmp_path / "corrections", prediction.image


def test_corrections_are_read_back_in_any_order_with_the_same_checksum(corrections, tmp_path):
    folder, image = corrections
    examples, place, checksum = read_corrections(str(folder))
    assert place == str(folder)
    assert sorted(examples.labels.tolist()) == [1, 2, 7]
    assert all(np.array_equal(found[..., 0], image) for found in examples.images)
    moved = shutil.copytree(folder, tmp_path / "moved")
    (metadata,) = moved.rglob("metadata.jsonl")
    metadata.write_text("\n".join(reversed(metadata.read_text().splitlines())))
    assert read_corrections(str(moved))[2] == checksum
    metadata.write_text(metadata.read_text().splitlines()[0])
    assert read_corrections(str(moved))[2] != checksum


@pytest.mark.parametrize(
    "line, said",
    [
        ({"label": 10}, "the label is 10"),
        ({"label": True}, "the label is True"),
        ({"label": "7"}, "the label is '7'"),
        ({"file_name": "../../secret.png"}, "in another folder"),
        ({"file_name": "large.png"}, "large.png is 200x200"),
        ({"file_name": "missing.png"}, "No such file"),
        ({"file_name": "text.png"}, "cannot identify"),
        ("no JSON", "Expecting value"),
    ],
)
def test_corrections_that_are_none_are_refused_with_their_line(corrections, line, said):
    (metadata,) = corrections[0].rglob("metadata.jsonl")
    Image.new("L", (200, 200)).save(metadata.parent / "large.png")
    (metadata.parent / "text.png").write_text("text")
    if isinstance(line, dict):
        line = json.dumps(json.loads(metadata.read_text().splitlines()[0]) | line)
    metadata.write_text(metadata.read_text() + line + "\n")
    with pytest.raises(
        DatasetUnavailableError, match="metadata.jsonl, line 4 does not name"
    ) as found:
        read_corrections(str(corrections[0]))
    assert said in str(found.value)


def test_correction_that_the_disk_has_no_room_for_is_refused(
    recognizer, seven, tmp_path, monkeypatch
):
    monkeypatch.setattr(Feedback, "_connect", lambda self: None)
    feedback = Feedback("me/drawn", tmp_path / "corrections")
    shutil.rmtree(tmp_path / "corrections")
    prediction = recognizer.predict(seven)
    assert not feedback.add(prediction.image, 7, prediction, "abc")


CHOICE = {"place": 0, "label": 7, "text": "7"}


@pytest.mark.parametrize(
    "choice",
    [None, 5, [], "0:7:7", {}, CHOICE | {"label": 10}, CHOICE | {"label": "7"}]
    + [CHOICE | {"place": 9}, CHOICE | {"place": -1}, CHOICE | {"text": None}],
)
def test_choice_that_the_page_did_not_send_keeps_nothing(
    recognizer, seven, tmp_path, monkeypatch, choice
):
    monkeypatch.setattr(Feedback, "_connect", lambda self: None)
    feedback = Feedback("me/drawn", tmp_path / "corrections")
    drawing = {"composite": np.asarray(Image.open(seven))}
    said = Handlers(recognizer, "abc", feedback).keep_correction(drawing, choice)
    assert said == {"said": "Draw a digit first, then choose what it is."}
    assert not list((tmp_path / "corrections").rglob("*.png"))


def test_folder_without_corrections_is_refused(tmp_path):
    with pytest.raises(DatasetUnavailableError, match="holds no corrections"):
        read_corrections(str(tmp_path))
