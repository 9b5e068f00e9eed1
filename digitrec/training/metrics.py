"""Figures computed from labels and probabilities."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

CALIBRATION_BINS = 15
REFUSED = 0.002  # share of digits that are not taken for digits
FEW = 500  # images, of which not even one is expected to be refused


def classification_metrics(
    labels: Int[np.ndarray, " count"], probabilities: Float[np.ndarray, "count classes"]
) -> dict:
    """Compare predictions with labels.

    Arguments:
        labels: of the classes, counted from 0.
        probabilities: each row sums to 1.

    Returns: a dictionary ready for JSON: `count`, `errors`, `accuracy` (0-1),
        `calibration_error` (0-1), `loss` (mean negative log-likelihood, nats), `per_class` (an
        entry for each class, of `precision`, `recall`, `f1` and `count`), `confusion` (counts; rows
        are truths, columns answers).
    """
    answers = probabilities.argmax(1)
    classes = list(range(probabilities.shape[1]))
    per_class = precision_recall_fscore_support(labels, answers, labels=classes, zero_division=0.0)
    return {
        "count": len(labels),
        "errors": int((answers != labels).sum()),
        "accuracy": float((answers == labels).mean()),
        "calibration_error": calibration_error(probabilities.max(1), answers == labels),
        "loss": float(log_loss(labels, probabilities.astype(np.float64), labels=classes)),
        "per_class": [
            {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "count": int(count),
            }
            for precision, recall, f1, count in zip(*per_class, strict=True)
        ],
        "confusion": confusion_matrix(labels, answers, labels=classes).tolist(),
    }


def calibration_bins(
    confidence: Float[np.ndarray, " count"], right: Bool[np.ndarray, " count"]
) -> tuple[Float[np.ndarray, " bins"], ...]:
    """Group answers by their probability, in 15 bins of equal width; empty bins are left out.

    Arguments:
        confidence: the probability of each answer, 0-1.
        right: whether each answer is right.

    Returns: for each bin, the mean probability, the share of right answers, and the share of all
        answers.
    """
    confidence = confidence.astype(np.float64)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts, confidences, rights = (
        np.bincount(bins, weights, CALIBRATION_BINS) for weights in (None, confidence, right)
    )
    full = counts > 0
    counts = counts[full]
    return confidences[full] / counts, rights[full] / counts, counts / len(right)


def calibration_error(
    confidence: Float[np.ndarray, " count"], right: Bool[np.ndarray, " count"]
) -> float:
    """Average the difference between the probability of answers and how often they are right, 0-1.

    Source: expected calibration error in Guo et al., On Calibration of Modern Neural Networks,
    ICML 2017, equation 3.
    """
    mean, accuracy, share = calibration_bins(confidence, right)
    return float(np.sum(share * np.abs(mean - accuracy)))


def fit_temperature(
    logits: Float[np.ndarray, "count classes"], labels: Int[np.ndarray, " count"]
) -> float:
    """Find what to divide logits by so that the probabilities are calibrated.

    It minimises the negative log-likelihood of images that were not trained on.

    Returns: a temperature between 0.05 and 20.
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """
    logits = logits.astype(np.float64)

    def loss(log_temperature):
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scaled[np.arange(len(labels)), labels].mean()

    bounds = (np.log(0.05), np.log(20.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit_digit_threshold(logits: Float[np.ndarray, "count classes"]) -> float:
    """Find the digit score that 99.8 % of these images exceed.

    The digit score of an image is the log of the sum of all exp(logits). The images show digits and
    were not trained on. Of few images, that score is hardly less than the least: there, a normal
    distribution with their mean and deviation says what lies below.
    """
    scores = logsumexp(logits.astype(np.float64), axis=1)
    threshold = np.quantile(scores, REFUSED)
    if len(scores) < FEW:
        threshold = min(threshold, scores.mean() + norm.ppf(REFUSED) * scores.std())
    return float(threshold)


def calibrated_probabilities(
    logits: Float[np.ndarray, "count classes"], temperature: float
) -> Float[np.ndarray, "count classes"]:
    return softmax(logits.astype(np.float64) / temperature, axis=1)
