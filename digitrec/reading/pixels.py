"""A PIL image or an array becomes RGBA of 8 bits; a large one is shrunk."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import ExifTags, Image

from digitrec.errors import BadImageError, first_line

MAXIMUM_SIDE = 1600  # larger pictures are shrunk by a whole number first
STRIP = 1_000_000  # pixels of a large picture that are converted at a time
_ALPHA = {"La": "LA", "RGBa": "RGBA"}  # colours multiplied by alpha: Pillow hardly converts them
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_COLOURS, _ONES = np.array([(255, 255, 255, 0), (1, 1, 1, 0)], np.uint8).view(np.uint32)[:, 0]
_GREYS = np.array([(grey, grey, grey, 255) for grey in range(256)], np.uint8).view(np.uint32)


def from_pillow(image: Image.Image) -> tuple[UInt8[np.ndarray, "rows columns 4"], tuple[int, int]]:
    """Read an image of any mode, loaded or not, turned as its EXIF data says.

    Returns: RGBA, and the width and height of the whole image as it is seen.
    Raises: BadImageError.
    """
    try:
        # First, since Pillow turns a TIFF when it is loaded, and then forgets its orientation.
        with _not_mapped(image):
            image.load()
    except ValueError as error:
        raise BadImageError(
            "The PIL image was closed before it was read. Pass it before you close it."
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files
        raise BadImageError(
            f"The PIL image is damaged or incomplete ({first_line(error)}). Save it again as PNG "
            "or JPEG."
        ) from error
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if not isinstance(orientation, int):
        orientation = 1
    return to_rgba(image, orientation), turned(image.size, orientation)


@contextmanager
def _not_mapped(image: Image.Image) -> Iterator[None]:
    """Keep Pillow (12.3) from mapping a TIFF into memory by its name, which it then turns twice."""
    name = getattr(image, "filename", None)
    if image.format != "TIFF" or not name:
        yield
        return
    image.filename = ""  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        image.filename = name  # pyright: ignore[reportAttributeAccessIssue]


def to_rgba(image: Image.Image, orientation: int = 1) -> UInt8[np.ndarray, "rows columns 4"]:
    """Convert an image to RGBA, shrink a large one, and turn it.

    Arguments:
        orientation: by EXIF, 1-8; 1 is upright.

    Raises: BadImageError.
    """
    if 0 in image.size:
        raise BadImageError(
            f"The picture is empty: {image.width}x{image.height} pixels. Pass one with pixels."
        )
    shrink = math.ceil(max(image.size) / MAXIMUM_SIDE)
    if image.mode[0] in "IF":  # 16 or 32 bits a pixel: Pillow would clip them to 255
        image = _to_8_bits(image)
    if image.mode == "LAB":
        image = image.getchannel("L")
    if image.mode in _ALPHA:
        image = image.convert(_ALPHA[image.mode])
    if shrink > 1:
        image = _shrink(image, shrink)
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    return _show_mask(np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")))


def turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Give the width and height of an image that is turned as EXIF's orientation says."""
    width, height = size
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _strips(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Cut across, so that no second copy of a large picture is made: give top and strip."""
    rows = max(1, STRIP // image.width // multiple) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Map 16 or 32 bits a pixel to 0-255."""
    lowest, highest = np.inf, -np.inf
    for _, strip in _strips(image):
        values = np.asarray(strip)
        lowest, highest = np.minimum(lowest, values.min()), np.maximum(highest, values.max())
    scale = _find_scale(float(lowest), float(highest), is_whole=image.mode[0] == "I")
    result = Image.new("L", image.size)
    for top, strip in _strips(image):
        result.paste(Image.fromarray(_map(np.asarray(strip), *scale)), (0, top))
    return result


def _shrink(image: Image.Image, times: int) -> Image.Image:
    """Do what `.convert("RGBA").reduce(times)` does, in less memory."""
    size = math.ceil(image.width / times), math.ceil(image.height / times)
    result = Image.new("RGBA", size)
    for top, strip in _strips(image, times):
        result.paste(strip.convert("RGBA").reduce(times), (0, top // times))
    return result


def from_array(
    array: Shaped[np.ndarray, "..."],
) -> tuple[UInt8[np.ndarray, "rows columns 4"], tuple[int, int]]:
    """Read an array of pixels.

    Arguments:
        array: (H, W), (H, W, C) or (C, H, W), also with leading axes of length 1; booleans, whole
            numbers or floats. C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA); where the last
            and the first axis could be C, it is the last. What numbers are black and white,
            `_find_scale` says.

    Returns: RGBA, and the width and height of the whole picture.
    Raises: BadImageError.
    """
    array = _channels_last(array)
    height, width = array.shape[:2]
    if array.dtype != np.uint8:
        array = _to_uint8(array)
    if max(height, width) > MAXIMUM_SIDE:
        return to_rgba(Image.fromarray(array)), (width, height)
    # What Pillow's convert("RGBA") gives, in a third of the time or less.
    if array.ndim == 2:
        picture = np.take(_GREYS, array).view(np.uint8).reshape(height, width, 4)
    elif array.shape[2] == 4:
        picture = np.ascontiguousarray(array)
    else:
        picture = np.full((height, width, 4), 255, np.uint8)
        sources = (0, 0, 0, 1) if array.shape[2] == 2 else (0, 1, 2)
        for channel, source in enumerate(sources):  # together they take four times as long
            picture[..., channel] = array[..., source]
    return _show_mask(picture), (width, height)


def _channels_last(array: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Bring an array into the shape (H, W) or (H, W, 2 to 4)."""
    given = array.shape
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if 0 in given:
        raise BadImageError(f"The array is empty: its shape is {given}. Pass one with pixels.")
    if array.ndim == 1 or array.shape == (1, 784):
        side = math.isqrt(array.size)
        shape = f"({side}, {side})" if side * side == array.size else "(height, width)"
        raise BadImageError(
            f"An array of shape {given} does not say how wide the picture is. Pass "
            f"array.reshape{shape}."
        )
    if array.ndim == 4 or (array.ndim == 3 and array.shape[2] > 4):
        raise BadImageError(
            f"An array of shape {given} looks like {len(array)} pictures. Pass it to predict_batch "
            "or read_numbers."
        )
    if array.ndim != 2 and array.ndim != 3:
        raise BadImageError(
            f"An array of shape {given} is not a picture. Pass one of shape (height, width) or "
            "(height, width, channels)."
        )
    return array


def _to_uint8(array: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    if array.dtype.kind == "V":  # bfloat16 and other types of JAX's
        array = array.astype(np.float32)
    if array.dtype == bool:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype.kind not in "iuf":
        raise BadImageError(
            f"An array of {array.dtype} is not a picture. Pass numbers or booleans, such as "
            "array.astype(float)."
        )
    is_whole = array.dtype.kind != "f"
    return _map(array, *_find_scale(float(array.min()), float(array.max()), is_whole=is_whole))


def _find_scale(lowest: float, highest: float, *, is_whole: bool) -> tuple[float, float]:
    """Say which numbers are black and white.

    Whole numbers: 0 and 255 if they lie between, otherwise the lowest and the highest. Floats: 0
    and 1 if they lie between; 0 and 255 likewise; otherwise, as of numbers from -1 to 1 or
    standardised ones, the lowest and the highest.

    Raises: BadImageError for NaN and infinite numbers.
    """
    if not math.isfinite(lowest + highest):  # both are NaN where any number is
        raise BadImageError(
            "The picture holds NaN or infinite numbers. Replace them, for instance by "
            "numpy.nan_to_num(array)."
        )
    if not is_whole and lowest >= 0 and highest <= 1:
        return 0.0, 1.0
    if lowest >= 0 and (2 if not is_whole else -1) < highest <= 255:
        return 0.0, 255.0
    return lowest, highest


def _map(values: Shaped[np.ndarray, "..."], black: float, white: float) -> UInt8[np.ndarray, "..."]:
    """Map `black` to 0 and `white` to 255."""
    span = max(white - black, float(np.finfo(np.float32).tiny))
    # In float64, since float32 does not hold 32 bits.
    return np.rint(255 * ((values.astype(np.float64) - black) / span)).astype(np.uint8)


def _show_mask(picture: UInt8[np.ndarray, "rows columns 4"]) -> UInt8[np.ndarray, "rows columns 4"]:
    """Make the 1 of a picture white in which all colours are 0 or 1."""
    if picture[0, 0, 0] > 1:  # spares most pictures the search through all
        return picture
    colours = np.bitwise_or.reduce(picture.view(np.uint32), axis=None) & _COLOURS
    if colours == 0 or colours & ~_ONES:
        return picture
    return np.concatenate([255 * picture[..., :3], picture[..., 3:]], axis=2)
