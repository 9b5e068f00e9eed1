"""A drawing or a photo becomes an image as MNIST's were made.

The ink is found, cropped, scaled to fit 20x20 with anti-aliasing, and put into 28x28 pixels with
its centre of mass in the middle (LeCun, Cortes, Burges: The MNIST Database, section "file
formats"). On MNIST's own images this changes nothing: 99.97 % have a longer side of exactly 20.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from digitrec.errors import BadImageError

SIZE = 28
BOX = 20  # longer side of the ink's bounding box, in pixels of the 28x28 image
MIDDLE = 14  # where MNIST puts the centre of mass, as a pixel index, rounded
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAXIMUM_PIXELS = 64_000_000
MAXIMUM_SIDE = 1600  # larger pictures are shrunk by a whole number first
MINIMUM_CONTRAST = 24  # of 255: noise of paper and JPEG stays below, faint pencil is above
FAINTEST_INK = 0.1  # of the strongest ink: what is fainter does not widen the bounding box

ImageLike = Any  # what `to_mnist` documents; `read_picture` checks it and says what is wrong


def to_mnist(image: ImageLike) -> UInt8[np.ndarray, "28 28"] | None:
    """Turn a picture of a digit into the image that the network expects.

    Arguments:
        image: a path, a `PIL.Image` of any mode, a NumPy array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8 or float in [0, 1], or the dictionary of a Gradio Sketchpad.
            Any size, any polarity, any position, any colours.

    Returns: bright ink on black, or None where there is no ink.
    Raises: BadImageError.
    """
    picture = read_picture(image)
    if picture is None:
        return None
    ink = find_ink(picture)
    strongest = ink.max()
    if strongest < MINIMUM_CONTRAST:
        return None
    return center(fit_box(crop(ink, FAINTEST_INK * strongest)))


def read_picture(image: ImageLike) -> UInt8[np.ndarray, "height width 4"] | None:
    """Read whatever `to_mnist` takes as RGBA, or None for a Sketchpad that holds nothing."""
    if isinstance(image, Mapping):
        return _read_sketchpad(image)
    if isinstance(image, str | os.PathLike):
        return _read_file(Path(image))
    if isinstance(image, Image.Image):
        return _from_pillow(image)
    if isinstance(image, np.ndarray):
        return _from_array(image)
    raise BadImageError(
        "The image should be a path, a PIL image, a NumPy array or a Sketchpad's dictionary, but "
        f"is a {type(image).__name__}; convert it to one of these."
    )


def find_ink(picture: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width"]:
    """Measure how much each pixel differs from the paper, 0-255.

    The paper is the median colour of the border; the difference is that of the colour channel
    that differs most, so that yellow on white is as visible as black on white.
    """
    colours = _put_on_paper(picture)
    border = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    paper = np.median(border, axis=0).astype(np.uint8)
    ink = np.zeros(colours.shape[:2], np.uint8)
    for channel, blank in zip(np.moveaxis(colours, -1, 0), paper, strict=True):
        np.maximum(ink, np.maximum(channel, blank) - np.minimum(channel, blank), out=ink)
    return ink


def crop(ink: UInt8[np.ndarray, "height width"], above: float) -> UInt8[np.ndarray, "rows columns"]:
    """Cut out the smallest rectangle that holds all ink stronger than `above`."""
    strong = ink > above
    rows, columns = np.flatnonzero(strong.any(1)), np.flatnonzero(strong.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_box(
    ink: UInt8[np.ndarray, "height width"],
) -> Float32[np.ndarray, "rows columns"]:
    """Scale with anti-aliasing so that the longer side is 20, and the strongest ink 255."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    scaled = Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.HAMMING)
    box = np.asarray(scaled)
    return box * (255 / box.max())


