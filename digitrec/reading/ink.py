"""Where a picture has ink, and how much: the digit without the paper."""

import math
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageChops
from scipy import ndimage

from digitrec.reading.box import find_box, sides
from digitrec.reading.frames import SOFT, find_writing, may_surround
from digitrec.reading.paper import remove_drawn_lines, remove_lines
from digitrec.reading.picture import Picture
from digitrec.reading.writing import find_written

FAINTEST_INK = 10  # times fainter than the strongest does not widen the bounding box
COARSE = 40  # pixels: in a smaller picture, neither pen nor paper can be told
LONGEST = 2.5  # times as high as broad: a digit other than 1
TOLERANCE = 24  # grey levels: what differs less from the paper is none
ALIKE = 0.9  # cosine between the differences of two shades of one ink from the paper
OTHERS = 0.02  # of the ink may differ: where two shades meet
WHOLE = 0.9  # of the ink: the connected piece of a digit
WHOLE_DRAWING = 0.99  # the same where nothing was photographed
MOST_CROSSINGS = 7  # of the border of a panel by ink: a digit has fewer, squared lines more
FULL = 0.7  # of a panel is ink: paper is among it, as bold digits fill 0.63 of their box at most
UNDERLINED = 0.95  # of the ink's breadth has a line below
THICKEST = 0.1  # of the ink's height: a thicker line is a stroke
GAP = 0.03  # of the ink's height, between an underline and what is above
LONGER = 0.05  # of its length, on each side: an underline rather than the foot of a digit
LINED_SIDE = 400  # longer side, in pixels, at which printed lines are looked for
UNDECIDED = 0.65  # probability of writing: a line is judged by its shape and strength
TOUCHED = 0.9  # of its border, at least, is paper where only strokes touch it

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Ink(NamedTuple):
    strength: UInt8[np.ndarray, "rows columns"]  # 0 paper, 255 the opposite of the paper
    left: float  # where its first pixel is, in pixels of the picture
    top: float
    scale: float = 1.0  # pixels of the picture for each of its own
    angle: float = 0.0  # radians by which it is turned clockwise in the picture
    may_lie: bool = False  # the picture may be turned by 90 degrees, as photos are

    def at(self, row: int | float, column: int | float) -> tuple[float, float]:
        """Say where in the picture a point of the ink lies: x and y."""
        across, down = self.scale * column, self.scale * row
        if self.angle:
            cosine, sine = math.cos(self.angle), math.sin(self.angle)
            across, down = cosine * across - sine * down, sine * across + cosine * down
        return float(self.left) + across, float(self.top) + down

    def place(self, top: int, bottom: int, left: int, right: int) -> Box:
        """Say where in the picture a rectangle of the ink lies."""
        corners = [self.at(row, column) for row in (top, bottom) for column in (left, right)]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def may_lie_digit(self) -> bool:
        """Tell whether all ink may be one digit on its side: no dash, and in one piece."""
        inked = self.strength > self.strength.max() // 3
        top, bottom, left, right = find_box(inked)
        if not self.may_lie or right - left > LONGEST * (bottom - top):
            return False
        # A thin line in a photo has gaps.
        return _is_one_piece(ndimage.binary_dilation(inked, iterations=2), WHOLE)

    def turn(self, clockwise: bool) -> "Ink":
        """Turn by 90 degrees."""
        rows, columns = self.strength.shape
        left, top = self.at(rows, 0) if clockwise else self.at(0, columns)
        turned = np.ascontiguousarray(np.rot90(self.strength, -1 if clockwise else 1))
        angle = self.angle + (-math.pi / 2 if clockwise else math.pi / 2)
        return self._replace(strength=turned, left=left, top=top, angle=angle)


def _is_one_piece(inked: Bool[np.ndarray, "rows columns"], whole: float) -> bool:
    """Tell whether a connected piece has so great a share of what is inked."""
    pieces, _ = ndimage.label(inked, np.ones((3, 3)))
    return bool(np.bincount(pieces[inked]).max() >= whole * np.count_nonzero(inked))


