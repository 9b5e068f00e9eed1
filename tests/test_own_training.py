"""train.py --data: a model of one's own pictures, and of other classes than digits."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from browser_page import SEVEN, browser, draw, expect_digit, open_page  # noqa: F401
from conftest import ROOT, ask_worker, made_once, serve_app, slow
from eastern_arabic import DIGITS, draw_eastern_arabic, write_folder

from digitrec import DigitrecError, DigitRecognizer
from digitrec.__main__ import main as read_main
from digitrec.demo.about import about_html, claim
from digitrec.demo.handlers import Handlers
from digitrec.hub.card import make_card
from digitrec.many.tables import DIGIT_COLUMNS, row_values
from digitrec.training import own_run
from digitrec.training.data import Examples
from train import main

OMNIGLOT = ROOT.parent / "shared" / "omniglot" / "images_background_small1.zip"
TINY = [
    *["--epochs", "1", "--set", "optimizer=adamw", "--set", "filters=[4,8,8]"],
    *["--set", "kernel_sizes=[[3],[3],[3]]", "--set", "head_features=8"],
]


@pytest.fixture(scope="module", autouse=True)
def few_images():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_run, "EPOCH_IMAGES", 200)
        yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    return made_once(tmp_path_factory, "eastern_arabic", lambda folder: write_folder(folder, 40))


@pytest.fixture(scope="module")
def own_model(pictures, tmp_path_factory):
    """The folder of a model of Eastern Arabic digits, trained for seconds; it reads little."""
    run = tmp_path_factory.mktemp("own") / "run"
    assert main(["--data", str(pictures), *TINY, "--output", str(run)]) == 0
    return run


def test_model_answers_in_the_names_of_its_data(own_model, pictures, call):
    config, metrics = (
        json.loads((own_model / name).read_text()) for name in ("config.json", "metrics.json")
    )
    assert config["classes"] == list(DIGITS) and "classes" not in config["model"]
    data = config["training"]["data"]
    assert data["name"] == pictures.name and data["per_class"] == dict.fromkeys(DIGITS, 4)
    crossed = metrics["cross_validation"]
    assert crossed["count"] == 40 and crossed["folds"] == 4 and len(crossed["per_class"]) == 10
    assert np.sum(crossed["confusion"]) == 40
    assert not {"test", "validation"} & set(metrics)

    recognizer = DigitRecognizer.from_pretrained(own_model)
    picture = next((pictures / "٧").iterdir())
    prediction = recognizer.predict(picture)
    best = recognizer.classes[prediction.probabilities.argmax()]
    assert prediction.best_label == best == prediction.top_labels()[0][0]
    if prediction.is_digit:
        assert prediction.label == best and prediction.digit == DIGITS.index(best)
    values = prediction.to_dict(image=False)
    assert values["label"] == prediction.label and values["classes"] == list(DIGITS)
    assert best in repr(prediction) and best in prediction._repr_html_()
    assert recognizer.explain(prediction).shape == (28, 28)
    for read in (recognizer.read_number, recognizer.read_lines):
        with pytest.raises(DigitrecError, match="10 classes apart, ٠ to ٩, and reads one in each"):
            read(picture)

    shown = call(read_main, "read", "--model", own_model, picture, "--json")
    assert json.loads(shown.stdout)["text"] == (prediction.label or "")
    refused = call(read_main, "read", "--model", own_model, picture, "--numbers")
    assert refused.returncode == 2 and "leave --numbers and --lines out" in refused.stderr
    assert json.loads(shown.stdout)["top"][0]["label"] == best
    values = row_values("7.png", prediction, numbers=False)
    assert tuple(values) == DIGIT_COLUMNS and values["text"] == (prediction.label or "")


def test_page_card_and_endpoints_tell_of_the_data_and_not_of_mnist(own_model, pictures):
    recognizer = DigitRecognizer.from_pretrained(own_model)
    accuracy = recognizer.metrics["cross_validation"]["accuracy"]
    card = str(make_card("me/digits", recognizer.config, recognizer.metrics))
    for text in (card, claim(recognizer), about_html(recognizer)):
        assert pictures.name in text and "MNIST" not in text
    assert f"{100 * accuracy:.1f} %" in claim(recognizer)
    assert "10 handwritten characters: ٠ ١" in card and "read_number" not in card
    assert "mnist" not in card.lower()
    assert "40 labelled pictures (٠: 4, ١: 4" in card and f"**{100 * accuracy:.2f} %**" in card
    assert "cross-validation" in about_html(recognizer)
    handlers = Handlers(recognizer, "mine", None)
    picture = next((pictures / "٧").iterdir())
    answer = handlers.read_photo(picture)
    assert answer is not None and len(answer["digits"]) == 1
    assert answer["best_reading"] == recognizer.predict(picture).best_label
    with pytest.raises(Exception, match="reads one in each picture, not numbers"):
        handlers.read_number(picture)


def test_interrupted_run_ends_as_an_unbroken_one_and_repeats_no_fold(
    own_model, pictures, train, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(own_model / "recipe.json", run)
    shutil.copytree(own_model / "folds", run / "folds")
    (run / "folds" / "2.npy").write_bytes(b"damaged")
    kept = (run / "folds" / "1.npy").stat().st_mtime_ns
    result = train("--resume", run, "--data", pictures)
    assert result.returncode == 0, result.stderr
    for name in ("model.safetensors", "folds/2.npy"):
        assert (run / name).read_bytes() == (own_model / name).read_bytes()
    assert (run / "folds" / "1.npy").stat().st_mtime_ns == kept


def test_resumed_run_wants_the_same_pictures_and_the_same_model(
    own_model, pictures, train, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(own_model / "recipe.json", run)
    others = write_folder(tmp_path / "others", 20, seed=5)
    for options, message in (
        ([], "--data is missing. Give the same pictures"),
        (["--data", others], "another. Give the same pictures"),
        (["--data", pictures, "--from", "bundled"], "was started without --from"),
    ):
        result = train("--resume", run, *options)
        assert result.returncode == 2 and message in result.stderr


def test_going_on_from_a_model_keeps_its_network_and_what_it_reads(train, pen_digits, tmp_path):
    images, labels = draw_eastern_arabic(20)
    np.savez(
        tmp_path / "data.npz",
        images=np.stack([np.asarray(image.resize((60, 60))) for image in images]),
        labels=[DIGITS.index(label) for label in labels],
    )
    run = tmp_path / "run"
    options = ["--from", "bundled", "--epochs", "1", "--output", run, "--with-mnist"]
    result = train("--data", tmp_path / "data.npz", *options, "--show-recipe")
    assert result.returncode == 0 and "learning_rate=" in result.stdout and not run.exists()
    np.savez(tmp_path / "ones.npz", images=np.stack([np.eye(28) * 255] * 4), labels=[1, 1, 7, 7])
    result = train("--data", tmp_path / "ones.npz", "--from", "bundled", "--output", run)
    assert result.returncode == 2 and "has no pictures of 0, 2, 3" in result.stderr
    assert "add --with-mnist" in result.stderr


@pytest.mark.parametrize(
    "options, message",
    [
        (["--from", "bundled"], "--from and --with-mnist need --data PLACE"),
        (["--data", "x", "--strokes", "y"], "--data cannot be combined with --strokes"),
        (["--data", "x", "--from", "runs/nothing/here"], "there is no such folder"),
        (["--data", "PICTURES", "--set", "glyphs=0.1"], "With --data add --set glyphs=0"),
        (["--data", "PICTURES", "--from", "bundled", *TINY], "--from brings its own network"),
    ],
)
def test_options_that_do_not_fit_say_why(train, pictures, tmp_path, options, message):
    given = [pictures if option == "PICTURES" else option for option in options]
    result = train(*given, "--output", tmp_path / "run")
    assert result.returncode == 2 and message in result.stderr
    assert not (tmp_path / "run").exists()


def test_each_picture_is_held_out_once_and_those_of_a_writer_together(small_digits):
    pictures = Examples(small_digits.images[:90], small_digits.labels[:90])
    writers = np.arange(90) % 3
    for whose, count in ((None, 5), (writers, 3)):
        material = own_run.Material(pictures, tuple("0123456789"), whose, pictures, None)
        folds = own_run.make_folds(material, seed=0)
        assert len(folds) == count and (np.sum(folds, axis=0) == 1).all()
        if whose is not None:
            for held_out in folds:
                assert not set(writers[held_out]) & set(writers[~held_out])


def test_doodles_are_unlike_every_picture():
    dots = np.zeros((2, 28, 28, 1), np.uint8)
    dots[:, 8:20, 8:20] = 255
    random = np.random.default_rng(0)
    doodles = own_run.make_doodles(Examples(dots, np.zeros(2, np.int32)), 40, 2, random)
    assert len(doodles.labels) == 40 and set(doodles.labels) == {2}
    likeness = own_run._blur(doodles.images[..., 0]) @ own_run._blur(dots[..., 0]).T
    assert likeness.max() < own_run.ALIKE


@slow
def test_dataset_of_the_hub_trains_and_the_model_is_pushed(hub, pictures, tmp_path):
    files = {
        f"train/{path.relative_to(pictures)}": path.read_bytes() for path in pictures.rglob("*.png")
    }
    commit = hub.create("datasets/me/digits", files)
    run = tmp_path / "run"
    options = ["--data", "me/digits", *TINY, "--output", run, "--push-to-hub", "me/model"]
    result = ask_worker(hub, "train", list(map(str, options)), {"HF_TOKEN": "hf_loopback"})
    assert result.returncode == 0, result.stderr
    config = json.loads((run / "config.json").read_text())
    assert config["training"]["data"]["name"] == f"me/digits@{commit}"
    assert "me/digits@" in hub.repositories["me/model"].files["README.md"].decode()


@slow
@pytest.mark.skipif(not OMNIGLOT.exists(), reason="needs ../shared/omniglot")
def test_thirty_letters_of_omniglot_train_and_are_read(train, tmp_path):
    with zipfile.ZipFile(OMNIGLOT) as archive:
        letters = {}
        for name in sorted(archive.namelist()):
            if name.endswith(".png") and "/Greek/" in name:
                letters.setdefault(name.split("/")[-2], []).append(name)
        for letter, names in letters.items():
            (tmp_path / "data" / letter).mkdir(parents=True)
            for name in names[:10]:
                (tmp_path / "data" / letter / Path(name).name).write_bytes(archive.read(name))
    run = tmp_path / "run"
    result = train("--data", tmp_path / "data", *TINY, "--output", run)
    assert result.returncode == 0, result.stderr
    recognizer = DigitRecognizer.from_pretrained(run)
    assert len(recognizer.classes) == len(letters) > 20
    answers = recognizer.predict_batch(sorted((tmp_path / "data").rglob("*.png"))[:20])
    assert {answer.best_label for answer in answers} <= set(letters)
    assert all(answer.digit is None for answer in answers)


@slow
def test_page_answers_in_the_names_of_the_classes(open_page, tmp_path):  # noqa: F811
    model = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    config = json.loads((model / "config.json").read_text()) | {"classes": list(DIGITS)}
    (model / "config.json").write_text(json.dumps(config))
    with serve_app(tmp_path, "--model", model) as url:
        page = open_page(url, viewport={"width": 1280, "height": 800})
        assert "Draw one of ٠ to ٩" in page.locator("h1").inner_text()
        draw(page, *SEVEN)
        expect_digit(page, "٧")
        assert "Looks like ٧" in page.locator(".said").inner_text()
        assert page.locator(".bars .first").inner_text() == "٧"
        assert page.locator("html").get_attribute("data-reader") == "server"
