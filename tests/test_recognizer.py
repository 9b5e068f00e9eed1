import dataclasses
from threading import Event

import numpy as np
import pytest
from conftest import ROOT, SLOW
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.special import logsumexp, softmax

from digitrec import BadImageError, DigitRecognizer
from digitrec.network.pretrained import load_model
from digitrec.recognizer import BATCH_SIZES
from digitrec.training.evaluation import network_logits
from digitrec.training.strokes import draw_strokes, fit_strokes


def draw(digit, canvas=300, size=0.6, brush=0.05, ink="black", paper="white"):
    """Draw on a square canvas; sizes are shares of its side."""
    strokes = fit_strokes(digit.strokes, size * canvas, (canvas / 2, canvas / 2))
    mask = draw_strokes(strokes, canvas, brush * canvas)
    picture = Image.new("RGBA", mask.size, paper)
    picture.paste(Image.new("RGBA", mask.size, ink), mask=mask)
    return picture


def assert_same_reading(recognizer, first, second):
    first, second = recognizer.predict_batch([first, second])
    assert np.abs(first.probabilities - second.probabilities).max() <= 0.02
    assert first.is_digit == second.is_digit


def test_prediction_has_all_that_is_promised(recognizer, seven):
    prediction = recognizer.predict(seven)
    assert prediction.digit == 7 and prediction.is_digit
    assert prediction.probabilities.shape == (10,)
    assert prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-6)
    best = prediction.top()
    assert len(best) == 3 and best[0] == (7, prediction.probabilities[7])
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    assert [digit for digit, _ in prediction.top(10)] != list(range(10))
    assert sorted(digit for digit, _ in prediction.top(10)) == list(range(10))
    assert prediction.image.shape == (28, 28) and prediction.image.dtype == np.uint8
    assert np.isfinite(prediction.digit_score)
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.digit_score = 0.0


@pytest.mark.parametrize(
    "empty",
    [
        Image.new("RGB", (300, 300), "white"),
        {"background": None, "layers": [], "composite": None},
        np.zeros((28, 28)),
    ],
)
def test_empty_canvas_gives_no_guess(recognizer, empty):
    prediction = recognizer.predict(empty)
    assert prediction.is_digit is False and prediction.digit is None and prediction.top() == []
    assert prediction.digit_score == -np.inf
    assert prediction.probabilities.sum() == pytest.approx(1)
    assert not prediction.image.any()


@settings(deadline=None, max_examples=60)
@given(
    label=st.integers(0, 9),
    brush=st.floats(0.01, 0.12),
    shift=st.tuples(st.integers(-40, 40), st.integers(-40, 40)),
)
def test_position_changes_no_probability(recognizer, pen_digits, label, brush, shift):
    drawing = np.asarray(draw(pen_digits[label], brush=brush))
    assert_same_reading(recognizer, drawing, np.roll(drawing, shift, (0, 1)))


@settings(deadline=None, max_examples=60)
@given(
    label=st.integers(0, 9),
    brush=st.floats(0.02, 0.12),
    size=st.floats(0.4, 0.8),
    scale=st.floats(0.5, 4.0),
)
def test_size_changes_no_probability(recognizer, pen_digits, label, brush, size, scale):
    drawing = draw(pen_digits[label], size=size, brush=brush)
    side = round(drawing.width * scale)
    enlarged = drawing.resize((side, side), Image.Resampling.BICUBIC)
    assert_same_reading(recognizer, drawing, enlarged)


@settings(deadline=None, max_examples=60)
@given(
    label=st.integers(0, 9),
    brush=st.floats(0.01, 0.12),
    colors=st.sampled_from(
        [
            ("white", "black"),
            ("black", "#00000000"),
            ("white", "#00000000"),
            ("#00f", "#00000000"),
            ("#ff0", "#fff"),
            ("#c22", "#9cf"),
        ]
    ),
)
def test_polarity_colours_and_transparency_change_no_probability(
    recognizer, pen_digits, label, brush, colors
):
    digit = pen_digits[label]
    other = draw(digit, brush=brush, ink=colors[0], paper=colors[1])
    assert_same_reading(recognizer, draw(digit, brush=brush), other)


