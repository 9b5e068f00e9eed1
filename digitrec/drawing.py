"""A drawing or a photo becomes an image as MNIST's were made.

The ink is found, cropped, drawn again with one pen, scaled to fit 20x20 with anti-aliasing, and
put into 28x28 pixels with its centre of mass in the middle (LeCun, Cortes, Burges: The MNIST
Database, section "file formats"). MNIST's own images are too small to be drawn again, and stay as
they are.
"""

from functools import reduce

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image, ImageChops
from scipy import ndimage

from digitrec.photo import find_ink_in_photo
from digitrec.picture import ImageLike, read_picture

IMAGE_SIZE = 28  # pixels a side of what the network sees
BOX = 20  # longer side of the ink's bounding box, in pixels of the 28x28 image
MIDDLE = 14  # where MNIST puts the centre of mass, as a pixel index, rounded
MINIMUM_CONTRAST = 24  # of 255: noise of paper and JPEG stays below, faint pencil is above
FAINTEST_INK = 10  # times fainter than the strongest does not widen the bounding box
SHEET = 100  # longer side, in pixels, at which the pen's width is measured and changed
# Width of the pen that all drawings get, as a share of the longer side. Fine, for MNIST: 8 of 10
# of its images have a broader one. A broad pen closes loops and gaps at 20 pixels.
PEN = 0.09
COARSE = 2 * BOX  # pixels: a smaller image does not show how broad its pen was


def to_mnist(image: ImageLike) -> UInt8[np.ndarray, "28 28"] | None:
    """Turn a picture of a digit into the image that the network expects.

    Arguments:
        image: whatever `digitrec.picture.read_picture` takes, with a digit in it of any size, any
            polarity, any position, any colours.

    Returns: bright ink on black, or None where there is no ink.
    Raises: BadImageError.
    """
    picture = read_picture(image)
    if picture is None:
        return None
    ink = find_ink(picture)
    strongest = int(ink.max())
    if strongest < MINIMUM_CONTRAST:
        return None
    return center(fit_box(change_pen(cut_out(ink, ink > strongest // FAINTEST_INK))))


def find_ink(picture: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "rows columns"]:
    """Measure how much each pixel differs from the paper, 0-255.

    The paper of a drawing is the median colour of the border; the difference is that of the
    colour channel that differs most, so that yellow on white is as visible as black on white.
    Margins of nothing but paper are cut off. A picture whose border is not of one colour is a
    photo.
    """
    border = _border(picture)
    paper = np.median(border, axis=0).astype(np.uint8)
    if paper[3] == 0:
        return _find_ink_on_nothing(picture)
    if picture[..., 3].min() < 255:
        sheet = Image.new("RGBA", picture.shape[1::-1], "white")
        sheet.alpha_composite(Image.fromarray(picture))
        picture = np.asarray(sheet)
        border = _border(picture)
        paper = np.median(border, axis=0).astype(np.uint8)
    if (border == paper).all(1).mean() < 0.5:
        return find_ink_in_photo(np.asarray(Image.fromarray(picture).convert("L")))
    # Four bytes compared as one: ten times as fast as a search channel by channel.
    inked = picture.view(np.uint32)[..., 0] != paper.view(np.uint32)[0]
    channels = Image.fromarray(cut_out(picture, inked)).split()[:3]
    differences = [
        ImageChops.difference(channel, Image.new("L", channel.size, int(blank)))
        for channel, blank in zip(channels, paper[:3], strict=True)
    ]
    return np.asarray(reduce(ImageChops.lighter, differences))


def cut_out(
    picture: UInt8[np.ndarray, "height width *channels"], wanted: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "rows columns *channels"]:
    """Cut out the smallest rectangle that holds all wanted pixels; one pixel if there is none."""
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    if not len(rows):
        return picture[:1, :1]
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


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
    return cut_out(np.rint(255 * redrawn).astype(np.uint8), redrawn > 1 / FAINTEST_INK)


def fit_box(ink: UInt8[np.ndarray, "height width"]) -> Float32[np.ndarray, "rows columns"]:
    """Scale so that the longer side is 20, and the strongest ink 255."""
    box = _scale(ink, BOX).astype(np.float32)
    return box * (255 / box.max())


def center(box: Float32[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "28 28"]:
    """Put ink of at most 20x20 into 28x28, its centre of mass as near the middle as it fits."""
    mass = ndimage.center_of_mass(box)
    top, left = (
        min(max(round(MIDDLE - at), 0), IMAGE_SIZE - length)
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
    image = Image.fromarray(ink)
    return np.asarray(image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0))


def _border(picture: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "pixels 4"]:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _find_ink_on_nothing(
    picture: UInt8[np.ndarray, "height width 4"],
) -> UInt8[np.ndarray, "rows columns"]:
    """Put a drawing of any colour on black and on white; take what shows it better."""
    *colours, alpha = Image.fromarray(cut_out(picture, picture[..., 3] > 0)).split()
    on_black = ImageChops.multiply(reduce(ImageChops.lighter, colours), alpha)
    on_white = ImageChops.multiply(ImageChops.invert(reduce(ImageChops.darker, colours)), alpha)
    return np.asarray(max(on_white, on_black, key=lambda ink: ink.getextrema()[1]))
