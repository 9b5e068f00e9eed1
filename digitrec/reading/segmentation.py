"""Ink is cut into pieces, of which one or several neighbours may be a digit.

Source: heuristic over-segmentation; LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning
Applied to Document Recognition, Proc. IEEE 86, 1998, sections V and VI.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from PIL import Image
from scipy import ndimage

from digitrec.reading.box import find_box, label_holes
from digitrec.reading.ink import Ink

ROWS = 128  # to which ink is shrunk before it is divided
LONGEST = 40  # times its height that a line of ink may be long
INKED = 0.3  # of the strongest ink: what is fainter joins nothing
LOW = 0.4  # of a digit's height: a lower piece belongs to a neighbour
SPECK = 0.08  # of a digit's height: a piece smaller both ways is dirt
ASTRIDE = 0.2  # of its width, that a low piece with a place of its own shares with tall ones
DASH = 1.5  # times as wide as high, at least
SMALL = 0.28  # of a digit's height: a piece as high that stands by itself is a digit
BASE = 0.12  # of a digit's height, by which it may end above or below its neighbours
MOST_COMPONENTS = 36  # three for each of twelve digits
MOST_CUTS = 24  # in a number
NARROW = 0.45  # of a digit's height: what is narrower is not cut
APART = 0.1  # of a digit's height, between two cuts and from a cut to the end of the ink
BROADEST = 0.25  # of a digit's height, a pen
NEARLY = 0.3  # of a component's height: so much narrower than two digits, it may be two
RING = 0.45  # of a component's height: the hole of a zero that touches another is as high
THICKEST = 2.5  # pen widths, of the wall between the holes of two that touch
WALL = 1.0  # pen widths: what it costs to part them
ASIDE = 0.4  # pixels of ink that a cut crosses rather than step aside once


class Pieces(NamedTuple):
    """Ink in pieces, in reading order."""

    ink: Ink  # small: 128 rows high at most
    labels: Int[np.ndarray, "rows columns"]  # 0 paper, then 1, 2, ... in reading order
    boxes: Int[np.ndarray, "pieces 4"]  # top, bottom, left, right
    cuts: Float[np.ndarray, " pieces"]  # ink cut through on the left of each, in pen widths
    height: float  # of a digit, in rows

    @property
    def count(self) -> int:
        return len(self.boxes)

    def box(self, first: int, last: int) -> tuple[int, int, int, int]:
        """Give the top, bottom, left and right of the pieces first to last - 1."""
        top, left = self.boxes[first:last, [0, 2]].min(0).tolist()
        bottom, right = self.boxes[first:last, [1, 3]].max(0).tolist()
        return top, bottom, left, right

    def cut_out(self, first: int, last: int) -> UInt8[np.ndarray, "height width"]:
        """Give the ink of the pieces first to last - 1, alone."""
        top, bottom, left, right = self.box(first, last)
        where = slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1)
        labels = self.labels[where]
        wanted = (labels > first) & (labels <= last)
        soft_edge = ndimage.binary_dilation(wanted, np.ones((3, 3))) & (labels == 0)
        return np.where(wanted | soft_edge, self.ink.strength[where], 0)

    def cut_out_ink(self, first: int, last: int) -> Ink:
        """Give the same with its place in the picture."""
        top, bottom, left, right = self.box(first, last)
        left, top = self.ink.at(max(top - 1, 0), max(left - 1, 0))
        return self.ink._replace(strength=self.cut_out(first, last), left=left, top=top)


class Components(NamedTuple):
    """Connected components of ink."""

    whole: Ink  # that was divided
    ink: Ink  # shrunk
    labels: Int[np.ndarray, "rows columns"]  # of it: 0 paper, then 1, 2, ...
    boxes: Int[np.ndarray, "components 4"]  # top, bottom, left, right
    height: float  # of a digit, in rows
    tall: list[int]  # as high as a digit or half of one, and zeros of any height
    low: list[int]  # lower, such as the bar of a 5; the others are dirt
    commas: list[int]  # low ones between two digits; dashes before the first are left out as dirt

    def own(self, groups: list[list[int]]) -> Int[np.ndarray, " components"]:
        """Say which group of tall components each one belongs to: 1, 2, ...; 0 for dirt.

        A low one belongs to the nearest tall one.
        """
        owner = np.zeros(len(self.boxes), int)
        for name, group in enumerate(groups, start=1):
            owner[group] = name
        for index in self.low:
            here = self.boxes[index]
            owner[index] = owner[min(self.tall, key=lambda tall: _distance(here, self.boxes[tall]))]
        return owner


def find_components(ink: Ink, rows: int = ROWS) -> Components:
    """Divide ink into connected components.

    Arguments:
        rows: to which it is shrunk before.
    """
    shrunk = _shrink(ink, rows)
    labels, _ = ndimage.label(shrunk.strength > INKED * shrunk.strength.max(), np.ones((3, 3)))
    boxes = find_boxes(labels)
    heights = boxes[:, 1] - boxes[:, 0]
    height = float(np.median(heights[heights > 0.5 * heights.max()]))
    sides = np.maximum(heights, boxes[:, 3] - boxes[:, 2])
    kept, is_low = sides >= SPECK * height, heights < LOW * height
    tall, low = (np.flatnonzero(kept & lowness).tolist() for lowness in (~is_low, is_low))
    small, commas, dashes = _find_signs(labels, boxes, tall, low, height)
    low = [index for index in low if index not in (*small, *commas, *dashes)]
    tall = sorted({*tall, *small})
    # Zeros that touch are one component, but several digits, which may be lower than a 1.
    counts = np.floor(sides / np.maximum(heights, 1) + NEARLY).astype(int)[tall]
    wide = [index for index, count in zip(tall, counts, strict=True) if count > 1]
    stacked = any(_is_stacked(boxes[one], boxes[other]) for one in wide for other in tall)
    if (small or wide) and not stacked:
        height = float(np.median(np.repeat(heights[tall], counts)))
    return Components(ink, shrunk, labels, boxes, height, tall, low, commas)


def _find_signs(labels, boxes, tall, low, height) -> tuple[list[int], list[int], list[int]]:
    """Find low components with a place of their own in the row: small digits, commas and dashes.

    Tall ones that are less than half as high as a digit may be small digits, too.
    """
    small, commas, dashes = [], [], []
    halves = [index for index in tall if boxes[index, 1] - boxes[index, 0] < 0.5 * height]
    for index in low + halves:
        top, bottom, left, right = boxes[index]
        others = [other for other in tall if other != index]
        shared = np.minimum(boxes[others, 3], right) - np.maximum(boxes[others, 2], left)
        if (shared > ASTRIDE * (right - left)).any():
            continue
        before = [other for other in others if boxes[other, 3] < right]
        after = [other for other in others if boxes[other, 2] > left]
        neighbours = []
        if before:
            neighbours.append(boxes[max(before, key=lambda other: boxes[other, 3])])
        if after:
            neighbours.append(boxes[min(after, key=lambda other: boxes[other, 2])])
        is_wide = right - left > DASH * (bottom - top)
        if label_holes(labels[top:bottom, left:right] == index + 1)[1] > 1:
            small.append(index)
        elif is_wide:
            if index in low and after and not before:
                dashes.append(index)
        elif (
            index in low
            and before
            and after
            and top > neighbours[0][:2].mean()
            and bottom > max(other[1] for other in neighbours)
        ):
            commas.append(index)
        elif bottom - top > SMALL * height and any(
            abs(bottom - other[1]) < BASE * height for other in neighbours
        ):
            small.append(index)
    return small, commas, dashes


def find_pieces(components: Components) -> Pieces | None:
    """Put components together that belong together; None where a number has fewer pieces."""
    boxes, tall, low = components.boxes, components.tall, components.low
    if len(tall) + len(low) > 4 * MOST_COMPONENTS:  # each with some low pieces
        return None
    if not 1 <= len(tall) <= MOST_COMPONENTS:
        return None
    owner = components.own([[index] for index in tall])
    for upper, lower in itertools.combinations(tall, 2):
        if _is_stacked(boxes[upper], boxes[lower]):
            owner[owner == owner[lower]] = owner[upper]
    labels = np.concatenate([[0], owner])[components.labels]
    return _in_order(components.ink, labels, components.height)


def _in_order(ink, labels, height) -> Pieces:
    boxes = find_boxes(labels)
    names = np.flatnonzero(boxes[:, 1])
    # A slanted digit's box leans over its neighbour's: the middle decides.
    names = names[np.argsort(boxes[names, 2] + boxes[names, 3], kind="stable")]
    order = np.zeros(len(boxes) + 1, int)
    order[names + 1] = np.arange(1, len(names) + 1)
    labels = order[labels]
    return Pieces(ink, labels, boxes[names], np.zeros(len(names)), height)


def cut_pieces(pieces: Pieces, chosen: Bool[np.ndarray, " pieces"]) -> tuple[Pieces, np.ndarray]:
    """Cut the chosen pieces further, where a line from top to bottom crosses little ink.

    Returns: the pieces, and for each of them the one that it was part of.
    """
    labels, cuts, origin = np.zeros_like(pieces.labels), [], []
    left = MOST_CUTS
    for index, (top, bottom, first, last) in enumerate(pieces.boxes):
        where = slice(top, bottom), slice(first, last)
        mask = pieces.labels[where] == index + 1
        part, costs = np.zeros(mask.shape, int), []
        if chosen[index] and last - first > NARROW * pieces.height:
            part, costs = _part_rings(mask) or _cut(mask, pieces.height, left)
            left -= len(costs)
        names = np.unique(part[mask])
        numbers = np.zeros(len(costs) + 1, int)
        numbers[names] = len(origin) + 1 + np.arange(len(names))
        labels[where][mask] = numbers[part[mask]]
        cuts += [0.0, *[costs[name - 1] for name in names[1:]]]
        origin += [index] * len(names)
    everywhere = find_boxes(labels)
    cut = pieces._replace(labels=labels, boxes=everywhere, cuts=np.array(cuts))
    return cut, np.array(origin)


def find_gaps(pieces: Pieces) -> Float[np.ndarray, " pieces"]:
    """Measure how far each piece is from the one on its left, along the row where they are nearest.

    Returns: in heights of a digit; 0 where they were cut apart, negative where they overlap.
    """
    shape = pieces.count, len(pieces.labels)
    first, last = np.full(shape, np.inf), np.full(shape, -np.inf)  # column of each row
    for index, (top, bottom, left, right) in enumerate(pieces.boxes):
        mask = pieces.labels[top:bottom, left:right] == index + 1
        inked = mask.any(1)
        first[index, top:bottom][inked] = left + mask.argmax(1)[inked]
        last[index, top:bottom][inked] = right - mask[:, ::-1].argmax(1)[inked]
    gaps = np.zeros(pieces.count)
    for index in np.flatnonzero(pieces.cuts[1:] == 0) + 1:
        gap = (first[index] - last[index - 1]).min()
        # One above the other, they share no row.
        if np.isinf(gap):
            gap = pieces.boxes[index, 2] - pieces.boxes[index - 1, 3]
        gaps[index] = gap / pieces.height
    return gaps


def _part_rings(mask) -> tuple[np.ndarray, list[float]] | None:
    """Part zeros that touch: each gets what is nearest to its hole, so half of a shared wall."""
    holes, count = label_holes(mask)
    boxes = find_boxes(holes)
    rings = [
        name  # 1 is the outside
        for name in range(2, count + 1)
        if boxes[name - 1, 1] - boxes[name - 1, 0] > RING * len(mask)
    ]
    rings.sort(key=lambda name: boxes[name - 1, 2])
    if len(rings) < 2:
        return None
    ends = [1, *(boxes[name - 1, 3] for name in rings)]  # of the paper before, and of each hole
    starts = [*(boxes[name - 1, 2] for name in rings), mask.shape[1] + 1]
    walls = np.subtract(starts, ends)
    if walls.min() < 0 or walls.max() > THICKEST * _pen_width(mask):
        return None
    distances = [ndimage.distance_transform_edt(holes != name)[1:-1, 1:-1] for name in rings]
    return np.argmin(distances, 0), [WALL] * (len(rings) - 1)


def _cut(mask, height, most) -> tuple[np.ndarray, list[float]]:
    seams, costs = _find_seams(mask, height, most)
    columns = np.arange(mask.shape[1])
    return sum((columns >= seam[:, None] for seam in seams), np.zeros(mask.shape, int)), costs


def _find_seams(mask, height, most) -> tuple[list[np.ndarray], list[float]]:
    rows, columns = mask.shape
    ink = np.pad(mask.astype(np.float32), ((0, 0), (1, 1)), constant_values=0.5)
    down, up = _walk(ink), _walk(ink[::-1])[::-1]
    middle = rows // 2
    total = (down[middle] + up[middle] - ink[middle])[1:-1]
    edge = max(1, round(APART * height))
    inner = np.arange(edge, columns - edge)
    if not len(inner):
        return [], []
    lowest = ndimage.minimum_filter1d(total, 2 * (edge // 2) + 1)
    places = inner[total[inner] == lowest[inner]]
    places = places[np.argsort(total[places], kind="stable")]
    pen = min(_pen_width(mask), BROADEST * height)  # of a blot, no stroke is to be seen
    chosen: list[int] = []
    limit = min(most, round(2.5 * columns / height) + 1)
    for place in places.tolist():
        if len(chosen) < limit and all(abs(place - other) >= edge for other in chosen):
            chosen.append(place)
    chosen.sort()
    seams = [_trace(down, up, middle, place + 1) - 1 for place in chosen]
    return seams, [float(total[place]) / pen for place in chosen]


def _walk(ink) -> Float32[np.ndarray, "rows columns"]:
    """The least ink on any way from the first row to each pixel."""
    least = np.full((ink.shape[0], ink.shape[1] + 2), np.inf, np.float32)
    least[0, 1:-1] = ink[0]
    for row in range(1, len(ink)):
        above = least[row - 1]
        aside = np.minimum(above[:-2], above[2:]) + ASIDE
        least[row, 1:-1] = ink[row] + np.minimum(above[1:-1], aside)
    return least[:, 1:-1]


def _trace(down, up, middle, column) -> Int[np.ndarray, " rows"]:
    seam = np.empty(len(down), int)
    for cost, rows in ((down, range(middle, -1, -1)), (up, range(middle, len(up)))):
        at = column
        for row in rows:
            if row != middle:
                near = [other for other in (at, at - 1, at + 1) if 0 <= other < cost.shape[1]]
                at = min(near, key=lambda other: cost[row, other] + ASIDE * (other != at))
            seam[row] = at
    return seam


def _pen_width(mask) -> float:
    """Twice the area by the length of the edge; 4/pi because steps along a slope are too long."""
    padded = np.pad(mask, 1)
    edge = (padded[1:] != padded[:-1]).sum() + (padded[:, 1:] != padded[:, :-1]).sum()
    return float(2 * mask.sum() / (edge * np.pi / 4))


def _shrink(ink: Ink, rows: int) -> Ink:
    """Cut off the margins, and shrink to so many rows at most; make faint ink strong."""
    strongest = int(ink.strength.max())
    top, bottom, left, right = find_box(ink.strength > INKED * strongest)
    strength = ink.strength[top:bottom, left:right]
    if strongest < 255:
        strength = np.rint(strength * (255 / strongest)).astype(np.uint8)
    left, top = ink.at(top, left)
    height, width = strength.shape
    scale = max(1.0, height / rows, width / (rows * LONGEST))
    if scale > 1:
        size = max(1, round(width / scale)), max(1, round(height / scale))
        image = Image.fromarray(strength)
        strength = np.asarray(image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0))
    return ink._replace(strength=strength, left=left, top=top, scale=ink.scale * scale)


def find_boxes(labels) -> Int[np.ndarray, "count 4"]:
    found = ndimage.find_objects(labels)
    return np.array(
        [
            (0, 0, 0, 0)
            if where is None
            else (where[0].start, where[0].stop, where[1].start, where[1].stop)
            for where in found
        ],
        int,
    ).reshape(-1, 4)


def _is_stacked(box, other) -> bool:
    """Tell whether one box stands on the other, as the circles of an 8 may."""
    rows = min(box[1], other[1]) - max(box[0], other[0])
    columns = min(box[3], other[3]) - max(box[2], other[2])
    return bool(rows <= 0 and columns > 0.5 * min(box[3] - box[2], other[3] - other[2]))


def _distance(box, other) -> float:
    """Between two boxes, side by side counted more than one above the other."""
    down = max(box[0] - other[1], other[0] - box[1], 0)
    across = max(box[2] - other[3], other[2] - box[3], 0)
    middles = abs(box[2] + box[3] - other[2] - other[3]) / 2
    return float(np.hypot(down, across) + 0.01 * middles)