@pytest.mark.parametrize("canvas", [400, 800])
@pytest.mark.parametrize("brush", [0.01, 0.03, 0.06, 0.1])
def test_drawn_digits_are_read_whatever_the_brush(recognizer, pen_digits, canvas, brush):
    for digit in pen_digits:
        prediction = recognizer.predict(draw(digit, canvas, 0.6, brush))
        assert prediction.digit == digit.label
        assert prediction.probabilities[digit.label] > 0.9


def scribble():
    points = np.random.default_rng(0).uniform(30, 270, (60, 2))
    return [points]


@pytest.mark.parametrize(
    "strokes",
    [
        [np.array([[150.0, 150.0]])],
        [np.array([[150.0, 150.0], [152.0, 151.0]])],
        scribble(),
        [*[np.array([[80.0 + 40 * i, 60], [80 + 40 * i, 240]]) for i in range(4)]],
        [np.array([[60.0, 60], [240, 240]]), np.array([[240.0, 60], [60, 240]])],
        [
            np.array([[60.0, 250], [150, 50], [240, 250]]),
            np.array([[60.0, 150], [240, 150]]),
            np.array([[60.0, 50], [240, 50]]),
        ],
    ],
    ids=["dot", "blot", "scribble", "fence", "cross", "sign"],
)
@pytest.mark.parametrize("brush", [4.0, 12.0, 24.0])
def test_what_is_no_digit_is_said_to_be_none(recognizer, strokes, brush):
    mask = np.asarray(draw_strokes(strokes, 300, brush))
    prediction = recognizer.predict(255 - mask)
    assert prediction.is_digit is False and prediction.digit is None
    assert len(prediction.top()) == 3  # what it resembles most, all the same
    assert np.isfinite(prediction.digit_score)


