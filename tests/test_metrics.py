import numpy as np
import pytest
from scipy.special import softmax

from digitrec.training.metrics import (
    calibrated_probabilities,
    calibration_bins,
    calibration_error,
    classification_metrics,
    fit_digit_threshold,
    fit_temperature,
)


def test_figures_of_a_small_case_counted_by_hand():
    labels = np.array([0, 0, 1, 2])
    answers = np.array([0, 1, 1, 2])
    probabilities = np.full((4, 10), 0.05)
    probabilities[np.arange(4), answers] = 0.55
    figures = classification_metrics(labels, probabilities)
    assert (figures["count"], figures["errors"], figures["accuracy"]) == (4, 1, 0.75)
    assert figures["loss"] == pytest.approx(-(3 * np.log(0.55) + np.log(0.05)) / 4)
    assert figures["calibration_error"] == pytest.approx(0.75 - 0.55)
    expected = [(1, 0.5, 2 / 3, 2), (0.5, 1, 2 / 3, 1), (1, 1, 1, 1), (0, 0, 0, 0)]
    for row, values in zip(figures["per_class"], expected, strict=False):
        assert list(row.values()) == pytest.approx(values)
    assert figures["confusion"][0][:3] == [1, 1, 0]


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_of_overconfident_logits_is_found(true_temperature):
    random = np.random.default_rng(0)
    honest = random.normal(scale=2, size=(20_000, 10))
    cumulated = softmax(honest, axis=1).cumsum(1)
    labels = (random.random((20_000, 1)) > cumulated).sum(1)
    logits = (honest * true_temperature).astype(np.float32)
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(true_temperature, rel=0.05)
    np.testing.assert_allclose(calibrated_probabilities(logits, temperature).sum(1), 1)


def test_calibration_is_measured_within_bins():
    # 90 % sure and right 9 times of 10; 60 % sure and right 2 times of 10.
    labels = np.zeros(20, int)
    probabilities = np.zeros((20, 10))
    for row in range(20):
        sure = 0.9 if row < 10 else 0.6
        answer = int(row == 0 or row >= 12)
        probabilities[row, answer] = sure
        probabilities[row, 2] = 1 - sure
    answers = probabilities.max(1), probabilities.argmax(1) == labels
    assert calibration_error(*answers) == pytest.approx(0.5 * 0.0 + 0.5 * 0.4)
    confidence, accuracy, share = calibration_bins(*answers)
    np.testing.assert_allclose([confidence, accuracy, share], [[0.6, 0.9], [0.2, 0.9], [0.5, 0.5]])


def test_certainty_itself_falls_into_the_last_bin():
    certain = np.ones(10)
    assert calibration_error(certain, certain == 1) == 0
    assert calibration_error(certain, certain == 0) == 1


def test_one_digit_in_five_hundred_lies_below_the_threshold():
    logits = np.full((1000, 10), -50.0, np.float32)
    logits[:, 3] = np.arange(1000)
    assert fit_digit_threshold(logits) == pytest.approx(2, abs=0.01)


def test_few_digits_leave_room_below_the_least_of_them():
    scores = np.random.default_rng(0).normal(9, 1, 100_000)
    logits = np.full((50, 10), -50.0, np.float32)
    logits[:, 3] = scores[:50]
    assert (
        (scores < fit_digit_threshold(logits)).mean() < 0.01 < (scores < scores[:50].min()).mean()
    )
