"""The box around what is wanted in a picture, its holes, and a picture's sides."""

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage


def find_box(wanted: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the smallest rectangle that holds all wanted pixels; one pixel if there is none.

    Returns: the first row and the row after the last, the same of the columns.
    """
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def label_holes(
    inked: Bool[np.ndarray, "height width"],
) -> tuple[Int[np.ndarray, "rows columns"], int]:
    """Label what is not inked, with one pixel more on all sides: 1 outside, then 2, 3, ...

    Returns: the labels, and how many there are.
    """
    return ndimage.label(np.pad(~inked, 1, constant_values=True))


def sides(picture: np.ndarray) -> list[np.ndarray]:
    """Give the first and the last row, and the first and the last column."""
    return [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
