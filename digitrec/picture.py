"""Whatever people hand over as an image becomes RGBA pixels, or one sentence that says why not."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from digitrec.errors import BadImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAXIMUM_PIXELS = 64_000_000
MAXIMUM_SIDE = 1600  # larger pictures are shrunk by a whole number first

ImageLike = Any  # what `read_picture` documents, checks and names when it is something else


def read_picture(image: ImageLike) -> UInt8[np.ndarray, "height width 4"] | None:
    """Read an image as RGBA.

    Arguments:
        image: a path, a `PIL.Image` of any mode, a NumPy array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8 or float in [0, 1], or the dictionary of a Gradio Sketchpad.

    Returns: its pixels, or None for a Sketchpad that holds nothing.
    Raises: BadImageError.
    """
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


def _read_sketchpad(drawing: Mapping) -> UInt8[np.ndarray, "height width 4"] | None:
    if not {"background", "layers", "composite"} & set(drawing):
        raise BadImageError(
            "A Sketchpad's dictionary should have the keys background, layers and composite, but "
            f"has {sorted(map(str, drawing))}; pass the value that gr.Sketchpad gives."
        )
    if drawing.get("composite") is not None:
        return read_picture(drawing["composite"])
    sheets = [drawing.get("background"), *(drawing.get("layers") or [])]
    read = [read_picture(sheet) for sheet in sheets if sheet is not None]
    pictures = [Image.fromarray(pixels) for pixels in read if pixels is not None]
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
        raise BadImageError(f"{path.name} should be an image file, but there is no such file.")
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
    # Neither call makes a copy where there is nothing to do, which saves a tenth of `to_mnist`.
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    return np.asarray(image.reduce(shrink) if shrink > 1 else image)


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
