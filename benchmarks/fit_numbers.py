"""Fit how numbers are read: the entries `geometry` and `number_threshold` of a `config.json`.

python benchmarks/fit_numbers.py --strokes FILE [--model FOLDER] [--quick]

Half of the numbers are composed as for `read_numbers.py`, but of the digits of the writers who
train; the others have the habits of `digitrec.training.numbers`. The weights are those under which
the right texts are likeliest among all paths (LeCun et al. 1998, section VI.C, discriminative
forward training). The threshold is the digit score that 99 % of the digits in numbers that are
read right exceed, or that of single digits if it is lower. The last line is one JSON object.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from read_numbers import write_lines
from rich.console import Console
from rich.progress import track
from scipy.optimize import minimize

from digitrec import DigitRecognizer
from digitrec.network import pretrained
from digitrec.reading.drawing import normalize
from digitrec.reading.ink import find_ink
from digitrec.reading.number import (
    LEAST,
    Candidate,
    Geometry,
    find_candidates,
    find_path,
    log_probabilities,
    log_sum_exp,
)
from digitrec.reading.picture import read_picture
from digitrec.reading.segmentation import find_components
from digitrec.training.numbers import write_number
from digitrec.training.strokes import TRAINING_WRITERS, PenDigit, read_unipen

LINES, QUICK_LINES = 5_184, 864
REFUSED = 0.01  # share of the digits in numbers whose score is too low
PULL = 0.003  # towards what the weights were, for each squared


class Lattices:
    """The candidates of all lines, filled up to the same number."""

    def __init__(self, found: list[tuple[str, int, list[Candidate]]]):
        shape = len(found), max(len(candidates) for _, _, candidates in found)
        self.first, self.last = np.zeros(shape, int), np.zeros(shape, int)
        self.shares = np.full((*shape, 10), -np.inf)
        self.geometry = np.zeros((*shape, len(Geometry._fields)))
        self.counts = np.array([count for _, count, _ in found])
        self.lengths = np.array([len(text) for text, _, _ in found])
        self.texts = np.zeros((len(found), self.lengths.max()), int)
        for row, (text, _, candidates) in enumerate(found):
            used = slice(len(candidates))
            self.first[row, used] = [candidate.first for candidate in candidates]
            self.last[row, used] = [candidate.last for candidate in candidates]
            logits = np.stack([candidate.logits for candidate in candidates])
            self.shares[row, used] = np.maximum(log_probabilities(logits)[:, :10], LEAST)
            self.geometry[row, used] = [candidate.geometry for candidate in candidates]
            self.texts[row, : len(text)] = list(map(int, text))

    def log_likelihoods(self, weights) -> np.ndarray:
        """Give the logarithm of how likely each line's right text is."""
        scores = self.geometry @ weights
        any_digit = scores + np.logaddexp.reduce(self.shares, 2)
        rows, places = np.arange(len(self.counts)), self.texts.shape[1]
        # Up to each piece: all paths, and those that spell so many digits of the right text.
        paths = np.full((len(rows), self.counts.max() + 1), -np.inf)
        right = np.full((*paths.shape, places + 1), -np.inf)
        paths[:, 0] = right[:, 0, 0] = 0.0
        spelled = np.take_along_axis(self.shares, self.texts[:, None, :], 2)
        for index in range(scores.shape[1]):
            first, last = self.first[:, index], self.last[:, index]
            paths[rows, last] = np.logaddexp(
                paths[rows, last], paths[rows, first] + any_digit[:, index]
            )
            step = right[rows, first, :-1] + scores[:, index, None] + spelled[:, index]
            right[rows, last, 1:] = np.logaddexp(right[rows, last, 1:], step)
        return right[rows, self.counts, self.lengths] - paths[rows, self.counts]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--strokes", type=Path, required=True, metavar="FILE", help="pen strokes, UNIPEN text"
    )
    parser.add_argument(
        "--model",
        default=pretrained.bundled_folder(),
        metavar="FOLDER",
        help="a published model or a run (default: checkpoints)",
    )
    parser.add_argument("--quick", action="store_true", help="fewer numbers, within a minute")
    options = parser.parse_args()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    recognizer.compile_rest()
    digits = read_unipen(options.strokes, TRAINING_WRITERS)
    found = find(recognizer, write_numbers(digits, QUICK_LINES if options.quick else LINES))
    lattices = Lattices(found)

    before = np.array(Geometry(**recognizer.config["geometry"]))

    def loss(weights) -> float:
        # What no path can spell costs as much as a bad guess, whatever the weights.
        likelihoods = np.maximum(lattices.log_likelihoods(weights), -20)
        return -likelihoods.mean() + PULL * np.square(weights - before).sum()

    fitted = minimize(loss, before, method="L-BFGS-B")
    console = Console()
    console.print(f"{len(found):,} numbers: loss {loss(before):.4f} → {fitted.fun:.4f}")
    geometry = Geometry(*fitted.x.round(2).tolist())
    threshold = np.quantile(score_digits(found, geometry), REFUSED)
    threshold = round(float(min(threshold, recognizer._digit_threshold)), 2)
    print(json.dumps({"geometry": geometry._asdict(), "number_threshold": threshold}))


def score_digits(found: list[tuple[str, int, list[Candidate]]], geometry: Geometry) -> np.ndarray:
    """Give the digit score of each digit of the numbers that are read right."""
    scores = []
    for text, count, candidates in found:
        logits = np.stack([digit.logits for digit in find_path(count, candidates, geometry)[0]])
        if len(text) > 1 and "".join(map(str, logits.argmax(1))) == text:
            scores += log_sum_exp(logits)[:, 0].tolist()
    return np.array(scores)


def write_numbers(digits: list[PenDigit], count: int) -> list[tuple[str, Image.Image]]:
    random = np.random.default_rng(1)
    by_writer = [[digit for digit in digits if digit.writer == name] for name in TRAINING_WRITERS]
    plain = write_lines(digits, count // 2, seed=1)
    return [(line.text, line.picture) for line in plain] + [
        write_number(by_writer[index % len(by_writer)], random) for index in range(count // 2)
    ]


def find(
    recognizer: DigitRecognizer, numbers: list[tuple[str, Image.Image]]
) -> list[tuple[str, int, list[Candidate]]]:
    found = []
    for text, written in track(numbers, "reading", transient=True):
        picture = read_picture(written)
        assert picture is not None
        ink = find_ink(picture)
        components = find_components(ink)
        one = find_candidates(components, normalize(ink.strength), recognizer._compute_logits)
        if one is not None:
            found.append((text, one[0].count, one[1]))
    return found


if __name__ == "__main__":
    main()
