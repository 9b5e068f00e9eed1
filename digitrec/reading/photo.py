"""Ink in a photo of paper: uneven light, grey paper, pencil, noise."""

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy import ndimage

from digitrec.reading.paper import remove_lines
from digitrec.reading.specks import keep_strokes

PHOTO_SIDE = 200  # longer side of a photo that is read, pixels: averages most of the noise away
PAPER_SIDE = 40  # the same for its paper, which has no details
LIGHT = 3.0  # of 40: distance over which light changes
INK = 0.35  # of the difference between the paper and the strongest ink: more than that is ink
NOISE = 5.0  # standard deviations of the paper's noise that ink differs by at least


def find_ink_in_photo(
    gray: UInt8[np.ndarray, "height width"], side: int = PHOTO_SIDE
) -> UInt8[np.ndarray, "rows columns"]:
    """Measure how much each place differs from the paper around it, 0-255.

    The paper is the median of the surroundings, so that neither light that falls off nor a
    shadow's soft edge counts as ink; whether ink is darker or brighter follows from which of the
    two differs more.

    Arguments:
        side: longer side, in pixels, to which a larger photo is shrunk.

    Returns: the ink of the photo of that size; 0 where there is none.
    """
    small = _shrink(gray, side)
    paper = _estimate_paper(gray, small.shape)
    difference = ndimage.gaussian_filter(paper - small, 1.0)
    darkest, brightest = np.percentile(difference, [99, 1])
    if -brightest > darkest:
        difference, darkest = -difference, -brightest
    # Half of the paper's noise lies on the side where there is no ink, however much there is.
    noise = 1.4826 * np.median(-np.append(difference[difference < 0], np.float32(0)))
    difference = remove_lines(difference)
    darkest = np.percentile(difference, 99)
    faintest = max(INK * darkest, NOISE * noise)
    kept = keep_strokes(difference, float(faintest))
    if not kept.any():
        return np.zeros(small.shape, np.uint8)
    near = ndimage.binary_dilation(kept, iterations=2)  # the soft edges of what is kept
    ink = np.clip((difference - 0.5 * faintest) / (darkest - 0.5 * faintest), 0, 1)
    return np.rint(min(255.0, 2 * darkest) * ink * near).astype(np.uint8)


def _estimate_paper(
    gray: UInt8[np.ndarray, "height width"], shape: tuple[int, int]
) -> Float32[np.ndarray, "rows columns"]:
    tiny = _shrink(gray, PAPER_SIDE)
    # Past the border the edge pixels repeat, so that in a closely cropped photo less than half of
    # what the filter sees is ink.
    paper = ndimage.median_filter(tiny, size=[max(3, side) for side in tiny.shape], mode="nearest")
    difference = np.abs(paper - tiny)
    inked = difference > INK * np.percentile(difference, 99)
    blank = np.float32(1e-6) + ~ndimage.binary_dilation(inked, np.ones((3, 3)))
    smooth = ndimage.gaussian_filter(blank * tiny, LIGHT) / ndimage.gaussian_filter(blank, LIGHT)
    return np.asarray(
        Image.fromarray(smooth).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    )


def _shrink(
    gray: UInt8[np.ndarray, "height width"], longer_side: int
) -> Float32[np.ndarray, "rows columns"]:
    height, width = gray.shape
    scale = min(1, longer_side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(gray.astype(np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BOX))
