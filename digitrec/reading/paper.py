"""Lines printed on paper: taken out of the ink, but for the strokes that cross them.

A printed line is straight, thin, nearly level or upright, and runs from one side of the picture to
another; a stroke ends before.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image
from scipy import ndimage

from digitrec.reading.frames import TOLERANCE

SEARCH_SIDE = 200  # longer side, in pixels, of the picture in which lines are looked for
NARROWEST = 8  # pixels: across less, a dot runs from side to side
STRIPS = 64  # that it is cut into, to look for a line in their averages
STEEPEST = 0.18  # rise of a line over its length: 10 degrees
BESIDE = (0.03, 0.06)  # of the longer side: distance at which thin and broad lines have ended
FAINTEST = 0.08  # of the strongest ink: a fainter line does no harm
SEEN = 0.5  # of a line's length: strokes hide the rest
SHORTEST = 0.15  # of the picture's width: lines that cut off a corner
END = 0.5  # of a line's usual strength: it has that much where it leaves the picture
EDGE = 0.15  # of a line's strength: where it ends
THICKEST = 0.6  # of the band around a line: anything thicker is a stroke
PRINTED = 35  # percentile of the ink along a line: strokes are above it
STRONGEST = 99.5  # percentile of the ink: how strong a stroke is
FEW = 3  # lines in all: two may be the bar and the stem of a 4 that fill a closely cropped picture
PALE = 0.7  # of the strongest ink: a line that is paler is printed, however few there are
DRAWN = 0.95  # of a drawn line's length has ink, its own or that of strokes
BROADEST = 0.1  # of the ink's height or width: a broader line is a stroke
UNLIKELY, WRITTEN = 0.5, 0.7  # probability of writing, of lines that are printed and that are not


class PrintedLine(NamedTuple):
    left: float  # row in the first column
    right: float  # row in the last column


def remove_lines(
    ink: Float32[np.ndarray, "rows columns"], likely: Float32[np.ndarray, "rows columns"]
) -> Float32[np.ndarray, "rows columns"]:
    """Take ruled and squared lines out of a picture.

    Arguments:
        ink: by how much each pixel differs from the paper, in any unit; noise is around 0.
        likely: how likely each pixel is writing.

    Returns: the same without lines; the same array where there is none.
    """
    strongest = max(float(np.percentile(ink, STRONGEST)), 1e-6)
    level = find_lines(ink)
    few = len(level) < FEW and len(level) + len(find_lines(ink.T)) < FEW

    def printed(ink, likely, lines: list[PrintedLine]) -> list[PrintedLine]:
        return [line for line in lines if is_printed(ink, likely, line)]

    def is_printed(ink, likely, line: PrintedLine) -> bool:
        probability = _profile(_band(likely, line)[0])[0].max()
        if probability < UNLIKELY or probability > WRITTEN:
            return bool(probability < UNLIKELY)
        return not few or bool(_profile(_band(ink, line)[0])[0].max() < PALE * strongest)

    for _ in range(2):  # a line along the border hides the ends of those that meet it
        level = printed(ink, likely, level)
        for line in level:
            ink = _remove_line(ink, line, strongest)
        upright = printed(ink.T, likely.T, find_lines(ink.T))
        for line in upright:
            ink = _remove_line(ink.T, line, strongest).T
        if not (level and upright):
            break
        level = find_lines(ink)
    return ink


def remove_drawn_lines(
    strength: UInt8[np.ndarray, "rows columns"], is_framed: bool
) -> UInt8[np.ndarray, "rows columns"]:
    """Take the lines of squared paper out of a picture that no camera took.

    They are exactly level and upright, and are found however much of them strokes hide.

    Arguments:
        strength: by how much each pixel differs from the paper.
        is_framed: there are such lines all around, too.

    Returns: the same without lines; the same array unless lines of both directions cross it.
    """
    inked = strength > FAINTEST * strength.max()
    level, upright = _find_drawn_lines(inked), _find_drawn_lines(inked.T)
    crossing = [
        [line for line in lines if line[0] > 0 and line[1] < length]
        for lines, length in zip((level, upright), strength.shape, strict=True)
    ]
    if not all(crossing):
        return strength
    few = not is_framed and sum(map(len, crossing)) < FEW
    result = np.pad(strength, 1)
    for sheet, lines in ((result, level), (result.T, upright)):
        for first, behind in lines:
            line = sheet[first + 1 : behind + 1, 1:-1]
            edge = line.shape[1] // 20  # a stroke is soft at its ends
            printed = int(line[:, [edge, -1 - edge]].max())
            if few and printed >= PALE * strength.max():
                return strength
            beside = np.minimum(sheet[first, 1:-1], sheet[behind + 1, 1:-1])
            line[:] = np.where(line > printed + TOLERANCE, line, np.minimum(line, beside))
    return np.ascontiguousarray(result[1:-1, 1:-1])


def _find_drawn_lines(inked: Bool[np.ndarray, "rows columns"]) -> list[tuple[int, int]]:
    """Find level lines: the first row of each, and the one after its last."""
    full = np.pad(inked.mean(1) > DRAWN, 1)
    ends = np.flatnonzero(np.diff(full.astype(int))).reshape(-1, 2).tolist()
    return [(first, behind) for first, behind in ends if behind - first < BROADEST * len(inked)]


def find_lines(ink: Float32[np.ndarray, "rows columns"]) -> list[PrintedLine]:
    """Find lines that run from the left to the right, or leave the picture above or below."""
    if min(ink.shape) < NARROWEST:
        return []
    scale = max(1.0, max(ink.shape) / SEARCH_SIDE)
    height, width = max(8, round(ink.shape[0] / scale)), max(8, round(ink.shape[1] / scale))
    strips = min(STRIPS, width)
    means = np.asarray(Image.fromarray(ink).resize((strips, height), Image.Resampling.BOX))
    ridge = np.full_like(means, -np.inf)
    for share in BESIDE:
        beside = max(2, round(share * max(height, width)))
        padded = np.pad(means, ((beside, beside), (0, 0)))
        ridge = np.maximum(ridge, means - np.maximum(padded[: -2 * beside], padded[2 * beside :]))
    noise = 1.4826 * np.median(np.abs(ridge))
    strongest = np.percentile(means, STRONGEST)
    faintest = max(FAINTEST * strongest, 2 * noise, 1e-6)
    steepest = round(STEEPEST * width)
    above = ((steepest, steepest), (0, 0))
    hits = np.pad((ridge > faintest).astype(np.uint8), above)
    inside = np.pad(np.ones(ridge.shape, bool), above)
    ridge = np.pad(ridge.clip(0, strongest), above)
    ends = ndimage.maximum_filter1d(ridge, 3, axis=0)  # a line may lie between two rows
    strip = np.arange(strips)
    rises = np.arange(-steepest, steepest + 1)
    # The middle of a line that cuts off a corner lies outside.
    middles = np.arange(-(steepest // 2), height + steepest // 2)
    scores = np.zeros((len(rises), len(middles)), np.float32)
    for index, rise in enumerate(rises):
        first = steepest + np.rint(rise * ((strip + 0.5) / strips - 0.5)).astype(int)
        places = (first + middles[:, None]) * strips + strip
        seen = hits.ravel()[places]
        likely = np.flatnonzero(seen.sum(1) >= SEEN * SHORTEST * strips)
        if not len(likely):
            continue
        seen, places = seen[likely], places[likely]
        length = inside.ravel()[places]
        start, stop = length.argmax(1), strips - 1 - length[:, ::-1].argmax(1)
        line = np.arange(len(likely))
        length = length.sum(1)
        good = (length >= SHORTEST * strips) & (seen.sum(1) >= SEEN * length)
        if not good.any():
            continue
        values = np.where(inside.ravel()[places], ridge.ravel()[places], np.nan)
        typical = _percentile(values, 50)
        for end in (start, stop):
            good &= ends.ravel()[places[line, end]] >= END * typical
        # The evener a line is, the better: a dark stroke on the way counts no more than the rest.
        even = np.nansum(np.minimum(values, typical[:, None]), axis=1)
        scores[index, likely] = np.where(good, even / np.maximum(typical, faintest), 0)
    apart = max(2, round(BESIDE[0] * max(height, width)))
    lefts = middles - rises[:, None] / 2
    rights = middles + rises[:, None] / 2
    lines = []
    while scores.max() > 0:
        best = scores.argmax()
        left, right = lefts.ravel()[best], rights.ravel()[best]
        lines.append(np.array([left, right]))
        # No two lines meet within the picture.
        before, after = lefts - left, rights - right
        scores[(before * after <= 0) | (np.minimum(np.abs(before), np.abs(after)) <= apart)] = 0
    factor = ink.shape[0] / height
    return [_refine(ink, PrintedLine(*(factor * (ends + 0.5) - 0.5))) for ends in lines]


def _band(ink, line: PrintedLine):
    """Cut out what is around a line, and straighten it.

    Returns: as many rows above the line as below, NaN outside of the picture; their rows there.
    """
    height, width = ink.shape
    reach = max(4, round(BESIDE[1] * max(ink.shape)))
    center = np.rint(np.linspace(line.left, line.right, width)).astype(int)
    rows = center + np.arange(-reach, reach + 1)[:, None]
    inside = (rows >= 0) & (rows < height)
    band = np.where(inside, ink[rows.clip(0, height - 1), np.arange(width)], np.nan)
    return band, rows


def _profile(band) -> tuple[Float32[np.ndarray, " rows"], int, int]:
    """Give the strength across a line, its first row and the one after its last."""
    enough = np.isfinite(band).sum(1) >= 0.1 * band.shape[1]
    profile = np.zeros(len(band), np.float32)
    profile[enough] = _percentile(band[enough], PRINTED)
    reach = len(band) // 2
    near = slice(reach - reach // 2, reach + reach // 2 + 1)
    peak = near.start + int(profile[near].argmax())
    low = np.flatnonzero(profile < EDGE * profile[peak])
    top = max(low[low < peak], default=-1) + 1
    bottom = min(low[low > peak], default=len(band))
    return profile, int(top), int(bottom)


def _refine(ink, line: PrintedLine) -> PrintedLine:
    """Centre each half of a line on what is printed there."""
    for _ in range(2):
        band, _ = _band(ink, line)
        places, width = [], ink.shape[1]
        for half in (band[:, : width // 2], band[:, width // 2 :]):
            if np.isfinite(half[len(half) // 2]).mean() < 0.2:
                continue  # the line has left the picture
            profile, top, bottom = _profile(half)
            weights = np.maximum(profile[top:bottom], 0)
            at = np.arange(top, bottom) - len(band) // 2
            places.append(float((weights * at).sum() / max(weights.sum(), 1e-6)))
        if not places:
            return line
        places = [places[0], places[-1]]
        slope = places[1] - places[0]  # from a quarter of the width to three quarters
        line = PrintedLine(line.left + places[0] - slope / 2, line.right + places[1] + slope / 2)
    return line


def _remove_line(
    ink: Float32[np.ndarray, "rows columns"], line: PrintedLine, strongest: float
) -> Float32[np.ndarray, "rows columns"]:
    band, rows = _band(ink, line)
    profile, top, bottom = _profile(band)
    if bottom - top > THICKEST * len(band):
        return ink
    top, bottom = max(top - 1, 1), min(bottom + 1, len(band) - 1)
    above, below = np.nan_to_num(band[top - 1]), np.nan_to_num(band[bottom])
    # A slanting line lies up to one row off its usual place.
    printed = ndimage.maximum_filter1d(profile, 3)[top:bottom, None]
    # What is darker than the line is a stroke, though not as dark as it would be without it.
    stretch = strongest / np.maximum(strongest - printed, 0.3 * strongest)
    darker = (band[top:bottom] - printed) * stretch
    kept = np.minimum(band[top:bottom], np.fmax(np.maximum(above, below), darker))
    inside = np.isfinite(kept)
    columns = np.broadcast_to(np.arange(ink.shape[1]), kept.shape)
    result = ink.copy()
    result[rows[top:bottom][inside], columns[inside]] = kept[inside]
    return result


def _percentile(
    values: Float[np.ndarray, "rows columns"], share: int
) -> Float[np.ndarray, " rows"]:
    """Do what `np.nanpercentile(values, share, axis=1)` does, in a thirtieth of its time."""
    ordered = np.sort(values, axis=1)  # NaN last
    place = share / 100 * (np.isfinite(values).sum(1) - 1)
    below = place.astype(int)
    rows = np.arange(len(values))
    low, high = ordered[rows, below], ordered[rows, np.ceil(place).astype(int)]
    return low + (high - low) * (place - below)