def find_ink(picture: Picture) -> Ink:
    """Measure how much each pixel differs from the paper.

    The paper of a drawing is the colour of its border; the difference is that of the colour
    channel that differs most, so that yellow on white is as visible as black on white. Margins of
    nothing but paper are cut off, and the lines of squared paper are taken out. In a picture whose
    border is not of one colour, a network finds the writing.
    """
    pixels = picture.pixels
    border = _border(pixels)
    paper = np.median(border, axis=0).astype(np.uint8)
    if paper[3] == 0:
        return _find_ink_on_nothing(pixels)
    if pixels[..., 3].min() < 255:
        sheet = Image.new("RGBA", pixels.shape[1::-1], "white")
        sheet.alpha_composite(Image.fromarray(pixels))
        pixels = np.asarray(sheet)
        border = _border(pixels)
        paper = np.median(border, axis=0).astype(np.uint8)
    blank = (border == paper).all(1).mean()
    if blank >= 0.5:
        ink, inner = _find_ink_on_paper(pixels, paper)
        if picture.on_pad:
            return inner or ink
        inner = _leave_squares(inner or ink, pixels, is_panel=inner is not None) or inner
        if inner is not None and not _is_crossed(inner):
            return inner
        # The strokes of a drawing may leave it, too, but so do lines, and parts of other digits.
        touching = max(pixels.shape) < COARSE and blank >= TOUCHED
        if inner is None and (blank == 1 or touching or _is_drawing(ink, pixels, paper)):
            return _leave_underline(ink)
    return Ink(*find_written(pixels[..., :3]), may_lie=True)


def _is_crossed(panel: Ink) -> bool:
    """Tell whether lines run through a panel: they end at its border, or paper is among them."""
    if max(panel.strength.shape) < COARSE:
        return False
    inked = panel.strength > panel.strength.max() // 3
    crossings = sum(np.count_nonzero(np.diff(side.astype(int)) > 0) for side in sides(inked))
    return bool(crossings >= MOST_CROSSINGS or np.count_nonzero(inked) > FULL * inked.size)


