import numpy as np
import pytest
from scipy.special import softmax

from digitrec.metrics import calibrated_probabilities, classification_metrics, fit_temperature


def test_figures_of_a_small_case_counted_by_hand():
    labels = np.array([0, 0, 1, 2])
    answers = np.array([0, 1, 1, 2])
    probabilities = np.full((4, 10), 0.05)
    probabilities[np.arange(4), answers] = 0.55
    figures = classification_metrics(labels, probabilities)
    assert (figures["count"], figures["errors"], figures["accuracy"]) == (4, 1, 0.75)
    assert figures["loss"] == pytest.approx(-(3 * np.log(0.55) + np.log(0.05)) / 4)
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
