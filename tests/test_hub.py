"""The unmodified huggingface_hub against a Hub on the loopback interface that fails on demand."""

import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from conftest import ROOT, ask_worker
from huggingface_hub import ModelCard
from loopback_hub import READ_TOKEN, TOKEN

from digitrec.errors import HubUnavailableError
from digitrec.hub import client
from digitrec.hub.files import is_repository_id
from digitrec.network.pretrained import load_model

MODEL_FILES = {
    *["model.safetensors", "config.json", "metrics.json", "README.md"],
    *["confusion_matrix.png", "misread.png", "reliability.png", "training_curves.png"],
    *["misread_digits.png", "answers.png"],
}


def push_model(hub, folder="checkpoints", repository="me/digits", token=TOKEN):
    return ask_worker(hub, "main", ["push-model", folder, repository], {"HF_TOKEN": token})


def read_model(hub, picture, repository="me/digits", revision=None):
    return ask_worker(hub, "read", [repository, revision, picture], {"HF_TOKEN": TOKEN})


def run(hub, *arguments, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=hub.environment | environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def last_line(text):
    return text.strip().splitlines()[-1]


def test_model_pushed_in_one_commit_is_read_back_from_the_hub(hub, seven):
    pushed = run(hub, "-m", "digitrec.hub", "push-model", "checkpoints", "me/digits")
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.startswith(f"{hub.url}/me/digits/commit/")
    repository = hub.repositories["me/digits"]
    assert len(repository.commits) == 2 and set(repository.files) == MODEL_FILES
    for name in MODEL_FILES - {"README.md", "answers.png"}:
        assert repository.files[name] == (ROOT / "checkpoints" / name).read_bytes()
    read = read_model(hub, seven)
    assert read.stdout == "7\n", read.stderr
    # Once fetched, it is there without a network.
    hub.fail("", cut=True)
    unreachable = read_model(hub, seven)
    assert unreachable.stdout == "7\n", unreachable.stderr
    hub.faults.clear()
    # Pushing the same again makes no commit.
    again = push_model(hub)
    assert again.returncode == 0 and len(repository.commits) == 2


def test_card_holds_what_the_hub_shows_and_the_measured_figures(hub):
    assert push_model(hub).returncode == 0
    card = ModelCard(hub.repositories["me/digits"].files["README.md"].decode())
    assert card.data.pipeline_tag == "image-classification"
    assert card.data.datasets == ["ylecun/mnist"] and card.data.library_name == "flax"
    _, config, metrics = load_model(ROOT / "checkpoints")
    results = {result.dataset_type: result.metric_value for result in card.data.eval_results}
    assert results == {
        "ylecun/mnist": metrics["test"]["accuracy"],
        "drawn-digits": metrics["drawn_digits"]["mean"],
    }
    for said in (
        config["training"]["command"],
        f"{metrics['training']['seconds'] / 60:.0f} minutes",
        f"{metrics['model']['parameters']:,}",
        'from_pretrained("me/digits")',
        "Pen-Based Recognition of Handwritten Digits",
    ):
        assert said in card.text, said
    assert set(re.findall(r"!\[.*\]\((.*)\)", card.text)) <= MODEL_FILES
    assert "confusion_matrix.png" in card.text


@pytest.mark.parametrize(
    "address, fault",
    [
        ("/api/repos/create", {"status": 503, "times": 2}),
        ("/preupload/", {"status": 429, "times": 2}),
        ("/objects/batch", {"status": 500, "times": 2}),
        ("/lfs/", {"cut": True, "times": 2}),
        ("/commit/", {"status": 503, "times": 3}),
        ("/commit/", {"cut": True, "times": 1}),
    ],
)
def test_fault_that_passes_is_outlasted(hub, address, fault):
    hub.fail(address, **fault)
    result = push_model(hub)
    assert result.returncode == 0, result.stderr
    assert hub.faults[0].times == 0
    assert len(hub.repositories["me/digits"].commits) == 2
    assert set(hub.repositories["me/digits"].files) == MODEL_FILES


@pytest.mark.parametrize(
    "address, fault, said",
    [
        ("/preupload/", {"status": 429}, "the Hub answered 429. Try again later"),
        ("/lfs/", {"cut": True}, "Check the network and try again"),
        ("/lfs/", {"status": 500}, "the Hub answered 500. Try again later"),
        ("/commit/", {"status": 503}, "the Hub answered 503. Try again later"),
        ("/commit/", {"cut": True}, "Check the network and try again"),
        ("/api/", {"cut": True}, "Check the network and try again"),
    ],
)
def test_fault_that_stays_leaves_the_published_model_and_the_folder_as_they_were(
    published, tmp_path, address, fault, said
):
    folder = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    before = dict(published.repositories["me/digits"].files)
    published.fail(address, **fault)
    result = push_model(published, folder)
    assert result.returncode == 2, result.stdout
    last = last_line(result.stderr)
    assert last.startswith("digitrec.hub: me/digits: cannot push the model: ") and said in last
    assert "Traceback" not in result.stderr
    assert published.repositories["me/digits"].files == before
    for path in filter(Path.is_file, (ROOT / "checkpoints").rglob("*")):
        copy = folder / path.relative_to(ROOT / "checkpoints")
        assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "token, said",
    [
        ("hf_wrong", "the Hub refused the token"),
        ("", "no token was found"),
        (READ_TOKEN, "the token does not allow it (403)"),
    ],
)
def test_token_that_may_not_write_gives_a_message_and_pushes_nothing(published, token, said):
    before = dict(published.repositories["me/digits"].files)
    for repository in ("me/digits", "me/new"):
        result = push_model(published, repository=repository, token=token)
        assert result.returncode == 2
        last = last_line(result.stderr)
        assert said in last and "hf auth login" in last and "write permission" in last
        assert "Traceback" not in result.stderr
    assert published.repositories["me/digits"].files == before
    assert "me/new" not in published.repositories