@pytest.mark.parametrize("count", [2, 128, 300])
def test_batch_agrees_with_one_at_a_time_in_the_same_order(recognizer, small_digits, count):
    images = [image[..., 0] for image in small_digits.images[:count]]
    images[1] = np.zeros((28, 28), np.uint8)
    batch = recognizer.predict_batch(images)
    assert len(batch) == count and not batch[1].is_digit
    for image, prediction in list(zip(images, batch, strict=True))[:: max(1, count // 20)]:
        alone = recognizer.predict(image)
        np.testing.assert_allclose(prediction.probabilities, alone.probabilities, atol=1e-5)


def test_compiled_network_answers_as_the_network_itself(recognizer, small_digits):
    network, _, _ = load_model(ROOT / "checkpoints")
    images = small_digits.images[:130]
    expected = network_logits(network, images)
    recognizer.compile_rest()
    for count in (1, 2, 7, 8, 9, 40, 64, 65, 130):
        logits = recognizer._compute_logits(images[:count, ..., 0])
        np.testing.assert_allclose(logits, expected[:count], atol=1e-4)


def test_many_images_are_answered_before_their_program_is_compiled(small_digits, monkeypatch):
    recognizer = DigitRecognizer.from_pretrained(ROOT / "checkpoints")
    compiled, begun, release = recognizer._compile, Event(), Event()

    def compile_slowly(size):
        begun.set()
        assert release.wait(60)
        return compiled(size)

    monkeypatch.setattr(recognizer, "_compile", compile_slowly)
    images = [image[..., 0] for image in small_digits.images[:20]]
    early = recognizer.predict_batch(images)
    assert begun.wait(60) and set(recognizer._compiled) == {1}
    release.set()
    recognizer.compile_rest()
    assert set(recognizer._compiled) == set(BATCH_SIZES)
    for before, after in zip(early, recognizer.predict_batch(images), strict=True):
        np.testing.assert_allclose(before.probabilities, after.probabilities, atol=1e-5)


def test_answers_of_a_batch_follow_from_the_logits_as_scipy_computes_it(recognizer, small_digits):
    images = [image[..., 0] for image in small_digits.images[:20]]
    predictions = recognizer.predict_batch(images)
    seen = np.stack([prediction.image for prediction in predictions])
    logits = recognizer._compute_logits(seen).astype(float)
    shares = softmax(logits / recognizer.config["temperature"], axis=1)
    for prediction, share, score in zip(predictions, shares, logsumexp(logits, 1), strict=True):
        np.testing.assert_allclose(prediction.probabilities, share, atol=1e-6)
        assert prediction.digit_score == pytest.approx(score, abs=1e-4)
        assert prediction.is_digit == (score > recognizer.config["digit_threshold"])


def test_empty_batch_gives_nothing(recognizer):
    assert recognizer.predict_batch([]) == []


def test_bad_image_of_a_batch_is_named(recognizer):
    good = np.zeros((28, 28), np.uint8)
    with pytest.raises(BadImageError, match=r"images\[1\]: "):
        recognizer.predict_batch([good, None])


def test_saved_model_predicts_the_same(recognizer, seven, tmp_path):
    recognizer.save_pretrained(tmp_path)
    again = DigitRecognizer.from_pretrained(str(tmp_path)).predict(seven)
    np.testing.assert_array_equal(again.probabilities, recognizer.predict(seven).probabilities)
    assert (tmp_path / "metrics.json").exists()


def test_raw_mnist_images_are_read_as_well_as_by_the_network_itself(recognizer, mnist):
    network, _, metrics = load_model(ROOT / "checkpoints")
    images, labels = mnist[1]
    logits = network_logits(network, images)
    own = logits.argmax(1) == labels
    assert own.mean() == pytest.approx(metrics["test"]["accuracy"])
    assert own.mean() >= 0.9955
    some = slice(None, None, 1 if SLOW else 5)
    predictions = recognizer.predict_batch(list(images[some, ..., 0]))
    best = np.array([prediction.probabilities.argmax() for prediction in predictions])
    assert abs((best == labels[some]).mean() - own[some].mean()) <= 0.0005
    assert np.mean([prediction.is_digit for prediction in predictions]) > 0.99


def margin(recognizer, image):
    """How much likelier the answer is than all others together, in nats, uncalibrated."""
    logits = recognizer._compute_logits(image[None])[0].astype(float)
    best = logits.argmax()
    return best, logits[best] - np.logaddexp.reduce(np.delete(logits, best))


def test_contributions_add_up_to_what_they_explain(recognizer, pen_digits):
    for digit in pen_digits:
        prediction = recognizer.predict(draw(digit))
        contributions = recognizer.explain(prediction)
        best, explained = margin(recognizer, prediction.image)
        assert best == digit.label
        blank = recognizer._compute_logits(np.zeros((1, 28, 28), np.uint8))[0].astype(float)
        without = blank[best] - np.logaddexp.reduce(np.delete(blank, best))
        # A sum of 16 steps stands for the integral: the completeness axiom holds roughly.
        assert contributions.sum() == pytest.approx(explained - without, rel=0.25, abs=1.0)
        assert not contributions[prediction.image == 0].any()


def test_strokes_that_make_the_digit_speak_for_it_more_than_a_stray_dot(recognizer, pen_digits):
    picture = draw(pen_digits[7])
    stray = picture.copy()
    stray.paste("black", (240, 250, 252, 262))
    prediction = recognizer.predict(stray)
    contributions = recognizer.explain(prediction)
    assert prediction.digit == 7
    assert contributions[4:16].sum() > contributions[20:, 20:].sum()


def test_bad_image_has_its_error_in_its_place(recognizer, seven, tmp_path):
    images = [seven, tmp_path / "none.png", seven]
    for read in (recognizer.predict_each, recognizer.read_numbers_each):
        first, bad, last = read(images)
        assert isinstance(bad, BadImageError) and "There is no file" in str(bad)
        for answer in (first, last):
            assert getattr(answer, "digit", None) == 7 or answer.text == "7"
