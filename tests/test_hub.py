"""The unmodified huggingface_hub against a Hub on the loopback interface that fails on demand."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from huggingface_hub import ModelCard
from loopback_hub import READ_TOKEN, TOKEN, loopback_hub

from digitrec.hub import is_repository_id
from digitrec.pretrained import load_model

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
from digitrec import DigitRecognizer
print(DigitRecognizer.from_pretrained("checkpoints").push_to_hub("me/digits"))
"""
# push-model, but without the pauses between its tries.
IMPATIENT = """
import sys, time
from huggingface_hub.utils import _http
_http.time.sleep = time.sleep = lambda seconds: None
from digitrec.hub.__main__ import main
sys.exit(main())
"""
MODEL_FILES = {
    *["model.safetensors", "config.json", "metrics.json", "README.md"],
    *["confusion_matrix.png", "reliability.png", "training_curves.png"],
}


@pytest.fixture
def hub(tmp_path):
    with loopback_hub() as hub:
        hub.environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",  # its server is beyond a loopback Hub; LFS instead
        }
        yield hub


@pytest.fixture
def published(hub):
    """A Hub that holds the shipped model, and its commit."""
    names = ("model.safetensors", "config.json", "metrics.json")
    files = {name: (ROOT / "checkpoints" / name).read_bytes() for name in names}
    hub.first_commit = hub.create("me/digits", files)
    return hub


def run(hub, *arguments, standard_input="", **environment):
    # A process of its own: huggingface_hub reads HF_ENDPOINT when it is imported.
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=hub.environment | environment,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=180,
    )


def push_model(hub, folder="checkpoints", repository="me/digits", **environment):
    arguments = ["push-model", folder, repository]
    return run(hub, "-c", IMPATIENT, *arguments, **environment)


def last_line(text):
    return text.strip().splitlines()[-1]


def test_model_pushed_in_one_commit_is_read_back_from_the_hub(hub, seven):
    pushed = run(hub, "-m", "digitrec.hub", "push-model", "checkpoints", "me/digits")
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.startswith(f"{hub.url}/me/digits/commit/")
    repository = hub.repositories["me/digits"]
    assert len(repository.commits) == 2 and set(repository.files) == MODEL_FILES
    for name in MODEL_FILES - {"README.md"}:
        assert repository.files[name] == (ROOT / "checkpoints" / name).read_bytes()
    read = run(hub, "-c", READ, "me/digits", standard_input=str(seven))
    assert read.stdout == "7\n", read.stderr
    # Once fetched, it is there without a network.
    offline = run(hub, "-c", READ, "me/digits", standard_input=str(seven), HF_HUB_OFFLINE="1")
    assert offline.stdout == "7\n", offline.stderr
    # Pushing the same again makes no commit.
    again = push_model(hub)
    assert again.returncode == 0 and len(repository.commits) == 2


def test_card_holds_what_the_hub_shows_and_the_measured_figures(hub):
    pushed = run(hub, "-c", PUSH)
    assert pushed.returncode == 0, pushed.stderr
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
    # save_pretrained wrote no pictures, so the card shows none.
    assert "![" not in card.text


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
        ("/preupload/", {"status": 429}, "the Hub answered 429; try again later"),
        ("/lfs/", {"cut": True}, "check the network and try again"),
        ("/lfs/", {"status": 500}, "the Hub answered 500; try again later"),
        ("/commit/", {"status": 503}, "the Hub answered 503; try again later"),
        ("/commit/", {"cut": True}, "check the network and try again"),
        ("/api/", {"cut": True}, "check the network and try again"),
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
    assert last.startswith("digitrec.hub: me/digits: the model should be pushed") and said in last
    assert "Traceback" not in result.stderr
    assert published.repositories["me/digits"].files == before
    for path in (ROOT / "checkpoints").iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "token, said",
    [
        ("hf_wrong", "the Hub refused the token"),
        ("", "no token was found"),
        (READ_TOKEN, "the token may not do that (403)"),
    ],
)
def test_token_that_may_not_write_gives_one_sentence_and_pushes_nothing(published, token, said):
    before = dict(published.repositories["me/digits"].files)
    for repository in ("me/digits", "me/new"):
        result = push_model(published, repository=repository, HF_TOKEN=token)
        assert result.returncode == 2
        last = last_line(result.stderr)
        assert said in last and "hf auth login" in last and "write permission" in last
        assert "Traceback" not in result.stderr
    assert published.repositories["me/digits"].files == before
    assert "me/new" not in published.repositories