def _leave_squares(ink: Ink, pixels, is_panel: bool) -> Ink | None:
    """Take out the lines of squared paper that was cut along them; None where there are none."""
    rows, columns = ink.strength.shape
    edge = min(SOFT, min(rows, columns) // 10)
    ends = [edge, -1 - edge]
    is_framed = bool(ink.strength[ends][:, ends].all())
    if is_framed:  # the outermost lines were taken for paper, and the squares for ink
        top, left = int(ink.top), int(ink.left)
        part = pixels[top : top + rows, left : left + columns]
        paper = np.median(part.reshape(-1, 4), axis=0).astype(np.uint8)
        if (part == paper).all(-1).mean() < 0.5:
            return None
        ink, _ = _find_ink_on_paper(part, paper)
        ink = ink._replace(left=left + ink.left, top=top + ink.top)
    elif not is_panel:
        return None
    strength = remove_drawn_lines(ink.strength, is_framed)
    if strength is ink.strength:
        return None
    top, bottom, left, right = find_box(strength > 0)
    strength = np.ascontiguousarray(strength[top:bottom, left:right])
    return ink._replace(strength=strength, left=ink.left + left, top=ink.top + top)


def _is_drawing(ink: Ink, pixels, paper) -> bool:
    """Tell whether ink is of one colour and in one piece, and no line runs from side to side."""
    top, left = int(ink.top), int(ink.left)
    rows, columns = ink.strength.shape
    inked = ink.strength > TOLERANCE
    if not inked.any():
        return True
    if not _is_one_piece(inked, WHOLE_DRAWING):
        return False
    part = pixels[top : top + rows, left : left + columns, :3][inked]
    difference = paper[:3].astype(np.float32) - part
    lengths = np.linalg.norm(difference, axis=1)
    usual = difference.mean(0) / (np.linalg.norm(difference.mean(0)) + 1e-6)
    if (difference @ usual < ALIKE * lengths).mean() > OTHERS:
        return False
    height, width = pixels.shape[:2]
    sheet = np.zeros((height, width), np.uint8)
    sheet[top : top + rows, left : left + columns] = ink.strength
    small = Image.fromarray(sheet)
    small.thumbnail((LINED_SIDE, LINED_SIDE), Image.Resampling.BOX)
    strength = np.asarray(small, np.float32)
    return remove_lines(strength, np.full(strength.shape, UNDECIDED, np.float32)) is strength


def _leave_underline(ink: Ink) -> Ink:
    """Leave out a level line below all other ink that is longer on both sides."""
    inked = ink.strength > ink.strength.max() // 3
    full = np.flatnonzero(inked.mean(1) > UNDERLINED)
    if not len(full) or len(full) > THICKEST * len(inked) or inked[full[-1] + 2 :].any():
        return ink
    blank = np.flatnonzero(~inked[: full[0]].any(1))
    if not len(blank) or blank[-1] < full[0] - 3:  # its soft edge
        return ink
    top, bottom, left, right = find_box(inked[: blank[-1]])
    reach = LONGER * inked.shape[1]
    if blank[-1] + 1 - bottom < GAP * len(inked) or left < reach or inked.shape[1] - right < reach:
        return ink
    strength = np.ascontiguousarray(ink.strength[top:bottom, left:right])
    return ink._replace(strength=strength, left=ink.left + left, top=ink.top + top)


def _find_ink_on_paper(pixels, paper) -> tuple[Ink, Ink | None]:
    """Give all ink on paper of one colour, and what is left without its surroundings, if any."""
    # Four bytes compared as one: ten times as fast as a search channel by channel.
    inked = pixels.view(np.uint32)[..., 0] != paper.view(np.uint32)[0]
    top, bottom, left, right = find_box(inked)
    channels = Image.fromarray(pixels[top:bottom, left:right]).split()[:3]
    differences = [
        ImageChops.difference(channel, Image.new("L", channel.size, int(color)))
        for channel, color in zip(channels, paper[:3], strict=True)
    ]
    ink = Ink(np.asarray(reduce(ImageChops.lighter, differences)), left, top)
    return ink, _leave_surroundings(ink, pixels[top:bottom, left:right, :3], pixels.shape)


def find_plain_inks(
    pictures: UInt8[np.ndarray, "count height width 4"],
) -> list[UInt8[np.ndarray, "rows columns"] | None]:
    """Find the ink of pictures of one size together, where the whole border has one colour.

    Returns: what `find_ink` finds in each, with margins of all but a tenth of the strongest ink
        cut off; None where the border has several colours, anything can be seen through, ink may
        surround other ink, or a line may be below it.
    """
    border = np.concatenate(
        [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1
    )
    plain = (border == border[:, :1]).all((1, 2)) & (pictures[..., 3] == 255).all((1, 2))
    paper = border[:, 0, :3].T[..., None, None]
    channels = np.ascontiguousarray(np.moveaxis(pictures[..., :3], -1, 0))
    strength = (np.maximum(channels, paper) - np.minimum(channels, paper)).max(0)
    inked = strength > strength.max((1, 2), keepdims=True) // FAINTEST_INK
    plain &= ~may_surround(inked) & ~_may_be_underlined(strength)
    rows, columns = inked.any(2), inked.any(1)
    first = [side.argmax(1).tolist() for side in (rows, columns)]
    behind = [(side.shape[1] - side[:, ::-1].argmax(1)).tolist() for side in (rows, columns)]
    return [
        ink[top:bottom, left:right] if is_plain else None
        for ink, is_plain, top, left, bottom, right in zip(
            strength, plain.tolist(), *first, *behind, strict=True
        )
    ]


def _may_be_underlined(strength: UInt8[np.ndarray, "count height width"]) -> np.ndarray:
    """Tell which pictures have a row without ink between rows with ink."""
    inked = (strength > strength.max((1, 2), keepdims=True) // 3).any(2)
    return (inked[:, 1:] > inked[:, :-1]).sum(1) + inked[:, 0] > 1


def _border(picture: UInt8[np.ndarray, "height width *channels"]) -> np.ndarray:
    return np.concatenate(sides(picture))


def _find_ink_on_nothing(picture: UInt8[np.ndarray, "height width 4"]) -> Ink:
    """Put a drawing of any colour on black and on white; take what shows it better."""
    top, bottom, left, right = find_box(picture[..., 3] > 0)
    *colours, alpha = Image.fromarray(picture[top:bottom, left:right]).split()
    on_black = ImageChops.multiply(reduce(ImageChops.lighter, colours), alpha)
    on_white = ImageChops.multiply(ImageChops.invert(reduce(ImageChops.darker, colours)), alpha)
    shown = max(on_white, on_black, key=lambda ink: ink.getextrema()[1])
    ink = Ink(np.asarray(shown), left, top)
    return _leave_surroundings(ink, ink.strength[..., None], picture.shape) or ink


def _leave_surroundings(ink: Ink, pixels: UInt8[np.ndarray, "rows columns channels"], shape):
    """Leave out margins, frames and what encloses the writing; None where there is none of it."""
    writing = find_writing(pixels, ink.strength, shape, FAINTEST_INK)
    if writing is None:
        return None
    return Ink(writing.strength, ink.left + writing.left, ink.top + writing.top)