def test_other_input_that_cannot_be_pushed_gives_a_message_and_pushes_nothing(hub, tmp_path):
    hub.create("me/novel", {"chapter-1.txt": b"It was"})
    hub.create("me/bert", {"config.json": b'{"architectures": []}', "model.safetensors": b""})
    for folder, repository, said in (
        ("checkpoints", "digits", "a repository's name is USER/NAME"),
        ("checkpoints", "me/digits/new", "a repository's name is USER/NAME"),
        ("checkpoints", "me/novel", "holds other content such as chapter-1.txt"),
        ("checkpoints", "me/bert", "holds other content such as config.json"),
        (tmp_path, "me/digits", "cannot be read"),
    ):
        result = push_model(hub, folder, repository)
        assert result.returncode == 2 and said in last_line(result.stderr), result.stderr
        assert "Traceback" not in result.stderr
    assert set(hub.repositories) == {"me/novel", "me/bert"}
    assert all(len(repository.commits) == 1 for repository in hub.repositories.values())


def test_no_network_gives_a_message(hub):
    program = (
        "import time; time.sleep = lambda seconds: None; from digitrec.hub.__main__ import main"
    )
    arguments = ["push-model", "checkpoints", "me/digits"]
    result = run(
        hub, "-c", f"{program}; exit(main())", *arguments, HF_ENDPOINT="http://127.0.0.1:9"
    )
    assert result.returncode == 2
    start, *again, last = result.stderr.splitlines()
    assert start == "digitrec.hub: Pushing checkpoints to me/digits …"
    assert again == [
        f"digitrec.hub: The Hub does not answer; trying again in {seconds} seconds …"
        for seconds in client.PAUSES
    ]
    assert "the Hub could not be reached" in last
    assert sum(client.PAUSES) < 10


