"""Specks are removed: dirt and remains of printed lines, much smaller than strokes."""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

SPECK = 0.1  # of the ink of the heaviest connected piece: a lighter one is dirt ...
TALL = 0.5  # ... unless it has this share of the tallest one's height, as a 1 may


def keep_strokes(
    ink: Float32[np.ndarray, "rows columns"], faintest: float
) -> Bool[np.ndarray, "rows columns"]:
    """Find the connected pieces of ink above `faintest` that are not dirt.

    Arguments:
        ink: by how much each pixel differs from the paper, in any unit.

    Returns: True for their pixels.
    """
    pieces, count = ndimage.label(ink > faintest, np.ones((3, 3)))
    if not count:
        return np.zeros(ink.shape, bool)
    weights = ndimage.sum_labels(ink, pieces, np.arange(1, count + 1))
    heights = np.array([box[0].stop - box[0].start for box in ndimage.find_objects(pieces)])
    kept = (weights >= SPECK * weights.max()) | (heights >= TALL * heights.max())
    return np.concatenate([[False], kept])[pieces]
