import json
import shutil
from types import SimpleNamespace

import pytest
from conftest import ROOT
from PIL import Image

from digitrec import DigitRecognizer
from digitrec.demo.about import about_html, claim
from digitrec.hub.card import make_card
from digitrec.network.model import DIGITS
from digitrec.network.pretrained import load_model

METRICS = json.loads((ROOT / "checkpoints" / "metrics.json").read_text())


def test_figures_are_those_of_the_checkpoint(recognizer):
    html = about_html(recognizer)
    assert f"{100 * METRICS['test']['accuracy']:.2f} %</dd><dt>of MNIST's 10,000" in html
    assert f"{100 * METRICS['drawn_digits']['mean']:.2f} %</dd><dt>of 12,000 drawings" in html
    assert f"{METRICS['model']['parameters']:,}</dd><dt>parameters" in html
    for row in METRICS["test"]["per_class"]:
        assert f"{100 * row['precision']:.2f} %</td><td>{100 * row['recall']:.2f} %" in html
    assert recognizer.config["training"]["command"] in html


def test_claim_is_one_sentence_with_size_and_accuracy(recognizer):
    assert claim(recognizer) == "A network of 0.9 MB that reads 99.4 % of people's drawings."


def test_misread_digits_are_as_many_as_the_sheet_holds(recognizer):
    misread = METRICS["test"]["misread"]
    with Image.open(ROOT / "checkpoints" / "misread_digits.png") as sheet:
        assert sheet.size == (28 * len(misread), 28)
    assert len(misread) == METRICS["test"]["errors"]
    html = about_html(recognizer)
    assert all(f"<span>{truth}, read as {answer}</span>" in html for truth, answer in misread)
    confusion = METRICS["test"]["confusion"]
    for truth, answer in misread:
        assert truth != answer and confusion[truth][answer] > 0


def test_model_without_figures_is_shown_all_the_same():
    network, config, _ = load_model(ROOT / "checkpoints")
    recognizer = DigitRecognizer(network, config, {})
    assert "without figures" in about_html(recognizer)
    assert claim(recognizer) == "A small network that reads handwritten digits."


@pytest.mark.parametrize("missing", ["test", "validation", "training", "model", "drawn_digits"])
@pytest.mark.parametrize("damage", [lambda part: {}, lambda part: [1], lambda part: None])
def test_model_whose_figures_lack_some_shows_the_others(tmp_path, missing, damage):
    folder = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    metrics = METRICS | {missing: damage(METRICS[missing])}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    _, config, metrics = load_model(folder)
    recognizer = SimpleNamespace(
        config=config, metrics=metrics, folder=folder, classes=DIGITS, reads_numbers=True
    )
    html = about_html(recognizer)
    assert missing not in metrics
    assert ("of 12,000 drawings" in html) == (missing != "drawn_digits")
    assert ("of MNIST's 10,000" in html) == (missing != "test")
    assert ("</dd><dt>parameters" in html) == (missing != "model")
    assert ("epochs in" in html) == (missing != "training")
    assert claim(recognizer).startswith("A ")
    card = str(make_card("me/digits", config, metrics))
    assert ("people's drawings" in card) == (missing != "drawn_digits")


def test_classes_without_their_figures_are_not_shown(tmp_path):
    folder = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    test = METRICS["test"] | {"per_class": [{"precision": 1.0}] * 10}
    (folder / "metrics.json").write_text(json.dumps(METRICS | {"test": test}))
    assert "test" not in load_model(folder)[2]
