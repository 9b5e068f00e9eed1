"""Numbers from labels and probabilities."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from digitrec.model import CLASSES


def classification_metrics(
    labels: Int[np.ndarray, " count"], probabilities: Float[np.ndarray, "count 10"]
) -> dict:
    """Measure predictions against labels.

    Arguments:
        labels: 0-9.
        probabilities: each row sums to 1.

    Returns: a dictionary ready for JSON: `count`, `errors`, `accuracy` (0-1), `loss` (mean
        negative log-likelihood, nats), `per_class` (ten entries of `precision`, `recall`, `f1`
        and `count`), `confusion` (10x10 counts, rows are truths, columns answers).
    """
    answers = probabilities.argmax(1)
    digits = list(range(CLASSES))
    per_class = precision_recall_fscore_support(labels, answers, labels=digits, zero_division=0.0)
    return {
        "count": len(labels),
        "errors": int((answers != labels).sum()),
        "accuracy": float((answers == labels).mean()),
        "loss": float(log_loss(labels, probabilities.astype(np.float64), labels=digits)),
        "per_class": [
            {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "count": int(count),
            }
            for precision, recall, f1, count in zip(*per_class, strict=True)
        ],
        "confusion": confusion_matrix(labels, answers, labels=digits).tolist(),
    }


def fit_temperature(
    logits: Float[np.ndarray, "count 10"], labels: Int[np.ndarray, " count"]
) -> float:
    """Find what to divide logits by so that the probabilities are honest.

    It minimises the negative log-likelihood over images that were not trained on.

    Returns: a temperature between 0.05 and 20.
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """
    logits = logits.astype(np.float64)

    def loss(log_temperature):
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scaled[np.arange(len(labels)), labels].mean()

    bounds = (np.log(0.05), np.log(20.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def calibrated_probabilities(
    logits: Float[np.ndarray, "count 10"], temperature: float
) -> Float[np.ndarray, "count 10"]:
    return softmax(logits.astype(np.float64) / temperature, axis=1)
