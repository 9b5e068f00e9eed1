"""Each row of ink is read as one digit or several: the best path through its pieces.

Each run of neighbouring pieces may be a digit. The network says how likely it is one, and which;
geometry says what the network cannot see, as it gets all digits in one size. The path of the
highest sum over all the ink wins.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document
Recognition, Proc. IEEE 86, 1998, sections V and VI.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from digitrec.reading.box import find_box
from digitrec.reading.drawing import MINIMUM_CONTRAST, normalize
from digitrec.reading.ink import Box, Ink
from digitrec.reading.rows import find_rows
from digitrec.reading.segmentation import (
    Components,
    Pieces,
    cut_pieces,
    find_components,
    find_gaps,
    find_pieces,
)

MOST_DIGITS = 12
MOST_PIECES = 5  # of a digit
SURE = 0.98  # probability of a digit from which its ink is not cut
LIKELY = 0.5  # the same, from which all ink may be one digit, whatever rows there are
WIDEST = 1.7  # heights of a digit: several pieces that are wider together are none
LARGEST_GAP = 0.5  # heights of a digit, between the pieces of one
THOUSANDS = 3  # digits follow a comma, or it is not one and belongs to a digit
LEAST = -12.0  # logarithm of a probability: no single doubt outweighs all else

Compute = Callable[[UInt8[np.ndarray, "count 28 28"]], Float32[np.ndarray, "count 10"]]


class Geometry(NamedTuple):
    """What is measured of pieces that may be a digit. Lengths are in heights of a digit."""

    digit: float  # 1 for each
    gap: float  # the largest between its pieces
    low: float  # logarithm of how many times lower it is than a digit
    wide: float  # how much wider it is than a digit is high
    cut: float  # ink that was cut through on its left, in pen widths
    overlap: float  # of it and what is on its left


class Candidate(NamedTuple):
    """Pieces that may be a digit."""

    first: int
    last: int  # the one after its last
    image: UInt8[np.ndarray, "28 28"]
    logits: Float32[np.ndarray, "10"]
    geometry: Geometry


class Line(NamedTuple):
    """The digits of a line of ink, left to right."""

    images: UInt8[np.ndarray, "digits 28 28"]
    logits: Float32[np.ndarray, "digits 10"]
    boxes: list[Box]  # of the picture
    probability: float | None  # that they are right; None where no other reading was compared


def read_lines(ink: Ink, compute_logits: Compute, weights: Geometry) -> list[list[Line]]:
    """Find the digits in the ink of a picture.

    Arguments:
        compute_logits: what the network says of images.
        weights: what each measure of geometry adds to the logarithm of a probability.

    Returns: for each row of digits, from top to bottom, the best reading, and all its ink as one
        digit; nothing where there is no ink.
    """
    if ink.strength.max() < MINIMUM_CONTRAST:
        return []
    alone = _read_as_digit(ink, compute_logits)
    components = find_components(ink)
    rows = find_rows(components)
    if len(rows) > 1:
        divided = [(find_components(row), _read_as_digit(row, compute_logits)) for row in rows]
        lines = [_read_row(*row, compute_logits, weights) for row in divided]
        if _are_rows([best for best, *_ in lines], alone):
            return lines
    return [_read_row(components, alone, compute_logits, weights)]


def read_one(ink: Ink, compute_logits: Compute) -> list[list[Line]]:
    """Give what `read_lines` does, but take all ink as one sign."""
    if ink.strength.max() < MINIMUM_CONTRAST:
        return []
    return [[_read_as_digit(ink, compute_logits)]]


def _are_rows(lines: list[Line], alone: Line) -> bool:
    """Tell rows of digits from one digit in parts, such as an 8 of two circles."""
    one, least = _least(alone), min(map(_least, lines))
    if one < math.log(LIKELY):
        return True
    if any(len(line.images) > 1 for line in lines):
        return least >= math.log(SURE if len(lines) == 2 else LIKELY)  # a digit breaks in two
    return one < math.log(SURE) and one <= least


def _least(line: Line) -> float:
    """Give the logarithm of how likely the least likely of a line's digits is a digit."""
    return float(log_probabilities(line.logits)[:, :10].max(1).min())


def _read_as_digit(ink: Ink, compute_logits: Compute) -> Line:
    images = normalize(ink.strength)[None]
    box = ink.place(*find_box(ink.strength > 0))
    return Line(images, compute_logits(images), [box], None)


def _read_row(
    components: Components, alone: Line, compute_logits: Compute, weights: Geometry
) -> list[Line]:
    found = find_candidates(components, alone.images[0], compute_logits)
    if found is None:
        return [alone]
    pieces, candidates = found
    path, probability = find_path(pieces.count, candidates, weights)
    starts = np.array([pieces.box(digit.first, digit.last)[2] for digit in path])
    for comma in components.commas:
        if (starts > components.boxes[comma, 2]).sum() % THOUSANDS:
            joined = components._replace(low=components.low + components.commas, commas=[])
            return _read_row(joined, alone, compute_logits, weights)
    best = Line(
        np.stack([digit.image for digit in path]),
        np.stack([digit.logits for digit in path]),
        [pieces.ink.place(*pieces.box(digit.first, digit.last)) for digit in path],
        probability,
    )
    return [best, alone]


