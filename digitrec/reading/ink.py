"""Where a picture has ink, and how much: the digit without the paper."""

from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageChops
from scipy import ndimage

from digitrec.reading.paper import remove_lines
from digitrec.reading.photo import PHOTO_SIDE, find_ink_in_photo
from digitrec.reading.picture import Picture
from digitrec.reading.specks import keep_strokes

FAINTEST_INK = 10  # times fainter than the strongest does not widen the bounding box
LINED_SIDE = 400  # longer side, in pixels, at which lines are taken out of a drawing

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Ink(NamedTuple):
    strength: UInt8[np.ndarray, "rows columns"]  # 0 paper, 255 the opposite of the paper
    left: float  # where it begins, in pixels of the picture
    top: float
    scale: float = 1.0  # pixels of the picture for each of its own

    def place(self, top: int, bottom: int, left: int, right: int) -> Box:
        """Say where in the picture a rectangle of the ink lies."""
        across, down = float(self.left), float(self.top)
        return (
            across + self.scale * left,
            down + self.scale * top,
            across + self.scale * right,
            down + self.scale * bottom,
        )


def find_ink(picture: Picture, photo_side: int = PHOTO_SIDE) -> Ink:
    """Measure how much each pixel differs from the paper.

    The paper of a drawing is the median colour of the border; the difference is that of the
    colour channel that differs most, so that yellow on white is as visible as black on white.
    Margins of nothing but paper are cut off. A picture whose border is not of one colour is a
    photo.

    Arguments:
        photo_side: longer side, in pixels, at which a photo is read.
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
    if blank < 0.5:
        gray = np.asarray(Image.fromarray(pixels).convert("L"))
        strength = find_ink_in_photo(gray, photo_side)
        return Ink(strength, 0, 0, max(gray.shape) / max(strength.shape))
    # Four bytes compared as one: ten times as fast as a search channel by channel.
    inked = pixels.view(np.uint32)[..., 0] != paper.view(np.uint32)[0]
    plain = picture.on_pad or blank == 1
    # Lines run from side to side of the whole picture; cut out, so would strokes.
    top, bottom, left, right = find_box(inked) if plain else (0, inked.shape[0], 0, inked.shape[1])
    channels = Image.fromarray(pixels[top:bottom, left:right]).split()[:3]
    differences = [
        ImageChops.difference(channel, Image.new("L", channel.size, int(color)))
        for channel, color in zip(channels, paper[:3], strict=True)
    ]
    strength = reduce(ImageChops.lighter, differences)
    lined = None if plain else _without_lines(strength, max(photo_side, LINED_SIDE))
    if lined is not None:
        return lined
    if not plain:
        top, bottom, left, right = find_box(inked)
        strength = strength.crop((left, top, right, bottom))
    return Ink(np.asarray(strength), left, top)


def find_plain_inks(
    pictures: UInt8[np.ndarray, "count height width 4"],
) -> list[UInt8[np.ndarray, "rows columns"] | None]:
    """Find the ink of pictures of one size together, where the whole border has one colour.

    Returns: what `find_ink` finds in each, with margins of all but a tenth of the strongest ink
        cut off; None where the border has several colours, or anything can be seen through.
    """
    border = np.concatenate(
        [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1
    )
    plain = (border == border[:, :1]).all((1, 2)) & (pictures[..., 3] == 255).all((1, 2))
    paper = border[:, 0, :3].T[..., None, None]
    channels = np.ascontiguousarray(np.moveaxis(pictures[..., :3], -1, 0))
    strength = (np.maximum(channels, paper) - np.minimum(channels, paper)).max(0)
    inked = strength > strength.max((1, 2), keepdims=True) // FAINTEST_INK
    rows, columns = inked.any(2), inked.any(1)
    first = [side.argmax(1).tolist() for side in (rows, columns)]
    behind = [(side.shape[1] - side[:, ::-1].argmax(1)).tolist() for side in (rows, columns)]
    return [
        ink[top:bottom, left:right] if is_plain else None
        for ink, is_plain, top, left, bottom, right in zip(
            strength, plain.tolist(), *first, *behind, strict=True
        )
    ]


def _without_lines(strength: Image.Image, longer_side: int) -> Ink | None:
    """Take out printed lines, in a picture shrunk to `longer_side`; None where there is none."""
    scale = max(1.0, max(strength.size) / longer_side)
    width, height = (max(1, round(side / scale)) for side in strength.size)
    small = np.asarray(strength.resize((width, height), Image.Resampling.BOX), np.float32)
    cleaned = remove_lines(small)
    if cleaned is small:
        return None
    kept = keep_strokes(cleaned, float(max(0.3 * cleaned.max(), 0.15 * small.max())))
    near = ndimage.binary_dilation(kept, iterations=2)
    return Ink(np.rint(cleaned.clip(0, 255) * near).astype(np.uint8), 0, 0, scale)


def find_box(wanted: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the smallest rectangle that holds all wanted pixels; one pixel if there is none.

    Returns: the first row and the row after the last, the same of the columns.
    """
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _border(picture: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "pixels 4"]:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _find_ink_on_nothing(picture: UInt8[np.ndarray, "height width 4"]) -> Ink:
    """Put a drawing of any colour on black and on white; take what shows it better."""
    top, bottom, left, right = find_box(picture[..., 3] > 0)
    *colours, alpha = Image.fromarray(picture[top:bottom, left:right]).split()
    on_black = ImageChops.multiply(reduce(ImageChops.lighter, colours), alpha)
    on_white = ImageChops.multiply(ImageChops.invert(reduce(ImageChops.darker, colours)), alpha)
    shown = max(on_white, on_black, key=lambda ink: ink.getextrema()[1])
    return Ink(np.asarray(shown), left, top)