def test_other_input_that_cannot_be_pushed_gives_one_sentence_and_pushes_nothing(hub, tmp_path):
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


def test_no_network_gives_one_sentence(hub, tmp_path):
    result = push_model(hub, HF_ENDPOINT="http://127.0.0.1:9")
    assert result.returncode == 2
    assert "the Hub could not be reached" in last_line(result.stderr)


def test_what_is_not_on_the_hub_gives_one_sentence(published):
    missing = run(published, "-c", READ, "me/nothing")
    assert missing.stderr.startswith("HubError: me/nothing: a model should be read from there")
    revision = run(published, "-c", READ, "me/digits", "v9")
    assert revision.stderr.startswith("HubError: me/digits: ") and "revision" in revision.stderr
    assert "Traceback" not in missing.stderr + revision.stderr


def test_revision_names_an_earlier_commit(published, seven):
    published.repositories["me/digits"].commit({"config.json": b"{}"})
    newest = run(published, "-c", READ, "me/digits", standard_input=str(seven))
    assert newest.stderr.splitlines()[-1].startswith("BadCheckpointError: ")
    first = run(
        published, "-c", READ, "me/digits", published.first_commit, standard_input=str(seven)
    )
    assert first.stdout == "7\n", first.stderr


def test_only_weights_json_and_pictures_are_downloaded(published, seven, tmp_path):
    repository = published.repositories["me/digits"]
    others = {"model.pkl": b"pickle", "digitrec.py": b"raise SystemExit", "states/1": b"state"}
    repository.commit(repository.files | others)
    result = run(published, "-c", READ, "me/digits", standard_input=str(seven))
    assert result.stdout == "7\n", result.stderr
    fetched = {address.rsplit("/")[-1] for method, address in published.requests if "/resolve/" in address}
    assert fetched == {"model.safetensors", "config.json", "metrics.json"}


def test_file_of_unlikely_size_is_not_downloaded(published):
    repository = published.repositories["me/digits"]
    repository.commit(repository.files | {"model.safetensors": bytes(100_000_001)})
    result = run(published, "-c", READ, "me/digits")
    assert result.stderr.startswith("HubError: me/digits: model.safetensors should have at most")
    assert not any("/resolve/" in address for _, address in published.requests)


def flip_last_byte(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def test_damaged_download_is_fetched_again_and_refused_when_it_stays_damaged(published, seven):
    weights = {"address": "/model.safetensors", "method": "GET"}
    published.fail(**weights, damage=flip_last_byte, times=1)
    once = run(published, "-c", READ, "me/digits", standard_input=str(seven))
    assert once.stdout == "7\n", once.stderr
    published.environment["HF_HOME"] += "_new"
    for damage in (flip_last_byte, lambda content: content[:1000]):
        published.faults.clear()
        published.fail(**weights, damage=damage)
        result = run(published, "-c", READ, "me/digits")
        last = last_line(result.stderr)  # after a progress bar
        assert last.startswith(("BadCheckpointError: ", "HubUnavailableError: ")), last
        assert "Traceback" not in result.stderr
    published.faults.clear()
    healed = run(published, "-c", READ, "me/digits", standard_input=str(seven))
    assert healed.stdout == "7\n", healed.stderr


def test_download_goes_on_after_the_connection_dropped(published, seven):
    published.fail("/model.safetensors", method="GET", cut=True, times=1)
    result = run(published, "-c", READ, "me/digits", standard_input=str(seven))
    assert result.stdout == "7\n", result.stderr
    assert published.faults[0].times == 0


@pytest.mark.parametrize(
    "text, expected",
    [("user/name", True), ("a.b/c-d_e", True), ("name", False), ("a/b/c", False), ("../x", False)],
)
def test_repository_ids_are_told_from_folders(text, expected):
    assert is_repository_id(text) == expected
