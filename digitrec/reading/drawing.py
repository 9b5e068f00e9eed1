"""A drawing or a photo becomes an image as MNIST's were made.

The ink is found, cropped, drawn again with one pen, scaled to fit 20x20 with anti-aliasing, and
put into 28x28 pixels with its centre of mass in the middle (LeCun, Cortes, Burges: The MNIST
Database, section "file formats"). MNIST's own images are too small to be drawn again, and stay as
they are.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy import ndimage

from digitrec.reading.box import find_box
from digitrec.reading.ink import COARSE, FAINTEST_INK, find_ink, find_plain_inks
from digitrec.reading.picture import ImageLike, Picture, read_picture

IMAGE_SIZE = 28  # pixels a side of what the network sees
BOX = 20  # longer side of the ink's bounding box, in pixels of the 28x28 image
MIDDLE = 14  # where MNIST puts the centre of mass, as a pixel index, rounded
MINIMUM_CONTRAST = 24  # of 255: noise of paper and JPEG stays below, faint pencil is above
SHEET = 100  # longer side, in pixels, at which the pen's width is measured and changed
# Width of the pen that all drawings get, as a share of the longer side. Fine, for MNIST: 8 of 10
# of its images have a broader one. A broad pen closes loops and gaps at 20 pixels.
PEN = 0.09
_PLACES = np.arange(BOX, dtype=float)


def to_mnist(image: ImageLike) -> UInt8[np.ndarray, "28 28"] | None:
    """Turn a picture of a digit into the image that the network expects.

    Arguments:
        image: whatever `picture.read_picture` takes, with a digit in it of any size, any polarity,
            any position, any colours.

    Returns: bright ink on black, or None where there is no ink.
    Raises: BadImageError.
    """
    picture = read_picture(image)
    views = None if picture is None else _view(picture)
    return None if views is None else views[0]


Views = tuple[UInt8[np.ndarray, "28 28"], ...]  # a photo also turned, clockwise and back


def _view(picture: Picture) -> Views | None:
    ink = find_ink(picture)
    if ink.strength.max() < MINIMUM_CONTRAST:
        return None
    turned = (ink.turn(clockwise=True), ink.turn(clockwise=False)) if ink.may_lie_digit() else ()
    return tuple(normalize(view.strength) for view in (ink, *turned))


Begun = Picture | Views | None


def begin(image: ImageLike) -> Begun:
    """Do what `to_mnist` does, but leave a small picture as `read_picture` gives it, for `finish`.

    Raises: BadImageError.
    """
    picture = read_picture(image)
    if picture is None:
        return None
    is_small = max(picture.pixels.shape) < COARSE and not picture.on_pad
    return picture if is_small else _view(picture)


def finish(begun: Sequence[Begun]) -> list[Views | None]:
    """Finish what `begin` began, small pictures of one size together: it is faster.

    Returns: what `to_mnist` gives, bit for bit, and of photos what it gives if they are turned.
    """
    finished = [None if isinstance(picture, Picture) else picture for picture in begun]
    sizes = defaultdict(list)
    for index, picture in enumerate(begun):
        if isinstance(picture, Picture):
            sizes[picture.pixels.shape].append((index, picture))
    for small in sizes.values():
        inks = find_plain_inks(np.stack([picture.pixels for _, picture in small]))
        for (index, picture), ink in zip(small, inks, strict=True):
            if ink is None:
                finished[index] = _view(picture)
            elif ink.max() >= MINIMUM_CONTRAST:
                finished[index] = (center(fit_box(ink)),)
    return finished


def normalize(ink: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "28 28"]:
    """Do the rest of `to_mnist`, once there is some ink."""
    return center(fit_box(change_pen(cut_out(ink, int(ink.max()) // FAINTEST_INK))))


def cut_out(
    ink: UInt8[np.ndarray, "height width"], faintest: int
) -> UInt8[np.ndarray, "rows columns"]:
    """Cut out the smallest rectangle that holds all ink above `faintest`."""
    top, bottom, left, right = find_box(ink > faintest)
    return ink[top:bottom, left:right]


def change_pen(ink: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "rows columns"]:
    """Draw ink that fills its box again with a pen of the usual width.

    A round brush leaves all points within its radius of the path. Those that lie deeper than t
    within the ink are thus what a brush finer by t would have left, and those within t of the ink
    what a brush broader by t would have left.
    """
    if max(ink.shape) < COARSE:
        return ink
    sheet = _scale(ink, SHEET)
    # Half the median, not half the maximum: a line thinner than a pixel is strong only where it
    # crosses itself.
    drawn = np.pad(sheet > 0.5 * np.median(sheet[sheet > 0.25 * sheet.max()]), 1)
    depth = ndimage.distance_transform_edt(drawn)
    ridge = np.sort(depth[drawn & (depth == ndimage.maximum_filter(depth, 3))])
    # Among the lower of the ridge's depths, for where strokes cross or fill a loop it is deeper;
    # but not the lowest tenth, which are unevennesses of the edge.
    width = 2 * ridge[len(ridge) // 10 : 3 * len(ridge) // 10 + 1].mean() - 0.5
    if width > SHEET / 2:  # a dot
        return ink
    path = SHEET - width  # the longer side of what the brush's centre went along
    wider = (path * PEN / (1 - PEN) - width) / 2
    if wider < 0:
        redrawn = np.clip(depth + wider, 0, 1)
    else:
        distance = ndimage.distance_transform_edt(~np.pad(drawn, int(wider) + 1))
        redrawn = np.clip(wider + 1 - distance, 0, 1)
    return cut_out(np.rint(255 * redrawn).astype(np.uint8), 255 // FAINTEST_INK)


def fit_box(ink: UInt8[np.ndarray, "height width"]) -> Float32[np.ndarray, "rows columns"]:
    """Scale so that the longer side is 20, and the strongest ink 255."""
    box = _scale(ink, BOX).astype(np.float32)
    return box * (255 / box.max())


def center(box: Float32[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "28 28"]:
    """Put ink of at most 20x20 into 28x28, its centre of mass as near the middle as it fits."""
    # In float64 it is exact: half a pixel is not decided by rounding, here or in a browser.
    exact = box.astype(float)
    height, width = box.shape
    total = exact.sum()
    # What SciPy's center_of_mass gives, in an eighth of its time.
    mass = (exact * _PLACES[:height, None]).sum(), (exact * _PLACES[:width]).sum()
    top, left = (
        min(max(round(MIDDLE - at / total), 0), IMAGE_SIZE - length)
        for at, length in zip(mass, box.shape, strict=True)
    )
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    image[top : top + box.shape[0], left : left + box.shape[1]] = np.rint(box)
    return image


def _scale(
    ink: UInt8[np.ndarray, "height width"], longer_side: int
) -> UInt8[np.ndarray, "rows columns"]:
    """Scale with anti-aliasing."""
    height, width = ink.shape
    scale = longer_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return ink
    image = Image.fromarray(ink)
    return np.asarray(image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0))
