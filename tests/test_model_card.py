"""The model card, and the folder that `push-model --dry-run` writes."""

import json
import re

import numpy as np
import pytest
import yaml
from conftest import FAST_NETWORK, ROOT, make_recognizer
from PIL import Image
from test_hub import MODEL_FILES

from digitrec.hub.__main__ import main
from digitrec.hub.card import Links, make_card
from digitrec.hub.picture import draw_answers
from digitrec.network.pretrained import load_model

NETWORK, CONFIG, METRICS = load_model(ROOT / "checkpoints")
STROKES = "Pen-Based Recognition"


def card_of(config=CONFIG, metrics=METRICS, files=(), links=None, **training):
    """Give the front matter and the text of a card, with changes to how the model was trained."""
    config = config | {"training": config["training"] | training}
    card = str(make_card("me/digits", config, metrics, files, links))
    _, front_matter, text = card.split("---\n", 2)
    return yaml.safe_load(front_matter), text


def test_dry_run_writes_what_would_be_pushed(call, tmp_path):
    folder = tmp_path / "model"
    options = ["push-model", ROOT / "checkpoints", "me/digits", "--dry-run", folder]
    result = call(main, *options, "--space", "me/demo")
    assert (result.returncode, result.stdout) == (0, f"{folder}\n"), result.stderr
    assert {path.name for path in folder.iterdir()} == MODEL_FILES
    assert load_model(folder)[1] == CONFIG
    text = (folder / "README.md").read_text()
    assert "(https://huggingface.co/spaces/me/demo)" in text
    first_picture = re.search(r"!\[.+\]\((.+)\)", text)
    assert first_picture and first_picture[1] == "answers.png"
    assert text.index("answers.png") < text.index("## ")
    again = call(main, *options)
    assert again.returncode == 2 and "is not an empty folder" in again.stderr
    options[4] = tmp_path / "other"
    for wrong in (["--space", "https://example.org"], ["--space", "demo"]):
        result = call(main, *options, *wrong)
        assert result.returncode == 2 and "a repository's name is USER/NAME" in result.stderr
    options[2] = "digits"
    assert "a repository's name is USER/NAME" in call(main, *options).stderr
    assert not (tmp_path / "other").exists()


def test_picture_shows_the_answers_of_the_model(tmp_path):
    def draw(**changes):
        (tmp_path / "answers.png").write_bytes(draw_answers(NETWORK, CONFIG | changes))
        with Image.open(tmp_path / "answers.png") as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    def yellow(pixels):  # as the digits are
        return (np.abs(pixels - (255, 209, 102)).max(-1) < 30).sum()

    answers = draw()
    assert answers.shape[1] > 3 * answers.shape[0]
    assert yellow(answers) > 1000 and yellow(draw(digit_threshold=100.0)) == 0
    assert draw_answers(NETWORK, CONFIG | {"classes": ["a", "b"]}) is None


def test_data_that_did_not_train_is_not_claimed():
    _, text = card_of()
    assert STROKES in text and "generated digits" in text and "corrections" not in text
    plain = {"glyphs": 0.0, "non_digits": 0.0}
    _, text = card_of(strokes_sha256=None, extra_data_sha256="ab", synthesis=plain)
    assert STROKES not in text.split("---")[-1] and "corrections" in text
    assert "generated" not in text and "not trained on pictures that show nothing" in text


def test_model_of_other_data_credits_that_data():
    front_matter, text = card_of(
        metrics={"test": METRICS["test"]}, strokes_sha256=None, data="my-mnist-like-digits"
    )
    assert "license" not in front_matter and "datasets" not in front_matter
    assert front_matter["model-index"][0]["results"][0]["dataset"]["name"] == "my-mnist-like-digits"
    assert "| my-mnist-like-digits | labelled pictures |" in text and "-digits, test images" in text
    assert "LeCun" not in text


@pytest.mark.parametrize(
    "changes, licence, credited",
    [
        ({}, None, []),
        ({"with_mnist": True}, "cc-by-sa-3.0", ["LeCun"]),
        (
            {"from": {"name": "bundled", "data": "MNIST and pen strokes"}},
            "cc-by-sa-3.0",
            ["LeCun", "Alpaydin", "through the weights of bundled"],
        ),
        ({"from": {"name": "me/a@1", "data": "letters"}}, None, ["| letters | through"]),
    ],
)
def test_own_pictures_are_credited_with_what_they_were_added_to(changes, licence, credited):
    own = {"name": "mine", "pictures": 40, "per_class": {"0": 15, "1": 25}}
    own |= {"with_mnist": False, "from": None} | changes
    cross_validation = {"accuracy": 0.9, "count": 40}
    front_matter, text = card_of(
        metrics={"cross_validation": cross_validation},
        strokes_sha256=None,
        synthesis={},
        data=own,
    )
    assert front_matter.get("license") == licence
    assert "40 labelled pictures (0: 15, 1: 25)" in text and "**90.00 %** | 40 |" in text
    for name in ("LeCun", "Alpaydin", "through the weights of bundled", "| letters | through"):
        assert (name in text) == (name in credited)
    assert ("MNIST" in text) == ("LeCun" in credited) and "has not finished" not in text


def test_other_classes_are_named_and_numbers_are_not_promised():
    config = CONFIG | {"classes": [*"abcdefghij"]}
    _, text = card_of(config, {"test": METRICS["test"]})
    assert "a b c d e f g h i j" in text and "| j | 99." in text
    assert "read_number" not in text and "read_lines" not in text


def test_addresses_that_are_not_known_are_not_invented():
    _, text = card_of()
    assert set(re.findall(r"https?://[\w./-]+", text)) == {
        "https://huggingface.co/datasets/ylecun/mnist",
        "https://archive.ics.uci.edu/dataset/81",
        "https://huggingface.co/me/digits",
    }
    assert "pip install .\n" in text
    _, text = card_of(links=Links("https://example.org/code", "me/demo"))
    assert '"digitrec @ git+https://example.org/code"' in text
    assert "(https://example.org/code)" in text and "/spaces/me/demo)" in text


def test_older_model_without_figures_has_a_card():
    training = {"data": "tensorflow-datasets mnist 3.0.1"}
    card = str(make_card("me/digits", CONFIG | {"training": training}, {}))
    assert "LeCun" in card and "## Accuracy" not in card and "model-index" not in card


@pytest.mark.parametrize(
    "settings",
    [
        None,  # the shipped network
        FAST_NETWORK,
        {"pooling": "maximum"},
        {"head_features": 0},
    ],
)
def test_program_in_the_card_reads_the_weights_without_digitrec(
    recognizer, settings, small_digits, tmp_path, monkeypatch
):
    recognizer = make_recognizer(**settings) if settings else recognizer
    recognizer.save_pretrained(tmp_path)
    predictions = recognizer.predict_batch(small_digits.images[:20, ..., 0])
    np.save(tmp_path / "images.npy", np.stack([answer.image for answer in predictions]))
    config = json.loads((tmp_path / "config.json").read_text())
    card = str(make_card("me/digits", config, {}))
    (program,) = (part for part in re.findall(r"```python\n(.*?)```", card, re.S) if "np." in part)
    assert not re.search("digitrec|jax", program)
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(program, found)
    expected = np.stack([answer.probabilities for answer in predictions])
    np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-5)
    expected = [answer.digit_score for answer in predictions]
    np.testing.assert_allclose(found["scores"], expected, rtol=1e-4)