def center(box: Float32[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "28 28"]:
    """Put ink of at most 20x20 into 28x28, its centre of mass as near the middle as it fits."""
    mass = ndimage.center_of_mass(box)
    top, left = (
        min(max(round(MIDDLE - at), 0), SIZE - length)
        for at, length in zip(mass, box.shape, strict=True)
    )
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[top : top + box.shape[0], left : left + box.shape[1]] = np.rint(box)
    return image


def _put_on_paper(
    picture: UInt8[np.ndarray, "height width 4"],
) -> UInt8[np.ndarray, "height width 3"]:
    if picture[..., 3].min() == 255:
        return picture[..., :3]
    image = Image.fromarray(picture)
    candidates = []
    for paper in ("white", "black"):
        sheet = Image.new("RGBA", image.size, paper)
        sheet.alpha_composite(image)
        candidates.append(np.asarray(sheet)[..., :3])
    # Ink on a transparent background may have any colour: take the paper that shows it better.
    contrasts = [np.ptp(candidate, axis=(0, 1)).max() for candidate in candidates]
    return candidates[int(contrasts[1] > contrasts[0])]


def _read_sketchpad(drawing: Mapping) -> UInt8[np.ndarray, "height width 4"] | None:
    if not {"background", "layers", "composite"} & set(drawing):
        raise BadImageError(
            "A Sketchpad's dictionary should have the keys background, layers and composite, but "
            f"has {sorted(map(str, drawing))}; pass the value that gr.Sketchpad gives."
        )
    if drawing.get("composite") is not None:
        return read_picture(drawing["composite"])
    sheets = [drawing.get("background"), *(drawing.get("layers") or [])]
    pictures = [Image.fromarray(read_picture(sheet)) for sheet in sheets if sheet is not None]
    if not pictures:
        return None
    drawn = pictures[0]
    for picture in pictures[1:]:
        if picture.size != drawn.size:
            raise BadImageError(
                f"A Sketchpad's layers should have one size, but have {drawn.size} and "
                f"{picture.size}; pass the value that gr.Sketchpad gives."
            )
        drawn = Image.alpha_composite(drawn, picture)
    return np.asarray(drawn)


def _read_file(path: Path) -> UInt8[np.ndarray, "height width 4"]:
    if not path.is_file():  # a pipe or a device would block for ever
        raise BadImageError(f"{path} should be an image file, but there is no such file.")
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _from_pillow(image)
    except BadImageError as error:
        raise BadImageError(f"{path.name}: {error}") from error
    except UnidentifiedImageError as error:
        raise BadImageError(
            f"{path.name} should be an image ({', '.join(FORMATS)}), but is none; save it as PNG "
            "or JPEG."
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files
        raise BadImageError(
            f"{path.name} should be an undamaged image, but cannot be read ({error}); save it "
            "again as PNG or JPEG."
        ) from error


def _from_pillow(image: Image.Image) -> UInt8[np.ndarray, "height width 4"]:
    width, height = image.size
    if width * height == 0 or width * height > MAXIMUM_PIXELS:
        raise BadImageError(
            f"The image should have 1 to {MAXIMUM_PIXELS:,} pixels, but is {width}x{height}; "
            "make it smaller."
        )
    shrink = math.ceil(max(width, height) / MAXIMUM_SIDE)
    if image.mode[0] in "IF":  # 16 or 32 bits a pixel: Pillow would clip them to 255
        values = np.asarray(image).astype(np.float32)
        if not np.isfinite(values).all():
            raise BadImageError("The image should hold finite numbers only, but does not.")
        values = (values - values.min()) / max(np.ptp(values), np.finfo(np.float32).tiny)
        image = Image.fromarray(np.rint(255 * values).astype(np.uint8))
    if image.mode == "LAB":
        image = image.getchannel("L")
    picture = ImageOps.exif_transpose(image).convert("RGBA")
    return np.asarray(picture.reduce(shrink) if shrink > 1 else picture)


def _from_array(array: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "height width 4"]:
    channels = array.shape[2:]
    if array.ndim not in (2, 3) or channels not in ((), (1,), (3,), (4,)) or array.size == 0:
        raise BadImageError(
            "The array should have the shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and at "
            f"least one pixel, but has {array.shape}; reshape it."
        )
    if np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):  # also false where there is a NaN
            raise BadImageError(
                "A float array should hold numbers in [0, 1], but holds "
                f"{array.min():g} to {array.max():g}; divide by the largest value that its "
                "pixels can have."
            )
        array = np.rint(array.astype(np.float32) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise BadImageError(
            f"The array should hold uint8 or float numbers, but holds {array.dtype}; convert it "
            "with .astype(numpy.uint8)."
        )
    return _from_pillow(Image.fromarray(array[..., 0] if channels == (1,) else array))
