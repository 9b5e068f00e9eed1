"""Rows of digits, one below the other, are told apart."""

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse.csgraph import connected_components

from digitrec.reading.ink import Ink
from digitrec.reading.segmentation import ROWS, Components, Pieces, find_boxes, find_components

FILLED = 0.7  # of the ink's height: where digits are higher, there is one row
FINER = 4 * ROWS  # to which ink of several rows is shrunk: each gets about as many as one has
OVERLAP = 0.3  # of the lower one's height: two components that share as much are side by side
NEAR = 0.6  # heights of a digit: so near, others between two components do not matter
WHOLE = 1.2  # heights of a digit: parts that together are no higher may be one digit
MOST_ROWS = 12
MOST_TALL = 12 * MOST_ROWS  # components: twelve digits in each row


def find_rows(components: Components) -> list[Ink]:
    """Divide ink into its rows of digits, from top to bottom.

    Returns: the ink itself if it is one row, or more than `MOST_ROWS`.
    """
    if components.height > FILLED * len(components.labels):
        return [components.whole]
    finer = find_components(components.whole, FINER)
    if len(finer.tall) > MOST_TALL:
        return [components.whole]
    boxes = finer.boxes[finer.tall]
    count, names = connected_components(_link(boxes, finer.height))
    if not 1 < count <= MOST_ROWS:
        return [components.whole]
    groups = [np.flatnonzero(names == name) for name in range(count)]
    groups.sort(key=lambda group: boxes[group, :2].mean())
    owner = finer.own([[finer.tall[index] for index in group] for group in groups])
    labels = np.concatenate([[0], owner])[finer.labels]
    rows = Pieces(finer.ink, labels, find_boxes(labels), np.zeros(count), finer.height)
    return [rows.cut_out_ink(row, row + 1) for row in range(count)]


def _link(boxes: Int[np.ndarray, "count 4"], height: float) -> Bool[np.ndarray, "count count"]:
    """Say which boxes stand next to each other in one row.

    Neighbours are compared, not all with all: a line that rises by its own height is one row.
    """
    top, bottom, left, right = boxes.T
    upper, lower = np.minimum.outer(top, top), np.maximum.outer(bottom, bottom)
    heights = bottom - top
    shared = heights[:, None] + heights - (lower - upper)
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    is_near = gap <= NEAR * height
    are_parts = is_near & (lower - upper <= WHOLE * height)
    is_level = shared >= OVERLAP * np.minimum.outer(heights, heights)
    middle = (left + right) / 2
    is_between = (middle > np.minimum.outer(right, right)[..., None]) & (
        middle < np.maximum.outer(left, left)[..., None]
    )
    is_next = ~(is_between & (is_level[:, None] | is_level)).any(2)
    return are_parts | is_level & (is_near | is_next)
