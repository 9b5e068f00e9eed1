import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from digitrec import BadImageError, DigitRecognizer
from digitrec.pretrained import load_model


@pytest.fixture(scope="module")
def recognizer():
    return DigitRecognizer.from_pretrained(ROOT / "checkpoints")


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


@pytest.mark.parametrize("count", [2, 128, 300])
def test_batch_agrees_with_one_at_a_time_in_the_same_order(recognizer, small_digits, count):
    images = [image[..., 0] for image in small_digits.images[:count]]
    images[1] = np.zeros((28, 28), np.uint8)
    batch = recognizer.predict_batch(images)
    assert len(batch) == count and not batch[1].is_digit
    for image, prediction in list(zip(images, batch, strict=True))[:: max(1, count // 20)]:
        alone = recognizer.predict(image)
        np.testing.assert_allclose(prediction.probabilities, alone.probabilities, atol=1e-5)


def test_empty_batch_gives_nothing(recognizer):
    assert recognizer.predict_batch([]) == []


def test_bad_image_of_a_batch_is_named(recognizer):
    good = np.zeros((28, 28), np.uint8)
    with pytest.raises(BadImageError, match="Image 1 of 2: The image should be"):
        recognizer.predict_batch([good, None])


def test_saved_model_predicts_the_same(recognizer, seven, tmp_path):
    recognizer.save_pretrained(tmp_path)
    again = DigitRecognizer.from_pretrained(str(tmp_path)).predict(seven)
    np.testing.assert_array_equal(again.probabilities, recognizer.predict(seven).probabilities)
    assert (tmp_path / "metrics.json").exists()


def test_raw_mnist_images_are_read_as_well_as_by_the_network_itself(recognizer, mnist_test):
    network, _, metrics = load_model(ROOT / "checkpoints")
    answers = np.concatenate(
        [network(jnp.asarray(part)).argmax(-1) for part in np.split(mnist_test.images, 20)]
    )
    own = (answers == mnist_test.labels).mean()
    assert own == pytest.approx(metrics["test"]["accuracy"])
    assert own >= 0.9955
    predictions = recognizer.predict_batch([image[..., 0] for image in mnist_test.images])
    read = np.mean(
        [p.digit == label for p, label in zip(predictions, mnist_test.labels, strict=True)]
    )
    assert abs(read - own) <= 0.0005
