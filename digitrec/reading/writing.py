"""Writing in a picture of anything: a network says which pixels are the ink of digits.

It sees the whole picture, then what it found there, closer. The ink is measured at the resolution
that it needs, and lines that rise or fall are made level.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image
from scipy import ndimage

from digitrec.network.finder import find_writing, fit_shape
from digitrec.reading.paper import remove_lines

SURE, LIKELY = 0.5, 0.25  # probabilities: strokes are likely throughout, and sure somewhere
FEWEST = 8  # pixels that are sure: fewer are no stroke
THING = 3.0  # times as thick as the strokes: something dark at the picture's edge
SPECK = 0.1  # of the ink of the heaviest stroke: a lighter one is dirt ...
TALL = 0.5  # ... unless it has this share of the tallest one's height, as a 1 may
CERTAIN = 0.5  # mean probability of strokes, at least: textures have less, writing 0.63 to 0.99
CLEAR = 0.7  # the same of strokes that a closer look need not confirm
LOWEST = 0.1  # of the shorter side of what is seen closest: less is dirt
CLOSER = 0.6  # of the longer side: writing that takes up less is looked at closer
LOOKS = 3  # at most
MARGIN = 0.3  # of the writing's shorter side, and a third of that of its longer side, around it
MISSED = 0.5  # of the usual ink: what is so strong may be a stroke that the network missed
NOT_UNLIKELY = 0.08  # probability, mean of a stroke that stands apart
THICKER = 1.8  # times the pen's width: no stroke
LEVEL_LINE = 4  # times as wide as high: a dash or an underline
MOST_MISSED = 200  # pieces
NARROWEST = 96  # pixels of the picture: a smaller part is too blurred when it is enlarged
ROWS = 128  # pixels that the writing is high when it is measured
LONGEST = 900  # pixels, longer side of the part that is measured
PAPER_SIDE = 128  # the same of its paper, which has no details
LIGHT = 4.0  # of 128: distance over which light changes
FAINTEST = 0.175  # of the strongest ink: what is fainter is paper
STRONGEST = 80  # percentile of the ink of strokes: their edges are softer
ALIKE = 0.7  # cosine between the colours of ink: below, they are two
LEVEL, STEEPEST = 0.04, 0.35  # radians: lines that rise by less are level, by more are no lines
FARTHEST = 3.0  # heights of a digit, between neighbours in a line

Area = tuple[int, int, int, int]  # left, top, right, bottom


class Found(NamedTuple):
    strength: UInt8[np.ndarray, "rows columns"]  # 0 paper, 255 ink
    left: float  # where its first pixel is, in pixels of the picture
    top: float
    scale: float = 1.0  # pixels of the picture for each of its own
    angle: float = 0.0  # radians by which it is turned clockwise in the picture


NOTHING = Found(np.zeros((1, 1), np.uint8), 0, 0)


def find_written(pixels: UInt8[np.ndarray, "height width 3"]) -> Found:
    """Find the ink of digits in a picture, whatever is around them.

    Raises: BackendError in a forked process.
    """
    height, width = pixels.shape[:2]
    seen = _look(pixels, (0, 0, width, height))
    for _ in range(LOOKS - 1):
        if not seen.strokes.any():
            return NOTHING
        left, top, right, bottom = closer = _surround(seen)
        longer = max(right - left, bottom - top)
        if longer < NARROWEST or longer > CLOSER * max(width, height):
            break
        width, height = right - left, bottom - top
        before, seen = seen, _look(pixels, closer)
        if seen.certainty < CERTAIN and before.certainty > CLEAR:
            seen = before  # a thin stroke that fills what is seen looks like a line
            break
    rows = np.flatnonzero(seen.strokes.any(1))
    if seen.certainty < CERTAIN or np.ptp(rows) < LOWEST * min(seen.strokes.shape):
        return NOTHING
    return _measure(pixels, seen)


class Seen(NamedTuple):
    """What the network says of a part of a picture, in pixels of its own."""

    area: Area
    probability: Float32[np.ndarray, "rows columns"]
    strokes: Bool[np.ndarray, "rows columns"]
    certainty: float  # mean probability of the strokes

    @property
    def scale(self) -> float:
        """Pixels of the picture for each of its own."""
        return (self.area[2] - self.area[0]) / self.strokes.shape[1]


def _look(pixels, area: Area) -> Seen:
    left, top, right, bottom = area
    part = fit_shape(pixels[top:bottom, left:right])
    probability = find_writing(part)
    strokes = _find_strokes(probability)
    certainty = 0.0
    if strokes.any():
        certainty = float(probability[strokes].mean())
        missed = _find_missed(part, probability, strokes)
        strokes |= missed
        probability = np.where(missed, np.maximum(probability, SURE), probability)
    return Seen(area, probability, strokes, certainty)


def _find_missed(part, probability, strokes) -> Bool[np.ndarray, "rows columns"]:
    """Find ink that continues strokes, or stands beside them and is not unlikely.

    The network takes some upright strokes for printed lines. Those reach the edge, or are level.
    """
    core = probability > SURE
    difference = _estimate_paper(Image.fromarray(part), strokes) - part.astype(np.float32)
    ink = _measure_along(difference, difference[core])
    near = ndimage.binary_dilation(strokes, iterations=3)
    new = (ink > MISSED * np.median(ink[core])) & ~ndimage.binary_dilation(strokes)
    pen = 2 * np.percentile(ndimage.distance_transform_edt(strokes)[strokes], 90)
    thick = ndimage.minimum_filter(new, 2 + round(THICKER * pen))
    pieces, count = ndimage.label(new, np.ones((3, 3)))
    if count > MOST_MISSED:  # noise
        return np.zeros(strokes.shape, bool)
    tallest = max(rows.stop - rows.start for rows, _ in ndimage.find_objects(strokes * 1))
    kept = np.zeros(count + 1, bool)
    for name, where in enumerate(ndimage.find_objects(pieces), 1):
        rows, columns = where
        mask = pieces[where] == name
        high, wide = mask.shape
        at_edge = rows.start == 0 or columns.start == 0
        at_edge |= rows.stop == len(new) or columns.stop == new.shape[1]
        level = wide > LEVEL_LINE * high and wide > 0.5 * tallest
        likely = probability[where][mask].mean() > NOT_UNLIKELY
        if at_edge or (level and not likely) or thick[where][mask].any():
            continue
        beside = TALL * tallest <= high <= 1.5 * tallest
        kept[name] = near[where][mask].any() or (beside and likely)
    return kept[pieces]


def _find_strokes(
    probability: Float32[np.ndarray, "rows columns"],
) -> Bool[np.ndarray, "rows columns"]:
    """Find the connected pieces of writing that are not dirt."""
    pieces, count = ndimage.label(probability > LIKELY, np.ones((3, 3)))
    if not count:
        return np.zeros(probability.shape, bool)
    names = np.arange(1, count + 1)
    weights = ndimage.sum_labels(probability, pieces, names)
    sure = ndimage.sum_labels(probability > SURE, pieces, names)
    boxes = ndimage.find_objects(pieces)
    heights = np.array([rows.stop - rows.start for rows, _ in boxes])
    depths = ndimage.maximum(ndimage.distance_transform_edt(pieces), pieces, names)
    at_edge = np.array(
        [
            any(s.start == 0 or s.stop == side for s, side in zip(box, pieces.shape, strict=True))
            for box in boxes
        ]
    )
    # A pen or a finger that lies on the paper is thicker than what it wrote.
    others = depths[(sure >= FEWEST) & ~at_edge]
    is_thing = at_edge & (depths > THING * (np.median(others) if len(others) > 1 else np.inf))
    dropped = (sure < FEWEST) | is_thing
    weights[dropped] = heights[dropped] = 0
    kept = (weights >= SPECK * weights.max()) | (heights >= TALL * heights.max())
    return np.concatenate([[False], kept & (weights > 0)])[pieces]


def _surround(seen: Seen) -> Area:
    """Give the part of what was seen that holds its strokes and a margin."""
    area, scale = seen.area, seen.scale
    rows, columns = np.flatnonzero(seen.strokes.any(1)), np.flatnonzero(seen.strokes.any(0))
    high, wide = scale * (np.ptp(rows) + 1), scale * (np.ptp(columns) + 1)
    margin = MARGIN * max(min(high, wide), max(high, wide) / 3)
    aside = max(margin, (high / 2 + margin - wide) / 2)  # the network has seen nothing narrower
    return (
        max(area[0], math.floor(area[0] + scale * columns[0] - aside)),
        max(area[1], math.floor(area[1] + scale * rows[0] - margin)),
        min(area[2], math.ceil(area[0] + scale * (columns[-1] + 1) + aside)),
        min(area[3], math.ceil(area[1] + scale * (rows[-1] + 1) + margin)),
    )


def _measure(pixels, seen: Seen) -> Found:
    left, top, right, bottom = seen.area
    rows = np.flatnonzero(seen.strokes.any(1))
    high = (rows[-1] + 1 - rows[0]) * seen.scale
    scale = max(high / ROWS, max(right - left, bottom - top) / LONGEST)
    scale = max(scale, min(1.0, seen.scale))  # as fine as it was seen
    size = max(1, round((right - left) / scale)), max(1, round((bottom - top) / scale))
    part = Image.fromarray(pixels[top:bottom, left:right])
    part = part.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    near = ndimage.binary_dilation(seen.strokes, iterations=2)
    likely = _resize(seen.probability * near, size)
    difference = _estimate_paper(part, likely) - np.asarray(part, np.float32)
    core = likely > min(SURE, likely.max() / 2)
    ink = remove_lines(_measure_along(difference, difference[core]), likely)
    strongest = max(float(np.percentile(ink[core], STRONGEST)), 1.0)
    ink = ((ink / strongest).clip(FAINTEST, 1) - FAINTEST) / (1 - FAINTEST)
    # Its edges are those of the ink, not of what the network says.
    reach = max(3, round(3 * seen.scale / scale))
    written = (ndimage.maximum_filter(likely, reach) / LIKELY).clip(0, 1)
    strength = np.rint(255 * ink * written).astype(np.uint8)
    return _straighten(Found(strength, left, top, scale, _find_angle(seen.strokes)))


def _measure_along(difference, inked) -> Float32[np.ndarray, "rows columns"]:
    """Measure how far colours are from the paper's in the direction of the ink's."""
    direction = inked.mean(0)
    direction /= np.linalg.norm(direction) + 1e-6
    lengths = np.linalg.norm(inked, axis=1)
    is_one_colour = np.median(inked @ direction / (lengths + 1e-6)) > ALIKE
    return difference @ direction if is_one_colour else np.linalg.norm(difference, axis=-1)


def _estimate_paper(part: Image.Image, likely) -> Float32[np.ndarray, "rows columns 3"]:
    """Average what is near and not ink."""
    share = min(1.0, PAPER_SIDE / max(part.size))
    size = max(1, round(part.width * share)), max(1, round(part.height * share))
    small = np.asarray(part.resize(size, Image.Resampling.BOX), np.float32)
    inked = ndimage.maximum_filter(_resize(likely, size), 3) > 0.2
    blank = np.float32(1e-4) + ~inked
    paper = [
        ndimage.gaussian_filter(small[..., channel] * blank, LIGHT) for channel in range(3)
    ] / ndimage.gaussian_filter(blank, LIGHT)
    return np.stack([_resize(channel, part.size) for channel in paper], -1)


def _resize(image, size: tuple[int, int]) -> Float32[np.ndarray, "rows columns"]:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def _find_angle(strokes: Bool[np.ndarray, "rows columns"]) -> float:
    """Give the median angle between neighbours in lines of writing; 0 where it is small."""
    boxes = ndimage.find_objects(ndimage.label(strokes, np.ones((3, 3)))[0])
    heights = np.array([rows.stop - rows.start for rows, _ in boxes])
    tall = heights > TALL * heights.max()
    height = np.median(heights[tall])
    x = np.array([columns.start + columns.stop for _, columns in boxes])[tall] / 2
    y = np.array([rows.start + rows.stop for rows, _ in boxes])[tall] / 2
    angles = []
    for across, down in zip(x - x[:, None], y - y[:, None], strict=True):
        after = np.flatnonzero((across > 0.3 * height) & (np.abs(down) < 0.5 * across))
        if len(after) and across[after].min() < FARTHEST * height:
            nearest = after[across[after].argmin()]
            angles.append(math.atan2(down[nearest], across[nearest]))
    angle = float(np.median(angles)) if len(angles) > 1 else 0.0
    return angle if LEVEL < abs(angle) < STEEPEST else 0.0


def _straighten(found: Found) -> Found:
    if not found.angle:
        return found
    height, width = found.strength.shape
    cosine, sine = math.cos(found.angle), math.sin(found.angle)
    columns = math.ceil(width * cosine + height * abs(sine))
    rows = math.ceil(height * cosine + width * abs(sine))
    # Where the new first pixel is in the old picture: both have the same middle.
    x = width / 2 - cosine * columns / 2 + sine * rows / 2
    y = height / 2 - sine * columns / 2 - cosine * rows / 2
    coefficients = (cosine, -sine, x, sine, cosine, y)
    image = Image.fromarray(found.strength).transform(
        (columns, rows), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    left, top = found.left + found.scale * x, found.top + found.scale * y
    return Found(np.asarray(image), left, top, found.scale, found.angle)
