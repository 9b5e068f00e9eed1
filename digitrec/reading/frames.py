"""What surrounds a drawing is left out: margins, panels and frames, and what encloses other ink.

A margin or a frame around a panel leaves a picture of its own, with paper of its own. A box or a
circle around writing, or the axes of a plot, is no writing, nor is what lies outside of it.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8
from scipy import ndimage

from digitrec.reading.box import find_box, label_holes, sides

TOLERANCE = 24  # grey levels: colours that differ less are one, as in noise of JPEG
NOISE = 12  # grey levels: paper in a panel differs less from its border
ROWS = 40  # that are looked at, at most, for whether anything may surround anything
LONG = 0.75  # of the height of all ink: so long are the upright lines of a frame ...
APART = 0.55  # ... and so much of the width of all ink is between them
CROSSED = 0.2  # of the rows that cross a frame, its writing, and the frame again
SIDE = 200  # longer side, in pixels, to which ink is shrunk before its pieces are found
STRAIGHT = 0.95  # of the side of a rectangle has ink, but for the corners, which may be round
SOLID = 0.5  # of its area has ink: a panel rather than lines
STICKING = 0.03  # of its area: so much ink may lie outside, of ticks
SOFT = 4  # pixels, at most, from the edge of a panel to where its colour begins
BORDER = 0.9  # of a panel's border has one colour: writing may touch it
LARGE = 0.5  # of the picture's width and height: a solid rectangle is a panel ...
LONGER = 3  # ... unless it is so many times longer than broad, as a 1 is
WRITTEN = 1 / 3  # of the height of what encloses it: a lower piece is the dot of a 0
LOWEST = 0.1  # of the height of all ink: what is lower encloses nothing
OVAL = 0.85  # of the area of its box: the hole of a 0 fills less, that of a box more
SLENDER = 0.75  # shorter axis by longer one: the hole of a 0 has less, that of a circle more
SLASH = 0.3  # shorter axis by longer one, of the slash through a 0

Box = tuple[int, int, int, int]  # top, bottom, left, right


class Writing(NamedTuple):
    """Ink without what surrounds it, and where it begins in the picture."""

    strength: UInt8[np.ndarray, "rows columns"]
    left: int
    top: int


def may_surround(
    inked: Bool[np.ndarray, "count rows columns"],
) -> Bool[np.ndarray, " count"]:
    """Tell at little cost in which of many pictures ink may surround other ink: few of them.

    Returns: True wherever `find_writing` would take a closer look, and sometimes where not.
    """
    rows, columns = _count(inked, 2), _count(inked, 1)
    height, width = _count(rows > 0, 1), _count(columns > 0, 1)
    upright = columns > LONG * height[:, None]
    apart = inked.shape[2] - upright[:, ::-1].argmax(1) - upright.argmax(1)
    framed = upright.any(1) & (apart > APART * width)
    begun = _count(inked[..., 1:] > inked[..., :-1], 2) + inked[..., 0]
    return framed | (_count(begun >= 3, 1) > CROSSED * height)


def _count(wanted: np.ndarray, axis: int) -> np.ndarray:
    """Count what is True, in a third of the time that `np.count_nonzero` takes."""
    return wanted.view(np.uint8).sum(axis, dtype=np.uint16)


def find_writing(
    pixels: UInt8[np.ndarray, "rows columns channels"],
    strength: UInt8[np.ndarray, "rows columns"],
    shape: tuple[int, ...],
    faintest: int,
) -> Writing | None:
    """Leave out what surrounds the writing.

    Arguments:
        pixels: the part of an opaque picture that has ink.
        strength: by how much it differs from the paper.
        shape: rows and columns of the whole picture.
        faintest: times fainter than the strongest is not ink.

    Returns: the writing, which is all 0 where a frame or a panel is empty; None where nothing is
        left out.
    """
    found = None
    top = left = 0
    while _is_worth_a_look(strength, faintest):
        pieces = _find_pieces(strength)
        panel = _find_panel(strength, pieces, ruled=strength.shape == shape[:2])
        inside = None if panel is None else _enter(pixels, panel)
        if panel is not None and inside is not None:
            pixels, strength, depth = inside
            top, left = top + panel[0] + depth, left + panel[2] + depth
            if _is_blank(strength):
                is_empty = _is_panel(panel, shape, inner=found is not None)
                return Writing(np.zeros((1, 1), np.uint8), left, top) if is_empty else found
            shape = pixels.shape
        else:
            enclosed = _find_enclosed(pieces)
            if enclosed is None:
                break
            strength = np.where(_enlarge(pieces, enclosed, strength.shape), strength, 0)
        first, last, begin, end = find_box(strength > 0)
        pixels, strength = pixels[first:last, begin:end], strength[first:last, begin:end]
        top, left = top + first, left + begin
        found = Writing(strength, left, top)
    return found


def _is_worth_a_look(strength: UInt8[np.ndarray, "rows columns"], faintest: int) -> bool:
    """Look for two upright lines, far apart, as of a frame, or rows that cross ink three times."""
    every = -(-len(strength) // ROWS)
    inked = strength[::every] > int(strength.max()) // faintest
    rows, columns = inked.shape
    # What is narrower is a 1.
    if columns > len(strength) / LONGER:
        upright = (_count(inked, 0) > LONG * rows).nonzero()[0]
        if len(upright) and upright[-1] + 1 - upright[0] > APART * columns:
            return True
    begun = _count(inked[:, 1:] > inked[:, :-1], 1) + inked[:, 0]
    return np.count_nonzero(begun >= 3) > CROSSED * rows


# Panels and frames


def _find_panel(strength, pieces: "Pieces", ruled: bool) -> Box | None:
    """Find a rectangle that makes up most of the ink; a hollow one only where it is not `ruled`."""
    scale = pieces.scale
    for number, (top, bottom, left, right) in enumerate(pieces.boxes, 1):
        if not _is_large(bottom - top, right - left, pieces.labels.shape):
            continue
        piece = pieces.labels[top:bottom, left:right] == number
        box = _find_rectangle(piece)
        # Lines that reach the edge of the picture are those of squared paper.
        if box is None or (ruled and np.count_nonzero(piece) < SOLID * piece.size):
            continue
        first, last, begin, end = (scale * at for at in box)
        top, left = scale * top + first, scale * left + begin
        part = strength[top : top + last - first, left : left + end - begin]
        box = _find_rectangle(part > TOLERANCE)
        if box is not None and _is_large(box[1] - box[0], box[3] - box[2], strength.shape):
            return top + box[0], top + box[1], left + box[2], left + box[3]
    return None


def _find_rectangle(inked: Bool[np.ndarray, "rows columns"]) -> Box | None:
    """Find a rectangle of which all four sides are inked; ticks may stick out of it."""
    counts = np.count_nonzero(inked, 1), np.count_nonzero(inked, 0)
    rows, columns = (np.flatnonzero(count > BORDER * count.max()) for count in counts)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if min(bottom - top, right - left) < 3:
        return None
    part = inked[top:bottom, left:right]
    edges = part[0, 1:-1], part[-1, 1:-1], part[1:-1, 0], part[1:-1, -1]
    outside = np.count_nonzero(inked) - np.count_nonzero(part)
    is_round = any(np.count_nonzero(side) < STRAIGHT * len(side) for side in edges)
    if is_round or outside > STICKING * part.size:
        return None
    return int(top), int(bottom), int(left), int(right)


def _enter(pixels, panel: Box):
    """Look at a panel as a picture of its own.

    Returns: its pixels, how much they differ from its border, and how many were left out at each
        side; None where the border has several colours.
    """
    top, bottom, left, right = panel
    part = pixels[top:bottom, left:right]
    # The edge is soft until two rings in succession have one colour.
    for depth in range(min(SOFT, (min(part.shape[:2]) - 3) // 2)):
        outer, inner = _border(part), _border(part[1:-1, 1:-1])
        if outer is not None and inner is not None and _differ(outer, inner).max() <= NOISE:
            strength = _differ(part, inner).max(-1)
            strength[strength <= NOISE] = 0
            return part, strength, depth
        part = part[1:-1, 1:-1]
    return None


def _border(pixels) -> UInt8[np.ndarray, " channels"] | None:
    """Give the colour of nearly all of a border; None where it has several."""
    ring = np.concatenate(sides(pixels))
    color = np.median(ring, axis=0).astype(np.uint8)
    same = np.count_nonzero(_differ(ring, color).max(-1) <= TOLERANCE)
    return color if same >= BORDER * len(ring) else None


def _differ(one, other):
    return np.maximum(one, other) - np.minimum(one, other)


def _is_blank(strength: UInt8[np.ndarray, "rows columns"]) -> bool:
    """Tell whether nothing is inside a panel but the round corners of a stroke's ends."""
    rows, columns = strength.shape
    side = min(rows, columns)
    edge = min(max(SOFT, side // 10), side // 4)
    return int(strength[edge : rows - edge, edge : columns - edge].max()) < TOLERANCE


def _is_panel(box: Box, shape, inner: bool) -> bool:
    """Tell whether a solid rectangle is a panel of nothing, rather than a bar or a dot."""
    height, width = box[1] - box[0], box[3] - box[2]
    is_long = max(height, width) > LONGER * min(height, width)
    return _is_large(height, width, shape) and (inner or not is_long)


def _is_large(height: int, width: int, shape) -> bool:
    return height >= LARGE * shape[0] and width >= LARGE * shape[1]


# Pieces of ink that enclose others


class Pieces(NamedTuple):
    """Ink in connected pieces, shrunk."""

    labels: Int[np.ndarray, "rows columns"]  # 0 paper, then 1, 2, ...
    boxes: list[Box]  # of each piece
    scale: int  # pixels of the ink for each of its own


def _find_pieces(strength: UInt8[np.ndarray, "rows columns"]) -> Pieces:
    scale = -(-max(strength.shape) // SIDE)
    rows, columns = strength.shape
    strongest = np.pad(strength, ((0, -rows % scale), (0, -columns % scale)))
    # In a quarter of the time that reduceat takes.
    strongest = reduce(np.maximum, [strongest[at::scale] for at in range(scale)])
    strongest = reduce(np.maximum, [strongest[:, at::scale] for at in range(scale)])
    labels, _ = ndimage.label(strongest > TOLERANCE, np.ones((3, 3)))
    boxes = [
        (rows.start, rows.stop, columns.start, columns.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]
    return Pieces(labels, boxes, scale)


def _find_enclosed(pieces: Pieces) -> list[int] | None:
    """Find the pieces inside of others that enclose nothing themselves; None if there is none."""
    boxes = np.array(pieces.boxes).reshape(-1, 4)
    tops, bottoms, lefts, rights = boxes.T
    enclosing, enclosed = set(), set()
    for index, (top, bottom, left, right) in enumerate(pieces.boxes):
        if bottom - top < LOWEST * len(pieces.labels):
            continue
        within = (tops > top) & (bottoms < bottom) & (lefts > left) & (rights < right)
        if not (within & (bottoms - tops >= WRITTEN * (bottom - top))).any():
            continue
        labels = pieces.labels[top:bottom, left:right]
        regions, _ = label_holes(labels == index + 1)
        is_outside = regions[1:-1, 1:-1] == 1
        inside = np.setdiff1d(np.flatnonzero(within) + 1, labels[is_outside])
        heights = boxes[inside - 1, 1] - boxes[inside - 1, 0]
        if not len(inside) or heights.max() < WRITTEN * (bottom - top):
            continue
        hole = ~is_outside & (labels != index + 1)
        if not _is_slashed_zero(hole, np.isin(labels, inside)):
            enclosing.add(index + 1)
            enclosed.update(inside.tolist())
    return sorted(enclosed - enclosing) or None


def _is_slashed_zero(hole, writing) -> bool:
    """Tell whether the hole of a 0 has a slash in it, rather than a box or a circle a 1."""
    rows, columns = np.nonzero(hole)
    area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    is_oval = len(rows) < OVAL * area and _measure_breadth(hole) < SLENDER
    return bool(is_oval and _measure_breadth(writing) < SLASH)


def _measure_breadth(mask) -> float:
    """Divide the shorter axis of a shape by its longer one, whichever way it is turned."""
    shorter, longer = np.linalg.eigvalsh(np.cov(np.nonzero(mask), bias=True))
    return float(np.sqrt(max(shorter, 0) / longer)) if longer > 0 else 1.0


def _enlarge(pieces: Pieces, wanted: list[int], shape) -> Bool[np.ndarray, "rows columns"]:
    """Give the pixels of the wanted pieces, with their soft edges."""
    small = np.isin(pieces.labels, wanted)
    small = small | (ndimage.binary_dilation(small, np.ones((3, 3))) & (pieces.labels == 0))
    return small.repeat(pieces.scale, 0).repeat(pieces.scale, 1)[: shape[0], : shape[1]]