def test_what_waits_for_ever_is_given_up():
    with pytest.raises(HubUnavailableError, match="took too long"):
        client.within(0.05, threading.Event().wait, "It took too long.")
    assert client.within(10, lambda: 7, "") == 7
    with pytest.raises(TimeoutError, match="its own"):
        client.within(10, partial(raise_error, TimeoutError("its own")), "")


def raise_error(error):
    raise error


def test_mistyped_folder_is_named_before_what_the_hub_says(published, tmp_path, seven):
    (tmp_path / "runs").mkdir()
    program = (
        "import os, sys; from digitrec import DigitRecognizer, DigitrecError\n"
        "os.chdir(sys.argv[1])\n"
        "try: DigitRecognizer.from_pretrained('runs/4')\n"
        "except DigitrecError as error: print(error)"
    )
    result = run(published, "-c", program, str(tmp_path))
    assert result.stdout.startswith("There is no folder runs/4 here. runs/4: cannot read"), result


def test_what_is_not_on_the_hub_gives_a_message(published, seven):
    missing = read_model(published, seven, "me/nothing")
    assert missing.stderr.startswith("HubError: me/nothing: cannot read the model: ")
    revision = read_model(published, seven, revision="v9")
    assert revision.stderr.startswith("HubError: me/digits: ") and "revision" in revision.stderr
    assert "Traceback" not in missing.stderr + revision.stderr


def test_revision_names_an_earlier_commit(published, seven):
    published.repositories["me/digits"].commit({"config.json": b"{}"})
    newest = read_model(published, seven)
    assert newest.stderr.splitlines()[-1].startswith("BadCheckpointError: ")
    first = read_model(published, seven, revision=published.first_commit)
    assert first.stdout == "7\n", first.stderr


def test_only_weights_json_and_pictures_are_downloaded(published, seven, tmp_path):
    repository = published.repositories["me/digits"]
    others = {"model.pkl": b"pickle", "digitrec.py": b"raise SystemExit", "states/1": b"state"}
    repository.commit(repository.files | others)
    result = read_model(published, seven)
    assert result.stdout == "7\n", result.stderr
    fetched = {
        address.rsplit("/")[-1] for method, address in published.requests if "/resolve/" in address
    }
    assert fetched == {"model.safetensors", "config.json", "metrics.json"}


def test_file_of_unlikely_size_is_not_downloaded(published, seven):
    repository = published.repositories["me/digits"]
    repository.commit(repository.files | {"model.safetensors": bytes(100_000_001)})
    result = read_model(published, seven)
    assert result.stderr.startswith("HubError: me/digits: model.safetensors has 100,000,001 bytes")
    assert not any("/resolve/" in address for _, address in published.requests)


def flip_last_byte(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def test_damaged_download_is_fetched_again_and_refused_when_it_stays_damaged(published, seven):
    weights = {"address": "/model.safetensors", "method": "GET"}
    published.fail(**weights, damage=flip_last_byte, times=1)
    once = read_model(published, seven)
    assert once.stdout == "7\n", once.stderr
    for damage in (flip_last_byte, lambda content: content[:1000]):
        shutil.rmtree(published.cache)
        published.faults.clear()
        published.fail(**weights, damage=damage)
        result = read_model(published, seven)
        last = last_line(result.stderr)  # after a progress bar
        assert last.startswith(("BadCheckpointError: ", "HubUnavailableError: ")), last
        assert "Traceback" not in result.stderr
    published.faults.clear()
    healed = read_model(published, seven)
    assert healed.stdout == "7\n", healed.stderr


def test_download_goes_on_after_the_connection_dropped(published, seven):
    published.fail("/model.safetensors", method="GET", cut=True, times=1)
    result = read_model(published, seven)
    assert result.stdout == "7\n", result.stderr
    assert published.faults[0].times == 0


@pytest.mark.parametrize(
    "text, expected",
    [("user/name", True), ("a.b/c-d_e", True), ("name", False), ("a/b/c", False), ("../x", False)],
)
def test_repository_ids_are_told_from_folders(text, expected):
    assert is_repository_id(text) == expected