def find_candidates(
    components: Components,
    whole: UInt8[np.ndarray, "28 28"],
    compute_logits: Compute,
) -> tuple[Pieces, list[Candidate]] | None:
    """Find all that may be a digit, and let the network look at it.

    Returns: the pieces, and the candidates in the order of their last pieces; at the end, all ink.
    """
    connected = find_pieces(components)
    if connected is None:
        return None
    alone = [normalize(connected.cut_out(index, index + 1)) for index in range(connected.count)]
    logits = compute_logits(np.stack(alone))
    unsure = log_probabilities(logits)[:, :10].max(1) < np.log(SURE)
    pieces, origins = cut_pieces(connected, unsure)

    spans = [
        (first, last)
        for last in range(1, pieces.count + 1)
        for first in range(max(0, last - MOST_PIECES), last)
        if last - first < pieces.count
    ]
    spans.append((0, pieces.count))
    gaps = find_gaps(pieces)
    candidates, waiting = [], []
    for first, last in spans:
        geometry = measure(pieces, gaps, first, last)
        is_whole, origin = last - first == pieces.count, origins[first]
        if is_whole:
            image = whole
        elif (origins[first:last] == origin).all() and (origins == origin).sum() == last - first:
            candidates.append(Candidate(first, last, alone[origin], logits[origin], geometry))
            continue
        elif last - first > 1 and (geometry.wide > WIDEST - 1 or geometry.gap > LARGEST_GAP):
            continue
        else:
            image = normalize(pieces.cut_out(first, last))
        waiting.append(len(candidates))
        candidates.append(Candidate(first, last, image, logits[0], geometry))
    computed = compute_logits(np.stack([candidates[index].image for index in waiting]))
    for index, row in zip(waiting, computed, strict=True):
        candidates[index] = candidates[index]._replace(logits=row)
    return pieces, candidates


def measure(pieces: Pieces, gaps: Float[np.ndarray, " pieces"], first: int, last: int) -> Geometry:
    """Measure the pieces first to last - 1, together.

    Arguments:
        gaps: before each piece, of `find_gaps`.
    """
    top, bottom, left, right = pieces.box(first, last)
    return Geometry(
        digit=1.0,
        gap=max([0.0, *gaps[first + 1 : last].tolist()]),
        low=max(0.0, math.log(pieces.height / (bottom - top))),
        wide=max(0.0, (right - left) / pieces.height - 1),
        cut=float(pieces.cuts[first]),
        overlap=max(0.0, -float(gaps[first])),
    )


def log_probabilities(
    logits: Float32[np.ndarray, "count 10"],
) -> Float32[np.ndarray, "count 11"]:
    """Give the logarithm of how likely each digit is, and, last, that there is none."""
    logits = np.pad(logits, ((0, 0), (0, 1)))
    return logits - log_sum_exp(logits)


def log_sum_exp(
    logits: Float32[np.ndarray, "count classes"],
) -> Float32[np.ndarray, "count 1"]:
    """Do what SciPy's logsumexp does, in a twentieth of its time for one image."""
    greatest = logits.max(1, keepdims=True)
    return greatest + np.log(np.exp(logits - greatest).sum(1, keepdims=True))


def find_path(
    count: int, candidates: list[Candidate], weights: Geometry
) -> tuple[list[Candidate], float]:
    """Find the candidates that together explain all pieces best.

    Arguments:
        count: of the pieces.
        candidates: of `find_candidates`.
        weights: as for `read_lines`.

    Returns: the best path, and how likely its text is among all paths and texts.
    """
    geometry = np.array([candidate.geometry for candidate in candidates]) @ np.array(weights)
    log_shares = log_probabilities(np.stack([candidate.logits for candidate in candidates]))
    scores = geometry[:, None] + np.maximum(log_shares[:, :10], LEAST)
    best = scores.max(1)

    # Up to each piece: the best path's score, and its last candidate.
    reached = np.full(count + 1, -np.inf)
    reached[0] = 0.0
    arrived_by = [0] * (count + 1)
    for index, (first, last, *_) in enumerate(candidates):
        if reached[first] + best[index] > reached[last]:
            reached[last] = reached[first] + best[index]
            arrived_by[last] = index
    path, at = [], count
    while at > 0:
        path.insert(0, arrived_by[at])
        at = candidates[path[0]].first
    text = scores[path].argmax(1)
    return [candidates[index] for index in path], _likelihood(count, candidates, scores, text)


def _likelihood(
    count: int,
    candidates: list[Candidate],
    scores: Float[np.ndarray, "candidates 10"],
    text: Int[np.ndarray, " digits"],
) -> float:
    """Say how likely a text is: all paths that spell it, among all paths and texts."""
    any_text = np.full(count + 1, -np.inf)
    spelled = np.full((count + 1, len(text) + 1), -np.inf)  # by how many of its digits
    any_text[0] = spelled[0, 0] = 0.0
    any_digit, right_digit = np.logaddexp.reduce(scores, 1), scores[:, text]
    for index, (first, last, *_) in enumerate(candidates):
        any_text[last] = np.logaddexp(any_text[last], any_text[first] + any_digit[index])
        step = spelled[first, :-1] + right_digit[index]
        spelled[last, 1:] = np.logaddexp(spelled[last, 1:], step)
    return float(np.exp(spelled[count, -1] - any_text[count]))
