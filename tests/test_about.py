import json

from conftest import ROOT

from digitrec import DigitRecognizer
from digitrec.demo.about import about_markdown, about_pictures
from digitrec.pretrained import load_model


def test_figures_are_those_of_the_checkpoint(recognizer):
    metrics = json.loads((ROOT / "checkpoints" / "metrics.json").read_text())
    text = about_markdown(recognizer)
    assert f"**{100 * metrics['test']['accuracy']:.2f} %** | 10,000" in text
    assert f"**{100 * metrics['drawn_digits']['mean']:.2f} %** | 12,000" in text
    assert f"{metrics['model']['parameters']:,} parameters" in text
    for row in metrics["test"]["per_class"]:
        assert f"{100 * row['precision']:.2f} % | {100 * row['recall']:.2f} %" in text
    assert recognizer.config["training"]["command"] in text


def test_pictures_are_those_that_the_folder_holds(recognizer):
    captions = [caption for caption, _ in about_pictures(recognizer)]
    assert captions[0] == "Test images that it misreads"
    assert any("Confusion matrix" in caption for caption in captions)


def test_model_without_figures_is_shown_all_the_same():
    network, config, _ = load_model(ROOT / "checkpoints")
    recognizer = DigitRecognizer(network, config, {})
    assert "without figures" in about_markdown(recognizer) and about_pictures(recognizer) == []
